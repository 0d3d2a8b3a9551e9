"""What people decide: a thin way of calling :class:`dfpt.registry.desk.Local`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from dfpt.approvals.api.schema import Answer, Approval, Decision, Filing, Name, RollbackWish, Version
from dfpt.approvals.dependencies import DECIDE, ServiceHere, scoped
from dfpt.approvals.errors import CrossSite, ScopeRefused, TooLarge, TooMany, Unauthenticated, Waiting
from dfpt.approvals.identity import Identity
from dfpt.approvals.problems import answers
from dfpt.approvals.service import Service
from dfpt.approvals.tokens import Scope
from dfpt.errors import DfptError, StepFailed, UsageError
from dfpt.registry import desk, requests
from dfpt.registry.database import State
from dfpt.registry.desk import Local
from dfpt.registry.errors import BytesChanged, ForeignModel, LogDamaged, NotFound, PolicyRefused, WrongState

WRITING = answers(
    Unauthenticated, PolicyRefused, ScopeRefused, CrossSite, TooLarge, UsageError, TooMany, Waiting
)  # fmt: skip
DECIDING = answers(NotFound, WrongState, BytesChanged, ForeignModel, LogDamaged)

router = APIRouter(responses=WRITING | DECIDING, dependencies=DECIDE)


@dataclass(frozen=True)
class Turn:
    """Somebody who may decide, and the service to do it at."""

    service: Service
    known: Identity

    def decide(self, deed: Callable[[Local], desk.Answer]) -> Answer:
        """When it is his or her turn."""
        with self.service.deciding() as registry:
            return Answer.model_validate(deed(Local(registry, self.known.actor)))


def _by(scope: Scope) -> Any:
    """Of whoever is asking; a token must be good for ``scope``."""
    somebody = Depends(scoped(scope))

    async def turn(service: ServiceHere, known: Identity = somebody) -> Turn:
        return Turn(service, known)

    return Depends(turn)


@router.post("/models/{name}/versions/{version}/request")
def request(turn: Annotated[Turn, _by(Scope.REQUEST)], name: Name, version: Version, wish: Filing) -> Answer:
    """Ask for the approval of a candidate. A second call finds the request that the first one has filed."""
    return turn.decide(lambda at: at.request(name, version, wish.reason, wish.dry_run, wish.sums))


@router.post(
    "/models/{name}/versions/{version}/approve",
    responses={202: {"model": Answer, "description": "Approved; promoted as soon as MLflow answers."}},
)
def approve(
    turn: Annotated[Turn, _by(Scope.APPROVE)],
    name: Name,
    version: Version,
    wish: Approval,
    response: Response,
) -> Answer:
    """Put a candidate into production: its files are copied and hashed, and it becomes the champion."""
    try:
        return turn.decide(lambda at: at.approve(name, version, wish.reason, wish.dry_run, wish.emergency))
    except Exception as error:  # of MLflow, of the network, of a disk: the decision may have been written down before
        refused = isinstance(error, DfptError) and not isinstance(error, StepFailed)
        unfinished = None if refused or wish.dry_run else approved_by(turn.service, turn.known, name, version)
        if unfinished is None:
            raise
        response.status_code = HTTPStatus.ACCEPTED
        response.headers["Retry-After"] = str(turn.service.settings.retry_seconds)
        return unfinished


def approved_by(service: Service, known: Identity, name: str, version: int) -> Answer | None:
    """The answer to somebody whose approval is written down and could not be carried out; None where it is not."""
    found = None
    with suppress(Exception):  # the database may be what is away
        found = requests.latest(service.registry.engine, name, version)
    if found is None or found.state != State.APPROVED or known.actor.name not in str(found.decided_by).split(", "):
        return None
    message = f"{found.model} is approved and waits for the registry; it is promoted when MLflow answers again."
    return Answer(message=message, shown=desk.as_object(found), pending=False, waiting=True)


@router.post("/models/{name}/versions/{version}/reject")
def reject(turn: Annotated[Turn, _by(Scope.REJECT)], name: Name, version: Version, wish: Decision) -> Answer:
    """Say no to a candidate; the pipeline does not ask for the same weights again."""
    return turn.decide(lambda at: at.reject(name, version, wish.reason, wish.dry_run))


@router.post("/models/{name}/versions/{version}/withdraw")
def withdraw(turn: Annotated[Turn, _by(Scope.WITHDRAW)], name: Name, version: Version, wish: Decision) -> Answer:
    """Take a request back; an admin may take anybody's."""
    return turn.decide(lambda at: at.withdraw(name, version, wish.reason, wish.dry_run))


@router.post("/models/{name}/rollback")
def roll_back(turn: Annotated[Turn, _by(Scope.ROLL_BACK)], name: Name, wish: RollbackWish) -> Answer:
    """Make an earlier production version the champion again."""
    return turn.decide(lambda at: at.roll_back(name, wish.to, wish.reason, wish.dry_run))
