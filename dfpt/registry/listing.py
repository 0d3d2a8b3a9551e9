"""What is in the registry, for people and for programs to read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dfpt.registry import requests
from dfpt.registry.artifacts import ARTIFACT_TAG, GONE, WEIGHTS_TAG
from dfpt.registry.candidates import METRIC_PREFIX
from dfpt.registry.champion import CHAMPION, PREVIOUS
from dfpt.registry.database import Request
from dfpt.registry.errors import NotFound
from dfpt.registry.handle import Registry
from dfpt.tracking import store

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel


@dataclass(frozen=True)
class Entry:
    """One version of a candidate or production model.

    Attributes:
        status: of a candidate, that of its newest request, or "unrequested"; in production "champion", "previous" or
            "retired".
        metrics: the student's figures on the test split; rates as fractions, times in seconds.
        registered_at: UTC, ISO 8601.
        tags: the other ``dfpt.`` tags without that prefix: lineage, and who approved.
    """

    name: str
    version: int
    aliases: list[str]
    status: str
    metrics: dict[str, float]
    weights_sha256: str
    registered_at: str
    run_id: str | None
    source: str
    tags: dict[str, str]


def entries(registry: Registry, name: str | None = None) -> list[Entry]:
    """All versions of the models that we registered, by name, the newest first."""
    found = store.pages(registry.client.search_registered_models)
    models = [model for model in found if name in (None, model.name)]
    newest = {(request.name, request.version): request for request in requests.of_model(registry.engine)}
    return [
        _entry(version, _aliases(model, version), newest.get((model.name, int(version.version))))
        for model in sorted(models, key=lambda model: str(model.name))
        for version in registry.client.search_model_versions(_named(model.name), order_by=["version_number DESC"])
        if WEIGHTS_TAG in version.tags
    ]


def _named(name: str) -> str:
    """MLflow's filter for a model, whose name anybody may have chosen."""
    return f'name = "{name}"' if "'" in name else f"name = '{name}'"


def entry(registry: Registry, name: str, version: int) -> Entry:
    """One version.

    Raises:
        NotFound: there is none.
    """
    found = find(registry, name, version)
    return _entry(found, sorted(found.aliases), requests.latest(registry.engine, name, version))


def find(registry: Registry, name: str, version: int) -> ModelVersion:
    """One version that we registered, as MLflow has it, with its aliases.

    Raises:
        NotFound: there is none.
    """
    from mlflow import MlflowException

    nothing = NotFound(f"There is no {name}/{version}.", "dfpt model list shows what there is.")
    try:
        found = registry.client.get_model_version(name, str(version))
    except MlflowException as error:
        if error.error_code not in GONE:
            raise
        raise nothing from error
    if WEIGHTS_TAG not in found.tags:
        raise nothing
    return found


def _aliases(model: RegisteredModel, version: ModelVersion) -> list[str]:
    """Of a version that was searched for, which does not know its own."""
    return sorted(alias for alias, number in model.aliases.items() if int(number) == int(version.version))


def _entry(version: ModelVersion, aliases: list[str], request: Request | None) -> Entry:
    if request is not None:
        status = request.state
    elif "dfpt.candidate" in version.tags:
        status = next((alias for alias in (CHAMPION, PREVIOUS) if alias in aliases), "retired")
    else:
        status = "unrequested"
    figures = {key: value for key, value in version.tags.items() if key.startswith(METRIC_PREFIX)}
    shown = {WEIGHTS_TAG, ARTIFACT_TAG, *figures}
    return Entry(
        name=version.name,
        version=int(version.version),
        aliases=aliases,
        status=status,
        metrics={key.removeprefix(METRIC_PREFIX): float(value) for key, value in sorted(figures.items())},
        weights_sha256=version.tags[WEIGHTS_TAG],
        registered_at=datetime.fromtimestamp(version.creation_timestamp / 1000, UTC).isoformat(timespec="seconds"),
        run_id=version.run_id or None,
        source=str(version.source),
        tags={
            key.removeprefix("dfpt."): value
            for key, value in sorted(version.tags.items())
            if key.startswith("dfpt.") and key not in shown
        },
    )
