"""A candidate beside the champion on new images: real ONNX models, a real MLflow, the command as people type it."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from dfpt import files
from dfpt.cli.model import app
from dfpt.errors import StepFailed, UsageError
from dfpt.registry import audit, candidates, challenger, promotion, requests, withdrawal
from dfpt.registry.actor import Actor
from dfpt.registry.errors import BytesChanged, NotFound, PolicyRefused, WrongState
from dfpt.registry.handle import Registry, open_registry
from dfpt.registry.policy_config import Policy
from dfpt.tracking import store

pytest_plugins = "tests.mlflow_home"

ADA = Actor("ada", "a")


def onnx_model(path: Path, threshold: float) -> None:
    """Grey images 4 x 4: "good" where the mean is above ``threshold``, "bad" below; surer the farther away."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = [
        numpy_helper.from_array(np.array([[0.1, -0.1]], np.float32), "w"),
        numpy_helper.from_array(np.array([-0.1 * threshold, 0.1 * threshold], np.float32), "b"),
    ]
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("Gemm", ["mean", "w", "b"], ["logits"]),
    ]
    given = [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 1, 4, 4])]
    told = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2])]
    graph = helper.make_graph(nodes, "threshold", given, told, weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


@pytest.fixture
def registry(home: Path, make_bundle: Callable[..., Any]) -> Registry:
    """Production calls an image good above 102, the candidate elpv/2 above 118."""
    registry = open_registry(home)
    for weights, threshold in ((b"old", 102.0), (b"new", 118.0)):
        bundle = make_bundle(weights)
        onnx_model(bundle.onnx, threshold)
        zeros = np.zeros((1, 1, 4, 4), np.float32), np.zeros((1, 2), np.float32)
        run = registry.client.create_run(store.ensure(home, "elpv")).info.run_id
        version = candidates.register(registry, "elpv", dataclasses.replace(bundle, example=zeros), run)
        candidates.request(registry, version, ADA)
        if weights == b"old":
            promotion.approve(registry, "elpv", 1, Actor("bob", "b"), "good")
    return registry


def fill(folder: Path, greys: list[int], label: str) -> None:
    (folder / label).mkdir(parents=True)
    for grey in greys:
        Image.new("L", (8, 8), grey).save(folder / label / f"{grey}.png")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Forty images; the truth changes at 110: of the four between, each is right on two."""
    folder = tmp_path / "today"
    fill(folder, list(range(40, 110, 4)), "bad")
    fill(folder, list(range(112, 200, 4)), "good")
    return folder


def shadow(registry: Registry, images: Path, *more: str) -> Any:
    command = ["shadow", "elpv/2", "--images", f"folder:{images}", "--as", "ada", "--set", "data.image_size=8"]
    return CliRunner().invoke(app, [*command, "--home", str(registry.home), *more])


def test_the_outcome_is_attached_to_the_request_by_its_hash(registry: Registry, images: Path) -> None:
    done = shadow(registry, images, "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert (report["images"], report["complete"], report["classes"]) == (40, True, ["good", "bad"])
    assert report["agreement"]["value"] == 36 / 40
    assert report["agreement"]["low"] < 0.9 < report["agreement"]["high"]
    labelled = report["labelled"]
    assert labelled["paired"] == {"only_one": 2, "only_other": 2, "p_value": 1}
    assert labelled["difference"]["value"] == 0
    assert labelled["difference"]["low"] < 0 < labelled["difference"]["high"]
    assert report["models"]["champion"]["model"] == "elpv-production/1"
    assert report["models"]["champion"]["called"] == [24, 16]
    assert report["models"]["candidate"]["called"] == [20, 20]
    assert report["models"]["candidate"]["latency_seconds"] > 0

    (record,) = [r for r in requests.log(registry.engine, "elpv", 2) if r.action == challenger.SHADOW]
    details = json.loads(record.details)
    folder = Path(report["folder"])
    assert details["shadow.json"] == files.sha256(folder / "shadow.json")
    assert details["shadow.html"] == files.sha256(folder / "shadow.html")
    page = (folder / "shadow.html").read_text()
    assert page.count("data:image/png;base64,") == 4
    assert "agree on 90.0 % of 40 new images" in page
    assert "agrees with elpv-production/1 on 90.0 % of 40 images" in record.reason
    assert audit.verify(registry.store).intact

    request = promotion.find(registry, "elpv", 2)
    assert [found.sound for found in challenger.attached(registry, request)] == [True]
    (folder / "shadow.json").write_text("{}")
    assert [found.sound for found in challenger.attached(registry, request)] == [False]
    assert promotion.approve(registry, "elpv", 2, Actor("bob", "b"), "saw the comparison").state == "promoted"


def aliases(registry: Registry) -> dict[str, str]:
    return {name: str(version) for name, version in registry.client.get_registered_model("elpv").aliases.items()}


def test_the_candidate_is_the_challenger_while_it_lasts_and_not_after_a_failure(registry: Registry) -> None:
    def fail() -> None:
        with challenger.challenging(registry, "elpv", 2, ADA):
            assert aliases(registry)["challenger"] == "2"
            with (
                pytest.raises(StepFailed, match="Another comparison"),
                challenger.challenging(registry, "elpv", 2, ADA),
            ):
                pass
            raise RuntimeError("no light")

    with pytest.raises(RuntimeError, match="no light"):
        fail()
    assert "challenger" not in aliases(registry)


def test_what_a_crash_left_behind_the_next_comparison_takes_over(registry: Registry, images: Path) -> None:
    crash = (
        "import os, sys, pathlib\n"
        "from dfpt.registry import challenger\n"
        "from dfpt.registry.actor import Actor\n"
        "from dfpt.registry.handle import open_registry\n"
        "registry = open_registry(pathlib.Path(sys.argv[1]))\n"
        "with challenger.challenging(registry, 'elpv', 2, Actor('ada', 'a')):\n"
        "    os._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", crash, str(registry.home)], check=False).returncode == 9
    assert aliases(registry)["challenger"] == "2"
    assert shadow(registry, images).exit_code == 0
    assert "challenger" not in aliases(registry)


def test_without_labels_it_tells_what_can_be_told_and_it_stops_in_time(registry: Registry, tmp_path: Path) -> None:
    fill(tmp_path / "line", list(range(40, 210)), "camera-3")
    done = shadow(registry, tmp_path / "line", "--json", "--seconds", "0")
    report = json.loads(done.stdout)
    assert (report["labelled"], report["images"], report["available"], report["complete"]) == (None, 64, 170, False)
    assert "time given was over" in (Path(report["folder"]) / "shadow.html").read_text()


def test_it_needs_no_torch(registry: Registry, images: Path) -> None:
    program = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from dfpt.cli.model import app\n"
        "done = CliRunner().invoke(app, sys.argv[1:])\n"
        "print(done.output)\n"
        "assert done.exit_code == 0, done.output\n"
        "assert 'torch' not in sys.modules\n"
    )
    command = ["shadow", "elpv/2", "--images", f"folder:{images}", "--home", str(registry.home)]
    ran = subprocess.run([sys.executable, "-c", program, *command], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_it_is_refused_where_it_makes_no_sense(registry: Registry, images: Path, tmp_path: Path) -> None:
    viewers = dataclasses.replace(registry, policy=Policy.model_validate({"others": ["viewer"]}))
    with pytest.raises(PolicyRefused):
        challenger.check(viewers, "elpv", 2, ADA)
    dry = shadow(registry, images, "--dry-run")
    assert "Would compare elpv/2 with elpv-production/1" in dry.stdout
    assert [r for r in requests.log(registry.engine, "elpv", 2) if r.action == challenger.SHADOW] == []
    assert isinstance(shadow(registry, tmp_path / "nowhere").exception, UsageError)
    assert "challenger" not in aliases(registry)
    withdrawal.withdraw(registry, "elpv", 2, ADA, "not yet")
    assert isinstance(shadow(registry, images).exception, WrongState)


def test_files_that_were_changed_are_not_compared(registry: Registry, images: Path) -> None:
    version = registry.client.get_model_version("elpv", "2")
    model = Path(version.source.removeprefix("file://")) / "model.onnx"
    if not model.exists():
        from dfpt.registry import artifacts

        model = artifacts.local(version, registry.uri) / "model.onnx"
    model.write_bytes(b"another")
    assert isinstance(shadow(registry, images).exception, BytesChanged)
    assert "challenger" not in aliases(registry)


def test_without_a_champion_there_is_nothing_to_compare_with(home: Path, submit: Callable[..., Any]) -> None:
    submit()
    command = ["shadow", "elpv/1", "--images", "digits", "--home", str(home)]
    assert isinstance(CliRunner().invoke(app, command).exception, NotFound)
