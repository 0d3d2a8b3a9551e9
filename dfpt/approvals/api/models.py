"""Reading: requests, versions, production, who is asking."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from dfpt.approvals.api.schema import (
    TEXT,
    Me,
    Name,
    RecordShown,
    RequestShown,
    Story,
    Version,
)
from dfpt.approvals.dependencies import RegistryHere, Somebody, scoped
from dfpt.approvals.errors import ScopeRefused, Unauthenticated, Waiting
from dfpt.approvals.problems import answers
from dfpt.approvals.tokens import Scope
from dfpt.errors import UsageError
from dfpt.registry import history, listing, requests
from dfpt.registry.database import State
from dfpt.registry.errors import NotFound, PolicyRefused
from dfpt.registry.history import Deployment
from dfpt.registry.listing import Entry

READING = answers(Unauthenticated, PolicyRefused, ScopeRefused, UsageError, Waiting)

router = APIRouter(responses=READING, dependencies=[Depends(scoped(Scope.READ))])
filing = APIRouter(responses=READING, dependencies=[Depends(scoped(Scope.READ, Scope.REQUEST))])
anybody = APIRouter(responses=answers(Unauthenticated, PolicyRefused, UsageError, Waiting))

OfModel = Annotated[str | None, Query(max_length=200, pattern=TEXT, description="Only this model.")]
At = Annotated[str | None, Query(max_length=40, description="Only what was there then; UTC; a day: its end.")]


@anybody.get("/me")
def me(known: Somebody) -> Me:
    """Who is asking, and what he or she may do."""
    return Me(
        name=known.actor.name,
        account=known.actor.account,
        roles=sorted(known.roles),
        scopes=sorted(known.scopes),
        by="token" if known.by_token else "session",
    )


@router.get("/requests")
def list_requests(registry: RegistryHere, name: OfModel = None, state: State | None = None) -> list[RequestShown]:
    """Requests for approval, the oldest first. Needs no MLflow."""
    return [RequestShown.model_validate(one) for one in requests.of_model(registry.engine, name, state)]


@router.get("/models")
def list_models(registry: RegistryHere, name: OfModel = None) -> list[Entry]:
    """All candidates, and what is in production."""
    return listing.entries(registry, name)


@router.get("/models/{name}/versions/{version}", responses=answers(NotFound))
def show_version(registry: RegistryHere, name: Name, version: Version) -> Story:
    """One version: its figures, where it comes from, and everything that happened to it."""
    entry = listing.entry(registry, name, version)
    log = [RecordShown.model_validate(record) for record in requests.log(registry.engine, name, version)]
    return Story(version=entry, log=log)


@filing.get("/models/{name}/champion")
def show_champion(registry: RegistryHere, name: Name) -> Deployment | None:
    """What the log says is in production now, with the sums of its files; null where nothing is. Needs no MLflow.

    Also for a token that only files requests: who asks is measured against it.
    """
    return history.current(registry.engine, name)


@router.get("/models/{name}/history")
def show_history(
    registry: RegistryHere,
    name: Name,
    at: Annotated[
        str | None, Query(max_length=40, description="Only what was there then; UTC; a day: its end.")
    ] = None,
) -> list[Deployment]:
    """What was in production, since when, who approved it, on which evidence. Needs no MLflow."""
    return list(history.asked(registry.engine, name, at))
