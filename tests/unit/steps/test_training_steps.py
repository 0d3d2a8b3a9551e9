"""train-teacher, train-baseline and distil on real files, with networks that train in a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from dfpt import models
from dfpt.config import (
    Augmentation,
    Student,
    Teacher,
    TrainBaselineConfig,
    TrainTeacherConfig,
)
from dfpt.context import Context
from dfpt.datasets import Task, load
from dfpt.errors import UsageError
from dfpt.models.backbone import count_parameters
from dfpt.steps import distil, train_baseline, train_teacher
from tests.unit.steps.trained import (
    RANDOM,
    RECIPE,
    STUDENT,
    TEACHER,
    VIEWS,
    Trained,
    distil_config,
    history,
    taught,
    weights,
)

pytest_plugins = "tests.unit.steps.trained"


def test_the_saved_student_holds_the_student_alone(trained: Trained) -> None:
    """Guarantee 5 of the algorithm: after training the teacher costs nothing."""
    plain = models.create("tiny_20k", 3, 1, 8)
    tensors = load_file(trained["student"] / "model.safetensors")
    assert {name: tensor.shape for name, tensor in tensors.items()} == {
        name: tensor.shape for name, tensor in plain.state_dict().items()
    }
    student, spec = models.load(trained["student"])
    assert count_parameters(student) == spec.parameters == count_parameters(plain)
    assert str(student) == str(plain)  # the same layers, so the same latency
    assert sorted(path.name for path in trained["student"].iterdir()) == [
        "history.csv",
        "model.json",
        "model.safetensors",
    ]
    assert len(weights(trained["student"])) == len(weights(trained["baseline"]))
    assert (trained["student"] / "model.json").read_bytes() == (trained["baseline"] / "model.json").read_bytes()
    assert weights(trained["student"]) != weights(trained["baseline"])


def test_without_the_weights_of_both_paths_the_student_is_the_baseline(
    trained: Trained, tmp_path: Path, context: Context
) -> None:
    config = distil_config(from_original=0, from_prompt=0)
    distil.run(trained.inputs, taught(tmp_path / "student"), config, context)
    assert weights(tmp_path / "student") == weights(trained["baseline"])


def test_the_metrics_are_those_of_the_kept_epoch_and_the_last_beside_them(trained: Trained) -> None:
    metrics, rows = trained.metrics["student"], history(trained["student"])
    kept = rows[int(metrics["best_epoch"])]
    for name in ("val_accuracy", "val_loss", "val_prompt_accuracy", "val_original_gap", "val_prompt_gap"):
        assert metrics[name] == float(kept[name])
    assert metrics["last_val_accuracy"] == float(rows[-1]["val_accuracy"])
    assert metrics["epochs"] == len(rows) == 2
    assert metrics["training_seconds"] > 0
    parameters = trained.metrics["teacher"]["parameters"] / trained.metrics["baseline"]["parameters"]
    assert metrics["teacher_to_student"] == parameters
    assert "val_prompt_accuracy" not in trained.metrics["baseline"]


def test_the_metrics_say_in_which_numbers_and_format_was_computed(
    inspection: Any, trained: Trained, tmp_path: Path, context: Context
) -> None:
    other = RECIPE.model_copy(update={"precision": "bfloat16", "memory_format": "contiguous", "epochs": 1})
    config = TrainBaselineConfig(seed=0, augmentation=VIEWS, student=STUDENT.model_copy(update={"recipe": other}))
    found = train_baseline.run(inspection.inputs(), {"baseline": tmp_path / "baseline"}, config, context)
    assert (found["bfloat16"], found["channels_last"]) == (1.0, 0.0)
    usual = trained.metrics["baseline"]
    assert (usual["bfloat16"], usual["channels_last"]) == (0.0, 1.0)


def test_a_teacher_that_began_at_random_is_nobody_elses(trained: Trained) -> None:
    assert models.load(trained["teacher"])[1].licence == "LicenseRef-trained-here"


def test_every_network_says_which_data_it_was_trained_on(trained: Trained, inspection: Any) -> None:
    for name in ("teacher", "baseline", "student"):
        assert models.load(trained[name])[1].data_hash == Task.load(inspection.dataset).data_hash


def test_the_baseline_is_trained_on_the_same_random_changes(
    inspection: Any, trained: Trained, tmp_path: Path, context: Context
) -> None:
    config = TrainBaselineConfig(seed=0, augmentation=RANDOM, student=STUDENT)
    train_baseline.run(inspection.inputs(), {"baseline": tmp_path / "baseline"}, config, context)
    assert weights(tmp_path / "baseline") != weights(trained["baseline"])


def test_a_teacher_that_is_stopped_early_is_the_first_epochs_of_the_whole_training(
    inspection: Any, trained: Trained, tmp_path: Path, context: Context
) -> None:
    teacher = TEACHER.model_copy(update={"recipe": RECIPE.model_copy(update={"stop_after": 0.4})})
    config = TrainTeacherConfig(seed=0, augmentation=VIEWS, teacher=teacher)
    metrics = train_teacher.run(inspection.inputs(), {"teacher": tmp_path / "teacher"}, config, context)
    assert metrics["epochs"] == 1
    assert history(tmp_path / "teacher") == history(trained["teacher"])[:1]


def test_a_pretrained_teacher_keeps_its_frozen_stages(inspection: Any, tmp_path: Path, context: Context) -> None:
    recipe = RECIPE.model_copy(update={"epochs": 1})
    teacher = Teacher(model="efficientnet_lite0", image_size=8, pretrained=True, frozen_stages=5, recipe=recipe)
    config = TrainTeacherConfig(seed=0, augmentation=Augmentation(views=1), teacher=teacher)
    train_teacher.run(inspection.inputs(), {"teacher": tmp_path / "teacher"}, config, context)
    model, spec = models.load(tmp_path / "teacher")
    packaged = models.create("efficientnet_lite0", 3, 1, 8, pretrained=True).state_dict()
    changed = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, packaged[name])}
    assert {name.split(".")[0] + name.split(".")[1] for name in changed if name.startswith("stages")} == {
        "stages5",
        "stages6",
    }
    assert not any(name.startswith("stem") for name in changed)
    assert (spec.mean, spec.std) == (127 / 255, 128 / 255)


@pytest.mark.parametrize("frozen", [0, 1])
@pytest.mark.parametrize("method", ["plain", "kd", "fitnet", "dfpt-kd"])
def test_a_student_begins_with_packaged_weights_and_keeps_its_frozen_stages(
    trained: Trained, tmp_path: Path, context: Context, method: str, frozen: int
) -> None:
    student = Student(
        model="efficientnet_lite0_s3", image_size=8, pretrained=True, frozen_stages=frozen, recipe=STUDENT.recipe
    )
    config = distil_config(student=student, method=method)
    metrics = distil.run(trained.inputs, taught(tmp_path / "student"), config, context)
    assert metrics["training_seconds"] > 0
    model, spec = models.load(tmp_path / "student")
    packaged = models.create("efficientnet_lite0_s3", 3, 1, 8, pretrained=True).state_dict()
    stayed = {name for name, tensor in model.state_dict().items() if torch.equal(tensor, packaged[name])}
    kept = {name for name in packaged if name.startswith(("stem", "stages.0"))}
    assert stayed >= kept if frozen else not stayed & {name for name in kept if "num_batches" not in name}
    assert not stayed & {name for name in packaged if name.startswith(("stages.1", "stages.2", "head"))}
    assert (spec.frozen_stages, spec.licence, spec.mean) == (frozen, "Apache-2.0", 127 / 255)


@pytest.mark.parametrize("method", ["kd", "dfpt-kd"])
def test_noise_is_the_students_alone_and_the_teachers_answers_stay_cached(
    trained: Trained, tmp_path: Path, method: str
) -> None:
    found = {}
    for name, noise in (("none", 0.0), ("noise", 0.2), ("again", 0.2)):
        context = Context(tmp_path / "home", tmp_path / "checkpoints" / name)  # one home: one cache for all three
        augmentation = VIEWS.model_copy(update={"noise": noise})
        config = distil_config(method=method).model_copy(update={"augmentation": augmentation})
        distil.run(trained.inputs, taught(tmp_path / name), config, context)
        found[name] = weights(tmp_path / name), len(list((tmp_path / "home" / "cache" / "features").glob("*.bin")))
    assert found["noise"] == found["again"]
    assert found["noise"][0] != found["none"][0]
    assert found["noise"][1] == found["none"][1]


def test_a_student_without_a_stage_to_train_is_refused(trained: Trained, tmp_path: Path, context: Context) -> None:
    student = Student(model="efficientnet_lite0_s3", image_size=8, pretrained=True, frozen_stages=3)
    config = distil_config(student=student, method="kd")
    with pytest.raises(UsageError, match="has 3 stages"):
        distil.run(trained.inputs, taught(tmp_path / "student"), config, context)


@pytest.mark.parametrize(
    "teacher",
    [
        TEACHER,
        Teacher(model="efficientnet_lite0", image_size=8, frozen_stages=6, recipe=RECIPE),
    ],
    ids=["images", "features"],
)
def test_a_teacher_can_be_trained_on_mixed_inputs(inspection: Any, tmp_path: Path, teacher: Teacher) -> None:
    for name, mixup in (("plain", 0.0), ("mixed", 0.4), ("again", 0.4)):
        changed = teacher.model_copy(update={"mixup": mixup})
        config = TrainTeacherConfig(seed=0, augmentation=VIEWS, teacher=changed)
        context = Context(tmp_path / "home", tmp_path / "checkpoints" / name)
        train_teacher.run(inspection.inputs(), {"teacher": tmp_path / name}, config, context)
    assert weights(tmp_path / "mixed") != weights(tmp_path / "plain")
    assert weights(tmp_path / "mixed") == weights(tmp_path / "again")


def test_more_frozen_stages_than_there_are_is_refused(inspection: Any, tmp_path: Path, context: Context) -> None:
    teacher = Teacher(model="efficientnet_lite0", image_size=8, frozen_stages=8)
    config = TrainTeacherConfig(seed=0, augmentation=VIEWS, teacher=teacher)
    with pytest.raises(UsageError, match="has 7 stages"):
        train_teacher.run(inspection.inputs(), {"teacher": tmp_path / "teacher"}, config, context)


def test_the_input_is_normalised_by_the_training_pixels(trained: Trained, inspection: Any) -> None:
    images = load(inspection.dataset, inspection.validation)
    pixels = images.images[images.rows("train")] / 255
    spec = models.load(trained["teacher"])[1]
    assert (spec.mean, spec.std) == pytest.approx((pixels.mean(), pixels.std()), abs=1e-6)
    assert spec.classes == images.task.classes
