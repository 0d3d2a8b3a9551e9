"""The aliases of the production side, moved so that a cut at any point leaves a champion and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfpt.registry.champion import CHAMPION, PREVIOUS, production_name

if TYPE_CHECKING:
    from mlflow import MlflowClient


def pointed_at(client: MlflowClient, name: str) -> dict[str, int]:
    """Alias -> version, of the production side of ``name``; empty where there is no such model."""
    from mlflow import MlflowException

    try:
        aliases = client.get_registered_model(production_name(name)).aliases
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return {}
    return {str(alias): int(version) for alias, version in aliases.items()}


def make_champion(client: MlflowClient, name: str, version: int) -> int | None:
    """Move ``champion`` to ``version``; ``previous`` first, or a cut between the two would lose the way back.

    Returns:
        the version that ``previous`` points to from now on.
    """
    pointed = pointed_at(client, name)
    champion = pointed.get(CHAMPION)
    if champion == version:
        return pointed.get(PREVIOUS)
    if champion is not None:
        client.set_registered_model_alias(production_name(name), PREVIOUS, str(champion))
    client.set_registered_model_alias(production_name(name), CHAMPION, str(version))
    return pointed.get(PREVIOUS) if champion is None else champion
