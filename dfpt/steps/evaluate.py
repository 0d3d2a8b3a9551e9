"""evaluate: everything that is computed on the test split, for the teacher, the student alone and the distilled one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dfpt import datasets, files, licences
from dfpt.config import EvaluateConfig
from dfpt.context import Context, Inputs, Metrics, Outputs
from dfpt.errors import StepFailed, UsageError
from dfpt.evaluation import knowledge, page, predictions, report, robustness, schema
from dfpt.evaluation.metrics import Floats

if TYPE_CHECKING:
    from dfpt.datasets import ImageSet

MODELS = ("teacher", "baseline", "student")
LOGGED = (
    "accuracy",
    "macro_f1",
    "binary_accuracy",
    "defect_recall",
    "worst_slice",
    "ece",
    "parameters",
    "latency_seconds",
)


def run(inputs: Inputs, outputs: Outputs, config: EvaluateConfig, context: Context) -> Metrics:
    """Write ``report.json``, ``predictions.parquet`` and ``evaluation.html``.

    Raises:
        UsageError: a model or the data is missing, damaged, or they have different classes.
        StepFailed: a model's outputs are not finite, or the work was cancelled.
    """
    images = datasets.load(inputs["dataset"], inputs["validation"])
    measured = {}
    for done, name in enumerate(MODELS):
        if context.cancelled():
            raise StepFailed("Cancelled while evaluating.", "Run again: what is finished is kept.")
        context.reporter.progress(done, len(MODELS), name)
        measured[name] = _measure(inputs[name], images, config)
    context.reporter.progress(len(MODELS), len(MODELS), "intervals")

    test = images.manifest[images.manifest["split"] == "test"]
    subject = report.Subject(
        source=images.task.source,
        data_hash=images.task.data_hash,
        classes=images.task.classes,
        positive=images.task.positive,
        labels=images.labels("test"),
        slices={column: test[column].tolist() for column in images.task.slices},
        images={split: len(images.rows(split)) for split in ("train", "val", "test")},
    )
    weights = files.sha256(inputs["student"] / "model.safetensors")
    found = report.assemble(subject, measured, weights, config.evaluation.bootstrap, config.seed)
    found["data_licence"] = images.task.licence or licences.UNKNOWN
    found["teacher_licence"] = licence_of(inputs["teacher"], inputs["student"])
    if most := config.evaluation.robustness_images:
        found["robustness"] = robustness.measure(
            {name: inputs[name] for name in MODELS},
            images,
            most,
            lambda done, total: context.reporter.progress(done, total, "corruptions"),
            context.cancelled,
        )
    found["knowledge"] = taught(inputs["teacher"], inputs["path"], images, "test", measured["student"].probabilities)
    if problem := schema.problem(found):
        raise StepFailed(f"The evaluation is not fit to be reported: {problem}.")

    folder = outputs["evaluation"]
    folder.mkdir(parents=True, exist_ok=True)
    files.write_json(folder / "report.json", found)
    with files.replacing(folder / "predictions.parquet") as partial:
        columns = test[["id", "label", "sha256", *images.task.slices]]
        predictions.write(partial, columns, {name: model.probabilities for name, model in measured.items()})
    with files.replacing(folder / "evaluation.html") as partial:
        partial.write_text(page.evaluation(found), encoding="utf-8")
    return _flat(found)


def _measure(folder: Path, images: ImageSet, config: EvaluateConfig) -> report.Measured:
    from dfpt import models
    from dfpt.evaluation import latency, predict

    model, spec = models.load(folder)
    if spec.classes != images.task.classes:
        raise UsageError(
            f"The model in {folder} knows the classes {', '.join(spec.classes)}; the data has "
            f"{', '.join(images.task.classes)}.",
            "Train it on this data.",
        )
    if spec.data_hash not in (None, images.task.data_hash):
        raise UsageError(
            f"The model in {folder} was trained on other data or another split ({spec.data_hash[:12]}...) than this "
            f"({images.task.data_hash[:12]}...): it may have learnt from the images that it would be judged by.",
            "Train it on this data.",
        )
    return report.Measured(
        probabilities=predictions.softmax(predict.logits(folder, images, images.rows("test"))),
        parameters=spec.parameters,
        latency_seconds=latency.latency_seconds(
            model, spec.in_channels, spec.image_size, config.evaluation.latency_runs
        ),
        weights_bytes=(folder / "model.safetensors").stat().st_size,
    )


def licence_of(teacher: Path, student: Path) -> str:
    """Of what the student knows beside the data: its teacher's weights and those that it began with itself."""
    from dfpt import models

    taught, own = models.load(teacher)[1].licence or licences.UNKNOWN, models.load(student)[1].licence
    return taught if own in (None, taught) else f"{taught} AND {own}"


def taught(
    teacher: Path, path: Path, images: ImageSet, split: str, student_NK: Floats
) -> dict[str, dict[str, float]] | None:
    """Figures of both paths of the teacher on a split, see :mod:`dfpt.evaluation.knowledge`.

    Args:
        teacher, path: folders that train-teacher and distil have written.
        student_NK: the student's probabilities on the split.

    Returns:
        None where the student was taught by a method that has but one path.
    """
    from dfpt import models
    from dfpt.distill import saved
    from dfpt.distill.dual_forward import DualForwardTeacher
    from dfpt.evaluation import predict
    from dfpt.models.backbone import laid_out

    if not saved.saved(path):
        return None
    network, spec = models.load(teacher)
    both = laid_out(DualForwardTeacher(network, saved.load(path, network))).eval()
    said = predict.in_batches(both, spec, images.images, images.rows(split), lambda done, total: None)
    paths = {
        name: predictions.softmax(np.concatenate(logits)) for name, logits in zip(knowledge.PATHS, said, strict=True)
    }
    return knowledge.figures(paths, student_NK, images.labels(split))


def _flat(found: dict[str, object]) -> Metrics:
    """The figures that are compared between runs."""
    whole = schema.Report.model_validate(found)
    metrics = {
        f"{name}_{figure}": float(value)
        for name, model in whole.models
        for figure in LOGGED
        if (value := getattr(model, figure)) is not None
    }
    for path, said in (whole.knowledge or {}).items():
        metrics |= {f"{path}_path_gap": said.gap, f"{path}_path_accuracy": said.accuracy}
    if whole.robustness is not None:
        metrics |= {f"{name}_corrupted_accuracy": rate for name, rate in whole.robustness.mean}
    gain, change = (whole.comparisons[pair].accuracy for pair in ("student-baseline", "student-teacher"))
    return metrics | {
        "gain_over_baseline": gain.difference,
        "gain_over_baseline_low": gain.low,
        "drop_against_teacher": -change.difference,
    }
