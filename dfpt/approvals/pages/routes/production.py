"""What is in production, and the way back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from dfpt.approvals.api.schema import TEXT
from dfpt.approvals.dependencies import DECIDE, RegistryHere, ServiceHere
from dfpt.approvals.pages.reader import Number, Reader, Reason
from dfpt.approvals.pages.shell import answer, go
from dfpt.approvals.pages.views import production
from dfpt.registry import rollback
from dfpt.registry.policy import Deed

router = APIRouter()
Name = Annotated[str, Path(max_length=200, pattern=TEXT)]


@router.get("/production")
def now(request: Request, registry: RegistryHere, known: Reader) -> Response:
    return answer(
        request,
        known,
        registry,
        "production.html",
        models=production.of(registry),
        may_roll_back=known.may(Deed.ROLL_BACK),
    )


@router.get("/production/{name}/rollback/{version}")
def ask(request: Request, registry: RegistryHere, known: Reader, name: Name, version: Number) -> Response:
    """What a rollback would change, before it does.

    Raises:
        NotFound: that version never was in production.
    """
    current, target = production.rollback_target(registry, name, version)
    return answer(
        request,
        known,
        registry,
        "rollback.html",
        now=current,
        target=target,
        now_accuracy=production.accuracy(registry, current),
        target_accuracy=production.accuracy(registry, target),
        may_roll_back=known.may(Deed.ROLL_BACK),
    )


@router.post("/production/{name}/rollback/{version}", dependencies=DECIDE)
def roll_back(
    service: ServiceHere,
    known: Reader,
    name: Name,
    version: Number,
    reason: Reason = "",
) -> RedirectResponse:
    """Raises what :func:`dfpt.registry.rollback.roll_back` raises."""
    with service.deciding() as registry:
        rollback.roll_back(registry, name, known.actor, reason, version)
    return go("/production?done=rolled-back")
