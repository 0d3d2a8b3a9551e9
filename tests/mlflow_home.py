"""State folders with a real MLflow in them, and students to register: a plugin for the modules that name it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

MakeBundle = Callable[..., Any]


@pytest.fixture(scope="session")
def migrated_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database of MLflow: made once, because MLflow takes 5 s for it, and shared by the workers of xdist."""
    from dfpt.tracking import store

    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if base.name.startswith("popen-") else base) / "migrated-mlflow"
    with FileLock(f"{shared}.lock"):
        if not (shared / "done").exists():
            shared.mkdir(exist_ok=True)
            store.client(f"sqlite:///{shared / store.DATABASE}").search_experiments()
            (shared / "done").touch()
    return shared / store.DATABASE


@pytest.fixture
def home(migrated_mlflow: Path, tmp_path: Path) -> Path:
    """A state folder whose MLflow is ready."""
    folder = tmp_path / "home"
    folder.mkdir()
    shutil.copy(migrated_mlflow, folder)
    return folder


@pytest.fixture
def make_bundle(tmp_path: Path) -> MakeBundle:
    """Makes what is registered from ``weights``: a small real ONNX model, with the figures that a report has.

    The weights are any bytes: the registry never looks into them.
    """

    def make(weights: bytes = b"weights", accuracy: float = 0.75, **more: Any) -> Any:
        import numpy as np
        import onnx
        from onnx import TensorProto, helper

        from dfpt.registry.candidates import Bundle

        folder = tmp_path / f"bundle-{weights.hex()}"
        student = folder / "student"
        student.mkdir(parents=True)
        (student / "model.safetensors").write_bytes(weights)
        (student / "model.json").write_text('{"classes": ["good", "bad"]}')
        models = {
            name: {"accuracy": value, "macro_f1": value - 0.1, "parameters": 20_000, "confusion": [[1, 0], [0, 1]]}
            for name, value in {"teacher": 0.8, "baseline": 0.7, "student": accuracy}.items()
        }
        report = {"data_hash": "d" * 64, "source": "digits", "models": models} | more
        (folder / "report.json").write_text(json.dumps(report))
        (folder / "gate.html").write_text("<p>pass</p>")
        graph = helper.make_graph(
            [helper.make_node("ReduceMean", ["images"], ["logits"], axes=[2, 3], keepdims=0)],
            "mean",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 2, 4, 4])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2])],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.save(model, folder / "model.onnx")
        return Bundle(
            onnx=folder / "model.onnx",
            student=student,
            evidence=[folder / "report.json", folder / "gate.html"],
            report=report,
            example=(np.zeros((1, 2, 4, 4), np.float32), np.zeros((1, 2), np.float32)),
        )

    return make


@pytest.fixture
def submit(home: Path, make_bundle: MakeBundle) -> Callable[..., Any]:
    """Registers a candidate of the model "elpv" in ``home`` and asks for its approval; returns the request.

    ``more`` are further keys of its report.
    """

    def submit(weights: bytes = b"weights", accuracy: float = 0.75, by: str = "ada", **more: Any) -> Any:
        from dfpt.registry import candidates
        from dfpt.registry.actor import Actor
        from dfpt.registry.handle import open_registry
        from dfpt.tracking import store

        registry = open_registry(home)
        run = registry.client.create_run(store.ensure(home, "elpv"), tags={"dfpt.git_revision": "abc123"})
        version = candidates.register(registry, "elpv", make_bundle(weights, accuracy, **more), run.info.run_id)
        return candidates.request(registry, version, Actor(by, "account"))

    return submit
