"""The open registry: MLflow's models, our requests and their policy, of one state folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock
from sqlalchemy import Engine, text

from dfpt.registry import policy_config
from dfpt.registry.database import Request, State
from dfpt.registry.policy_config import Policy
from dfpt.registry.store import Store, open_store
from dfpt.tracking import store as tracking

if TYPE_CHECKING:
    from mlflow import MlflowClient

STATUS = "dfpt.status"
_LOCK = 0x64667072  # of PostgreSQL's advisory locks; not that of the upgrade


@dataclass(frozen=True)
class Models:
    """MLflow's side alone, which is all that it takes to register a candidate.

    Attributes:
        home: the state folder.
        uri: MLflow's tracking URI.
    """

    home: Path
    uri: str
    client: MlflowClient

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold it while registering: MLflow compares nothing before it writes. It holds for this state folder."""
        with FileLock(self.home / "registry.lock"):
            yield

    def ensure_model(self, name: str, description: str) -> None:
        """Create the registered model ``name`` if there is none."""
        from mlflow import MlflowException

        try:
            self.client.create_registered_model(name, description=description)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise


@dataclass(frozen=True)
class Registry(Models):
    """What the registry's functions work on: MLflow's models, our requests and the policy."""

    store: Store
    policy: Policy

    @property
    def engine(self) -> Engine:
        return self.store.engine

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold it while registering, promoting or rolling back: MLflow compares nothing before it writes.

        On PostgreSQL it holds for every machine that shares the database. It goes with the process.
        """
        with super().lock():
            if self.engine.dialect.name != "postgresql":
                yield
                return
            with self.engine.connect() as connection:
                connection = connection.execution_options(isolation_level="AUTOCOMMIT")
                connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
                try:
                    yield
                finally:
                    connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})

    def mirror(self, *requests: Request) -> None:
        """Show the requests' states in MLflow's UI."""
        for request in requests:
            self.client.set_model_version_tag(request.name, str(request.version), STATUS, State(request.state).value)


def open_models(home: Path, uri: str | None = None) -> Models:
    """The models of MLflow at ``uri``, by default where the environment or ``home`` has it."""
    home = home.absolute()
    home.mkdir(parents=True, exist_ok=True)
    uri = uri or tracking.tracking_uri(home)
    return Models(home, uri, tracking.client(uri))


def open_registry(home: Path, uri: str | None = None) -> Registry:
    """The registry of ``home``; MLflow at ``uri``, by default where the environment or ``home`` has it."""
    home = home.absolute()
    uri = uri or tracking.tracking_uri(home)
    store, policy = open_store(home), policy_config.load(home)
    return Registry(home, uri, tracking.client(uri), store, policy)
