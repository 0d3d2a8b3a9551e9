"""What was in production, and when."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from dfpt.approvals.dependencies import RegistryHere
from dfpt.approvals.pages.reader import Reader
from dfpt.approvals.pages.shell import answer, spoken
from dfpt.approvals.pages.templating import environment
from dfpt.approvals.pages.views import production
from dfpt.errors import UsageError
from dfpt.registry import history
from dfpt.registry.handle import Registry

router = APIRouter()
At = Annotated[str, Query(max_length=40)]


@router.get("/history")
def whole(request: Request, registry: RegistryHere, known: Reader, at: At = "") -> Response:
    """All deployments of each model; with ``at`` also the answer for that day or moment."""
    pictures: Any = environment(spoken(request, known)).globals["pictures"]
    models = []
    for name in history.models(registry.engine):
        deployed = history.deployments(registry.engine, name)
        models.append((name, production.times(deployed), pictures.timeline(production.spans(deployed))))
    return answer(request, known, registry, "history.html", models=models, **_at(registry, at))


@router.get("/history/at")
def then(request: Request, registry: RegistryHere, known: Reader, at: At = "") -> Response:
    """The answer alone."""
    return answer(request, known, registry, "history_at.html", **_at(registry, at))


def _at(registry: Registry, text: str) -> dict[str, Any]:
    if not text:
        return {"at": "", "problem": False, "moment": None, "found": ()}
    try:
        moment = history.moment(text)
        found = production.at(registry, moment)
    except (UsageError, OverflowError):
        return {"at": text, "problem": True, "moment": None, "found": ()}
    return {"at": text, "problem": False, "moment": moment, "found": found}
