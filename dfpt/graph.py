"""The one declaration of the pipeline: its steps, their edges, what each takes and gives.

dvc.yaml and the Kubeflow pipeline are held equal to this by tests; the CLI and the runner read it.

    prepare -> validate -> train-teacher -> tune-prompt -> distil -> evaluate -> gate -> register
                   \\------> train-baseline --------------------------^
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        name: the name that people type.
        takes: input name -> the step whose output of that name it is.
        gives: the names of its outputs, a folder each. Every step also gives ``metrics``, a flat JSON file.
        shows: what Kubeflow shows of it: ``page`` (HTML), ``summary`` (Markdown), ``confusion`` (a matrix).
        cacheable: whether equal inputs and configuration may reuse an earlier result. Never true of a step that
            reads or writes the registry.
    """

    name: str
    takes: dict[str, str]
    gives: tuple[str, ...]
    shows: tuple[str, ...] = ()
    cacheable: bool = True

    @property
    def module(self) -> str:
        """The name as a Python identifier: of the step's module, its component and its configuration."""
        return self.name.replace("-", "_")


_DATA = {"dataset": "prepare", "validation": "validate"}

STEPS: dict[str, Step] = {
    step.name: step
    for step in (
        Step("prepare", {}, ("dataset",)),
        Step("validate", {"dataset": "prepare"}, ("validation",), ("page",)),
        Step("train-teacher", _DATA, ("teacher",)),
        Step("train-baseline", _DATA, ("baseline",)),
        Step("tune-prompt", _DATA | {"teacher": "train-teacher"}, ("prompt",)),
        Step("distil", _DATA | {"teacher": "train-teacher", "prompt": "tune-prompt"}, ("student", "path")),
        Step(
            "evaluate",
            _DATA
            | {
                "teacher": "train-teacher",
                "baseline": "train-baseline",
                "student": "distil",
                "path": "distil",
            },
            ("evaluation",),
            ("page", "confusion"),
        ),
        Step(
            "gate",
            _DATA | {"evaluation": "evaluate"},
            ("decision",),
            ("page", "summary"),
            cacheable=False,
        ),
        Step(
            "register",
            {"student": "distil", "evaluation": "evaluate", "decision": "gate"},
            ("registration",),
            cacheable=False,
        ),
    )
}


def downstream(name: str) -> list[str]:
    """The step ``name`` and all that depend on it, in the order of the declaration."""
    reached = {name}
    for step in STEPS.values():
        if reached.intersection(step.takes.values()):
            reached.add(step.name)
    return [step for step in STEPS if step in reached]
