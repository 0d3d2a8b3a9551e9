"""Probes: is the process alive; can it do its work."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from dfpt.approvals.dependencies import ServiceHere

router = APIRouter(tags=["health"])


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
    """The database answers. What MLflow does is said as it was seen last, and is no reason to send people away."""
    try:
        with service.registry.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        return Ready(status="not ready", database="away", registry="waiting")
    return Ready(status="ready", database="ok", registry="ok" if service.mlflow_answers else "waiting")
