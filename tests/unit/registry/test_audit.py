"""The log as evidence: what was done to it behind the program's back is found, and the first bad record named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from dfpt.registry import audit, canonical, head, requests
from dfpt.registry.errors import LogDamaged
from dfpt.registry.store import Store
from tests.unit.registry.logs import ADA, five_records
from tests.unit.registry.tampering import tamper

pytest_plugins = "tests.unit.registry.databases"


def test_an_untouched_log_is_intact(store: Store) -> None:
    five_records(store)

    found = audit.verify(store)

    assert (found.intact, found.records, found.first_bad, found.problem) == (True, 5, None, None)


def test_what_is_written_while_the_log_is_read_is_no_damage(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    five_records(store)
    read = audit._records

    def overtaken(session: Session) -> Sequence[Row[Any]]:
        records = read(session)
        head.remember(store.home, head.SignedHead(6, "of a record that came meanwhile", "", ""))
        return records

    monkeypatch.setattr(audit, "_records", overtaken)
    assert audit.verify(store).intact


def test_a_new_log_is_intact_and_empty(store: Store) -> None:
    assert audit.verify(store) == audit.Verification(True, 0, canonical.GENESIS)


FIELDS = ["at", "actor", "account", "origin", "action", "name", "before", "after", "reason"]

FIELDS += ["weights_sha256", "artifact_sha256", "hash", "previous_hash"]


def test_a_change_of_any_field_is_found(store: Store) -> None:
    five_records(store)
    with store.engine.connect() as connection:
        honest = {
            field: connection.execute(text(f"SELECT {field} FROM audit WHERE seq = 4")).scalar() for field in FIELDS
        }

    for field, value in honest.items():
        tamper(store.engine, f"UPDATE audit SET {field} = 'x' WHERE seq = 4")
        assert (audit.verify(store).first_bad, field) == (4, field)
        tamper(store.engine, f"UPDATE audit SET {field} = '{value}' WHERE seq = 4")

    for field in ("version", "request_id"):
        tamper(store.engine, f"UPDATE audit SET {field} = {field} + 1 WHERE seq = 4")
        assert audit.verify(store).first_bad == 4
        tamper(store.engine, f"UPDATE audit SET {field} = {field} - 1 WHERE seq = 4")
    assert audit.verify(store).intact


# What is done to five records -> the first bad one, None: it is the head.
ATTACKS = {
    "details changed": (["UPDATE audit SET details = '{\"line\":1}' WHERE seq = 2"], 2),
    "details written otherwise": (["UPDATE audit SET details = details || ' ' WHERE seq = 2"], 2),
    "removed in the middle": (["DELETE FROM audit WHERE seq = 3"], 3),
    "removed and closed up": (
        [
            "DELETE FROM audit WHERE seq = 3",
            "UPDATE audit SET seq = 3 WHERE seq = 4",
            "UPDATE audit SET seq = 4 WHERE seq = 5",
        ],
        3,
    ),
    "removed at the start": (["DELETE FROM audit WHERE seq = 1"], 1),
    "swapped": (
        [f"UPDATE audit SET seq = {new} WHERE seq = {old}" for old, new in ((2, 9), (3, 2), (9, 3))],
        2,
    ),
    "cut off": (["DELETE FROM audit WHERE seq > 3"], 4),
    "all removed": (["DELETE FROM audit"], 1),
    "head shortened": (
        [
            "DELETE FROM audit WHERE seq > 3",
            "UPDATE audit_head SET count = 3, hash = (SELECT hash FROM audit WHERE seq = 3)",
        ],
        None,
    ),
    "head forged": (["UPDATE audit_head SET signature = 'ab'"], None),
    "head of another key": (["UPDATE audit_head SET key = 'ab'"], None),
    "head removed": (["DELETE FROM audit_head"], None),
    "everything reset": (
        [
            "DELETE FROM audit",
            f"UPDATE audit_head SET count = 0, hash = '{canonical.GENESIS}', key = '', signature = ''",
        ],
        1,
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_was_done_to_the_log_is_found(store: Store, attack: str) -> None:
    five_records(store)
    statements, first_bad = ATTACKS[attack]

    tamper(store.engine, *statements)

    found = audit.verify(store)
    assert (found.intact, found.first_bad) == (False, first_bad), found
    assert found.problem


# Appending looks at the end alone; what was done further up is for verifying to find.
AT_THE_END = ["cut off", "all removed", "head forged", "head of another key", "head removed", "everything reset"]


@pytest.mark.parametrize("attack", [*AT_THE_END, "head shortened"])
def test_nothing_is_put_on_top_of_a_damaged_end(store: Store, attack: str) -> None:
    five_records(store)
    tamper(store.engine, *ATTACKS[attack][0])

    with pytest.raises(LogDamaged):
        requests.file(store, "elpv", 4, "w4", "a4", ADA)

    assert not audit.verify(store).intact


def inserted(store: Store, signed: bool) -> None:
    """A sixth record that fits the chain, as somebody makes who knows the format."""
    last = requests.log(store.engine, "elpv", 2)[-1]
    fields = ("at", "actor", "account", "origin", "action", "name", "version", "request_id", "before", "after")
    forged = {field: getattr(last, field) for field in (*fields, "reason", "weights_sha256", "artifact_sha256")}
    forged |= {"seq": 6, "details": {}, "previous_hash": last.hash}
    digest = canonical.record_hash(forged)
    columns = ", ".join([*forged, "hash"])
    values = ", ".join(repr(value) if not isinstance(value, dict) else "'{}'" for value in [*forged.values(), digest])
    head_too = [f"UPDATE audit_head SET count = 6, hash = '{digest}'"] if signed else []
    tamper(store.engine, f"INSERT INTO audit ({columns}) VALUES ({values})", *head_too)


@pytest.mark.parametrize(("with_head", "first_bad"), [(False, 6), (True, None)])
def test_a_record_that_fits_the_chain_is_found_by_the_signature(
    store: Store, with_head: bool, first_bad: int | None
) -> None:
    five_records(store)
    inserted(store, with_head)

    found = audit.verify(store)

    assert (found.intact, found.first_bad) == (False, first_bad)


def test_an_older_head_put_back_with_its_good_signature_is_found(store: Store) -> None:
    requests.file(store, "elpv", 1, "w1", "a1", ADA)
    older = head.remembered(store.home)
    assert older is not None
    requests.file(store, "elpv", 2, "w2", "a2", ADA)

    tamper(
        store.engine,
        "DELETE FROM audit WHERE seq > 1",
        "DELETE FROM requests WHERE version > 1",
        f"UPDATE audit_head SET count = 1, hash = '{older.hash}', signature = '{older.signature}'",
    )

    assert audit.verify(store).first_bad == 2
    with pytest.raises(LogDamaged, match="it had 2 records and has 1"):
        requests.file(store, "elpv", 3, "w3", "a3", ADA)


def test_a_head_that_was_written_down_elsewhere_must_still_be_in_the_log(store: Store) -> None:
    five_records(store)
    then = audit.verify(store)
    requests.file(store, "elpv", 4, "w4", "a4", ADA)

    assert audit.verify(store, (then.records, then.head)).intact
    assert audit.verify(store, (then.records, "0" * 64)).first_bad == 5
    assert audit.verify(store, (9, then.head)).first_bad == 7
