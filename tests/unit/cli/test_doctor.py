from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
import typer

from dfpt.cli import doctor


def findings(home: Path) -> dict[str, doctor.Finding]:
    return {finding.name: finding for finding in doctor.examine(home)}


def test_it_looks_without_changing_anything(tmp_path: Path) -> None:
    assert findings(tmp_path / "new" / "home")["state folder"].ok
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_named_with_the_command_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "_TRAINING", ("json", "no_such_package"))
    with pytest.raises(typer.Exit) as ended:
        doctor.command(tmp_path, as_json=False)
    assert ended.value.exit_code == 1
    said = capsys.readouterr().out
    assert "no_such_package" in said
    assert "pip install" in said


def test_what_is_not_essential_ends_well(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "_DEMO", ("no_such_package",))
    monkeypatch.setattr(doctor, "_DISK_BYTES", 0)
    doctor.command(tmp_path, as_json=True)
    found = {finding["name"]: finding for finding in json.loads(capsys.readouterr().out)}
    assert not found["demo packages"]["ok"]
    assert found["demo packages"]["fix"]


def test_a_state_folder_that_is_a_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert not findings(tmp_path / "file")["state folder"].ok


def test_a_disk_that_is_too_small_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "_DISK_BYTES", 1 << 62)
    assert not findings(tmp_path)["disk"].ok


def test_a_taken_port_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(doctor, "_PORT", server.getsockname()[1])
        assert not findings(tmp_path)["port"].ok
