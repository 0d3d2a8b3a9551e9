"""Does the log still say what was written? Finds any change, removal, insertion, reordering and a missing end.

:func:`verify` hashes every record. :func:`require_unbroken`, which stands before every approval, every promotion and
every look at production, finds the same, and spares itself the hashing of what it has found in order before; see
:mod:`dfpt.registry.verified`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from dfpt.registry import agreement, canonical, signing
from dfpt.registry.database import Head, Record, Request
from dfpt.registry.errors import LogDamaged
from dfpt.registry.head import SignedHead, remembered, signed_content
from dfpt.registry.ledger import content
from dfpt.registry.store import Store

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


@dataclass(frozen=True)
class Verification:
    """What verifying found.

    Attributes:
        intact: whether everything is as it was written.
        records: how many there are.
        head: hash of the last record; write it down elsewhere, and give it back as ``since`` another day.
        first_bad: number of the first record that is wrong or missing; None where it is none in particular.
        problem: what is wrong, one sentence; None where nothing is.
    """

    intact: bool
    records: int
    head: str
    first_bad: int | None = None
    problem: str | None = None


@dataclass(frozen=True)
class _Fault:
    record: int | None
    problem: str


def verify(store: Store, since: tuple[int, str] | None = None) -> Verification:
    """Read the whole log and check its chain, its signed head, and the requests against it.

    Args:
        since: number and hash of a record, as written down outside this system.
    """
    known = remembered(store.home)  # before the log is read: what is written meanwhile is no fault
    with store.reading() as session:
        records = _records(session)
        faults = itertools.chain(
            _of_log(session, store, records, known),
            () if since is None else _contains(records, *since, "was written down"),
            _requests(session, records),
        )
        fault = next(faults, None)
    last = records[-1].hash if records else canonical.GENESIS
    if fault is None:
        return Verification(True, len(records), last)
    return Verification(False, len(records), last, fault.record, fault.problem)


def require_unbroken(store: Store) -> None:
    """Every record is as it was written, up to the signed head: what is believed of a request stands in them.

    Raises:
        LogDamaged: one is not, or there is one behind the head.
    """
    known = remembered(store.home)
    with store.reading() as session:
        records = _records(session)
        fault = next(_of_log(session, store, records, known, store.verified.unchanged(records)), None)
    if fault is not None:
        raise LogDamaged(fault.record, fault.problem.removesuffix("."))
    store.verified.keep(records)


def _of_log(
    session: Session, store: Store, records: Sequence[Row[Any]], known: SignedHead | None, good: int = 0
) -> Iterator[_Fault]:
    """What is wrong with the log.

    Args:
        known: the head that the state folder remembered when the log was not read yet.
        good: the number of records, from the first one on, whose own hashes and order need no looking at.
    """
    head = session.scalars(select(Head)).one_or_none()
    yield from _chain(records, good)
    signed = None if head is None else SignedHead(head.count, head.hash, head.key, head.signature)
    yield from _ends_at(records, signed, signing.key(store.home).public_key() if records or signed else None)
    if known is not None:
        yield from _contains(records, known.count, known.hash, "the state folder remembers")


def _records(session: Session) -> Sequence[Row[Any]]:
    return session.execute(select(Record.__table__).order_by(Record.seq)).all()


def _chain(records: Sequence[Row[Any]], good: int) -> Iterator[_Fault]:
    previous = records[good - 1].hash if good else canonical.GENESIS
    for number, record in enumerate(records[good:], start=good + 1):
        if record.seq != number:
            yield _Fault(number, f"Record {number} is missing.")
            return
        fault = _own(record)
        if fault is not None:
            yield _Fault(number, fault)
        elif record.previous_hash != previous:
            yield _Fault(number, f"Record {number} does not follow the one before it.")
        previous = record.hash


def _own(record: Row[Any]) -> str | None:
    """What is wrong with a record taken alone."""
    changed = f"Record {record.seq} has been changed."
    try:
        fields = content(record)
        if canonical.encode(fields["details"]) != record.details:
            return changed
        return None if canonical.record_hash(fields) == record.hash else changed
    except (ValueError, TypeError):
        return changed


def _ends_at(records: Sequence[Row[Any]], head: SignedHead | None, public: Ed25519PublicKey | None) -> Iterator[_Fault]:
    if head is None or public is None:
        yield _Fault(None, "The signed head is missing.")
        return
    if head.count > 0 or head.signature:
        if head.key != signing.fingerprint(public):
            yield _Fault(None, f"The head is signed with another key, {head.key[:12]}...")
        if not signing.is_signed(public, head.signature, signed_content(head.count, head.hash)):
            yield _Fault(None, "The signature of the head is wrong: its number of records or its hash was changed.")
    if len(records) < head.count:
        missing = len(records) + 1
        yield _Fault(missing, f"Record {missing} is missing: the end of the log was cut off, it had {head.count}.")
    elif len(records) > head.count:
        yield _Fault(head.count + 1, f"Record {head.count + 1} was added behind the signed head.")
    elif records and records[-1].hash != head.hash:
        yield _Fault(head.count, f"Record {head.count} is not the one that the head was signed for.")


def _contains(records: Sequence[Row[Any]], count: int, hash_: str, who: str) -> Iterator[_Fault]:
    if count > len(records):
        missing = len(records) + 1
        yield _Fault(missing, f"Record {missing} is missing: {who} a log of {count}.")
    elif count > 0 and records[count - 1].hash != hash_:
        yield _Fault(count, f"Record {count} is not the one that {who}.")
    elif count == 0 and hash_ != canonical.GENESIS:
        yield _Fault(None, "The file that remembers the head cannot be read.")


def _requests(session: Session, records: Sequence[Row[Any]]) -> Iterator[_Fault]:
    said = {record.request_id: record.seq for record in records if record.request_id is not None}
    for request in session.scalars(select(Request).order_by(Request.id)):
        said.pop(request.id, None)
        if (found := agreement.contradicted(session, request)) is not None:
            number, clause = found
            yield _Fault(number, f"{clause[0].upper()}{clause[1:]}.")
    for number, seq in said.items():
        yield _Fault(seq, f"Request {number}, which record {seq} is about, is missing.")
