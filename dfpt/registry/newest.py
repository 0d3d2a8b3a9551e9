"""Students by their registered name, their files verified: the one in production, the newest candidate, any version."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dfpt.registry import artifacts, candidates, champion
from dfpt.registry.errors import NotFound
from dfpt.tracking import store

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion


@dataclass(frozen=True)
class Newest:
    """A registered version, its files verified.

    Attributes:
        alias: ``champion`` or ``candidate``; empty where the version was named by its number.
        folder: ``model.safetensors`` and ``model.json``.
        data_hash: of the data that it was trained on.
    """

    name: str
    version: int
    alias: str
    folder: Path
    data_hash: str


def fetch(home: Path, name: str) -> Newest | None:
    """The champion of ``name``, else its newest candidate; None where nothing is registered.

    Raises:
        BytesChanged: its files are not those that were registered.
    """
    uri = store.tracking_uri(home)
    if _empty(uri):
        return None
    client = store.client(uri)
    version, alias = champion.current(client, name), champion.CHAMPION
    if version is None:
        version, alias = champion.version_at(client, name, candidates.ALIAS), candidates.ALIAS
    if version is None:
        return None
    return _checked(version, alias, uri)


def named(home: Path, name: str, number: int) -> Newest:
    """Version ``number`` of the registered model ``name``.

    Raises:
        NotFound: there is none that we registered.
        BytesChanged: its files are not those that were registered.
    """
    from mlflow import MlflowException

    nothing = NotFound(f"There is no {name}/{number}.", "dfpt model list shows what there is.")
    uri = store.tracking_uri(home)
    if _empty(uri):
        raise nothing
    try:
        version = store.client(uri).get_model_version(name, str(number))
    except MlflowException as error:
        if error.error_code not in artifacts.GONE:
            raise
        raise nothing from error
    if artifacts.WEIGHTS_TAG not in version.tags:
        raise nothing
    return _checked(version, "", uri)


def _empty(uri: str) -> bool:
    """Whether nothing is there yet: looking must not make a database."""
    return uri.startswith("sqlite:") and not Path(uri.removeprefix("sqlite:///")).exists()


def _checked(version: ModelVersion, alias: str, uri: str) -> Newest:
    folder = artifacts.local(version, uri)
    sums = (version.tags[tag] for tag in (artifacts.ARTIFACT_TAG, artifacts.WEIGHTS_TAG))
    artifacts.check(f"{version.name}/{version.version}", folder, *sums)
    return Newest(
        version.name, int(version.version), alias, folder / artifacts.STUDENT, version.tags.get("dfpt.data_hash", "")
    )
