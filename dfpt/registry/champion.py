"""The model in production."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dfpt.registry import artifacts
from dfpt.tracking import store

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

    from dfpt.context import Context

PRODUCTION = "-production"
CHAMPION = "champion"
PREVIOUS = "previous"


@dataclass(frozen=True)
class Champion:
    """A version in production, its files verified.

    Attributes:
        folder: ``model.safetensors`` and ``model.json``.
        artifact: the whole MLflow model, with ``model.onnx``.
    """

    name: str
    version: int
    folder: Path
    weights_sha256: str
    artifact: Path
    artifact_sha256: str


def production_name(name: str) -> str:
    """The registered model of the production side of ``name``."""
    return f"{name}{PRODUCTION}"


def fetch(context: Context, name: str) -> Champion | None:
    """The champion of ``name``; None where nothing has been promoted.

    Raises:
        BytesChanged: its files are not those that were promoted.
    """
    uri = context.tracking_uri or store.tracking_uri(context.home)
    version = current(store.client(uri), name)
    if version is None:
        return None
    return verified(version, uri, version.tags[artifacts.ARTIFACT_TAG], version.tags[artifacts.WEIGHTS_TAG])


def verified(version: ModelVersion, uri: str, artifact_sha256: str, weights_sha256: str) -> Champion:
    """A version in production, brought here.

    Raises:
        BytesChanged: its files do not have these sums.
    """
    folder = artifacts.local(version, uri)
    model = f"{version.name}/{version.version}"
    artifacts.check(model, folder, artifact_sha256, weights_sha256)
    return Champion(
        version.name, int(version.version), folder / artifacts.STUDENT, weights_sha256, folder, artifact_sha256
    )


def current(client: MlflowClient, name: str) -> ModelVersion | None:
    """The version that the alias ``champion`` points to."""
    return version_at(client, production_name(name), CHAMPION)


def numbered(client: MlflowClient, model: str, number: int) -> ModelVersion | None:
    """A version by its number; None where there is none."""
    from mlflow import MlflowException

    try:
        return client.get_model_version(model, str(number))
    except MlflowException as error:
        if error.error_code not in artifacts.GONE:
            raise
        return None


def version_at(client: MlflowClient, model: str, alias: str) -> ModelVersion | None:
    """The version of a registered model that an alias points to; None where there is no such model or alias."""
    from mlflow import MlflowException

    try:
        aliases: dict[str, object] = client.get_registered_model(model).aliases
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None
    if alias not in aliases:
        return None
    return client.get_model_version(model, str(aliases[alias]))
