"""The open registry: MLflow's models and our requests, of one state folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock
from sqlalchemy import Engine

from dfpt.registry.database import Request, State, open_database
from dfpt.tracking import store

if TYPE_CHECKING:
    from mlflow import MlflowClient

STATUS = "dfpt.status"


@dataclass(frozen=True)
class Registry:
    """What the registry's functions work on.

    Attributes:
        home: the state folder.
        uri: MLflow's tracking URI.
    """

    home: Path
    uri: str
    client: MlflowClient
    engine: Engine

    def lock(self) -> FileLock:
        """Hold it while registering or promoting: MLflow compares nothing before it writes."""
        return FileLock(self.home / "registry.lock")

    def ensure_model(self, name: str, description: str) -> None:
        """Create the registered model ``name`` if there is none."""
        from mlflow import MlflowException

        try:
            self.client.create_registered_model(name, description=description)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def mirror(self, *requests: Request) -> None:
        """Show the requests' states in MLflow's UI."""
        for request in requests:
            self.client.set_model_version_tag(request.name, str(request.version), STATUS, State(request.state).value)


def open_registry(home: Path, uri: str | None = None) -> Registry:
    """The registry of ``home``; MLflow at ``uri``, by default where the environment or ``home`` has it."""
    home = home.absolute()
    uri = uri or store.tracking_uri(home)
    engine = open_database(home)
    return Registry(home, uri, store.client(uri), engine)
