"""The benchmarks' quick forms, as one calls them: they go the whole way that the long ones go."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


def bench(*words: str) -> Any:
    command = [sys.executable, "-m", "dfpt.cli.main", "bench", *words, "--quick", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=3600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_tier_on_elpv(tmp_path: Path) -> None:
    found = bench("distill", "--suite", "elpv", "--home", str(tmp_path))
    tiers = {(row["method"], row["tier"]) for row in found["methods"]}
    methods = ("plain", "kd", "dfpt_kd", "dfpt_kd_plus")
    assert tiers == {(method, tier) for method in methods for tier in ("screened", "confirmed")} | {
        ("teacher", "confirmed")
    }
    assert {goal["goal"] for goal in found["goals"]} >= {"accuracy less kd's", "accuracy less plain's"}
    assert found["ablations"]
    assert found["gap"]["pairs"]


def test_a_training_steps_time(tmp_path: Path) -> None:
    (result,) = bench("throughput", "--home", str(tmp_path))["results"]
    assert 1 < result["mac_ratios"]["dfpt_kd/kd"] < result["mac_ratios"]["dfpt_kd_plus/kd"]
    assert result["ratios"]["dfpt_kd/kd"] > 1


def test_the_preparation_of_images() -> None:
    found = bench("ingest")["results"]
    assert all(rate > 0 for result in found.values() for rate in result["images_per_second"].values())
