"""What this process has found in order it does not hash again, and a change of it is found all the same."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from dfpt.registry import audit, canonical, requests
from dfpt.registry.actor import Actor
from dfpt.registry.errors import LogDamaged
from dfpt.registry.store import Store
from tests.unit.registry.tampering import tamper

pytest_plugins = "tests.unit.registry.databases"

ADA = Actor("ada", "ada", "10.0.0.7")
TEXTS = ["at", "actor", "account", "origin", "action", "name", "before", "after", "reason", "details"]
TEXTS += ["weights_sha256", "artifact_sha256", "hash", "previous_hash"]
NUMBERS = ["version", "request_id", "seq"]


def file(store: Store, *versions: int) -> None:
    for version in versions:
        requests.file(store, "elpv", version, f"w{version}", f"a{version}", ADA)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the records that are hashed from now on."""
    seen: list[int] = []
    hash_ = canonical.record_hash

    def noting(record: Any) -> str:
        seen.append(record["seq"])
        return hash_(record)

    monkeypatch.setattr(canonical, "record_hash", noting)
    return seen


def test_only_what_is_new_is_hashed(store: Store, hashed: list[int]) -> None:
    file(store, 1, 2, 3)
    audit.require_unbroken(store)
    hashed.clear()

    audit.require_unbroken(store)
    assert hashed == []

    file(store, 4)
    hashed.clear()
    audit.require_unbroken(store)
    assert hashed == [4]


def test_asked_whether_the_log_is_intact_every_record_is_hashed(store: Store, hashed: list[int]) -> None:
    file(store, 1, 2, 3)
    audit.require_unbroken(store)
    hashed.clear()

    assert audit.verify(store).intact

    assert hashed == [1, 2, 3]


def test_a_change_of_any_field_of_what_was_in_order_is_found(store: Store) -> None:
    file(store, 1, 2, 3, 4)
    with store.engine.connect() as connection:
        honest = connection.execute(text("SELECT * FROM audit WHERE seq = 2")).mappings().one()

    for field, forged in {**dict.fromkeys(TEXTS, "'x'"), **dict.fromkeys(NUMBERS, "99")}.items():
        audit.require_unbroken(store)
        tamper(store.engine, f"UPDATE audit SET {field} = {forged} WHERE hash = '{honest['hash']}'")
        with pytest.raises(LogDamaged):
            audit.require_unbroken(store)
        with pytest.raises(LogDamaged):  # and not once only
            audit.require_unbroken(store)
        where = "hash = 'x'" if field == "hash" else f"hash = '{honest['hash']}'"
        with store.engine.execution_options(dfpt_write=True).begin() as connection:
            connection.execute(text(f"UPDATE audit SET {field} = :honest WHERE {where}"), {"honest": honest[field]})
    audit.require_unbroken(store)


@pytest.mark.parametrize(
    "deed",
    [
        "DELETE FROM audit WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 4",
        "UPDATE audit SET seq = 9 WHERE seq = 4",
        "UPDATE audit_head SET count = 3",
        "UPDATE audit_head SET signature = '00'",
    ],
)
def test_so_is_what_is_missing_or_moved(store: Store, deed: str) -> None:
    file(store, 1, 2, 3, 4)
    audit.require_unbroken(store)

    tamper(store.engine, deed)

    with pytest.raises(LogDamaged):
        audit.require_unbroken(store)


def test_a_damaged_log_is_not_kept_as_one_in_order(store: Store, hashed: list[int]) -> None:
    file(store, 1, 2)
    tamper(store.engine, "UPDATE audit SET reason = 'x' WHERE seq = 1")
    with pytest.raises(LogDamaged):
        audit.require_unbroken(store)
    hashed.clear()

    with pytest.raises(LogDamaged):
        audit.require_unbroken(store)

    assert hashed[0] == 1
