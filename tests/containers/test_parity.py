"""What ran on the laptop is what runs in the image: one graph in four contexts, the same numbers, the same failures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dfpt.errors import EXIT_PENDING, EXIT_REFUSED, EXIT_USAGE
from tests.containers import parity
from tests.containers.parity import CONTEXTS, WEIGHTS, Made


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder for each context."""
    return {name: tmp_path_factory.mktemp(name.replace(" ", "-")) for name in CONTEXTS}


@pytest.fixture(scope="module", autouse=True)
def engine(docker_host: str, image: str) -> Iterator[None]:
    os.environ["DOCKER_HOST"] = docker_host
    yield
    del os.environ["DOCKER_HOST"]


@pytest.fixture(scope="module")
def made(places: dict[str, Path]) -> dict[str, Made]:
    found = {name: context(places[name]) for name, context in CONTEXTS.items()}
    if out := os.environ.get("PARITY_OUT"):
        parity.write(Path(out), found)
    return found


def test_every_context_ends_well(made: dict[str, Made]) -> None:
    ended = {name: one.code for name, one in made.items()}
    said = "\n".join(one.said[-2000:] for one in made.values() if one.code not in (0, EXIT_PENDING))
    assert ended == {
        "functions": 0,
        "dvc": 0,
        "kfp.local processes": EXIT_PENDING,
        "kfp.local containers": EXIT_PENDING,
    }, said
    assert {one.outcome for one in made.values()} == {"pass"}


@pytest.mark.parametrize("model", WEIGHTS)
def test_the_weights_are_the_same_bytes_everywhere(model: str, made: dict[str, Made]) -> None:
    assert len({one.weights[model] for one in made.values()}) == 1, {n: one.weights[model] for n, one in made.items()}


def test_every_figure_but_those_of_the_clock_is_the_same_number_everywhere(made: dict[str, Made]) -> None:
    first, *others = made.values()
    assert first.figures["models"]["student"]["accuracy"] > 0.5
    assert all(one.figures == first.figures for one in others)


@pytest.mark.parametrize("name", CONTEXTS)
def test_a_failing_step_fails_everywhere_with_its_reason(name: str, tmp_path: Path) -> None:
    failed = CONTEXTS[name](tmp_path, "teacher.model=timm:no-such-net")
    assert failed.code == (255 if name == "dvc" else EXIT_USAGE)  # DVC has one code for all that fails
    assert "no-such-net" in failed.said
    assert failed.outcome is None
    assert failed.weights.keys() <= {"baseline"}


@pytest.mark.parametrize("name", ["kfp.local processes", "kfp.local containers"])
def test_a_gate_that_says_no_ends_with_its_code(name: str, places: dict[str, Path], made: dict[str, Made]) -> None:
    refused = CONTEXTS[name](places[name], "gate.digits.min_accuracy=1.0")
    assert refused.code == EXIT_REFUSED
