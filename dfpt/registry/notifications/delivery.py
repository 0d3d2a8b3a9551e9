"""The worker: everything in the outbox whose time has come is tried once; what fails waits longer each time.

A message may arrive twice, where a worker died between sending and writing that down; never not at all without a record
of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from dfpt.errors import DfptError, UsageError
from dfpt.registry.actor import Actor
from dfpt.registry.database import Delivery, DeliveryState, Notification, Record
from dfpt.registry.errors import LogDamaged
from dfpt.registry.notifications import channels, messages, outbox
from dfpt.registry.notifications.config import Notifications
from dfpt.registry.policy_config import Policy
from dfpt.registry.store import Store

GIVEN_UP = "notification given up"
WORKER = Actor("notifications", "")  # nobody in particular


@dataclass
class Sent:
    """What one round did: counts of deliveries."""

    delivered: int = 0
    postponed: int = 0
    given_up: int = 0


def deliver_due(store: Store, policy: Policy, now: datetime) -> Sent:
    """Tell what is new and retry what is due; looks first whether the log is intact.

    Several workers may do this at once: a delivery has one at a time.

    Args:
        now: with a time zone.
    """
    rules, sent = policy.notifications, Sent()
    for identity in due(store, policy, now):
        claimed = outbox.claim(store, identity, now)
        if claimed is not None:
            state = _attempt(store, rules, now, *claimed)
            sent.delivered += state == DeliveryState.DELIVERED
            sent.postponed += state == DeliveryState.WAITING
            sent.given_up += state == DeliveryState.GIVEN_UP
    return sent


def due(store: Store, policy: Policy, now: datetime) -> Sequence[int]:
    """Ids of the deliveries that are to be tried now, made of what is new; an alarm first, if the log is not intact."""
    if not policy.notifications.channels:
        return ()
    outbox.alarm(store, now)
    outbox.spread(store, policy.notifications, now)
    return outbox.due(store, now)


def _attempt(
    store: Store,
    rules: Notifications,
    now: datetime,
    delivery: Delivery,
    notification: Notification,
    record: Record | None,
) -> DeliveryState:
    """One try, and its outcome written down."""
    try:
        channel = rules.channels.get(delivery.channel)
        if channel is None:
            raise UsageError(f"The policy has no channel {delivery.channel} any more.")
        message = messages.write(notification, record, channel.language or rules.language, rules.link)
        channels.send(channel, message, delivery, now.timestamp(), rules.http_hosts)
    except DfptError as error:
        if delivery.attempts >= rules.attempts:
            _give_up(store, delivery, error.message)
            return DeliveryState.GIVEN_UP
        with outbox.writing(store) as session:
            _note(session, delivery, DeliveryState.WAITING, error.message).next_at = now + pause(
                rules, delivery.attempts
            )
        return DeliveryState.WAITING
    with outbox.writing(store) as session:
        _note(session, delivery, DeliveryState.DELIVERED, None).delivered_at = now
    return DeliveryState.DELIVERED


def pause(rules: Notifications, attempts: int) -> timedelta:
    """How long to wait after so many attempts in vain."""
    doubled = rules.first_retry_seconds * 2 ** min(attempts - 1, 32)
    return timedelta(seconds=min(doubled, rules.most_retry_seconds))


def _give_up(store: Store, delivery: Delivery, why: str) -> None:
    """In one transaction with its record; to a damaged log nothing is added, and what could not be told stays noted."""
    with suppress(LogDamaged):
        with store.writing() as log:
            _note(log.session, delivery, DeliveryState.GIVEN_UP, why)
            details = {"delivery": delivery.id, "channel": delivery.channel, "attempts": delivery.attempts}
            log.append(WORKER, GIVEN_UP, why, details=details)
        return
    with outbox.writing(store) as session:
        _note(session, delivery, DeliveryState.GIVEN_UP, why)


def _note(session: Session, delivery: Delivery, state: DeliveryState, error: str | None) -> Delivery:
    kept = session.get_one(Delivery, delivery.id)
    kept.state, kept.last_error = state.value, error
    return kept
