"""Promotion: a candidate's bytes become production's own.

Each step finds out whether it has been done already, so an approval that was cut off anywhere is finished by giving
it again, or by the next approval of the same model.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from dfpt import files
from dfpt.errors import UsageError
from dfpt.registry import artifacts, requests
from dfpt.registry.actor import Actor
from dfpt.registry.candidates import METRIC_PREFIX, _create_model
from dfpt.registry.champion import CHAMPION, PREVIOUS, current, production_name
from dfpt.registry.database import Request, State
from dfpt.registry.errors import BytesChanged, NotFound, WrongState
from dfpt.registry.handle import Registry

REQUEST = "dfpt.request"
FOLDER = "production"


def approve(registry: Registry, name: str, version: int, actor: Actor, reason: str) -> Request:
    """Approve the request of a candidate and make it the champion.

    Approving what has been promoted already changes nothing.

    Raises:
        UsageError: no reason, no such request, or one that was rejected, superseded, ...
        BytesChanged: the candidate's files are not those that the request was filed for.
    """
    if not reason.strip():
        raise UsageError("An approval needs a reason.", "Say --reason 'what you looked at'.")
    with registry.lock():
        for unfinished in requests.of_model(registry.engine, name, State.APPROVED):
            _finish(registry, unfinished, actor)  # first: who was approved first is the champion first
        request = check(registry, name, version, actor)
        if request.state == State.PROMOTED:
            return request
        approved = requests.transition(
            registry.engine,
            request,
            State.PENDING,
            State.APPROVED,
            actor,
            reason,
            decided_by=actor.name,
            decided_at=datetime.now(UTC),
            reason_given=None,
        )
        return _finish(registry, approved, actor)
