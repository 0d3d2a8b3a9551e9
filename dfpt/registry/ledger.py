"""The log while it is being written: inside one transaction, at its head."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from dfpt.registry import canonical, signing
from dfpt.registry.actor import Actor
from dfpt.registry.database import Head, Notification, Record, Request
from dfpt.registry.errors import LogDamaged
from dfpt.registry.head import SignedHead, remembered, signed_content
from dfpt.registry.notifications import events

_FIELDS = tuple(column.key for column in Record.__table__.columns)


class Ledger:
    """Appends to the log. Making one waits until no other transaction has the head.

    Attributes:
        session: of the transaction; what is changed through it stands or falls with the records.
    """

    def __init__(self, session: Session, home: Path) -> None:
        """Raises LogDamaged: the log's end is not as it was left, and appending would cover that up."""
        self.session = session
        self._home = home
        head = session.scalars(select(Head).with_for_update()).one_or_none()
        if head is None:
            raise LogDamaged(None, "its head is missing")
        self._head = head
        self._last = session.get(Record, head.count)
        self._appended = False
        self._check()

    def append(
        self,
        actor: Actor,
        action: str,
        reason: str,
        *,
        request: Request | None = None,
        name: str | None = None,
        before: str | None = None,
        after: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> Record:
        """Write down who did what, and why. Of a request, its model and its sums are written down with it.

        What people want to be told of is put into the outbox, in the same transaction.
        """
        record: dict[str, Any] = {
            "seq": self._head.count + 1,
            "at": self._now(),
            "actor": actor.name,
            "account": actor.account,
            "origin": actor.origin,
            "action": action,
            "name": request.name if request else name,
            "version": request.version if request else None,
            "request_id": request.id if request else None,
            "before": None if before is None else str(before),
            "after": None if after is None else str(after),
            "reason": reason,
            "weights_sha256": request.weights_sha256 if request else None,
            "artifact_sha256": request.artifact_sha256 if request else None,
            "details": dict(details or {}),
            "previous_hash": self._head.hash,
        }
        digest = canonical.record_hash(record)
        self._last = Record(**record | {"details": canonical.encode(record["details"]), "hash": digest})
        self.session.add(self._last)
        self._head.count, self._head.hash = self._last.seq, digest
        self._appended = True
        self.session.flush()
        if (event := events.of(action, record["details"])) is not None:
            at = datetime.fromisoformat(record["at"])
            self.session.add(Notification(event=event.value, record=self._last.seq, at=at))
        return self._last

    def sign(self) -> SignedHead | None:
        """Sign the head; None where nothing was appended."""
        if not self._appended:
            return None
        private = signing.key(self._home)
        self._head.key = signing.fingerprint(private.public_key())
        content = signed_content(self._head.count, self._head.hash)
        self._head.signature = private.sign(content.encode()).hex()
        self.session.flush()
        return SignedHead(self._head.count, self._head.hash, self._head.key, self._head.signature)

    def _check(self) -> None:
        head, last, known = self._head, self._last, remembered(self._home)
        if known is not None and head.count < known.count:
            raise LogDamaged(head.count + 1, f"it had {known.count} records and has {head.count}")
        if known is not None and known.count > 0:
            then = self.session.get(Record, known.count)
            if then is None or then.hash != known.hash:
                raise LogDamaged(known.count, "it is not the record that was written last time")
        if head.count == 0:
            if self.session.scalars(select(Record.seq).limit(1)).first() is not None:
                raise LogDamaged(1, "the signed head does not know it")
            return
        if last is None or last.hash != head.hash:
            raise LogDamaged(head.count, "the head is about another record")
        public = signing.key(self._home).public_key()
        if head.key != signing.fingerprint(public):
            raise LogDamaged(None, f"its head is signed with another key ({head.key[:12]}...) than {self._home} has")
        if not signing.is_signed(public, head.signature, signed_content(head.count, head.hash)):
            raise LogDamaged(None, "the signature of its head is wrong")

    def _now(self) -> str:
        """The time, never before that of the record before: what was so at a given moment has one answer."""
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        return now if self._last is None else max(now, self._last.at)


def content(record: Record | Row[Any]) -> dict[str, Any]:
    """A record as it was hashed, with its hash."""
    fields = {field: getattr(record, field) for field in _FIELDS}
    return fields | {"details": json.loads(record.details)}
