from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dfpt import files
from dfpt.errors import UsageError
from dfpt.registry import artifacts, candidates
from dfpt.registry.handle import Registry, open_models, open_registry
from dfpt.tracking import store

pytest_plugins = "tests.mlflow_home"


def versions(registry: Registry) -> list[Any]:
    return list(registry.client.search_model_versions("name = 'elpv'"))


def test_a_candidate_has_weights_evidence_signature_lineage_and_figures(home: Path, submit: Callable[..., Any]) -> None:
    from mlflow.models import Model

    request = submit(b"weights", accuracy=0.75)

    registry = open_registry(home)
    (version,) = versions(registry)
    folder = artifacts.local(version, registry.uri)
    assert (folder / "student" / "model.safetensors").read_bytes() == b"weights"
    assert {file.name for file in (folder / "evidence").iterdir()} == {"report.json", "gate.html"}
    assert {file.path for file in registry.client.list_artifacts(version.run_id, "evidence")} == {
        "evidence/report.json",
        "evidence/gate.html",
    }
    model = Model.load(str(folder))
    assert model.signature is not None
    assert model.signature.inputs.inputs[0].shape == (-1, 2, 4, 4)
    assert model.saved_input_example_info is not None
    assert "onnx" in model.flavors
    assert version.tags["dfpt.git_revision"] == "abc123"
    assert version.tags["dfpt.data_hash"] == "d" * 64
    assert float(version.tags["dfpt.metric.accuracy"]) == 0.75
    assert float(version.tags["dfpt.metric.teacher_accuracy"]) == 0.8
    assert version.tags["dfpt.status"] == "pending"
    assert request.artifact_sha256 == files.sha256(folder) == version.tags[artifacts.ARTIFACT_TAG]
    assert registry.client.get_model_version_by_alias("elpv", "candidate").version == version.version


def test_a_folder_of_evidence_is_part_of_what_is_hashed(home: Path, make_bundle: Callable[..., Any]) -> None:
    registry = open_registry(home)
    bundle, run = make_bundle(), registry.client.create_run(store.ensure(home, "elpv")).info.run_id
    pictures = bundle.student.parent / "differences"
    pictures.mkdir()
    (pictures / "differ-01.png").write_bytes(b"pixels")
    bundle.evidence.append(pictures)
    version = candidates.register(registry, "elpv", bundle, run)
    folder = artifacts.local(version, registry.uri)
    assert (folder / "evidence/differences/differ-01.png").read_bytes() == b"pixels"
    assert version.tags[artifacts.ARTIFACT_TAG] == files.sha256(folder)
    (logged,) = registry.client.list_artifacts(run, "evidence/differences")
    assert logged.path == "evidence/differences/differ-01.png"


def test_the_same_weights_make_one_version_and_one_request(home: Path, make_bundle: Callable[..., Any]) -> None:
    registry = open_registry(home)
    bundle, run = make_bundle(), registry.client.create_run(store.ensure(home, "elpv")).info.run_id

    first = candidates.register(registry, "elpv", bundle, run)
    second = candidates.register(registry, "elpv", bundle, run)

    assert first.version == second.version
    assert len(versions(registry)) == 1


def test_a_newer_candidate_takes_the_alias_and_leaves_the_older_to_its_reader(
    home: Path, submit: Callable[..., Any]
) -> None:
    submit(b"old")
    submit(b"new")

    registry = open_registry(home)
    assert int(registry.client.get_model_version_by_alias("elpv", "candidate").version) == 2
    assert [registry.client.get_model_version("elpv", n).tags["dfpt.status"] for n in ("1", "2")] == ["pending"] * 2


def test_a_failure_while_logging_leaves_no_version(
    home: Path, submit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(mlflow.MlflowClient, "log_model_artifacts", full)

    with pytest.raises(OSError, match="No space left"):
        submit()

    assert versions(open_registry(home)) == []


def test_the_name_of_the_production_side_is_no_candidates_name(home: Path, make_bundle: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match="kept for the production side"):
        candidates.register(open_registry(home), "elpv-production", make_bundle(), "run")


def test_of_two_runs_that_register_the_same_weights_at_once_the_second_gives_way(
    home: Path, make_bundle: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pods that file through the approvals service share no lock."""
    registry, bundle = open_registry(home), make_bundle()
    runs = [registry.client.create_run(store.ensure(home, "elpv")).info.run_id for _ in range(2)]
    first = candidates.register(registry, "elpv", bundle, runs[0])
    other, found = open_models(tmp_path / "other", registry.uri), iter([None])
    whole = candidates.find
    monkeypatch.setattr(candidates, "find", lambda *asked: next(found, whole(*asked)))  # it looked before the first

    assert candidates.register(other, "elpv", bundle, runs[1]).version == first.version
    assert [version.version for version in versions(registry)] == [first.version]
