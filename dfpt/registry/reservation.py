"""``<name>-production`` is ours: made by whoever promotes, before anybody else can make it.

On a server with accounts, whoever makes a registered model owns it, and MLflow has no right per name for one that does
not exist yet: a trainer could make ``elpv-production`` first and move its aliases for ever after. So the approvals
service makes it as soon as it hears of ``elpv``, with its own signature on it, and nothing is promoted into one that it
did not make. The signature is that of the audit log's key, over the name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfpt.registry import canonical, history, signing
from dfpt.registry.champion import production_name
from dfpt.registry.errors import ForeignModel
from dfpt.registry.handle import Registry

if TYPE_CHECKING:
    from mlflow.entities.model_registry import RegisteredModel

TAG = "dfpt.made_by_approvals"


def reserve(registry: Registry, name: str) -> None:
    """Make the production side of ``name`` if there is none, as the account that this process is in MLflow.

    One that was promoted to before there were signatures gets one.

    Raises:
        ForeignModel: somebody else made it.
    """
    from mlflow import MlflowException

    model = production_name(name)
    found = _find(registry, name)
    if found is None:
        try:
            about = f"{name} in production: what persons approved, in files of its own."
            registry.client.create_registered_model(model, {TAG: _signature(registry, name)}, about)
            return
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        found = _find(registry, name)
    if found is not None and not _is_signed(registry, name, found):
        _require_known(registry, name)
        registry.client.set_registered_model_tag(model, TAG, _signature(registry, name))


def require(registry: Registry, name: str) -> None:
    """Look whether the production side of ``name``, if there is one, is ours.

    Raises:
        ForeignModel: it is not.
    """
    found = _find(registry, name)
    if found is not None and not _is_signed(registry, name, found):
        _require_known(registry, name)


def _find(registry: Registry, name: str) -> RegisteredModel | None:
    from mlflow import MlflowException

    try:
        return registry.client.get_registered_model(production_name(name))
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None


def _require_known(registry: Registry, name: str) -> None:
    """Something was promoted to it before there were signatures: then the log knows it."""
    if name not in history.models(registry.engine):
        raise ForeignModel(production_name(name))


def _is_signed(registry: Registry, name: str, found: RegisteredModel) -> bool:
    public = signing.key(registry.home).public_key()
    return signing.is_signed(public, found.tags.get(TAG, ""), _content(name))


def _signature(registry: Registry, name: str) -> str:
    return signing.key(registry.home).sign(_content(name).encode()).hex()


def _content(name: str) -> str:
    return canonical.encode({"registered_model": production_name(name)})
