"""What a person decides about a request, as forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse

from dfpt.approvals.api.decisions import approved_by
from dfpt.approvals.dependencies import DECIDE, ServiceHere
from dfpt.approvals.pages.reader import Number, Reader, Reason
from dfpt.approvals.pages.shell import go
from dfpt.approvals.pages.views.request import decidable
from dfpt.approvals.service import Service
from dfpt.registry import promotion, rejection, withdrawal
from dfpt.registry.database import Request, State
from dfpt.registry.handle import Registry

router = APIRouter(dependencies=DECIDE)


@router.post("/requests/{number}/approve")
def approve(
    service: ServiceHere, known: Reader, number: Number, reason: Reason = "", emergency: Annotated[str, Form()] = ""
) -> RedirectResponse:
    """Approve; with enough approvals the candidate is in production when this returns.

    Raises what :func:`dfpt.registry.promotion.approve` raises.
    """
    in_emergency = emergency == "yes"
    request = decidable(service.registry, number)
    try:
        done = _decide(
            service,
            number,
            lambda registry, name, version: promotion.approve(
                registry, name, version, known.actor, reason, emergency=in_emergency
            ),
        )
    except Exception:  # the decision may have been written down before MLflow went away
        if approved_by(service, known, request.name, request.version) is None:
            raise
        return _back(number, "accepted")
    return _back(number, "approved" if done.state == State.PROMOTED else "voted")


@router.post("/requests/{number}/reject")
def reject(service: ServiceHere, known: Reader, number: Number, reason: Reason = "") -> RedirectResponse:
    """Raises what :func:`dfpt.registry.rejection.reject` raises."""
    _decide(
        service,
        number,
        lambda registry, name, version: rejection.reject(registry, name, version, known.actor, reason),
    )
    return _back(number, "rejected")


@router.post("/requests/{number}/withdraw")
def withdraw(service: ServiceHere, known: Reader, number: Number, reason: Reason = "") -> RedirectResponse:
    """Raises what :func:`dfpt.registry.withdrawal.withdraw` raises."""
    _decide(
        service,
        number,
        lambda registry, name, version: withdrawal.withdraw(registry, name, version, known.actor, reason),
    )
    return _back(number, "withdrawn")


def _decide(service: Service, number: int, deed: Callable[[Registry, str, int], Request]) -> Request:
    """In turn, and only about the very request that was on the page."""
    with service.deciding() as registry:
        request = decidable(registry, number)
        return deed(registry, request.name, request.version)


def _back(number: int, done: str) -> RedirectResponse:
    return go(f"/requests/{number}?done={done}")
