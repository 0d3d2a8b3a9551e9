"""What is timed is the product's own training step; how fast it is belongs to no test."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from dfpt.bench import throughput
from dfpt.bench.throughput import Pair
from dfpt.cli.bench.throughput import _networks
from dfpt.cli.main import app
from dfpt.errors import UsageError

SMALL = Pair("resnet8", "tiny_20k", 4, 8, 4)


def test_every_variant_is_measured_and_compared(tmp_path: Path) -> None:
    found = throughput.run([SMALL], 2, tmp_path, lambda done, total: None)
    assert found["machine"].keys() >= {"date", "dfpt", "processor", "torch"}
    (result,) = found["results"]
    assert result["pair"] == asdict(SMALL)
    assert result["variants"].keys() == throughput.VARIANTS.keys()
    for figures in result["variants"].values():
        assert len(figures["seconds"]) == 2
        assert all(math.isfinite(value) and value > 0 for value in figures["seconds"])
        assert figures["peak_memory"] > 50 * 2**20
    kd, contiguous = result["variants"]["kd"]["seconds"], result["variants"]["kd_fp32_contiguous"]["seconds"]
    expected = sum(a / b for a, b in zip(kd, contiguous, strict=True)) / 2  # the median of two
    assert result["ratios"]["kd/kd_fp32_contiguous"] == pytest.approx(expected)
    assert found["matmul_flops_per_second"].keys() == {"float32", "bfloat16"}


def test_the_ratios_are_those_of_the_first_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throughput, "_peak_memory", lambda *_: 0)  # measured above; a process each takes seconds
    told: list[tuple[int, int]] = []
    other = replace(SMALL, student="resnet8")
    found = throughput.run([SMALL, other], 2, tmp_path, lambda *at: told.append(at))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    first, second = found["results"]
    assert second["pair"] == asdict(other)
    assert (found["ratios"], found["mac_ratios"]) == (first["ratios"], first["mac_ratios"])
    assert {"dfpt_kd/kd", "dfpt_kd_plus/kd", "kd/kd_fp32_contiguous"} <= found["ratios"].keys()
    assert {"dfpt_kd/kd", "dfpt_kd_plus/kd"} <= found["mac_ratios"].keys()
    assert found["mac_ratios"] != second["mac_ratios"]


def test_the_arithmetic_of_the_published_pair_is_the_known_one() -> None:
    """A teacher's forward pass and a student's step make KD; the prompt path adds the frozen stages both ways."""
    pair = Pair("resnet32x4", "resnet8x4", 100, 32, 1)
    kd = throughput._macs(pair, "kd")
    assert throughput._macs(pair, "dkd") == kd
    assert throughput._macs(pair, "dfpt_kd") / kd == pytest.approx(1.99, abs=0.005)
    assert throughput._macs(pair, "dfpt_kd_plus") / kd == pytest.approx(2.44, abs=0.01)
    assert throughput._macs(pair, "kd_cached") < kd / 3


@pytest.mark.parametrize("variant", throughput.VARIANTS)
def test_a_step_trains_the_student_and_leaves_the_teacher(variant: str) -> None:
    task, labels, inputs = throughput._task(SMALL, variant)
    teacher = task.teacher.teacher if variant.startswith("dfpt") else task.teacher  # type: ignore[attr-defined]
    taught = {name: tensor.clone() for name, tensor in teacher.state_dict().items()}
    before = {name: tensor.clone() for name, tensor in task.trained.state_dict().items()}
    optimiser = throughput.optimiser_of(task, throughput.Recipe())
    throughput.update(optimiser, task.losses(labels, *inputs(), progress=1.0))
    assert all(torch.equal(tensor, taught[name]) for name, tensor in teacher.state_dict().items())
    moved = {
        name.split(".")[0]
        for name, tensor in task.trained.state_dict().items()
        if not torch.equal(tensor, before[name])
    }
    assert moved == ({"student", "path"} if variant.startswith("dfpt") else {"student"})


@pytest.mark.parametrize(
    ("names", "pair"),
    [
        ("resnet8:tiny_20k", ("resnet8", "tiny_20k")),
        ("timm:resnet10t:tiny_20k", ("timm:resnet10t", "tiny_20k")),
        ("resnet8:torchvision:resnet18", ("resnet8", "torchvision:resnet18")),
        ("timm:resnet10t:timm:resnet14t", ("timm:resnet10t", "timm:resnet14t")),
    ],
)
def test_a_model_of_another_library_has_a_colon_of_its_own(names: str, pair: tuple[str, str]) -> None:
    assert _networks(names) == pair


@pytest.mark.parametrize(
    ("pair", "said"), [("resnet8", "not two networks"), ("resnet8:no_such", "not two networks"), (":", "not two")]
)
def test_what_cannot_be_measured_is_refused(tmp_path: Path, pair: str, said: str) -> None:
    result = CliRunner().invoke(app, ["bench", "throughput", "--pair", pair, "--home", str(tmp_path)])
    assert isinstance(result.exception, UsageError)
    assert said in result.exception.message


def test_the_command_writes_what_it_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throughput, "_peak_memory", lambda *_: 0)
    small = ["--pair", "resnet8:tiny_20k", "--batch-size", "4", "--image-size", "8", "--classes", "4", "--rounds", "2"]
    places = ["--home", str(tmp_path / "home"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, ["bench", "throughput", *small, *places, "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == json.loads((tmp_path / "out" / "throughput.json").read_text())
