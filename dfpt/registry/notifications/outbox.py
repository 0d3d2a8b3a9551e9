"""What waits to be told: put there in the transaction of the record that it is about, so there is never one alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from dfpt.registry import audit
from dfpt.registry.database import Delivery, DeliveryState, Notification, Record
from dfpt.registry.errors import NotFound
from dfpt.registry.notifications.config import Notifications
from dfpt.registry.notifications.events import Event
from dfpt.registry.store import Store

_LEASE = timedelta(minutes=2)  # for one attempt; a worker that died holds its delivery no longer
_SAME_ALARM = timedelta(days=1)


@contextmanager
def writing(store: Store) -> Iterator[Session]:
    """A transaction beside the log: it takes its turn, as every writer does."""
    engine = store.engine.execution_options(dfpt_write=True)
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


def alarm(store: Store, now: datetime) -> bool:
    """Verify the log; put an alarm into the outbox where it is not intact, once a day. Whether it is intact."""
    found = audit.verify(store)
    if found.intact:
        return True
    with writing(store) as session:
        query = select(Notification.id).where(
            Notification.record.is_(None), Notification.note == found.problem, Notification.at > now - _SAME_ALARM
        )
        if session.scalars(query).first() is None:
            session.add(Notification(event=Event.TAMPER.value, note=found.problem, at=now))
    return False


def spread(store: Store, rules: Notifications, now: datetime) -> None:
    """Make one delivery of every new event for each channel that wants it; what is too old is for nobody."""
    with writing(store) as session:
        query = select(Notification).where(Notification.spread.is_(False)).order_by(Notification.id)
        for notification in session.scalars(query.with_for_update()).all():  # or two workers would both spread one
            notification.spread = True
            if notification.at < now - timedelta(hours=rules.max_age_hours):
                continue
            for name, channel in rules.channels.items():
                if notification.event in channel.events:
                    session.add(
                        Delivery(
                            notification=notification.id,
                            channel=name,
                            state=DeliveryState.WAITING.value,
                            created_at=now,
                            next_at=now,
                        )
                    )


def due(store: Store, now: datetime) -> Sequence[int]:
    """Ids of the deliveries whose time has come, the oldest first."""
    query = select(Delivery.id).where(Delivery.state == DeliveryState.WAITING.value, Delivery.next_at <= now)
    with store.reading() as session:
        return session.scalars(query.order_by(Delivery.id)).all()


def claim(store: Store, identity: int, now: datetime) -> tuple[Delivery, Notification, Record | None] | None:
    """Take one attempt; None where another worker has taken it."""
    with writing(store) as session:
        won = session.execute(
            update(Delivery)
            .where(Delivery.id == identity, Delivery.state == DeliveryState.WAITING.value, Delivery.next_at <= now)
            .values(attempts=Delivery.attempts + 1, next_at=now + _LEASE)
            .execution_options(synchronize_session=False)
            .returning(Delivery.id)
        ).all()
        if not won:
            return None
        delivery = session.get_one(Delivery, identity)
        notification = session.get_one(Notification, delivery.notification)
        record = None if notification.record is None else session.get(Record, notification.record)
        return delivery, notification, record


def listed(store: Store) -> Sequence[tuple[Delivery, Notification]]:
    """All deliveries with what they are about, the newest first."""
    query = select(Delivery, Notification).join(Notification, Notification.id == Delivery.notification)
    with store.reading() as session:
        return [(row[0], row[1]) for row in session.execute(query.order_by(Delivery.id.desc()))]


def retry(store: Store, identity: int) -> Delivery:
    """Try a delivery again from the beginning.

    Raises:
        NotFound: there is none that has not arrived.
    """
    with writing(store) as session:
        delivery = session.get(Delivery, identity)
        if delivery is None or delivery.state == DeliveryState.DELIVERED:
            raise NotFound(f"No delivery {identity} waits or was given up.", "dfpt notifications list shows them.")
        delivery.state, delivery.attempts = DeliveryState.WAITING.value, 0
        delivery.next_at = datetime.now(UTC)
        return delivery
