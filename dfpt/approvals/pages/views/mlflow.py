"""A candidate's tags in MLflow, and the addresses of its pages there."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from dfpt.registry.database import Request
from dfpt.registry.handle import Registry


def of_candidate(registry: Registry, request: Request, ui: str) -> tuple[Mapping[str, str], dict[str, str]]:
    """(tags, links) of the version that a request is about; both empty while MLflow does not answer.

    Args:
        ui: where people open MLflow's pages; without it there are no links.
    """
    try:
        version = registry.client.get_model_version(request.name, str(request.version))
        links = {} if not ui else {"version": version_url(ui, request.name, request.version)}
        if ui and version.run_id:
            run = registry.client.get_run(version.run_id)
            links["run"] = f"{ui.rstrip('/')}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
        return dict(version.tags), links
    except Exception:  # a link less is no reason to show nothing
        return {}, {}


def version_url(ui: str, name: str, version: int) -> str:
    return f"{ui.rstrip('/')}/#/models/{quote(name, safe='')}/versions/{version}"
