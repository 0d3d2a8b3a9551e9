"""A teacher that was trained elsewhere: its weights from a file or from a model registry, read safely."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from dfpt import files, models
from dfpt.config import Teacher
from dfpt.context import Context
from dfpt.datasets import ImageSet
from dfpt.errors import StepFailed, UsageError
from dfpt.models import Backbone, ModelSpec
from dfpt.models.backbone import laid_out
from dfpt.models.crd import load_crd
from dfpt.models.misfit import misfit
from dfpt.models.saved import SPEC, WEIGHTS
from dfpt.steps import networks


def load(teacher: Teacher, images: ImageSet, seed: int, context: Context) -> tuple[Backbone, ModelSpec]:
    """``teacher.model`` with ``teacher.weights``.

    ``file:PATH`` is a safetensors file of our tensors' names, or a folder that train-teacher or distil has written;
    ``crd:PATH`` a checkpoint of the public CRD models; ``mlflow:models:/NAME/VERSION`` a student in our registry. What
    comes with a ``model.json`` is normalised as that says, anything else by the training pixels.

    Raises:
        UsageError: nothing there, a damaged, changed or unsafe file, another architecture, other classes, channels or
            size, or numbers that are not finite.
        StepFailed: the registry cannot be reached.
    """
    kind, _, place = (teacher.weights or "").partition(":")
    path = _downloaded(place, context) if kind == "mlflow" else Path(place).expanduser()
    if teacher.weights_sha256 and path.exists() and teacher.weights_sha256 != files.sha256(path):
        raise UsageError(
            f"{path} is not what it was where the run started (SHA-256 {teacher.weights_sha256[:12]}...).",
            "Start a new run, or put the file back.",
        )
    network, spec = _read(kind, path, teacher, images, seed, context)
    spoilt = [name for name, tensor in network.state_dict().items() if not tensor.isfinite().all()]
    if spoilt:
        raise UsageError(
            f"{path} has numbers that are not finite, in {', '.join(spoilt[:3])}: to any image it would answer NaN.",
            "Name weights of a training that ended well.",
        )
    return network, spec


def _read(
    kind: str, path: Path, teacher: Teacher, images: ImageSet, seed: int, context: Context
) -> tuple[Backbone, ModelSpec]:
    folder = path if path.is_dir() else path.parent
    if kind != "crd" and path in (folder, folder / WEIGHTS) and (folder / SPEC).exists():
        return _of_ours(folder, teacher, images, context)
    network, spec = networks.new(teacher.model, teacher.image_size, images, seed)
    if kind == "crd":
        if spec.in_channels != 3:
            raise UsageError(
                f"{path} is for images of 3 channels; these have {spec.in_channels}.", "Name weights for these images."
            )
        network = laid_out(load_crd(path, teacher.model, spec.num_classes, spec.image_size))
    else:
        _fill(network, path, spec)
    return network, dataclasses.replace(spec, data_hash=None)  # what they were trained on before, nobody says


def _of_ours(folder: Path, teacher: Teacher, images: ImageSet, context: Context) -> tuple[Backbone, ModelSpec]:
    network, spec = models.load(folder)
    task = images.task
    wanted = {
        "model": (spec.name, teacher.model),
        "classes": (", ".join(spec.classes), ", ".join(task.classes)),
        "channels": (spec.in_channels, task.channels),
        "image size": (spec.image_size, teacher.image_size),
    }
    for what, (there, here) in wanted.items():
        if there != here:
            raise UsageError(
                f"The {what} of the teacher in {folder}: {there}. That of this configuration and data: {here}.",
                "Name other weights, or change teacher.model, teacher.image_size or the data.",
            )
    if spec.data_hash not in (None, task.data_hash):
        context.reporter.warn(
            f"the teacher in {folder} was trained on other data or another split ({spec.data_hash[:12]}...): it may "
            "have learnt from images that are tested with here, and its accuracy, and what it teaches, then flatter"
        )
    only = spec.data_hash if spec.data_hash == task.data_hash else None
    return laid_out(network.train()), dataclasses.replace(spec, frozen_stages=0, data_hash=only)


def _fill(network: Backbone, path: Path, spec: ModelSpec) -> None:
    try:
        state = load_file(path)
    except (OSError, SafetensorError) as error:
        raise UsageError(
            f"{path} is no whole safetensors file, and nothing in it was executed: {error}",
            "Write it with safetensors.torch.save_file(model.state_dict(), path), or copy it again.",
        ) from error
    if trouble := misfit(network.state_dict(), state):
        raise UsageError(
            f"{path} does not hold a {spec.name} for {spec.num_classes} classes and {spec.in_channels} channels: "
            f"{trouble}.",
            "Set teacher.model to what was saved.",
        )
    with torch.no_grad():
        network.load_state_dict(state)


def _downloaded(uri: str, context: Context) -> Path:
    """The folder with ``model.json`` of ``models:/NAME/VERSION``, whose weights are those that were recorded."""
    import mlflow.artifacts
    from mlflow.exceptions import MlflowException

    from dfpt.tracking import store

    tracking = context.tracking_uri or store.tracking_uri(context.home)
    name, _, number = uri.removeprefix("models:/").partition("/")
    client = store.client(tracking)
    try:
        version = client.get_model_version(name, number)
        found = Path(mlflow.artifacts.download_artifacts(artifact_uri=version.source, tracking_uri=tracking))
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise UsageError(f"The registry has no {uri}.", "List what it has with: dfpt model list") from error
        raise StepFailed(
            f"Cannot read {uri}: {error.message.splitlines()[0]}", "See that the tracking store can be reached."
        ) from error
    for folder in (found, found / "student"):  # where register puts the weights of record
        if (folder / SPEC).exists():
            recorded, sha256 = version.tags.get(store.WEIGHTS_TAG), files.sha256(folder / WEIGHTS)
            if recorded not in (None, sha256):  # none: somebody else registered it
                raise UsageError(
                    f"The weights of {uri} have changed: SHA-256 {sha256[:12]}..., recorded {recorded[:12]}...",
                    "Find out who wrote there; restore the files, or name another version.",
                )
            return folder
    raise UsageError(f"{uri} holds no model of ours (no {SPEC}).", "Name a version that register has made.")
