"""train-teacher, train-baseline, tune-prompt and distil on real files, with networks that train in a second."""

from __future__ import annotations

import csv
import itertools
import json
import shutil
import typing
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from dfpt import models
from dfpt.config import (
    Augmentation,
    DistilConfig,
    Distillation,
    EvaluateConfig,
    Evaluation,
    Prompt,
    Recipe,
    Student,
    Teacher,
    TrainBaselineConfig,
    TrainTeacherConfig,
    TunePromptConfig,
)
from dfpt.context import Context
from dfpt.datasets import Task, load
from dfpt.datasets.batches import dihedral
from dfpt.distill import saved
from dfpt.distill.methods import METHODS
from dfpt.distill.places import at_places
from dfpt.errors import StepFailed, UsageError
from dfpt.method_options import NEEDS_ONE_LABEL, OPTIONS
from dfpt.models.backbone import count_parameters
from dfpt.steps import distil, dual, evaluate, train_baseline, train_teacher, tune_prompt
from dfpt.training.views import LogitViews

RECIPE = Recipe(epochs=2, batch_size=16, lr=0.01, precision="float32")
TEACHER = Teacher(model="resnet8", image_size=8, pretrained=False, frozen_stages=0, recipe=RECIPE)
STUDENT = Student(model="tiny_20k", image_size=8, recipe=RECIPE)
PROMPT = Prompt(stages=(0, 1), epochs=1)
VIEWS = Augmentation(views=8)


@dataclass(frozen=True)
class Trained:
    """The outputs of the four steps and what they returned."""

    inputs: dict[str, Path]
    metrics: dict[str, dict[str, float]]

    def __getitem__(self, artifact: str) -> Path:
        return self.inputs[artifact]


def distil_config(prompt: Prompt = PROMPT, student: Student = STUDENT, **values: Any) -> DistilConfig:
    distillation = Distillation(**values)
    return DistilConfig(seed=0, augmentation=VIEWS, student=student, prompt=prompt, distillation=distillation)


def tune_config(**values: Any) -> TunePromptConfig:
    distillation = Distillation(**values)
    return TunePromptConfig(seed=0, augmentation=VIEWS, student=STUDENT, prompt=PROMPT, distillation=distillation)


def taught(student: Path) -> dict[str, Path]:
    """The outputs of distil, the path beside the student."""
    return {"student": student, "path": student.with_name(f"{student.name}-path")}


@pytest.fixture(scope="module")
def trained(inspection: Any, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    place = tmp_path_factory.mktemp("trained")
    inputs = inspection.inputs(**{name: place / name for name in ("teacher", "baseline", "prompt", "student")})
    steps: list[tuple[str, Any, Any]] = [
        ("teacher", train_teacher, TrainTeacherConfig(seed=0, augmentation=VIEWS, teacher=TEACHER)),
        ("baseline", train_baseline, TrainBaselineConfig(seed=0, augmentation=VIEWS, student=STUDENT)),
        ("prompt", tune_prompt, tune_config()),
        ("student", distil, distil_config()),
    ]
    metrics = {
        name: step.run(
            inputs,
            taught(place / name) if name == "student" else {name: place / name},
            config,
            Context(place / "home", place / "checkpoints" / name),
        )
        for name, step, config in steps
    }
    return Trained(inputs, metrics)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(tmp_path / "home", tmp_path / "checkpoints")


def history(folder: Path) -> list[dict[str, str]]:
    with (folder / "history.csv").open(newline="") as stream:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(stream)]


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_the_saved_student_holds_the_student_alone(trained: Trained) -> None:
    """Guarantee 5 of the algorithm: after training the teacher costs nothing."""
    plain = models.create("tiny_20k", 3, 1, 8)
    tensors = load_file(trained["student"] / "model.safetensors")
    assert {name: tensor.shape for name, tensor in tensors.items()} == {
        name: tensor.shape for name, tensor in plain.state_dict().items()
    }
    student, spec = models.load(trained["student"])
    assert count_parameters(student) == spec.parameters == count_parameters(plain)
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


def test_a_teacher_that_began_at_random_is_nobody_elses(trained: Trained) -> None:
    assert models.load(trained["teacher"])[1].licence == "LicenseRef-trained-here"


def test_every_network_says_which_data_it_was_trained_on(trained: Trained, inspection: Any) -> None:
    for name in ("teacher", "baseline", "student"):
        assert models.load(trained[name])[1].data_hash == Task.load(inspection.dataset).data_hash


def test_the_prompt_folder_says_what_was_added_to_the_teacher(trained: Trained) -> None:
    about = json.loads((trained["prompt"] / "prompt.json").read_text())
    tensors = load_file(trained["prompt"] / "prompt.safetensors")
    assert about["positions"] == [0, 1]
    assert about["parameters"] == trained.metrics["prompt"]["prompt_parameters"]
    assert {name.split(".")[0] for name in tensors} == {"prompts", "fusions", "head"}
    assert len(history(trained["prompt"])) == PROMPT.epochs


def test_the_whole_path_brings_its_own_stages_and_fits_its_own_method_alone(
    trained: Trained, tmp_path: Path, context: Context
) -> None:
    tune_prompt.run(trained.inputs, {"prompt": tmp_path / "prompt"}, tune_config(method="dfpt-kd+"), context)
    tensors = load_file(tmp_path / "prompt" / "prompt.safetensors")
    assert {name.split(".")[0] for name in tensors} == {"prompts", "fusions", "head", "stages"}
    inputs = trained.inputs | {"prompt": tmp_path / "prompt"}
    context = replace(context, checkpoints=tmp_path / "distil")
    distil.run(inputs, taught(tmp_path / "student"), distil_config(method="dfpt-kd+"), context)
    with pytest.raises(UsageError, match="does not fit this configuration"):
        distil.run(inputs, taught(tmp_path / "other"), distil_config(method="dfpt-kd"), context)


@pytest.mark.parametrize("adapt", ["joint", "frozen", "alternate"])
def test_the_path_is_kept_as_it_taught_at_the_end(
    trained: Trained, tmp_path: Path, context: Context, adapt: str
) -> None:
    distil.run(trained.inputs, taught(tmp_path / "student"), distil_config(adapt=adapt), context)
    teacher = models.load(trained["teacher"])[0]
    kept = saved.load(tmp_path / "student-path", teacher).state_dict()
    tuned = load_file(trained["prompt"] / "prompt.safetensors")
    assert all(torch.equal(kept[name], tensor) for name, tensor in tuned.items()) is (adapt == "frozen")


def test_evaluate_asks_both_paths_of_the_teacher_about_the_test_images(
    inspection: Any, trained: Trained, tmp_path: Path, context: Context
) -> None:
    outputs = taught(tmp_path / "student")
    distil.run(trained.inputs, outputs, distil_config(), context)
    neutral = tmp_path / "neutral"
    spec = dual.path_spec(models.load(trained["teacher"])[0], PROMPT, "dfpt-kd")
    teacher = models.load(trained["teacher"])[0]
    saved.save(spec.build(teacher), spec, neutral)
    found = {}
    for name, path in (("adapted", outputs["path"]), ("neutral", neutral)):
        inputs = trained.inputs | {"student": outputs["student"], "path": path}
        config = EvaluateConfig(seed=0, evaluation=Evaluation(bootstrap=10, latency_runs=1))
        metrics = evaluate.run(inputs, {"evaluation": tmp_path / name}, config, context)
        found[name] = json.loads((tmp_path / name / "report.json").read_text())
        assert metrics["prompt_path_gap"] == found[name]["knowledge"]["prompt"]["gap"]
        assert "What the student was taught" in (tmp_path / name / "evaluation.html").read_text()
    for report in found.values():
        assert report["knowledge"]["original"]["accuracy"] == report["models"]["teacher"]["accuracy"]
        assert report["knowledge"]["original"] == found["neutral"]["knowledge"]["original"]
    assert found["neutral"]["knowledge"]["prompt"] == pytest.approx(found["neutral"]["knowledge"]["original"])
    assert found["adapted"]["knowledge"]["prompt"]["gap"] != found["adapted"]["knowledge"]["original"]["gap"]


@pytest.mark.parametrize("damage", ["cut off", "of another teacher", "no numbers"])
def test_a_path_that_does_not_fit_is_refused(trained: Trained, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "path"
    shutil.copytree(trained["prompt"], folder)
    if damage == "cut off":
        (folder / "prompt.safetensors").write_bytes((folder / "prompt.safetensors").read_bytes()[:100])
    elif damage == "no numbers":
        (folder / "prompt.json").write_text('{"positions": ["first"]}')
    teacher = (
        models.create("resnet8x4", 3, 1, 8) if damage == "of another teacher" else models.load(trained["teacher"])[0]
    )
    with pytest.raises(UsageError, match="path"):
        saved.load(folder, teacher)


@pytest.mark.parametrize("stages", [(0,), (1, 2)])
def test_a_prompt_tuned_for_other_stages_is_refused(
    trained: Trained, tmp_path: Path, context: Context, stages: tuple[int, ...]
) -> None:
    config = distil_config(PROMPT.model_copy(update={"stages": stages}))
    with pytest.raises(UsageError, match="does not fit this configuration") as refused:
        distil.run(trained.inputs, taught(tmp_path / "student"), config, context)
    assert refused.value.remedy == "Run tune-prompt again with it."


@pytest.mark.parametrize("warm", [True, False])
def test_a_warm_start_is_the_probe_and_a_cold_one_a_new_student(
    trained: Trained, tmp_path: Path, context: Context, warm: bool
) -> None:
    student = STUDENT.model_copy(update={"recipe": RECIPE.model_copy(update={"epochs": 0})})
    config = distil_config(student=student, warm_start=warm)
    metrics = distil.run(trained.inputs, taught(tmp_path / "student"), config, context)
    assert metrics["epochs"] == 0
    torch.manual_seed(0)
    new = models.create("tiny_20k", 3, 1, 8).state_dict()
    expected = load_file(trained["prompt"] / "probe.safetensors") if warm else new
    found = load_file(tmp_path / "student" / "model.safetensors")
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    assert history(tmp_path / "student") == []


@pytest.mark.parametrize("batches", [4, 12], ids=["while features are computed", "in the second epoch"])
def test_an_interrupted_distillation_ends_as_an_uninterrupted_one(
    trained: Trained, tmp_path: Path, context: Context, batches: int
) -> None:
    """Guarantee 6 for a whole step: the second attempt reads features that the first one computed."""
    asked: Iterator[int] = itertools.count()
    interrupted = replace(context, cancelled=lambda: next(asked) >= batches)
    with pytest.raises(StepFailed, match="interrupted"):
        distil.run(trained.inputs, taught(tmp_path / "student"), distil_config(), interrupted)
    assert not (tmp_path / "student").exists()
    distil.run(trained.inputs, taught(tmp_path / "student"), distil_config(), context)
    assert weights(tmp_path / "student") == weights(trained["student"])
    assert history(tmp_path / "student") == history(trained["student"])


@pytest.mark.parametrize("method", METHODS)
def test_a_student_is_taught_by_a_method_to_compare_with(trained: Trained, tmp_path: Path, method: str) -> None:
    """Interrupted in its second epoch it ends as an uninterrupted one: what the method remembers is kept too."""
    config = distil_config(method=method, options={"assistant": "tiny_60k"} if method == "takd" else {})
    context = Context(tmp_path / "home", tmp_path / "checkpoints" / "whole")
    distil.run(trained.inputs, taught(tmp_path / "whole"), config, context)
    asked: Iterator[int] = itertools.count()
    batches = len(load(trained["dataset"], trained["validation"]).rows("train")) // RECIPE.batch_size
    context = replace(context, checkpoints=tmp_path / "checkpoints" / "parts")
    stopped = replace(context, cancelled=lambda: next(asked) > batches)
    with pytest.raises(StepFailed, match="interrupted in epoch 2"):
        distil.run(trained.inputs, taught(tmp_path / "parts"), config, stopped)
    distil.run(trained.inputs, taught(tmp_path / "parts"), config, context)
    assert weights(tmp_path / "parts") == weights(tmp_path / "whole")
    assert (weights(tmp_path / "whole") == weights(trained["baseline"])) == (method == "plain")
    assert not saved.saved(tmp_path / "whole-path")
    assert {name.split(".")[0] for name in load_file(tmp_path / "whole" / "model.safetensors")} == {
        "stem",
        "stages",
        "head",
    }


def test_a_method_is_given_its_options_and_refuses_those_of_another(
    trained: Trained, tmp_path: Path, context: Context
) -> None:
    plain = distil_config(method="kd", options={"label": 1.0, "knowledge": 0.0})
    distil.run(trained.inputs, taught(tmp_path / "student"), plain, context)
    assert weights(tmp_path / "student") == weights(trained["baseline"])
    with pytest.raises(UsageError, match="beta"):
        distil_config(method="kd", options={"beta": 1})


def test_no_prompt_is_tuned_for_a_method_without_one(trained: Trained, tmp_path: Path, context: Context) -> None:
    metrics = tune_prompt.run(trained.inputs, {"prompt": tmp_path / "prompt"}, tune_config(method="kd"), context)
    assert metrics["epochs"] == 0


def test_every_method_can_be_configured_and_its_options_are_those_that_are_read() -> None:
    allowed = set(typing.get_args(Distillation.model_fields["method"].annotation))
    assert allowed - {"dfpt-kd", "dfpt-kd+"} == METHODS.keys() == OPTIONS.keys()
    assert all(METHODS[name].options is kind for name, kind in OPTIONS.items())
    assert {name for name, info in METHODS.items() if "memory" in info.needs} <= NEEDS_ONE_LABEL


def test_the_assistant_is_taught_by_the_teacher_and_teaches_the_student(
    trained: Trained, tmp_path: Path, context: Context
) -> None:
    """With an assistant that learns nothing of the teacher, the student's teacher is the assistant all the same."""
    found = {}
    for name, method, options in (
        ("kd", "kd", {}),
        ("takd", "takd", {"assistant": "tiny_60k"}),
        ("other", "takd", {"assistant": "tiny_160k"}),
        ("alone", "takd", {"assistant": "tiny_60k", "knowledge": 0.0, "label": 1.0}),
    ):
        place = replace(context, checkpoints=tmp_path / "checkpoints" / name)
        distil.run(trained.inputs, taught(tmp_path / name), distil_config(method=method, options=options), place)
        found[name] = weights(tmp_path / name)
    assert len(set(found.values())) == 4
    assert found["alone"] == weights(trained["baseline"])


@pytest.mark.parametrize("divergence", ["dkd", "dist", "ls"])
def test_a_student_is_taught_by_both_paths_with_another_divergence(
    trained: Trained, tmp_path: Path, context: Context, divergence: str
) -> None:
    config = distil_config(divergence=divergence, at_places=1.0)
    distil.run(trained.inputs, taught(tmp_path / "student"), config, context)
    with_places_only = distil_config(at_places=1.0)
    place = replace(context, checkpoints=tmp_path / "by-kl")
    distil.run(trained.inputs, taught(tmp_path / "by-kl"), with_places_only, place)
    assert weights(tmp_path / "student") != weights(tmp_path / "by-kl")


RANDOM = Augmentation(views=1, crop=0.125, flip=True, mixup=0.2, cutmix=1.0)


@pytest.mark.parametrize("method", ["dfpt-kd", "dfpt-kd+", "kd", "fitnet"])
def test_random_changes_are_seen_by_the_student_and_by_the_teacher(
    trained: Trained, tmp_path: Path, context: Context, method: str
) -> None:
    prompt = trained["prompt"]
    if method == "dfpt-kd+":
        prompt = tmp_path / "prompt"
        tune_prompt.run(trained.inputs, {"prompt": prompt}, tune_config(method=method), context)
    found = []
    for augmentation in (Augmentation(views=1), RANDOM):
        distillation = Distillation.model_validate({"method": method, "teacher_cache": False})
        config = distil_config().model_copy(update={"augmentation": augmentation, "distillation": distillation})
        place = replace(context, checkpoints=tmp_path / str(len(found)))
        student = tmp_path / f"student-{len(found)}"
        distil.run(trained.inputs | {"prompt": prompt}, taught(student), config, place)
        found.append(weights(student))
    assert found[0] != found[1]
    assert not (context.home / "cache" / "features").exists() or method == "dfpt-kd+"  # whose prompt was tuned cached


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


@pytest.mark.parametrize("views", [1, 8])
def test_the_original_path_is_asked_about_each_image_in_each_of_its_views(trained: Trained, views: int) -> None:
    """What a training reads of it in place of the teacher: whole images first, then every place of the last map."""
    teacher = models.load(trained["teacher"])[0]
    paths = dual.with_paths(teacher, dual.path_spec(teacher, PROMPT, "dfpt-kd"), 0)
    images = torch.randn(150, 1, 8, 8)  # more than a batch
    turned = [dihedral(images, torch.full((150,), view)) for view in range(views)]
    shared = torch.stack([paths.shared(x) for x in turned])
    whole, places = (LogitViews(logits) for logits in dual._original(paths, shared, True))
    index = torch.tensor([149, 3, 64, 0])
    for view, x in enumerate(turned):
        drawn = torch.full_like(index, view)
        features = paths.teacher.features(x[index])
        torch.testing.assert_close(whole(index, drawn), paths.teacher(x[index]))
        torch.testing.assert_close(places(index, drawn), at_places(paths.teacher.head, features))
    assert len(dual._original(paths, shared, False)) == 1


def test_knowledge_at_places_reaches_the_student_and_the_prompt_path(
    trained: Trained, tmp_path: Path, context: Context
) -> None:
    distil.run(trained.inputs, taught(tmp_path / "student"), distil_config(at_places=1.0), context)
    with_it, without = history(tmp_path / "student"), history(trained["student"])
    for loss in ("train_loss", "train_prompt_loss"):
        assert float(with_it[0][loss]) > float(without[0][loss])
    assert weights(tmp_path / "student") != weights(trained["student"])


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
