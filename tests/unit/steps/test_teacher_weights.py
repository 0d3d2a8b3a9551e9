"""A teacher from a file or from the registry: what fits is used as it is, what does not is refused by both names."""

from __future__ import annotations

import dataclasses
import json
import pickle
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from dfpt import files, models
from dfpt.config import Augmentation, Recipe, Student, Teacher, TrainTeacherConfig, for_step, resolve
from dfpt.context import Context, Silent
from dfpt.datasets import Task, load
from dfpt.errors import UsageError
from dfpt.steps import networks, train_teacher
from dfpt.tracking import store

pytest_plugins = ["tests.mlflow_home"]

AS_IT_IS = Recipe(epochs=0, precision="float32", memory_format="channels_last")


class Warned(Silent):
    def __init__(self) -> None:
        self.heard: list[str] = []

    def warn(self, text: str) -> None:
        self.heard.append(text)


def trained(
    inspection: Any, place: Path, home: Path | None = None, reporter: Silent | None = None, **values: Any
) -> Path:
    """The folder that train-teacher writes."""
    given = {"model": "resnet8", "image_size": 8, "frozen_stages": 0, "recipe": AS_IT_IS} | values
    config = TrainTeacherConfig(seed=0, augmentation=Augmentation(views=1), teacher=Teacher(**given))
    context = Context(home or place / "home", place / "checkpoints", reporter=reporter or Silent())
    train_teacher.run(inspection.inputs(), {"teacher": place / "teacher"}, config, context)
    return place / "teacher"


def same(folder: Path, other: Path) -> bool:
    ours, theirs = (load_file(place / "model.safetensors") for place in (folder, other))
    return all(torch.equal(ours[name], tensor) for name, tensor in theirs.items())


def test_a_folder_of_ours_is_taken_with_its_normalisation(inspection: Any, tmp_path: Path) -> None:
    folder = trained(inspection, tmp_path, weights=f"file:{inspection.good}")
    assert same(folder, inspection.good)
    assert models.load(folder)[1] == models.load(inspection.good)[1]
    assert models.load(folder)[1].mean == 0.5


def test_a_bare_safetensors_file_is_normalised_by_the_training_pixels(inspection: Any, tmp_path: Path) -> None:
    shutil.copy(inspection.good / "model.safetensors", tmp_path / "weights.safetensors")
    folder = trained(inspection, tmp_path, weights=f"file:{tmp_path / 'weights.safetensors'}")
    assert same(folder, inspection.good)
    own = networks.new("resnet8", 8, load(inspection.dataset, inspection.validation), 0)[1]
    assert models.load(folder)[1] == replace(own, data_hash=None)
    assert own.licence is None, "nobody said, so the policy takes it for unknown"


def test_the_file_that_is_named_is_taken_whatever_lies_beside_it(inspection: Any, tmp_path: Path) -> None:
    beside = tmp_path / "given"
    shutil.copytree(inspection.good, beside)
    other = {name: tensor + 1 for name, tensor in load_file(beside / "model.safetensors").items()}
    save_file(other, beside / "average.safetensors")
    folder = trained(inspection, tmp_path, weights=f"file:{beside / 'average.safetensors'}")
    assert torch.equal(load_file(folder / "model.safetensors")["head.3.bias"], other["head.3.bias"])
    with pytest.raises(UsageError, match=r"averge\.safetensors"):
        trained(inspection, tmp_path, weights=f"file:{beside / 'averge.safetensors'}")
    assert models.load(trained(inspection, tmp_path, weights=f"file:{beside / 'model.safetensors'}"))[1].mean == 0.5


def test_weights_that_are_not_finite_are_refused_before_anything_is_taught(inspection: Any, tmp_path: Path) -> None:
    shutil.copytree(inspection.good, tmp_path / "spoilt")
    spoilt = load_file(inspection.good / "model.safetensors")
    spoilt["head.3.bias"][0] = torch.nan
    save_file(spoilt, tmp_path / "spoilt" / "model.safetensors")
    with pytest.raises(UsageError, match=r"spoilt has numbers that are not finite, in head\.3\.bias"):
        trained(inspection, tmp_path, weights=f"file:{tmp_path / 'spoilt'}")


def test_other_bytes_under_the_same_name_are_other_weights(inspection: Any, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    shutil.copy(inspection.good / "model.safetensors", path)
    config = resolve(None, assignments=[f"teacher.weights=file:{path}"], environment={})
    before = for_step(config, "train-teacher")
    assert isinstance(before, TrainTeacherConfig)
    assert trained(inspection, tmp_path, weights=f"file:{path}", weights_sha256=before.teacher.weights_sha256)
    save_file({name: tensor + 1 for name, tensor in load_file(path).items()}, path)
    assert for_step(config, "train-teacher") != before
    with pytest.raises(UsageError, match="not what it was where the run started"):
        trained(inspection, tmp_path, weights=f"file:{path}", weights_sha256=before.teacher.weights_sha256)


def test_weights_that_are_where_the_step_runs_are_named_by_their_hash() -> None:
    there = ["teacher.weights=file:/where/the/step/runs"]
    with pytest.raises(UsageError, match=r"give its SHA-256 as teacher\.weights_sha256"):
        for_step(resolve(None, assignments=there, environment={}), "train-teacher")
    pinned = resolve(None, assignments=[*there, f"teacher.weights_sha256='{'1' * 64}'"], environment={})
    assert for_step(pinned, "train-teacher").model_dump()["teacher"]["weights_sha256"] == "1" * 64


@pytest.mark.parametrize("weights", [None, "mlflow:models:/elpv/1"])
def test_a_hash_of_no_file_is_refused(weights: str | None) -> None:
    with pytest.raises(ValidationError, match="weights_sha256"):
        Teacher(weights=weights, weights_sha256="0" * 64)


@pytest.mark.parametrize("before", ["these", "other", None])
def test_a_teacher_says_which_data_it_was_trained_on_only_where_it_has_seen_no_others(
    inspection: Any, tmp_path: Path, before: str | None
) -> None:
    network, spec = models.load(inspection.good)
    these = Task.load(inspection.dataset).data_hash
    models.save(network, replace(spec, data_hash=these if before == "these" else before), tmp_path / "given")
    warned = Warned()
    folder = trained(inspection, tmp_path, reporter=warned, weights=f"file:{tmp_path / 'given'}")
    assert ["trained on other data" in text for text in warned.heard] == [True] * (before == "other")
    assert models.load(folder)[1].data_hash == (these if before == "these" else None)
    assert models.load(trained(inspection, tmp_path / "own", pretrained=False))[1].data_hash == these


def test_given_weights_can_be_trained_further_behind_frozen_stages(inspection: Any, tmp_path: Path) -> None:
    recipe = Recipe(epochs=1, batch_size=16, precision="float32", memory_format="channels_last")
    folder = trained(inspection, tmp_path, weights=f"file:{inspection.good}", recipe=recipe, frozen_stages=2)
    ours, theirs = (load_file(place / "model.safetensors") for place in (folder, inspection.good))
    changed = {".".join(name.split(".")[:2]) for name in ours if not torch.equal(ours[name], theirs[name])}
    assert changed == {"stages.2", "head.3"}
    assert models.load(folder)[1].frozen_stages == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "resnet14"}, "The model of the teacher in .*: resnet8. .*: resnet14"),
        ({"image_size": 16}, "image size of the teacher in .*: 8. .*: 16"),
    ],
)
def test_another_network_is_refused_by_both_names(
    inspection: Any, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        trained(inspection, tmp_path, weights=f"file:{inspection.good}", **change)


@pytest.mark.parametrize(("key", "value"), [("classes", ["a", "b", "c"]), ("in_channels", 3)])
def test_other_classes_or_channels_are_refused_by_both_names(
    inspection: Any, tmp_path: Path, key: str, value: Any
) -> None:
    folder = tmp_path / "other"
    spec = dataclasses.replace(models.load(inspection.good)[1], **{key: tuple(value) if key == "classes" else value})
    model = models.create("resnet8", 3, spec.in_channels, 8)
    models.save(model, dataclasses.replace(spec, parameters=sum(p.numel() for p in model.parameters())), folder)
    with pytest.raises(UsageError, match="a, b, c.*sound, crack, stain" if key == "classes" else "3.*: 1"):
        trained(inspection, tmp_path, weights=f"file:{folder}")


class Payload:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("kind", ["file", "crd"])
@pytest.mark.parametrize("damage", ["cut off", "a pickle with code", "another architecture", "missing"])
def test_what_is_no_such_file_is_refused_and_not_executed(
    inspection: Any, tmp_path: Path, damage: str, kind: str
) -> None:
    path = tmp_path / "weights"
    if damage == "cut off":
        content = (inspection.good / "model.safetensors").read_bytes()
        path.write_bytes(content[: len(content) // 2])
    elif damage == "a pickle with code":
        path.write_bytes(pickle.dumps({"model": Payload(tmp_path / "executed")}))
    elif damage == "another architecture":
        state = models.create("resnet14", 3, 1, 8).state_dict()
        if kind == "file":
            save_file(state, path)
        else:
            torch.save({"model": state}, path)
    with pytest.raises(UsageError, match=r"weights|channels"):
        trained(inspection, tmp_path, weights=f"{kind}:{path}")
    assert not (tmp_path / "executed").exists()


def test_a_bare_file_of_another_architecture_says_where_they_differ(inspection: Any, tmp_path: Path) -> None:
    save_file(models.create("resnet8", 5, 1, 8).state_dict(), tmp_path / "weights")
    with pytest.raises(
        UsageError, match=r"resnet8 for 3 classes .*head.3.weight is \(5, 64\) there and \(3, 64\) here"
    ):
        trained(inspection, tmp_path, weights=f"file:{tmp_path / 'weights'}")


@pytest.mark.parametrize(
    "weights", ["somewhere", "http://example.org/a.pt", "mlflow:runs:/abc", "mlflow:models:/elpv@candidate"]
)
def test_weights_of_an_unknown_kind_are_refused_when_read(weights: str) -> None:
    with pytest.raises(UsageError, match=r"teacher\.weights"):
        resolve(None, assignments=[f"teacher.weights={weights}"], environment={})


def test_a_teacher_that_mlflow_alone_has_registered_is_taken_by_its_version(
    inspection: Any, tmp_path: Path, home: Path
) -> None:
    """As docs/training.md shows it."""
    client = store.client(store.tracking_uri(home))
    run = client.create_run(store.ensure(home, "teachers")).info
    client.log_artifacts(run.run_id, str(inspection.good), "teacher")
    client.create_registered_model("large")
    client.create_model_version("large", f"{run.artifact_uri}/teacher", run.run_id)
    assert same(trained(inspection, tmp_path, home, weights="mlflow:models:/large/1"), inspection.good)


def test_a_registered_student_is_taken_by_its_version(inspection: Any, tmp_path: Path, home: Path) -> None:
    client = store.client(store.tracking_uri(home))
    run = client.create_run(store.ensure(home, "teachers")).info
    client.log_artifacts(run.run_id, str(inspection.good), "bundle/student")  # as register lays it out
    client.create_registered_model("elpv")
    client.create_model_version("elpv", f"runs:/{run.run_id}/bundle", run.run_id)
    folder = trained(inspection, tmp_path, home, weights="mlflow:models:/elpv/1")
    assert same(folder, inspection.good)
    with pytest.raises(UsageError, match="The registry has no models:/elpv/9"):
        trained(inspection, tmp_path, home, weights="mlflow:models:/elpv/9")
    recorded = files.sha256(inspection.good / "model.safetensors")
    client.set_model_version_tag("elpv", "1", store.WEIGHTS_TAG, recorded)
    assert same(trained(inspection, tmp_path, home, weights="mlflow:models:/elpv/1"), inspection.good)
    client.set_model_version_tag("elpv", "1", store.WEIGHTS_TAG, "0" * 64)
    with pytest.raises(UsageError, match="models:/elpv/1 have changed"):
        trained(inspection, tmp_path, home, weights="mlflow:models:/elpv/1")


class Watch(Silent):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def test_a_student_that_is_not_smaller_than_its_teacher_is_warned_of(inspection: Any, tmp_path: Path) -> None:
    images = load(inspection.dataset, inspection.validation)
    watch = Watch()
    context = replace(Context(tmp_path, tmp_path), reporter=watch)
    teacher = models.load(inspection.good)[1]
    for name in ("tiny_20k", "tiny_200k"):
        networks.check_pair(
            teacher, networks.new_student(Student(model=name, image_size=8), images, 0)[1], images, context
        )
    (warning,) = watch.warnings
    assert warning.startswith("the student tiny_200k (")
    assert f"resnet8 ({teacher.parameters})" in warning


def test_a_network_that_reads_more_pixels_than_are_stored_is_warned_of(inspection: Any, tmp_path: Path) -> None:
    images = load(inspection.dataset, inspection.validation)
    watch = Watch()
    context = replace(Context(tmp_path, tmp_path), reporter=watch)
    teacher, size = models.load(inspection.good)[1], images.task.image_size
    for pixels in (size, 2 * size):
        student = networks.new_student(Student(model="tiny_20k", image_size=pixels), images, 0)[1]
        networks.check_pair(teacher, student, images, context)
    (warning,) = watch.warnings
    assert f"the student tiny_20k reads images of {2 * size} pixels and they are stored at {size}" in warning


def test_a_teacher_of_other_channels_is_refused_before_training(inspection: Any, tmp_path: Path) -> None:
    images = load(inspection.dataset, inspection.validation)
    spec = models.load(inspection.good)[1]
    with pytest.raises(UsageError, match=r"resnet8 reads images of 3 channels; those of the data have 1"):
        networks.check_pair(dataclasses.replace(spec, in_channels=3), spec, images, Context(tmp_path, tmp_path))


def test_a_teacher_of_other_classes_is_refused_before_training(inspection: Any, tmp_path: Path) -> None:
    images = load(inspection.dataset, inspection.validation)
    spec = models.load(inspection.good)[1]
    other = dataclasses.replace(spec, classes=("a", "b"))
    with pytest.raises(UsageError, match=r"knows 2 classes \(a, b\); the data has 3 \(sound, crack, stain\)"):
        networks.check_pair(other, spec, images, Context(tmp_path, tmp_path))
    assert json.loads((inspection.good / "model.json").read_text())["classes"] == list(spec.classes)
