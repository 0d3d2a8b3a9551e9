"""A request that was changed behind the log is found: who asked, for what, who approved, with which marks."""

from __future__ import annotations

import pytest

from dfpt.registry import agreement, audit, requests
from dfpt.registry.actor import Actor
from dfpt.registry.database import State
from dfpt.registry.errors import LogDamaged
from dfpt.registry.store import Store
from tests.unit.registry.logs import ADA, five_records
from tests.unit.registry.tampering import tamper

pytest_plugins = "tests.unit.registry.databases"


def test_a_request_changed_behind_the_log_is_found(store: Store) -> None:
    five_records(store)
    honest = "UPDATE requests SET state = 'pending', weights_sha256 = 'w3' WHERE version = 3"

    for change in ("state = 'approved'", "weights_sha256 = 'other'", "artifact_sha256 = 'other'"):
        tamper(store.engine, honest, f"UPDATE requests SET {change} WHERE version = 3")
        found = audit.verify(store)
        assert (found.first_bad, "Request 3" in str(found.problem)) == (3, True)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE requests SET requested_by = 'bob' WHERE version = 3",
        "UPDATE requests SET requested_account = 'bob' WHERE version = 3",
        "UPDATE requests SET requested_account = NULL WHERE version = 3",
        "UPDATE requests SET trained_by = '' WHERE version = 3",
        "UPDATE requests SET requested_at = '2036-01-01 00:00:00' WHERE version = 3",
        "INSERT INTO votes (request_id, person, account, at, reason) "
        "VALUES (3, 'bob', 'bob', '2026-01-01 00:00:00', 'looked at it')",
        "UPDATE votes SET person = 'bob', account = 'bob'",
        "DELETE FROM votes",
    ],
)
def test_who_asked_for_and_who_approved_a_request_cannot_be_changed_behind_the_log(store: Store, change: str) -> None:
    """Else four eyes are two: who owns the database makes somebody else the one who asked, or votes in his name."""
    requests.file(store, "elpv", 1, "w1", "a1", ADA)
    requests.file(store, "elpv", 2, "w2", "a2", ADA)
    request = requests.file(store, "elpv", 3, "w3", "a3", ADA, trained_by="carol")
    requests.vote(store, request, Actor("dan", "dan"), "fine")
    agreement.require(store.engine, request)
    assert audit.verify(store).intact

    tamper(store.engine, change)
    found = audit.verify(store)
    assert not found.intact
    assert "Request 3 (elpv/3)" in str(found.problem)
    changed = requests.latest(store.engine, "elpv", 3)
    assert changed is not None
    with pytest.raises(LogDamaged, match=r"request 3 \(elpv/3\)"):
        agreement.require(store.engine, changed)


@pytest.mark.parametrize("change", ["name = 'screws'", "version = 9"])
def test_a_request_does_not_become_one_for_another_model(store: Store, change: str) -> None:
    request = requests.file(store, "elpv", 3, "w3", "a3", ADA)

    tamper(store.engine, f"UPDATE requests SET {change}")

    assert "was filed for elpv/3" in str(audit.verify(store).problem)
    (changed,) = requests.of_model(store.engine)
    with pytest.raises(LogDamaged, match="was filed for elpv/3"):
        agreement.require(store.engine, changed)
    assert changed.id == request.id


@pytest.mark.parametrize(
    "change",
    [
        "self_approved = false",
        "emergency = false",
        "automatic = false",
        "decided_by = 'bob'",
        "decision_reason = 'fine'",
    ],
)
def test_the_marks_of_an_approval_stay_for_ever(store: Store, change: str) -> None:
    request = requests.file(store, "elpv", 3, "w3", "a3", ADA)
    details = {"approved_by": ["ada"], "own": True, "emergency": True, "automatic": True}
    marks = {"decided_by": "ada", "self_approved": True, "emergency": True, "automatic": True}
    requests.transition(
        store,
        request,
        State.PENDING,
        State.APPROVED,
        ADA,
        "line stands",
        details,
        decision_reason="line stands",
        **marks,
    )
    assert audit.verify(store).intact

    tamper(store.engine, f"UPDATE requests SET {change}")

    assert "was approved otherwise than it now says" in str(audit.verify(store).problem)
