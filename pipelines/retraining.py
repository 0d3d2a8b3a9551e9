"""The steps of :mod:`dfpt.graph` as a Kubeflow pipeline: one graph, for this machine and for a cluster.

What the cluster's form has besides is no part of a result: what each pod asks for, and the task that tells how the
run has ended. What this machine's form has besides are the pipeline's outputs, which Kubeflow does not allow out of a
group with such a task, and which the local runner reads.
"""

from typing import Any, NamedTuple

from kfp import dsl
from kfp.dsl.base_component import BaseComponent

import components
from dfpt.cluster.config import NOTIFY, Cluster
from dfpt.graph import STEPS
from pipelines import pods

NAME = "dfpt-retraining"
DESCRIPTION = "From images to a distilled student that waits for approval."


class Results(NamedTuple):
    """What the local runner reads: a cached step tells of itself nowhere else."""

    dataset: dsl.Dataset
    validation: dsl.Dataset
    teacher: dsl.Model
    baseline: dsl.Model
    prompt: dsl.Model
    student: dsl.Model
    path: dsl.Model
    evaluation: dsl.Artifact
    decision: dsl.Artifact


def on_this_machine(image: str | None = None) -> BaseComponent:
    """The pipeline for ``kfp.local``.

    Args:
        image: what an engine of containers runs the steps in; None: the one of the package's version.
    """

    @dsl.pipeline(name=NAME, description=DESCRIPTION)
    def retraining(
        prepare: dict,
        validate: dict,
        train_teacher: dict,
        train_baseline: dict,
        tune_prompt: dict,
        distil: dict,
        evaluate: dict,
        gate: dict,
        register: dict,
        data_hash: str,
        code_revision: str,
        cache_period: str = "",
    ) -> Results:
        """Each parameter named after a step is that step's configuration."""
        made = _steps(locals(), lambda task, name: task.set_container_image(image) if image else task)
        return Results(**{name: made[name] for name in Results._fields})

    return retraining


def on_a_cluster(cluster: Cluster, image: str) -> BaseComponent:
    """The pipeline for Kubeflow, with what ``cluster`` says of each step's pod."""

    @dsl.pipeline(
        name=NAME,
        description=DESCRIPTION,
        pipeline_config=dsl.PipelineConfig(active_deadline_seconds=cluster.deadline or None),
    )
    def retraining(
        prepare: dict,
        validate: dict,
        train_teacher: dict,
        train_baseline: dict,
        tune_prompt: dict,
        distil: dict,
        evaluate: dict,
        gate: dict,
        register: dict,
        data_hash: str,
        code_revision: str,
        cache_period: str = "",
    ):
        """Each parameter named after a step is that step's configuration."""
        told = pods.ask(components.notify().set_caching_options(False), NOTIFY, cluster, image)
        given = dict(locals())
        with dsl.ExitHandler(told, name="retraining"):
            _steps(given, lambda task, name: pods.ask(task, name, cluster, image))

    return retraining


def _steps(given: dict[str, Any], asking) -> dict[str, Any]:
    """Every step as a task. Returns the outputs by their names.

    Args:
        given: the pipeline's parameters.
        asking: takes a task and its step's name, and says what its container needs.
    """

    def task(name: str, **inputs):
        step = STEPS[name]
        made = getattr(components, step.module)(
            config=given[step.module], code_revision=given["code_revision"], **inputs
        )
        return asking(made.set_caching_options(step.cacheable), name)

    prepared = task("prepare", data_hash=given["data_hash"], cache_period=given["cache_period"])
    dataset = prepared.outputs["dataset"]
    validation = task("validate", dataset=dataset).outputs["validation"]
    data = {"dataset": dataset, "validation": validation}

    teacher = task("train-teacher", **data).outputs["teacher"]
    baseline = task("train-baseline", **data).outputs["baseline"]
    prompt = task("tune-prompt", teacher=teacher, **data).outputs["prompt"]
    distilled = task("distil", teacher=teacher, prompt=prompt, **data)
    student, path = distilled.outputs["student"], distilled.outputs["path"]
    evaluation = task("evaluate", teacher=teacher, baseline=baseline, student=student, path=path, **data).outputs[
        "evaluation"
    ]

    # A named output is never equal to anything in the local engine's conditions: the gate returns one unnamed text.
    decided = task("gate", evaluation=evaluation, **data)
    decision = decided.outputs["decision"]
    with dsl.If(decided.outputs["Output"] == "pass", name="passed"):
        task("register", student=student, evaluation=evaluation, decision=decision)
    return {
        **data,
        "teacher": teacher,
        "baseline": baseline,
        "prompt": prompt,
        "student": student,
        "path": path,
        "evaluation": evaluation,
        "decision": decision,
    }
