"""What tune-prompt leaves and distil takes up: the second path, its checks, the probe, an interruption."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from dfpt import models
from dfpt.config import (
    Augmentation,
    Distillation,
    EvaluateConfig,
    Evaluation,
)
from dfpt.context import Context
from dfpt.datasets import load
from dfpt.datasets.batches import dihedral
from dfpt.distill import saved
from dfpt.distill.dual_forward import PromptPath
from dfpt.distill.places import at_places
from dfpt.errors import StepFailed, UsageError
from dfpt.steps import distil, dual, evaluate, tune_prompt
from dfpt.training.views import LogitViews
from tests.unit.steps.trained import (
    PROMPT,
    RECIPE,
    STUDENT,
    Trained,
    distil_config,
    history,
    taught,
    tune_config,
    weights,
)

pytest_plugins = "tests.unit.steps.trained"


def test_the_prompt_folder_says_what_was_added_to_the_teacher(trained: Trained) -> None:
    about = json.loads((trained["prompt"] / "prompt.json").read_text())
    tensors = load_file(trained["prompt"] / "prompt.safetensors")
    assert (about["stages"], about["own_stages"]) == ([0, 1], False)
    path = saved.load(trained["prompt"], models.load(trained["teacher"])[0])
    assert path.learnt == trained.metrics["prompt"]["prompt_parameters"]
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


def test_the_whole_path_needs_a_stage_behind_the_first_prompt(trained: Trained) -> None:
    teacher, last = models.load(trained["teacher"])[0], PROMPT.model_copy(update={"stages": (-1,)})
    with pytest.raises(UsageError, match=r"behind prompt.stages = \[-1\] the teacher has none"):
        dual.path_spec(teacher, last, "dfpt-kd+")
    assert dual.path_spec(teacher, last, "dfpt-kd").stages == (len(teacher.stages) - 1,)


def test_standardised_logits_of_two_classes_are_refused(trained: Trained, context: Context) -> None:
    (teacher, spec), (student, own) = models.load(trained["teacher"]), models.load(trained["baseline"])
    paths = dual.with_paths(teacher, dual.path_spec(teacher, PROMPT, "dfpt-kd"), 0)
    images = load(trained["dataset"], trained["validation"])
    two = replace(own, classes=own.classes[:2])
    ways = ({"divergence": "ls"}, {}, "distillation"), ({}, {"divergence": "ls"}, "prompt")
    for distillation, prompt, section in ways:
        config = Distillation.model_validate(distillation), PROMPT.model_copy(update=prompt)
        with pytest.raises(UsageError, match=f"{section}.divergence = ls teaches nothing with 2 classes"):
            dual.train(
                "distil", paths, spec, student, two, images, RECIPE, *config, "joint", Augmentation(views=1), 0, context
            )


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
    teacher = models.load(trained["teacher"])[0]
    saved.save(PromptPath(teacher, dual.path_spec(teacher, PROMPT, "dfpt-kd")), neutral)
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
        (folder / "prompt.json").write_text('{"stages": ["first"]}')
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
