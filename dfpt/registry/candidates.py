"""Candidates: students that passed the gate, as versions of the model ``<name>``."""

from __future__ import annotations

import importlib.metadata
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfpt import files, licences
from dfpt.errors import UsageError
from dfpt.registry import expiry, permission
from dfpt.registry.actor import Actor
from dfpt.registry.artifacts import ARTIFACT_TAG, EVIDENCE, STUDENT, WEIGHTS, WEIGHTS_TAG
from dfpt.registry.champion import PRODUCTION, production_name
from dfpt.registry.database import Request, State
from dfpt.registry.errors import BytesChanged
from dfpt.registry.handle import STATUS, Models, Registry
from dfpt.registry.policy import Deed
from dfpt.registry.requests import file, latest

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

ALIAS = "candidate"
METRIC_PREFIX = "dfpt.metric."
_RUNTIME = ("numpy", "onnxruntime")  # what it takes to run the model
_LICENCES = ("data_licence", "teacher_licence")
_LINEAGE = ("dfpt.code_revision", "dfpt.git_revision")  # taken over from the run


@dataclass(frozen=True)
class Bundle:
    """What is registered.

    Attributes:
        onnx: the model file.
        student: folder of the weights of record.
        evidence: files, and folders of files, that a person reads before approving.
        report: evaluate's ``report.json``.
        example: input (1, C, S, S) float32 on [0, 255], and its logits (1, K).
    """

    onnx: Path
    student: Path
    evidence: Sequence[Path]
    report: Mapping[str, Any]
    example: tuple[Any, Any]


@dataclass(frozen=True)
class Sums:
    """SHA-256 of a version's weights, and of all its files, the evidence among them."""

    weights_sha256: str
    artifact_sha256: str


def sums(version: ModelVersion) -> Sums:
    """As it was registered with."""
    return Sums(version.tags[WEIGHTS_TAG], version.tags[ARTIFACT_TAG])


def find(models: Models, name: str, weights_sha256: str) -> ModelVersion | None:
    """The version of ``name`` with these weights; the first, where two were made at once."""
    query = f"name = '{name}' and tags.`{WEIGHTS_TAG}` = '{weights_sha256}'"
    return min(models.client.search_model_versions(query), key=lambda found: int(found.version), default=None)


def register(models: Models, name: str, bundle: Bundle, run_id: str) -> ModelVersion:
    """Log the model below ``run_id`` and make it a version of ``name``; the version comes last, so it is never half.

    The same weights are registered once: a version that has them is returned as it is.
    """
    if name.endswith(PRODUCTION):
        raise UsageError(f"registration.name {name!r} is kept for the production side.", f"Drop the {PRODUCTION!r}.")
    weights_sha256 = files.sha256(bundle.student / WEIGHTS)
    with models.lock():
        if known := find(models, name, weights_sha256):
            return known
        run = models.client.get_run(run_id)
        figures = _figures(bundle.report)
        tags = {
            WEIGHTS_TAG: weights_sha256,
            "dfpt.run_id": run_id,
            "dfpt.data_hash": str(bundle.report["data_hash"]),
            "dfpt.source": str(bundle.report["source"]),
            **{f"dfpt.{what}": str(bundle.report.get(what) or licences.UNKNOWN) for what in _LICENCES},
            **{tag: run.data.tags[tag] for tag in _LINEAGE if tag in run.data.tags},
            **{METRIC_PREFIX + figure: repr(value) for figure, value in figures.items()},
        }
        model_id, source, artifact_sha256 = _log_model(models, run.info.experiment_id, run_id, name, bundle, tags)
        _log_figures(models, run_id, model_id, figures)
        models.ensure_model(name, f"Students that passed the gate. What is in production: {production_name(name)}.")
        made = models.client.create_model_version(
            name,
            source,
            run_id,
            tags=tags | {ARTIFACT_TAG: artifact_sha256},
            description=_description(bundle.report),
            model_id=model_id,
        )
        return _only(models, made, weights_sha256)


def _only(models: Models, made: ModelVersion, weights_sha256: str) -> ModelVersion:
    """The first version with these weights. Runs that file by the service share no lock: who comes second gives way."""
    first = find(models, made.name, weights_sha256) or made
    if first.version != made.version:
        models.client.delete_model_version(made.name, str(made.version))
    return first


def request(
    registry: Registry, version: ModelVersion, actor: Actor, reason: str = "filed", expected: Sums | None = None
) -> Request:
    """File the request for a version, or find the one it has; ``candidate`` points to what was asked for last.

    One that waited too long is closed first, or who approves would be the first to hear that it has expired.

    Args:
        expected: what was registered, where whoever asks says so.

    Raises:
        PolicyRefused: only a requester asks.
        BytesChanged: MLflow says other sums than ``expected``.
    """
    permission.require(registry, actor, Deed.REQUEST)
    number, found = int(version.version), sums(version)
    if expected is not None and expected != found:
        said = (expected.artifact_sha256, found.artifact_sha256)
        if expected.weights_sha256 != found.weights_sha256:
            said = (expected.weights_sha256, found.weights_sha256)
        raise BytesChanged(f"{version.name}/{number}", Path(str(version.source)), *said)
    with registry.lock():
        if (known := latest(registry.engine, version.name, number)) is not None:
            expiry.expire_if_due(registry, known)
        trained_by = _trained_by(registry, version)
        weights, artifact = found.weights_sha256, found.artifact_sha256
        filed = file(registry.store, version.name, number, weights, artifact, actor, reason, trained_by)
        if filed.state == State.PENDING and ALIAS not in version.aliases:
            registry.client.set_registered_model_alias(version.name, ALIAS, str(number))
        if version.tags.get(STATUS) != filed.state:
            registry.mirror(filed)
    return filed


def _trained_by(registry: Registry, version: ModelVersion) -> str | None:
    """Whom MLflow names as the user of the run that made the version."""
    if not version.run_id:
        return None
    return registry.client.get_run(version.run_id).data.tags.get("mlflow.user")


def _log_model(
    models: Models, experiment_id: str, run_id: str, name: str, bundle: Bundle, tags: Mapping[str, str]
) -> tuple[str, str, str]:
    """Write the MLflow model; return its id, its location and the SHA-256 of its folder."""
    import mlflow.onnx
    import onnx
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model, infer_signature

    client = models.client
    logged = client.create_logged_model(experiment_id, name=name, source_run_id=run_id, tags=dict(tags))
    try:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "model"
            mlflow.onnx.save_model(
                onnx.load(bundle.onnx),
                folder,
                mlflow_model=Model(
                    artifact_path=logged.artifact_location,
                    model_uuid=logged.model_id,
                    model_id=logged.model_id,
                    run_id=run_id,
                ),
                signature=infer_signature(*bundle.example),
                input_example=bundle.example[0],
                pip_requirements=[f"{package}=={importlib.metadata.version(package)}" for package in _RUNTIME],
                save_as_external_data=False,
            )
            shutil.copytree(bundle.student, folder / STUDENT)
            (folder / EVIDENCE).mkdir()
            for path in bundle.evidence:
                if path.is_dir():
                    shutil.copytree(path, folder / EVIDENCE / path.name)
                else:
                    shutil.copy(path, folder / EVIDENCE)
                client.log_artifact(run_id, str(path), EVIDENCE)
            client.log_model_artifacts(logged.model_id, str(folder))
            artifact_sha256 = files.sha256(folder)
        client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    except BaseException:
        client.finalize_logged_model(logged.model_id, "FAILED")
        raise
    client.finalize_logged_model(logged.model_id, "READY")
    return logged.model_id, logged.artifact_location, artifact_sha256


def _log_figures(models: Models, run_id: str, model_id: str, figures: Mapping[str, float]) -> None:
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    metrics = [
        Metric(f"test_{name}", value, now, 0, model_id=model_id, run_id=run_id) for name, value in figures.items()
    ]
    models.client.log_batch(run_id, metrics=metrics)


def _figures(report: Mapping[str, Any]) -> dict[str, float]:
    """The student's figures, and under ``teacher_`` and ``baseline_`` the accuracies to hold them against."""
    from dfpt.tracking.models import figures

    others = ("teacher", "baseline")
    return figures(report["models"], "student") | {
        f"{other}_accuracy": float(report["models"][other]["accuracy"]) for other in others
    }


def _description(report: Mapping[str, Any]) -> str:
    accuracy = {model: f"{report['models'][model]['accuracy']:.1%}" for model in ("student", "baseline", "teacher")}
    return (
        f"Test accuracy {accuracy['student']}; the same network alone {accuracy['baseline']}, "
        f"its teacher {accuracy['teacher']}. Data: {report['source']}."
    )
