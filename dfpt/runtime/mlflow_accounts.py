"""MLflow's own accounts: one for trainers, and one for the approvals service, which alone may write production.

MLflow runs stock, with its basic-auth application. Whoever makes a model or an experiment there owns it, and everybody
else may read it: so trainers own the candidates, and the service what it promotes.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dfpt.errors import StepFailed
from dfpt.registry.champion import PRODUCTION
from dfpt.tracking import store

FOLDER = "mlflow-accounts"
APPROVALS, TRAINER = "approvals", "trainer"
_KEY = "server-key"
_GRANTED = "granted"  # the file is there when the trainer has what was made before
_CONFIG = """[mlflow]
default_permission = READ
database_uri = sqlite:///{database}
admin_username = {admin}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
# Or each of the dozens of calls of a promotion pays for a password hash. One worker: a change holds at once.
auth_cache_ttl_seconds = 60
"""


@dataclass(frozen=True)
class Accounts:
    """The folder with a password in a file each, which only its owner reads."""

    folder: Path

    def password_file(self, name: str) -> Path:
        return self.folder / name

    def password(self, name: str) -> str:
        return self.password_file(name).read_text(encoding="utf-8").strip()

    def of_server(self) -> dict[str, str]:
        """What MLflow's server needs in its environment."""
        return {
            "MLFLOW_AUTH_CONFIG_PATH": str(self.folder / "auth.ini"),
            "MLFLOW_AUTH_ADMIN_USERNAME": APPROVALS,
            "MLFLOW_AUTH_ADMIN_PASSWORD": self.password(APPROVALS),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": self.password(_KEY),
        }

    def of_approvals(self, url: str) -> dict[str, str]:
        """What the approvals service needs in its environment."""
        return self.of_client(APPROVALS, url)

    def of_client(self, name: str, url: str) -> dict[str, str]:
        """What a client needs to be ``name`` at the server."""
        return {
            "MLFLOW_TRACKING_URI": url,
            "MLFLOW_TRACKING_USERNAME": name,
            "MLFLOW_TRACKING_PASSWORD": self.password(name),
        }


def prepare(home: Path) -> Accounts:
    """The accounts of ``home``, their passwords made on first use."""
    folder = home / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in (APPROVALS, TRAINER, _KEY):
        if not (folder / name).exists():
            descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(secrets.token_urlsafe(24) + "\n")
    config = _CONFIG.format(database=folder / "accounts.db", admin=APPROVALS)
    (folder / "auth.ini").write_text(config, encoding="utf-8")
    return Accounts(folder)


def ensure_trainer(accounts: Accounts, url: str, uri: str) -> None:
    """Make the trainers' account at the server, if it is not there; what was made before there were accounts is theirs.

    Args:
        uri: MLflow's own database, where what is there is read.

    Raises:
        StepFailed: the server does not take it.
    """
    wish = {"username": TRAINER, "password": accounts.password(TRAINER)}
    granted = accounts.folder / _GRANTED
    if not _post(accounts, f"{url}/api/2.0/mlflow/users/create", wish) and granted.exists():
        return
    client = store.client(uri)
    found = [("experiment", one.experiment_id, one.name) for one in store.pages(client.search_experiments)]
    found += [("registered_model", one.name, one.name) for one in store.pages(client.search_registered_models)]
    for kind, number, name in found:
        if not name.endswith(PRODUCTION):
            wish = {"username": TRAINER, "resource_type": kind, "resource_id": number, "permission": "MANAGE"}
            _post(accounts, f"{url}/api/3.0/mlflow/users/permissions/grant", wish)
    granted.touch()


def _post(accounts: Accounts, url: str, wish: Mapping[str, str]) -> bool:
    """As the administrator; whether it was not so before."""
    import requests

    answer = requests.post(url, json=wish, auth=(APPROVALS, accounts.password(APPROVALS)), timeout=60)
    if "RESOURCE_ALREADY_EXISTS" in answer.text:
        return False
    if not answer.ok:
        raise StepFailed(
            f"MLflow does not take the trainers' account: {answer.status_code} at {url}.",
            f"If the passwords in {accounts.folder} are of another time, move the folder away.",
        )
    return True
