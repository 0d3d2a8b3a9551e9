"""What goes to standard output and how a command ends, whatever its surroundings: --json is one document alone, a
wrong word ends with 2, nothing ends with a traceback."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from dfpt.cli import main
from dfpt.errors import EXIT_FAILED, EXIT_REFUSED, EXIT_USAGE
from tests.approvals_service import Desk
from tests.unchanged import unchanged

pytest_plugins = "tests.approvals_service"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """``dfpt`` as a process has it: exit code, and all that came to the two outputs, libraries' words too."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # this process is pytest's
    monkeypatch.setattr("atexit.register", lambda *_: None)

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["dfpt", *words])
        capfd.readouterr()
        code = 0
        try:
            main.main()
        except SystemExit as end:
            code = int(end.code or 0)
        said = capfd.readouterr()
        assert "Traceback" not in said.err
        return code, said.out, said.err

    return run


def document(text: str) -> Any:
    """The one JSON document that ``text`` is; NaN is none."""

    def refuse(word: str) -> None:
        raise ValueError(word)

    return json.loads(text, parse_constant=refuse)


SCHEDULE = {"schedules": {"weekly": {"cron": "0 0 2 * * 1", "run": {"profile": "smoke", "data": "digits"}}}}

ANYWHERE = [
    "doctor",
    "data quarantine list",
    "data versions",
    "data fetch digits --dry-run",
    "data profile digits --dry-run",
    "schedule check",
    "pipeline compile --dry-run",
    "pipeline submit --dry-run --data digits",
    "triggers poll --dry-run",
    "triggers list",
    "approvals user list",
    "approvals user add ada --dry-run",
]


@pytest.mark.parametrize("line", ANYWHERE)
def test_json_is_one_document_and_all_of_standard_output(
    line: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("schedules.yaml").write_text(yaml.safe_dump(SCHEDULE))
    code, out, err = run(*line.split(), "--json")
    assert code == 0, err
    document(out)
    assert {path.name for path in tmp_path.iterdir()} == {"schedules.yaml"}, "looking has made something"


OF_A_REGISTRY = [
    ("model list", 0),
    ("model show elpv/1", 0),
    ("model sweep --dry-run --as carol", 0),
    ("model approve elpv/1 --reason good --as bob --dry-run", 0),
    ("model reject elpv/1 --reason bad --as bob --dry-run", 0),
    ("model withdraw elpv/1 --reason mine --as ada --dry-run", 0),
    ("model history elpv", 0),
    ("model request elpv/1 --reason again --as eve --dry-run", EXIT_REFUSED),
    ("audit verify", 0),
    ("audit export", 0),
    ("audit key", 0),
    ("audit reconcile --dry-run --as carol", 0),
    ("notifications list", 0),
    ("notifications send --dry-run", 0),
    ("approvals token list", 0),
]


def test_so_it_is_of_what_asks_the_registry_which_stays_as_it_is(desk: Desk, run: Run) -> None:
    desk.submit("ada")
    for line, expected in OF_A_REGISTRY:
        with unchanged(desk.registry.home):
            code, out, err = run(*line.split(), "--json", "--home", str(desk.registry.home))
        assert code == expected, (line, err)
        assert (out == "") if expected else document(out) is not None, line


WRONG = {
    "doctor": {"--home": "afile"},
    "model list": {"--home": "afile"},
    "model show elpv": {},
    "model show elpv/one": {},
    "model show elpv/99999999999999999999": {},
    "approvals serve --host 999.1.1.1": {},
    "model approve elpv/1 --reason x": {"--home": "absent"},
    "model history elpv --at yesterday": {"--home": "absent"},
    "audit verify --since 7": {"--home": "absent"},
    "audit export --json --format csv": {"--home": "absent"},
    "approvals user add a/b": {},
    "approvals user link nobody": {},
    "approvals token create nobody --label x --scope read": {},
    "notifications send --watch 5 --dry-run": {},
    "data validate folder:absent": {},
    "data validate folder:afile": {},
    "data validate parquet:afile": {},
    "data fetch nothing": {},
    "data profile folder:absent": {},
    "data drift --reference folder:absent --current digits": {},
    "data add absent": {},
    "data push": {},
    "data pull --dry-run": {},
    "data quarantine release 123 --reason x": {},
    "pipeline status": {},
    "pipeline compile": {"--config": "afile"},
    "pipeline compile --image x": {"--out": "empty"},
    "audit key": {"--home": "empty"},
    "pipeline compile --dry-run": {"--set": "clustr.image=x"},
    "pipeline submit": {"--profile": "nope"},
    "schedule check": {"--file": "absent"},
    "schedule list": {"--file": "afile"},
    "schedule diff": {"--file": "empty"},
    "triggers poll": {"--file": "binary"},
    "bench distill --suite nope": {},
    "bench seeds --summarise": {"--out": "absent"},
    "bench throughput --pair resnet": {},
    "step prepare": {},
    "run --from nothing": {},
    "run --data digits": {"--config": "binary"},
    "up": {"--home": "absent"},
}


@pytest.mark.parametrize("line", WRONG)
def test_wrong_words_and_places_end_with_2_and_a_hint(
    line: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("afile").write_text("a file\n")
    Path("binary").write_bytes(bytes(range(256)) * 64)
    Path("empty").mkdir()
    code, out, err = run(*line.split(), *(word for pair in WRONG[line].items() for word in pair))
    assert code == EXIT_USAGE, err
    assert out == ""
    assert " failed: " not in err  # the name of an exception is no explanation
    assert "  -> " in err
    assert Path("empty").is_dir(), "a file has taken the place of a folder"
    assert {path.name for path in tmp_path.iterdir()} <= {"afile", "binary", "empty", "dfpt-home"}


SURROUNDINGS = {
    "DFPT_SEED=many": "seed",
    "DFPT_NOPE=1": "nope",
    "DFPT_PROFILE=smok": "smoke",
}


@pytest.mark.parametrize("setting", SURROUNDINGS)
def test_a_setting_of_the_environment_that_is_wrong_is_named(
    setting: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, _, value = setting.partition("=")
    monkeypatch.setenv(name, value)
    code, _, err = run("pipeline", "compile", "--dry-run")
    assert code == EXIT_USAGE
    assert SURROUNDINGS[setting] in err


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("DFPT_REGISTRY_URL", "garbage", EXIT_USAGE),
        ("DFPT_REGISTRY_URL", "mysql://x", EXIT_USAGE),
        ("DFPT_REGISTRY_URL", "postgresql://u:secret@127.0.0.1:9/x", EXIT_FAILED),
        ("DFPT_HOME", "x" * 5000, EXIT_USAGE),
        ("DFPT_HOME", "/proc/none", EXIT_USAGE),
    ],
)
def test_a_registry_that_cannot_be_reached_is_explained(
    name: str, value: str, expected: int, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    code, out, err = run("notifications", "list", "--json")
    assert (code, out) == (expected, "")
    assert "  -> " in err
    assert "secret" not in err
    assert len(err) < 600


def test_a_file_that_is_no_database_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "registry.db").write_bytes(b"no database" * 500)
    code, _, err = run("audit", "verify", "--home", str(tmp_path))
    assert code == EXIT_FAILED
    assert "registry.db cannot be used" in err
    assert "backup" in err


def test_an_address_of_mlflow_that_is_none_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "mlflow.example.org")
    code, _, err = run("model", "list")
    assert code == EXIT_USAGE
    assert "MLFLOW_TRACKING_URI is 'mlflow.example.org'" in err


def test_a_server_of_mlflow_that_is_away_is_said_within_seconds(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")  # what the command sets otherwise is 2
    code, _, err = run("model", "list", "--home", str(tmp_path))
    assert code == EXIT_FAILED
    assert "MLflow does not answer" in err
    assert "MLFLOW_TRACKING_URI" in err


def test_letters_that_the_terminal_has_not_end_no_command(tmp_path: Path, root: Path) -> None:
    surroundings = os.environ | {
        "PYTHONIOENCODING": "ascii",
        "PYTHONPATH": str(root),
        "DFPT_HOME": str(tmp_path / "家"),
    }
    command = [sys.executable, "-m", "dfpt.cli.main", "doctor"]
    for more in ([], ["--json"]):
        done = subprocess.run([*command, *more], env=surroundings, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
    assert any(finding["found"].endswith("家") for finding in json.loads(done.stdout))


def test_ctrl_c_ends_a_command_with_1_and_a_sentence(root: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"http://127.0.0.1:{silent.getsockname()[1]}"
        surroundings = os.environ | {"PYTHONPATH": str(root), "DFPT_CLUSTER__HOST": host}
        command = [sys.executable, "-m", "dfpt.cli.main", "pipeline", "status"]
        running = subprocess.Popen(
            command, env=surroundings, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        silent.settimeout(60)
        connection, _ = silent.accept()  # it waits for an answer now
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
        connection.close()
    assert running.returncode == EXIT_FAILED
    assert "interrupted" in err
    assert "Traceback" not in err
    assert out == ""
