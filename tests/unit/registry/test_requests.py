from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DatabaseError, IntegrityError
from sqlalchemy.orm import Session

from dfpt.registry import agreement, audit, requests
from dfpt.registry.actor import Actor
from dfpt.registry.database import Request, State
from dfpt.registry.errors import LogDamaged, WrongState
from dfpt.registry.ledger import Ledger
from dfpt.registry.store import Store, open_store

pytest_plugins = "tests.unit.registry.databases"

ADA = Actor("ada", "ada")
BOB = Actor("bob", "robert", "10.0.0.7")


def filed(store: Store, version: int = 1, name: str = "elpv") -> Request:
    return requests.file(store, name, version, f"w{version}", f"a{version}", ADA)


def moves(store: Store, version: int = 1) -> list[tuple[str | None, str | None, str]]:
    return [(record.before, record.after, record.actor) for record in requests.log(store.engine, "elpv", version)]


def test_a_move_and_its_record_say_who_when_what_and_why(store: Store) -> None:
    request = filed(store)

    requests.transition(store, request, State.PENDING, State.REJECTED, BOB, "too many misses")

    record = requests.log(store.engine, "elpv", 1)[-1]
    assert (record.actor, record.account, record.origin, record.reason, record.weights_sha256) == (
        "bob",
        "robert",
        "10.0.0.7",
        "too many misses",
        "w1",
    )
    assert timedelta(0) <= datetime.now(UTC) - datetime.fromisoformat(record.at) < timedelta(minutes=1)
    assert moves(store) == [(None, "pending", "ada"), ("pending", "rejected", "bob")]


def test_of_two_decisions_the_first_counts(store: Store) -> None:
    request = filed(store)
    requests.transition(store, request, State.PENDING, State.APPROVED, ADA, "good")

    with pytest.raises(WrongState, match="is approved"):
        requests.transition(store, request, State.PENDING, State.REJECTED, BOB, "bad")

    assert moves(store) == [(None, "pending", "ada"), ("pending", "approved", "ada")]


def test_a_move_without_its_record_does_not_happen(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    request = filed(store)
    monkeypatch.setattr(Ledger, "append", lambda *_, **__: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        requests.transition(store, request, State.PENDING, State.APPROVED, ADA, "good")

    found = requests.latest(store.engine, "elpv", 1)
    assert found is not None
    assert found.state == State.PENDING


ALLOWED = {
    ("pending", "approved"),
    ("pending", "rejected"),
    ("pending", "expired"),
    ("pending", "withdrawn"),
    ("pending", "superseded"),
    ("approved", "promoted"),
    ("approved", "rejected"),
}


@pytest.mark.parametrize(("before", "after"), list(product(State, State)))
def test_every_pair_of_states_is_a_move_or_none(tmp_path: Path, before: State, after: State) -> None:
    store = open_store(tmp_path)
    request = filed(store)
    with store.engine.execution_options(dfpt_write=True).begin() as connection:
        connection.execute(update(Request).values(state=before))

    if (before.value, after.value) in ALLOWED:
        assert requests.transition(store, request, before, after, BOB, "why").state == after
        assert moves(store)[-1] == (before, after, "bob")
    else:
        with pytest.raises(ValueError, match="cannot go"):
            requests.transition(store, request, before, after, BOB, "why")
        assert len(moves(store)) == 1


def test_a_promotion_supersedes_what_was_asked_for_earlier_of_its_model_alone(store: Store) -> None:
    for version, name in ((1, "elpv"), (2, "elpv"), (1, "other"), (3, "elpv")):
        filed(store, version, name)
    second = requests.latest(store.engine, "elpv", 2)
    assert second is not None

    with store.writing() as log:
        superseded = requests.supersede_older(log, second, BOB)

    assert [request.model for request in superseded] == ["elpv/1"]
    pending = requests.of_model(store.engine, state=State.PENDING)
    assert [request.model for request in pending] == ["elpv/2", "other/1", "elpv/3"]
    assert requests.log(store.engine, "elpv", 1)[-1].reason == "elpv/2, which is newer, was promoted"


def test_asking_again_keeps_the_open_request(store: Store) -> None:
    assert filed(store).id == filed(store).id
    assert len(moves(store)) == 1


def test_what_a_person_rejected_is_not_asked_for_again(store: Store) -> None:
    requests.transition(store, filed(store), State.PENDING, State.REJECTED, BOB, "no")

    assert filed(store).state == State.REJECTED


def test_what_was_only_withdrawn_is_asked_for_again(store: Store) -> None:
    first = filed(store)
    requests.transition(store, first, State.PENDING, State.WITHDRAWN, ADA, "a mistake")

    again = filed(store)

    assert again.id != first.id
    assert [request.version for request in requests.of_model(store.engine, "elpv", State.PENDING)] == [1]


def test_the_database_takes_one_open_request_for_a_version(store: Store) -> None:
    filed(store)
    twin = {"name": "elpv", "version": 1, "state": State.PENDING, "weights_sha256": "w", "artifact_sha256": "a"}
    with Session(store.engine) as session:
        session.add(Request(**twin, requested_by="eve", requested_at=datetime.now(UTC)))
        with pytest.raises(IntegrityError):
            session.commit()


APPEND_ONLY = {
    "sqlite": [
        "UPDATE audit SET actor = 'eve'",
        "DELETE FROM audit",
        "DELETE FROM audit_head",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit",
        "REPLACE INTO audit_head SELECT * FROM audit_head",
    ],
    "postgresql": [
        "UPDATE audit SET actor = 'eve'",
        "DELETE FROM audit",
        "DELETE FROM audit_head",
        "TRUNCATE audit",
        "TRUNCATE audit_head",
    ],
}


def test_the_log_can_only_grow(database: str, store: Store) -> None:
    filed(store)

    for statement in APPEND_ONLY[database]:
        with store.engine.begin() as connection, pytest.raises(DatabaseError, match="append-only"):
            connection.execute(text(statement))

    assert moves(store) == [(None, "pending", "ada")]
    assert audit.verify(store).intact


def test_a_request_that_was_changed_by_hand_is_not_believed(store: Store) -> None:
    request = filed(store)
    with store.engine.execution_options(dfpt_write=True).begin() as connection:
        connection.execute(update(Request).values(artifact_sha256="other"))
    changed = requests.latest(store.engine, "elpv", 1)
    assert changed is not None

    agreement.require(store.engine, request)
    with pytest.raises(LogDamaged, match="other files"):
        agreement.require(store.engine, changed)
