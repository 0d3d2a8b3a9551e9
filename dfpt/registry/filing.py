"""How a run's steps reach the registry: here where its database is open to them, else through the approvals service.

With DFPT_APPROVALS_URL set a step holds a token for filing and nothing else: neither the database nor the key that
signs the audit log, with which a pod that trains could write into the log whatever it wants.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

from dfpt.errors import StepFailed, UsageError
from dfpt.registry import actor, candidates, champion, requests, store
from dfpt.registry.champion import Champion
from dfpt.registry.database import State
from dfpt.registry.handle import Models, Registry, open_models, open_registry

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

    from dfpt.context import Context
    from dfpt.registry.remote import Client

URL_VARIABLE = "DFPT_APPROVALS_URL"
_REASON = "filed"


@dataclass(frozen=True)
class Filed:
    """The request that a version has now.

    Attributes:
        request: its number.
        asked_again_after: how the request before it ended, where there was one.
    """

    request: int
    state: State
    asked_again_after: str | None


class Office(Protocol):
    """Where candidates are registered, and their requests filed."""

    @property
    def models(self) -> Models: ...

    def file(self, version: ModelVersion) -> Filed:
        """Ask for the approval of a version, or find the request that it has."""


@dataclass(frozen=True)
class Here:
    """The registry's database is open to this process."""

    models: Registry

    def file(self, version: ModelVersion) -> Filed:
        request = candidates.request(self.models, version, actor.current(), _REASON)
        earlier = requests.before(self.models.engine, request)
        return Filed(request.id, State(request.state), None if earlier is None else earlier.state)


@dataclass(frozen=True)
class Service:
    """The approvals service has the database; who files is whose the token is."""

    models: Models
    client: Client

    def champion(self, name: str) -> Champion | None:
        """The model in production by the log, not by MLflow's alias and tags, which others can write.

        Raises:
            StepFailed: the service is away, or MLflow has no such version.
            BytesChanged: its files are not those that were promoted.
        """
        recorded = self.client.champion(name)
        if recorded is None:
            return None
        model, number = champion.production_name(name), recorded.production_version
        version = champion.numbered(self.models.client, model, number)
        if version is None:
            raise StepFailed(
                f"{model}/{number} is in production by the log, and MLflow has no such version.",
                "dfpt audit reconcile says more.",
            )
        return champion.verified(version, self.models.uri, recorded.artifact_sha256, recorded.weights_sha256)

    def file(self, version: ModelVersion) -> Filed:
        """Raises StepFailed while the service, or MLflow behind it, is away: another attempt files the same."""
        sums = candidates.sums(version)
        try:
            answer = self.client.request(version.name, int(version.version), _REASON, sums=sums)
        except StepFailed as error:
            raise StepFailed(
                f"{version.name}/{version.version} is registered and waits for the approvals service: {error.message}",
                f"{error.remedy} The next attempt files the request for the version that is there.".lstrip(),
            ) from error
        shown = answer.shown
        return Filed(int(shown["request"]), State(shown["state"]), shown["asked_again_after"])


def open_office(home: Path, uri: str | None = None) -> Office:
    """Where the environment says; MLflow at ``uri``, by default where the environment has it.

    Raises:
        UsageError: a service without a token for it, or without what it takes to speak to it.
    """
    return _service(home, uri) or Here(open_registry(home, uri))


def fetch_champion(context: Context, name: str) -> Champion | None:
    """The model in production, its files brought here and verified; None where nothing has been promoted.

    Raises:
        DfptError: as :meth:`Service.champion` and :func:`dfpt.registry.champion.fetch`.
    """
    service = _service(context.home, context.tracking_uri)
    return champion.fetch(context, name) if service is None else service.champion(name)


def of_a_container() -> dict[str, str]:
    """The variables by which a container of a run files, where that is not at the state folder's own registry.

    Raises:
        UsageError: it would be the registry's database itself, with the key that signs its log; there is no token.
    """
    if url := os.environ.get(URL_VARIABLE):
        remote = _remote()
        return {URL_VARIABLE: url, remote.TOKEN_VARIABLE: remote.token(url)}
    if os.environ.get(store.URL_VARIABLE):
        raise UsageError(
            f"{store.URL_VARIABLE} is set, and no container of a run is to hold the registry's database and its key.",
            f"Set {URL_VARIABLE} and a token: the run then files through the approvals service.",
        )
    return {}


def _service(home: Path, uri: str | None) -> Service | None:
    url = os.environ.get(URL_VARIABLE)
    return Service(open_models(home, uri), _remote().from_environment(url)) if url else None


def _remote() -> ModuleType:
    try:
        from dfpt.registry import remote
    except ImportError as error:
        raise UsageError(
            f"{URL_VARIABLE} is set, and {error.name} is not installed.", "pip install 'dfpt[approvals]'"
        ) from error
    return remote
