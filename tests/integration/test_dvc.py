"""``dvc repro`` drives the same steps to the same weights as ``dfpt run``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dfpt.files import sha256
from dfpt.graph import STEPS
from tests import dvc_clone

ROOT = Path(__file__).parents[2]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    return dvc_clone.make(tmp_path)


def dvc(place: Path, *arguments: str) -> str:
    environment = os.environ | {"PATH": dvc_clone.path(place.parent)}
    done = subprocess.run(
        [*dvc_clone.DVC, *arguments],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_dvc_makes_the_same_student_and_repeats_only_what_sees_the_registry(clone: Path) -> None:
    dvc(clone, "repro")  # in the same state folder as ours: which arithmetic is faster is measured once there
    ours = subprocess.run(
        [
            *(sys.executable, "-m", "dfpt.cli.main", "run", "--json"),
            *("--config", str(clone / "params.yaml")),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    weights = clone / "artifacts" / "distil" / "student" / "model.safetensors"
    assert sha256(weights) == json.loads(ours.stdout)["weights_sha256"], ours.stderr

    second = dvc(clone, "repro")
    assert {name for name in STEPS if f"Running stage '{name}'" in second} == {"gate", "register"}
    metrics = json.loads(dvc(clone, "metrics", "show", "--json"))
    assert set(metrics[""]["data"]) == {f"reports/{name}.json" for name in STEPS}
    plots = json.loads(dvc(clone, "plots", "show", "--json"))["data"]
    assert set(plots) == {"loss", "accuracy on val"}
