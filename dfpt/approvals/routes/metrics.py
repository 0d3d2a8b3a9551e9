"""Prometheus' figures of the registry: those of the triggers' receiver, and open to whoever comes by, as there.

They name models and count; no person, no reason, no file is in them.
"""

from __future__ import annotations

from fastapi import APIRouter, Response

from dfpt.approvals.dependencies import RegistryHere
from dfpt.approvals.errors import Waiting
from dfpt.approvals.problems import answers
from dfpt.registry import metrics

PATH = "/metrics"
TEXT = "text/plain; version=0.0.4; charset=utf-8"

router = APIRouter(tags=["health"])


class _Text(Response):
    media_type = TEXT


@router.get(PATH, response_class=_Text, responses=answers(Waiting))
def show(registry: RegistryHere) -> Response:
    """Queue, decisions, refusals, promotions, rollbacks, and what reconciling found last. Needs no MLflow."""
    return _Text(metrics.exposition(metrics.families(registry.engine)))
