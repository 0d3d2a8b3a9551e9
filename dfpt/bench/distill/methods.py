"""The rows of the benchmark: a method's configuration, and the ranges that its trials are drawn from.

Every method has the same share of the trials and two numbers to search, FitNet and AT one. The recipe is everybody's;
plain, which has no numbers of its own, searches two of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_OPTION = "distillation.options."


@dataclass(frozen=True)
class Range:
    """A number that is searched on a logarithmic scale, with the value that the first trial takes."""

    low: float
    high: float
    default: float


@dataclass(frozen=True)
class Row:
    """One method of the benchmark.

    Attributes:
        fixed: configuration key -> value.
        searched: configuration key -> range.
    """

    fixed: Mapping[str, Any]
    searched: Mapping[str, Range] = field(default_factory=dict)

    @property
    def defaults(self) -> dict[str, float]:
        return {key: found.default for key, found in self.searched.items()}


_KNOWLEDGE = Range(0.05, 20.0, 1.0)
_TEMPERATURE = Range(1.0, 16.0, 4.0)
_STOP_AFTER = 0.4  # ours: share of the teacher's epochs; the paper searches it


def _rival(name: str, **searched: Range) -> Row:
    """A method of :mod:`dfpt.distill.methods`; CE has the weight 1, so that the weights of knowledge compare."""
    fixed: dict[str, Any] = {"distillation.method": name}
    if name not in ("plain", "fitnet", "at", "crd"):  # which have it anyway
        fixed[f"{_OPTION}label"] = 1.0
    return Row(fixed, {f"{_OPTION}{key}": value for key, value in searched.items()})


def _ours(method: str, divergence: str = "kl", second: tuple[str, Range] = ("temperature", _TEMPERATURE)) -> Row:
    """DFPT whose student learns from the prompt path alone, in rounds; searched are that path's weight and temperature.

    Args:
        divergence: of the student from the path; where it has a number of its own to search, ``second`` is that.
    """
    key, searched = second
    return Row(
        {
            "distillation.method": method,
            "distillation.divergence": divergence,
            "distillation.adapt": "alternate",
            "distillation.from_original": 0.0,  # ours; the ablation original_knowledge_too is the paper's
            "distillation.at_places": 0.0,  # so that KD is the control: the same loss, of the original path
        },
        {"distillation.from_prompt": Range(0.05, 8.0, 0.5), f"distillation.{key}": searched},
    )


def _early(row: Row) -> Row:
    """The same with a teacher that was stopped early; it is another one, so the row trains its own."""
    return Row({**row.fixed, "teacher.recipe.stop_after": _STOP_AFTER}, row.searched)


METHODS: dict[str, Row] = {
    "plain": Row(
        {"distillation.method": "plain"},
        {
            "student.recipe.weight_decay": Range(0.002, 1.0, 0.05),
            "student.recipe.lr": Range(0.0005, 0.04, 0.006),
        },
    ),
    "kd": _rival("kd", knowledge=_KNOWLEDGE, temperature=_TEMPERATURE),
    "kd_ls": _rival("kd_ls", knowledge=_KNOWLEDGE, temperature=Range(0.5, 8.0, 2.0)),
    "dkd": _rival("dkd", knowledge=_KNOWLEDGE, beta=Range(0.25, 16.0, 2.0)),
    "dkd_ls": _rival("dkd_ls", knowledge=_KNOWLEDGE, beta=Range(0.25, 16.0, 2.0)),
    "dist": _rival("dist", knowledge=_KNOWLEDGE, temperature=_TEMPERATURE),
    "ctkd": _rival("ctkd", knowledge=_KNOWLEDGE, span=Range(2.0, 60.0, 20.0)),
    "dtkd": _rival("dtkd", knowledge=_KNOWLEDGE, temperature=_TEMPERATURE),
    "takd": _rival("takd", knowledge=_KNOWLEDGE, temperature=_TEMPERATURE),  # its assistant is the suite's
    "eskd": _early(_rival("eskd", knowledge=_KNOWLEDGE, temperature=_TEMPERATURE)),
    "pesf_kd": _rival("pesf_kd", knowledge=_KNOWLEDGE, temperature=_TEMPERATURE),
    "fitnet": _rival("fitnet", knowledge=Range(0.001, 100.0, 1.0)),
    "at": _rival("at", knowledge=Range(1.0, 100_000.0, 1000.0)),
    "crd": _rival("crd", knowledge=Range(0.02, 10.0, 0.8), temperature=Range(0.02, 0.5, 0.07)),
    "dfpt_kd": _ours("dfpt-kd"),
    "dfpt_kd_plus": _ours("dfpt-kd+"),
    "dfpt_kd_dkd": _ours("dfpt-kd", "dkd", ("beta", Range(0.25, 16.0, 2.0))),
    "dfpt_kd_dist": _ours("dfpt-kd", "dist"),
    "dfpt_kd_ls": _ours("dfpt-kd", "ls", ("temperature", Range(0.5, 8.0, 2.0))),
}
BASE, OURS = "dfpt_kd", ("dfpt_kd", "dfpt_kd_plus")
VARIANTS = tuple(name for name in METHODS if name.startswith("dfpt") and name not in OURS)  # screened alone


def _but(**changed: Any) -> Row:
    return Row({**METHODS[BASE].fixed, **{key.replace("__", "."): value for key, value in changed.items()}})


# One decision of ours changed at a time, and the two controls of the adaptation to the input.
ABLATIONS: dict[str, Row] = {
    "affine_map": _but(prompt__form="affine"),
    "affine_map_faster": _but(prompt__form="affine", prompt__lr=0.01),  # ten times the convolutions' rate
    "one_temperature": _but(prompt__form="temperature"),
    "adapt_frozen": _but(distillation__adapt="frozen"),
    "adapt_joint": _but(distillation__adapt="joint"),
    "warm_start": _but(distillation__warm_start=True),
    "untuned_prompt": _but(prompt__epochs=0),
    "no_pull_of_student": _but(prompt__from_student=0.0),
    "strong_pull_of_student": _but(prompt__from_student=4.0),
    "no_pull_of_original": _but(prompt__from_original=0.0),
    "original_knowledge_too": _but(distillation__from_original=0.5),
    "knowledge_at_places": _but(distillation__at_places=1.0),
    "short_rounds": _but(distillation__round=2),
    "long_rounds": _but(distillation__round=16),
    "long_adaptation": _but(distillation__adapt_epochs=3),
    "sharp_prompt": _but(prompt__temperature=1.0),
    "soft_prompt": _but(prompt__temperature=8.0),
    "last_stage_only": _but(prompt__stages=[-1]),
    "three_stages": _but(prompt__stages=[-3, -2, -1]),
    "one_kernel": _but(prompt__kernels=[3]),
    "whole_convolutions": _but(prompt__partial=1.0),
    "quarter_width": _but(prompt__ratio=0.25),
    "layer_norm": _but(prompt__norm="layer"),
    "gelu": _but(prompt__activation="gelu"),
    "own_statistics": _but(prompt__statistics="own"),
    "own_stages": _but(distillation__method="dfpt-kd+"),
    "own_stages_teachers_statistics": _but(distillation__method="dfpt-kd+", prompt__statistics="teacher"),
    "no_neutral_start": _but(prompt__neutral_start=False),
}


def row(name: str) -> Row:
    """Of a method or of an ablation."""
    return METHODS[name] if name in METHODS else ABLATIONS[name]
