"""Whose signature the log's head has, and what is known of it outside the database."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from dfpt.errors import StepFailed
from dfpt.registry import audit, head, requests, signing
from dfpt.registry.actor import Actor
from dfpt.registry.errors import LogDamaged
from dfpt.registry.store import URL_VARIABLE, Store, open_store
from tests.unit.registry.logs import ADA, five_records

pytest_plugins = "tests.unit.registry.databases"


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
