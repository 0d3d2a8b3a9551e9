from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError, IntegrityError
from sqlalchemy.orm import Session

from dfpt.registry import requests
from dfpt.registry.actor import Actor
from dfpt.registry.database import Request, State, open_database
from dfpt.registry.errors import WrongState

ADA = Actor("ada", "ada")
BOB = Actor("bob", "robert")


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_database(tmp_path)


def filed(engine: Engine, version: int = 1, name: str = "elpv") -> Request:
    return requests.file(engine, name, version, f"w{version}", f"a{version}", ADA)[0]


def moves(engine: Engine, version: int = 1) -> list[tuple[str | None, str, str]]:
    return [(record.before, record.after, record.actor) for record in requests.log(engine, "elpv", version)]


def test_a_move_and_its_record_say_who_when_what_and_why(engine: Engine) -> None:
    request = filed(engine)

    requests.transition(engine, request, State.PENDING, State.REJECTED, BOB, "too many misses")

    record = requests.log(engine, "elpv", 1)[-1]
    assert (record.actor, record.account, record.reason, record.weights_sha256) == (
        "bob",
        "robert",
        "too many misses",
        "w1",
    )
    assert timedelta(0) <= datetime.now(UTC) - record.at < timedelta(minutes=1)
    assert moves(engine) == [(None, "pending", "ada"), ("pending", "rejected", "bob")]


def test_of_two_decisions_the_first_counts(engine: Engine) -> None:
    request = filed(engine)
    requests.transition(engine, request, State.PENDING, State.APPROVED, ADA, "good")

    with pytest.raises(WrongState, match="is approved"):
        requests.transition(engine, request, State.PENDING, State.REJECTED, BOB, "bad")

    assert moves(engine) == [(None, "pending", "ada"), ("pending", "approved", "ada")]


def test_a_move_without_its_record_does_not_happen(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    request = filed(engine)
    monkeypatch.setattr(requests, "_note", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        requests.transition(engine, request, State.PENDING, State.APPROVED, ADA, "good")

    found = requests.latest(engine, "elpv", 1)
    assert found is not None
    assert found.state == State.PENDING


@pytest.mark.parametrize("closed", [State.REJECTED, State.PROMOTED, State.SUPERSEDED])
def test_a_closed_request_goes_nowhere(engine: Engine, closed: State) -> None:
    with pytest.raises(ValueError, match="cannot go"):
        requests.transition(engine, filed(engine), closed, State.APPROVED, ADA, "good")


def test_a_newer_candidate_supersedes_the_pending_one_of_its_model_alone(engine: Engine) -> None:
    filed(engine, 1)
    filed(engine, 1, name="other")

    newer, superseded = requests.file(engine, "elpv", 2, "w2", "a2", BOB)

    assert [request.version for request in superseded] == [1]
    assert [request.version for request in requests.of_model(engine, "elpv", State.PENDING)] == [newer.version]
    assert len(requests.of_model(engine, "other", State.PENDING)) == 1
    assert requests.log(engine, "elpv", 1)[-1].reason == "elpv/2 is newer"


def test_asking_again_keeps_the_open_request(engine: Engine) -> None:
    assert filed(engine).id == filed(engine).id
    assert len(moves(engine)) == 1


def test_what_a_person_rejected_is_not_asked_for_again(engine: Engine) -> None:
    requests.transition(engine, filed(engine), State.PENDING, State.REJECTED, BOB, "no")

    assert filed(engine).state == State.REJECTED


def test_what_was_only_superseded_is_asked_for_again(engine: Engine) -> None:
    first = filed(engine, 1)
    filed(engine, 2)

    again = filed(engine, 1)

    assert again.id != first.id
    assert [request.version for request in requests.of_model(engine, "elpv", State.PENDING)] == [1]


def test_the_database_takes_one_open_request_for_a_version(engine: Engine) -> None:
    filed(engine)
    twin = {"name": "elpv", "version": 1, "state": State.PENDING, "weights_sha256": "w", "artifact_sha256": "a"}
    with Session(engine) as session:
        session.add(Request(**twin, requested_by="eve", requested_at=datetime.now(UTC)))
        with pytest.raises(IntegrityError):
            session.commit()


@pytest.mark.parametrize("statement", ["UPDATE log SET actor = 'eve'", "DELETE FROM log"])
def test_the_log_can_only_grow(engine: Engine, statement: str) -> None:
    filed(engine)

    with engine.begin() as connection, pytest.raises(DatabaseError, match="append-only"):
        connection.execute(text(statement))

    assert moves(engine) == [(None, "pending", "ada")]
