"""Of many containers that end at once with many codes, every failure is one and every success is one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dfpt.errors import StepFailed, UsageError
from pipelines import containers

ALONE = {"network_mode": "none"}


@pytest.fixture
def client(docker_host: str, image: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("DOCKER_HOST", docker_host)
    found = containers.client()
    yield found
    found.close()


def test_no_failure_is_taken_for_a_success(client: Any, image: str) -> None:
    wanted = [3, 0, 1, 3, 0, 2, 137, 3, 0, 3] * 2
    ended = [containers.run_container(client, image, ["sh", "-c", f"exit {code}"], {}, **ALONE) for code in wanted]
    assert ended == wanted


def test_what_a_container_says_is_passed_on_and_nothing_of_it_is_left(
    client: Any, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mark = {"dfpt.test": "left-over"}
    said = ["sh", "-c", "printf 'grün\\n'; exit 1"]
    containers.run_container(client, image, said, {}, labels=mark, **ALONE)
    assert capsys.readouterr().out == "grün\n"
    assert client.containers.list(all=True, filters={"label": "dfpt.test=left-over"}) == []


def test_a_missing_image_and_one_with_other_code_are_wrong_usage(
    client: Any, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="no image"):
        containers.check(client, "no-such-image:1")
    containers.check(client, image)
    monkeypatch.setattr(containers, "code_revision", lambda: "other")
    with pytest.raises(UsageError, match="holds other code"):
        containers.check(client, image)


def test_an_image_that_is_gone_when_a_step_starts_is_no_success(client: Any) -> None:
    with pytest.raises(StepFailed, match="engine failed"):
        containers.run_container(client, "no-such-image:1", ["true"], {})


def test_no_engine_is_wrong_usage_that_says_how_to_start_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(UsageError, match="No container engine answers") as caught:
        containers.client()
    assert "podman system service" in caught.value.remedy
