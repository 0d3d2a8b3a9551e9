from __future__ import annotations

import math
from pathlib import Path

import pytest

from dfpt import config
from dfpt.errors import StepFailed
from dfpt.tracking import run, store

pytest_plugins = "tests.mlflow_home"


@pytest.fixture
def place(home: Path) -> tuple[str, str]:
    """(tracking URI, experiment id)"""
    return store.tracking_uri(home), store.ensure(home, "elpv")


SETTINGS = config.for_step(config.Config(), "distil")


def test_a_step_lies_below_the_pipeline_with_settings_figures_and_lineage(place: tuple[str, str]) -> None:
    with (
        run.parent_run("a run", config.Config(), "digits", "d" * 64, *place, {"dfpt.git_revision": "abc"}) as parent,
        run.step_run(parent.run_id, "distil", SETTINGS, *place, {"dfpt.data_hash": "d" * 64}) as step,
    ):
        for epoch in range(3):
            step.metrics({"val_accuracy": 0.5 + epoch / 10}, epoch)

    client = store.client(place[0])
    above, below = client.get_run(parent.run_id), client.get_run(step.run_id)
    assert below.data.tags["mlflow.parentRunId"] == parent.run_id
    assert below.data.tags["dfpt.step"] == "distil"
    assert below.data.tags["dfpt.cached"] == "false"
    assert below.data.tags["dfpt.data_hash"] == "d" * 64
    assert below.data.params["student.recipe.epochs"] == "20"
    assert [(m.step, m.value) for m in client.get_metric_history(step.run_id, "val_accuracy")] == [
        (0, 0.5),
        (1, 0.6),
        (2, 0.7),
    ]
    assert (above.info.status, below.info.status) == ("FINISHED", "FINISHED")
    assert above.data.tags["dfpt.git_revision"] == "abc"
    assert above.inputs.dataset_inputs[0].dataset.digest == "d" * 36


def test_the_logged_configuration_reads_back_to_the_same(place: tuple[str, str], tmp_path: Path) -> None:
    resolved = config.resolve(None, assignments=["student.recipe.epochs=3"])

    with run.parent_run("a run", resolved, "digits", "d" * 64, *place, {}) as parent:
        pass

    logged = store.client(place[0]).download_artifacts(parent.run_id, "config.yaml", str(tmp_path))
    assert config.resolve(Path(logged)) == resolved


def test_a_failed_step_keeps_its_figures_and_its_reason(place: tuple[str, str]) -> None:
    opened: list[str] = []

    def fail() -> None:
        with run.step_run(None, "distil", SETTINGS, *place, {}) as step:
            opened.append(step.run_id)
            step.metrics({"train_loss": math.nan}, 0)
            raise StepFailed("The loss is NaN.")

    with pytest.raises(StepFailed, match="NaN"):
        fail()

    found = store.client(place[0]).get_run(opened[0])
    assert found.info.status == "FAILED"
    assert "The loss is NaN" in found.data.tags["dfpt.error"]
    assert math.isnan(found.data.metrics["train_loss"])


@pytest.mark.parametrize(
    ("error", "cancelled"), [(KeyboardInterrupt(), False), (StepFailed("distil: interrupted."), True)]
)
def test_a_stopped_step_is_killed_and_not_failed(place: tuple[str, str], error: BaseException, cancelled: bool) -> None:
    with (
        pytest.raises(type(error)),
        run.step_run(None, "distil", SETTINGS, *place, {}, lambda: cancelled) as step,
    ):
        raise error

    assert store.client(place[0]).get_run(step.run_id).info.status == "KILLED"


def test_a_run_that_the_platform_opened_for_the_step_is_taken_over(
    place: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = store.client(place[0])
    given = client.create_run(place[1], tags={"mlflow.parentRunId": "0" * 32}).info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", given)

    with run.step_run(None, "distil", SETTINGS, *place, {}) as step:
        step.metrics({"val_accuracy": 0.5})

    assert step.run_id == given
    assert client.get_run(given).data.tags["dfpt.step"] == "distil"


def test_a_pipeline_run_that_the_platform_opened_is_the_parent(
    place: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = store.client(place[0])
    given = client.create_run(place[1]).info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", given)

    with run.step_run(None, "distil", SETTINGS, *place, {}) as step:
        pass

    assert step.run_id != given
    assert client.get_run(step.run_id).data.tags["mlflow.parentRunId"] == given


def test_a_cached_step_shows_the_earlier_figures_curves_and_reports(place: tuple[str, str], tmp_path: Path) -> None:
    output = tmp_path / "student"
    output.mkdir()
    (output / "history.csv").write_text("epoch,train_loss,val_accuracy\n0,1.5,0.5\n1,0.5,0.75\n")
    (output / "model.safetensors").write_bytes(b"weights")

    figures, data = {"best_epoch": 1.0}, ("digits", "d" * 64)
    made = run.record_cached(None, "distil", SETTINGS, figures, {"student": output}, *place, {}, data)

    client = store.client(place[0])
    found = client.get_run(made)
    assert found.data.tags["dfpt.cached"] == "true"
    assert found.data.tags["dfpt.data_version"] == "d" * 64
    assert [(used.dataset.name, used.dataset.digest) for used in found.inputs.dataset_inputs] == [("digits", "d" * 36)]
    assert found.data.metrics == {"best_epoch": 1.0, "train_loss": 0.5, "val_accuracy": 0.75}
    assert [m.value for m in client.get_metric_history(made, "train_loss")] == [1.5, 0.5]
    assert {file.path for file in client.list_artifacts(made)} == {"history.csv", "config.yaml"}


def test_more_figures_than_one_batch_takes_all_arrive(place: tuple[str, str]) -> None:
    with run.step_run(None, "distil", SETTINGS, *place, {}) as step:
        step.metrics({f"m{number}": number for number in range(1500)})

    assert len(store.client(place[0]).get_run(step.run_id).data.metrics) == 1500


def test_settings_become_flat_texts() -> None:
    assert run.flatten({"a": {"b": 1, "c": [1, 2]}, "d": None, "e": "x"}) == {
        "a.b": "1",
        "a.c": "[1, 2]",
        "d": "null",
        "e": "x",
    }


def test_a_setting_named_after_a_slice_has_a_name_that_mlflow_takes() -> None:
    found = run.flatten({"gate": {"min_slices": {"wafer=mono": 0.5}, "min_under_corruption": {"noise@2": 0.4}}})
    assert found == {"gate.min_slices.wafer-mono": "0.5", "gate.min_under_corruption.noise-2": "0.4"}
