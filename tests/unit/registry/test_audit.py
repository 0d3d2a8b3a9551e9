"""The log as evidence: what was done to it behind the program's back is found, and the first bad record named."""

from __future__ import annotations

import hashlib
import json
import stat
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import text

from dfpt.errors import StepFailed
from dfpt.registry import agreement, audit, canonical, export, head, requests, signing
from dfpt.registry.actor import Actor
from dfpt.registry.database import State
from dfpt.registry.errors import LogDamaged
from dfpt.registry.store import URL_VARIABLE, Store, open_store
from tests.unit.registry.tampering import tamper

pytest_plugins = "tests.unit.registry.databases"

ADA, BOB = Actor("ada", "ada", "10.0.0.7"), Actor("bob", "bob", "10.0.0.8")


def five_records(store: Store) -> None:
    for version in (1, 2, 3):
        requests.file(store, "elpv", version, f"w{version}", f"a{version}", ADA)
    for version in (1, 2):
        request = requests.latest(store.engine, "elpv", version)
        assert request is not None
        requests.transition(store, request, State.PENDING, State.REJECTED, BOB, "misses cracks")


def test_an_untouched_log_is_intact(store: Store) -> None:
    five_records(store)

    found = audit.verify(store)

    assert (found.intact, found.records, found.first_bad, found.problem) == (True, 5, None, None)


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


def test_a_remembered_head_that_cannot_be_read_is_no_excuse(store: Store) -> None:
    five_records(store)
    (store.home / head.FILE).write_text("{")

    assert not audit.verify(store).intact


def test_what_was_written_after_a_crash_before_the_head_was_remembered_is_intact(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests.file(store, "elpv", 1, "w1", "a1", ADA)
    with monkeypatch.context() as broken:
        broken.setattr(head, "remember", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            requests.file(store, "elpv", 2, "w2", "a2", ADA)

    requests.file(store, "elpv", 3, "w3", "a3", ADA)

    assert audit.verify(store) == audit.Verification(True, 3, audit.verify(store).head)


def test_the_key_is_its_owners_alone(store: Store) -> None:
    five_records(store)
    path = store.home / signing.FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    path.chmod(0o644)

    with pytest.raises(StepFailed, match="chmod 600"):
        requests.file(store, "elpv", 4, "w4", "a4", ADA)


def test_another_key_does_not_go_on_with_the_log(store: Store) -> None:
    five_records(store)
    (store.home / signing.FILE).unlink()

    with pytest.raises(LogDamaged, match="another key"):
        requests.file(store, "elpv", 4, "w4", "a4", ADA)


def test_the_export_can_be_verified_without_this_program(store: Store) -> None:
    five_records(store)

    lines = list(export.json_lines(store))

    previous = "0" * 64
    for number, line in enumerate(lines, start=1):
        record = json.loads(line)
        digest = record.pop("hash")
        written = json.dumps(record, sort_keys=True, separators=(",", ":"))
        assert hashlib.sha256(written.encode()).hexdigest() == digest
        assert (record["seq"], record["previous_hash"]) == (number, previous)
        previous = digest
    assert previous == audit.verify(store).head


def test_state_folders_that_share_a_database_sign_with_the_key_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(URL_VARIABLE, f"sqlite:///{tmp_path / 'shared.db'}")

    def write(folder: str) -> audit.Verification:
        store = open_store(tmp_path / folder)
        with store.writing() as log:
            log.append(Actor("ada", "account"), "looked", "a test")
        return audit.verify(store)

    write("one")
    with pytest.raises(LogDamaged, match="another key"):
        write("two")
    (tmp_path / "shared.db").unlink()
    monkeypatch.setenv(signing.VARIABLE, (tmp_path / "one" / signing.FILE).read_text())
    assert write("three").intact
    assert write("four").intact
    assert not (tmp_path / "three" / signing.FILE).exists()


@pytest.mark.parametrize("given", ["rubbish", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_variable_that_holds_no_key_is_refused_and_not_repeated(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(signing.VARIABLE, given)
    with pytest.raises(StepFailed, match=signing.VARIABLE) as refused:
        signing.key(tmp_path)
    assert given not in str(refused.value)


def test_openssl_confirms_the_signature_with_the_exported_key(store: Store, tmp_path: Path) -> None:
    five_records(store)
    signed = head.remembered(store.home)
    assert signed is not None
    (tmp_path / "key.pem").write_text(signing.public_pem(signing.key(store.home)))
    (tmp_path / "signature").write_bytes(bytes.fromhex(signed.signature))
    (tmp_path / "content").write_text(f'{{"count":5,"hash":"{signed.hash}"}}')

    check = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin"]
    done = subprocess.run(
        [*check, "-in", "content", "-sigfile", "signature"], cwd=tmp_path, capture_output=True, text=True
    )

    assert "Success" in done.stdout, done.stderr


def test_csv_has_a_title_line_and_no_formulas(store: Store) -> None:
    import csv

    requests.file(store, "elpv", 1, "w1", "a1", ADA, reason='=HYPERLINK("http://example.org")\nsecond line, "quoted"')

    titles, record = csv.reader("".join(export.csv_lines(store)).splitlines(keepends=True))

    found = dict(zip(titles, record, strict=True))
    assert found["reason"] == '\'=HYPERLINK("http://example.org")\nsecond line, "quoted"'
    assert (found["seq"], found["actor"], found["origin"]) == ("1", "ada", "10.0.0.7")


@pytest.mark.parametrize("value", [0.5, {"a": [1.0]}, {1: "a"}])
def test_what_languages_write_differently_is_no_record(value: object) -> None:
    with pytest.raises(TypeError):
        canonical.encode(value)


def test_the_canonical_form_is_what_it_has_always_been() -> None:
    record = {"b": "Ärger \U0001f600", "a": None, "hash": "ignored", "c": {"y": [1, True], "x": ""}}

    assert canonical.encode(record["c"]) == '{"x":"","y":[1,true]}'
    assert (
        canonical.record_hash(record)
        == hashlib.sha256(b'{"a":null,"b":"\\u00c4rger \\ud83d\\ude00","c":{"x":"","y":[1,true]}}').hexdigest()
    )
