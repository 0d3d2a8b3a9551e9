"""What is counted are alarms of the product's own rule in resamples that are what they are called."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from dfpt.bench import drift
from dfpt.cli.main import app
from dfpt.datasets.drift.compare import Described
from dfpt.errors import UsageError

DEFECTIVE = np.arange(1000) % 10 < 3


def drawn(shift: str) -> tuple[np.ndarray, np.ndarray]:
    return drift._drawn(DEFECTIVE, shift, np.random.default_rng(0))


@pytest.mark.parametrize("shift", ["none", *drift.DEFECTS, drift.NEIGHBOURS])
def test_current_and_reference_share_no_image(shift: str) -> None:
    now, before = drawn(shift)
    assert len(now) == drift.IMAGES
    assert len(before) >= drift.IMAGES
    assert len(np.unique(np.append(now, before))) == len(now) + len(before)


@pytest.mark.parametrize(("shift", "factor"), drift.DEFECTS.items())
def test_the_defect_share_grows_in_the_current_images_alone(shift: str, factor: float) -> None:
    now, before = drawn(shift)
    assert DEFECTIVE[now].mean() == pytest.approx(0.3 * factor, abs=0.002)
    assert DEFECTIVE[before].mean() == pytest.approx(0.3, abs=0.002)


def test_neighbours_are_neighbours() -> None:
    now, _ = drawn(drift.NEIGHBOURS)
    assert set(np.diff(now)) <= {1, 1 - len(DEFECTIVE)}


def test_alarms_come_with_the_shift_and_not_without() -> None:
    clean = np.random.default_rng(0).normal(size=(1000, 3))
    pool = drift.Pool({"none": Described(clean), "moved": Described(clean + 1)}, DEFECTIVE)
    told: list[tuple[int, int]] = []
    moved, each = drift._alarms(pool, "moved", 21, lambda *at: told.append(at))
    assert moved["alarms"] == 1
    assert moved["interval"] == pytest.approx([21 / (21 + 1.959964**2), 1])
    assert each["p_values"] == [0.002] * 21
    assert min(each["largest_distances"]) > 0.2
    assert told == [(20, 21), (21, 21)]
    still, each = drift._alarms(pool, "none", 20, lambda *at: None)
    assert still["alarms"] <= 0.2
    assert len(set(each["p_values"])) > 10  # every resample is another


def test_a_source_without_defects_is_refused(tmp_path: Path) -> None:
    command = ["bench", "drift", "--profile", "smoke", "--set", "data.source=digits", "--home", str(tmp_path)]
    done = CliRunner().invoke(app, command)
    assert isinstance(done.exception, UsageError)
    assert "no defective classes" in done.exception.message
    assert not list(tmp_path.rglob("baseline"))  # refused before minutes of training


@pytest.mark.slow
def test_the_command_writes_what_it_prints(tmp_path: Path) -> None:
    quick = ["--quick", "--profile", "smoke", "--resamples", "200", "--rounds", "200", "--pairs", "200"]
    places = ["--home", str(tmp_path / "home"), "--out", str(tmp_path / "out"), "--set", "data.source=elpv"]
    done = CliRunner().invoke(app, ["bench", "drift", *quick, *places, "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found == json.loads((tmp_path / "out" / "drift.json").read_text())
    every = [json.loads(line) for line in (tmp_path / "out" / "resamples.jsonl").read_text().splitlines()]
    assert [len(each["p_values"]) for each in every] == [
        result["resamples"] for results in found["results"].values() for result in results.values()
    ]
    for results in found["results"].values():
        assert results["none"]["resamples"] == 20
        assert results["noise, sigma 0.04"]["alarms"] == 1
    assert found["speed"]["images_a_side"] == 20
