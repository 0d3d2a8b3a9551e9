"""Probes: is the process alive; can it do its work."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from dfpt.approvals.dependencies import ServiceHere
from dfpt.approvals.service import Service

router = APIRouter(tags=["health"])

_KNOWN_FOR = 5.0  # seconds that an answer about MLflow holds: a probe is no load


class Live(BaseModel):
    status: Literal["live"] = "live"


class Ready(BaseModel):
    """``registry`` is ``waiting`` while MLflow does not answer: people can read, and decisions wait."""

    status: Literal["ready", "not ready"]
    database: Literal["ok", "away"]
    registry: Literal["ok", "waiting"]


@router.get("/health/live")
async def live() -> Live:
    """The process answers."""
    return Live()


@router.get("/health/ready", responses={503: {"model": Ready, "description": "The database does not answer."}})
def ready(service: ServiceHere, response: Response) -> Ready:
    """The database answers; what MLflow does is said, and is no reason to send people away."""
    try:
        with service.registry.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        return Ready(status="not ready", database="away", registry="waiting")
    return Ready(status="ready", database="ok", registry="ok" if _mlflow_answers(service) else "waiting")


def _mlflow_answers(service: Service) -> bool:
    from mlflow import MlflowException

    then, known = service.mlflow_seen
    if time.monotonic() - then < _KNOWN_FOR:
        return known
    try:
        service.registry.client.search_registered_models(max_results=1)
        answered = True
    except (MlflowException, OSError):
        answered = False
    service.mlflow_seen = time.monotonic(), answered
    return answered
