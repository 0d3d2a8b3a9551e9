"""The steps of :mod:`dfpt.graph` as a Kubeflow pipeline."""

from typing import NamedTuple

from kfp import dsl

import components


class Results(NamedTuple):
    """What the runner reads: a cached step tells of itself nowhere else."""

    dataset: dsl.Dataset
    validation: dsl.Dataset
    teacher: dsl.Model
    baseline: dsl.Model
    prompt: dsl.Model
    student: dsl.Model
    path: dsl.Model
    evaluation: dsl.Artifact
    decision: dsl.Artifact


@dsl.pipeline(name="dfpt-retraining", description="From images to a distilled student that waits for approval.")
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
) -> Results:
    """Each parameter named after a step is that step's configuration."""
    prepared = components.prepare(config=prepare, data_hash=data_hash, code_revision=code_revision)
    dataset = prepared.outputs["dataset"]
    validated = components.validate(config=validate, code_revision=code_revision, dataset=dataset)
    validation = validated.outputs["validation"]
    data = {"dataset": dataset, "validation": validation, "code_revision": code_revision}

    teacher = components.train_teacher(config=train_teacher, **data).outputs["teacher"]
    baseline = components.train_baseline(config=train_baseline, **data).outputs["baseline"]
    prompt = components.tune_prompt(config=tune_prompt, teacher=teacher, **data).outputs["prompt"]
    distilled = components.distil(config=distil, teacher=teacher, prompt=prompt, **data)
    student, path = distilled.outputs["student"], distilled.outputs["path"]
    evaluation = components.evaluate(
        config=evaluate, teacher=teacher, baseline=baseline, student=student, path=path, **data
    ).outputs["evaluation"]

    # Both read or write the registry, so an earlier result is none. A named output is never equal to anything in
    # the local engine's conditions: the gate returns one unnamed text.
    decided = components.gate(config=gate, evaluation=evaluation, **data)
    decided.set_caching_options(False)
    decision = decided.outputs["decision"]
    with dsl.If(decided.outputs["Output"] == "pass", name="passed"):
        registered = components.register(
            config=register, code_revision=code_revision, student=student, evaluation=evaluation, decision=decision
        )
        registered.set_caching_options(False)
    return Results(
        dataset=dataset,
        validation=validation,
        teacher=teacher,
        baseline=baseline,
        prompt=prompt,
        student=student,
        path=path,
        evaluation=evaluation,
        decision=decision,
    )
