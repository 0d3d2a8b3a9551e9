"""What a container of a run is given to file its request with."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfpt.errors import UsageError
from dfpt.registry import filing

KEYS = ("DFPT_APPROVALS_URL", "DFPT_APPROVALS_TOKEN", "DFPT_APPROVALS_TOKEN_FILE", "DFPT_REGISTRY_URL")


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in KEYS:
        monkeypatch.delenv(key, raising=False)


def test_nothing_where_the_registry_lies_in_the_state_folder() -> None:
    assert filing.of_a_container() == {}


def test_the_service_and_the_token_itself_whose_file_is_not_in_the_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DFPT_APPROVALS_URL", "http://127.0.0.1:8090")
    with pytest.raises(UsageError, match="No token"):
        filing.of_a_container()

    monkeypatch.setenv("DFPT_APPROVALS_TOKEN_FILE", str(tmp_path / "token"))
    with pytest.raises(UsageError, match="Cannot read the token"):
        filing.of_a_container()

    (tmp_path / "token").write_text("secret\n")
    given = {"DFPT_APPROVALS_URL": "http://127.0.0.1:8090", "DFPT_APPROVALS_TOKEN": "secret"}
    assert filing.of_a_container() == given

    monkeypatch.setenv("DFPT_REGISTRY_URL", "postgresql://somewhere/registry")
    assert filing.of_a_container() == given


def test_never_the_registrys_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DFPT_REGISTRY_URL", "postgresql://somewhere/registry")
    with pytest.raises(UsageError, match="DFPT_REGISTRY_URL"):
        filing.of_a_container()
