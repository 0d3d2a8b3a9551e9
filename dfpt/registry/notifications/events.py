"""Which records of the log are worth telling, and as what."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any


class Event(enum.StrEnum):
    """What a channel can ask to be told of."""

    REQUEST = "request"
    DECISION = "decision"
    PROMOTION = "promotion"
    ROLLBACK = "rollback"
    TAMPER = "tamper"  # production or the log is not as it was written down
    EXPIRY = "expiry"


# By the record's action, written out because those who write it import the ledger, which asks here.
ACTIONS: Mapping[str, Event] = {
    "requested": Event.REQUEST,
    "vote": Event.DECISION,
    "approved": Event.DECISION,
    "rejected": Event.DECISION,
    "withdrawn": Event.DECISION,
    "promoted": Event.PROMOTION,
    "rolled back": Event.ROLLBACK,
    "rollback given up": Event.ROLLBACK,
    "reconciled": Event.TAMPER,
    "refused": Event.TAMPER,
    "expired": Event.EXPIRY,
}


def of(action: str, details: Mapping[str, Any]) -> Event | None:
    """The event of a record; None where it is none.

    Reconciling that finds all well is no alarm, nor is a refusal that has another reason than changed files.
    """
    event = ACTIONS.get(action)
    return None if event is Event.TAMPER and not (details.get("findings") or details.get("tampered")) else event
