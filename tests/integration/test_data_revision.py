"""A run that names a revision trains on that revision's images, wherever its steps are: there is no clone in a pod."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from dfpt import runtime
from dfpt.cli import submit
from dfpt.cli.pipeline import app
from dfpt.config import PrepareConfig, resolve
from dfpt.datasets.task import Task
from dfpt.steps import prepare
from dfpt.versioning import repository as dvc
from tests import versioned
from tests.fake_kfp.server import FakePipelines

pytest_plugins = ("tests.versioned", "tests.fake_kfp.plugin")


@pytest.fixture
def pushed(repository: Path, s3: str) -> Path:
    """A clone whose images, of v1 and v2, lie in the remote alone; v1 is what params.yaml names."""
    versioned.two_revisions(repository, s3)
    set_revision(repository, "v1")
    return repository


def set_revision(clone: Path, revision: str) -> None:
    params = yaml.safe_load((clone / "params.yaml").read_text())
    params["data"] |= {"revision": revision, "split": "block"}
    (clone / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))


def hash_of(images: int, place: Path) -> str:
    """The data hash of the first ``images`` digits, from a folder: what the revision must come to."""
    from dfpt.context import Context

    versioned.write_digits(place / "line", 0, images)
    config = resolve(Path("params.yaml"), assignments=[f"data.source=folder:{place / 'line'}", "data.revision=null"])
    outputs = {"dataset": place / "dataset"}
    outputs["dataset"].mkdir()
    prepare.run({}, outputs, PrepareConfig(seed=config.seed, data=config.data), Context(place, place))
    return Task.load(outputs["dataset"]).data_hash


def submitted(kubeflow: FakePipelines, monkeypatch: pytest.MonkeyPatch, *assignments: str) -> dict[str, Any]:
    """The parameters of the run that ``dfpt pipeline submit`` asks for."""
    monkeypatch.setenv("DFPT_CLUSTER__HOST", kubeflow.host)
    options = [word for assignment in assignments for word in ("--set", assignment)]
    done = CliRunner().invoke(app, ["submit", "--json", *options], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    run = kubeflow.state.runs[json.loads(done.stdout)["run"]]
    values: dict[str, Any] = run["runtime_config"]["parameters"]
    return values


def in_a_pod(values: dict[str, Any], place: Path, monkeypatch: pytest.MonkeyPatch) -> Task:
    """What the component prepare makes of the parameters, in an empty folder, with no git to be found."""
    place.mkdir()
    with monkeypatch.context() as pod:
        pod.chdir(place)
        pod.setenv("PATH", "/nowhere")
        pod.setenv("DFPT_HOME", str(place / "home"))
        figures = runtime.component("prepare", values, {}, {"dataset": str(place / "dataset")}, str(place / "metrics"))
    task = Task.load(place / "dataset")
    assert figures["unreadable"] == 0
    return task


def test_a_submitted_run_carries_the_revision_and_the_pod_fetches_it(
    pushed: Path, kubeflow: FakePipelines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = submitted(kubeflow, monkeypatch)
    newer = submitted(kubeflow, monkeypatch, "data.revision=v2")
    assert older["prepare"]["data"]["stored"]["commit"] == versioned.git(pushed, "rev-parse", "v1")
    assert older["prepare"]["data"]["stored"]["url"] == "s3://images/dfpt"
    assert "test" not in json.dumps(older["prepare"]["data"]["stored"])  # the fixture's key and its secret
    assert older["data_hash"] != newer["data_hash"]  # another key of the cache
    assert older["data_hash"] == submitted(kubeflow, monkeypatch)["data_hash"]

    first = in_a_pod(older["prepare"], tmp_path / "first", monkeypatch)
    second = in_a_pod(newer["prepare"], tmp_path / "second", monkeypatch)
    assert first.source == "folder:data/line"
    assert first.data_hash == hash_of(8, tmp_path / "eight")
    assert second.data_hash == hash_of(16, tmp_path / "sixteen")


def test_a_revision_that_is_not_there_is_refused_before_anything_is_sent(
    pushed: Path, kubeflow: FakePipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dfpt.cli import main

    monkeypatch.setenv("DFPT_CLUSTER__HOST", kubeflow.host)
    done = CliRunner().invoke(main.app, ["pipeline", "submit", "--set", "data.revision=v9"])
    assert done.exception is not None
    assert "knows no revision 'v9'" in str(done.exception)
    assert getattr(done.exception, "exit_code", None) == 2
    assert kubeflow.requests == []


def test_the_older_data_are_prepared_by_dvc_and_by_kfp_as_well(
    pushed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kfp import local

    import components
    from dfpt.config import for_step

    expected = hash_of(8, tmp_path / "eight")
    dvc.get(None)
    assert len(list((pushed / "data" / "line").rglob("*.png"))) == 16  # the working tree has the newer ones
    versioned.program(pushed, "dvc", "repro", "prepare")
    assert Task.load(pushed / "artifacts" / "prepare" / "dataset").data_hash == expected

    values = for_step(resolve(Path("params.yaml")), "prepare").model_dump(mode="json", exclude_none=True)
    monkeypatch.setenv("DFPT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(versioned.ROOT))
    local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(tmp_path / "root"))
    task = components.prepare(config=values, data_hash="", code_revision="", cache_period="")
    assert Task.load(Path(task.outputs["dataset"].path)).data_hash == expected


def test_the_credentials_of_the_remote_come_from_a_secret_and_into_prepare_alone() -> None:
    secret = "{dfpt-data: {keys: [AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY], steps: [prepare]}}"
    compiled = submit.compiled(resolve(None, assignments=[f"cluster.secrets={secret}"]))
    executors = compiled.documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    holders = {name for name, pod in executors.items() if "AWS_SECRET_ACCESS_KEY" in json.dumps(pod)}
    assert holders == {"exec-prepare"}
