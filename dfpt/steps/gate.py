"""gate: compare the student with the champion on the same images, decide, and say why.

A "no" is an answer, not an error: the step ends well and writes it down; the pipeline branches on it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dfpt import datasets, files
from dfpt.config import GateConfig
from dfpt.context import Context, Inputs, Metrics, Outputs
from dfpt.errors import StepFailed, UsageError
from dfpt.evaluation import bootstrap, differences, gate, mcnemar, page, predictions, schema

if TYPE_CHECKING:
    from dfpt.datasets import ImageSet
    from dfpt.registry.champion import Champion


def run(inputs: Inputs, outputs: Outputs, config: GateConfig, context: Context) -> Metrics:
    """Write ``gate.json``, ``gate.html`` and, where the report can be trusted, ``differences/``.

    Raises:
        UsageError: the data is missing or damaged, or the policy names a device that there is not.
        DfptError: the registry cannot be read, or the champion's bytes are not those that were promoted. The run then
            ends without a decision, which registers nothing either.
    """
    from dfpt.registry import filing

    images = datasets.load(inputs["dataset"], inputs["validation"])
    device = config.gate.device
    if device is not None and device not in config.devices:
        raise UsageError(f"There is no device {device!r}.", "Describe it under devices:, or correct gate's device.")
    report, problem = schema.read(inputs["evaluation"] / "report.json")
    said = None
    if problem is None:
        try:
            said = _student_answers(inputs["evaluation"], report, images)
        except StepFailed as error:
            problem = error.message.rstrip(".")
    if problem is not None:
        report["error"] = problem

    current = filing.fetch_champion(context, config.registration.name)
    champion, others = (None, None) if current is None else _compare(said, current, images, config)
    decision = gate.decide(report, config.gate, champion, None if device is None else config.devices[device])
    seen = None if said is None else differences.examples(images, said, others)

    folder = outputs["decision"]
    folder.mkdir(parents=True, exist_ok=True)
    files.write_json(folder / "gate.json", decision.to_json())
    files.remove(folder / differences.FOLDER)  # of an earlier call
    if seen is not None:
        differences.write(folder, seen)
    files.write_text(folder / "gate.html", page.gate(decision, report, seen))
    return {
        "passed": float(decision.outcome == "pass"),
        "checks": float(len(decision.checks)),
        "checks_failed": float(len(decision.reasons)),
    }


def _student_answers(evaluation: Path, report: Mapping[str, Any], images: ImageSet) -> NDArray[np.float32]:
    """(N, K) the student's probabilities, once it is sure that the evidence is about these very images.

    ``report`` has its format.

    Raises:
        StepFailed: the predictions are unreadable, about other images, or do not give the report's figures.
    """
    ids, labels, probabilities = predictions.read(evaluation / "predictions.parquet", "student")
    test = images.manifest[images.manifest["split"] == "test"]
    if report["data_hash"] != images.task.data_hash:
        raise StepFailed("The report is about other data than the data set of this run.")
    if ids != test["id"].tolist() or not np.array_equal(labels, images.labels("test")):
        raise StepFailed("The predictions are about other images than the test split of this run.")
    if probabilities.shape[1] != len(images.task.classes) or not np.isfinite(probabilities).all():
        raise StepFailed("The student's predictions are not finite or not one for each class.")
    if abs(report["models"]["student"]["accuracy"] - float(np.mean(probabilities.argmax(axis=1) == labels))) > 1e-6:
        raise StepFailed("The predictions do not give the accuracy that the report states.")
    return probabilities


def _compare(
    said: NDArray[np.float32] | None, champion: Champion, images: ImageSet, config: GateConfig
) -> tuple[dict[str, Any], NDArray[np.float32] | None]:
    """What :func:`dfpt.evaluation.gate.decide` is told of the champion, and its probabilities (N, K).

    Key ``error``, and no probabilities, where nothing can be compared.
    """
    known: dict[str, Any] = {"version": champion.version, "weights_sha256": champion.weights_sha256}
    spec = json.loads((champion.folder / "model.json").read_text(encoding="utf-8"))
    known["other_data"] = spec.get("data_hash") not in (None, images.task.data_hash)
    classes = spec["classes"]
    if tuple(classes) != images.task.classes:
        error = (
            f"version {champion.version} answers with other classes ({', '.join(classes)}) than this data has "
            f"({', '.join(images.task.classes)})"
        )
        return known | {"error": error}, None
    if said is None:
        return known | {"error": "the student's own figures cannot be trusted"}, None

    from dfpt.evaluation import predict

    labels = images.labels("test")
    logits = predict.logits(champion.folder, images, images.rows("test"))
    if not np.isfinite(logits).all():
        return known | {"error": f"the outputs of version {champion.version} are not finite"}, None
    others = predictions.softmax(logits)
    called = [answers.argmax(axis=1) for answers in (said, others)]
    student, other = (bootstrap.accuracy(answers, labels) for answers in called)
    found = bootstrap.intervals(
        {"accuracy": other, "difference": bootstrap.difference(student, other)},
        len(labels),
        config.evaluation.bootstrap,
        config.seed,
    )
    value, low, high = found["difference"]
    paired = mcnemar.paired(*(answers == labels for answers in called))
    compared = {"accuracy": found["accuracy"].value, "difference": value, "low": low, "high": high, "paired": paired}
    return known | compared, others
