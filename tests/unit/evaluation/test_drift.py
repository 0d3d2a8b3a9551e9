"""Which images are compared, what the student adds, and what the report says of both."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dfpt import models
from dfpt.config import Data, PrepareConfig
from dfpt.context import Context, Silent
from dfpt.datasets import corruptions, digits, picture, sample
from dfpt.datasets.sample import Sample
from dfpt.errors import UsageError
from dfpt.evaluation import drift, predict
from dfpt.models.backbone import count_parameters
from dfpt.steps import prepare

CLASSES = tuple(str(digit) for digit in range(10))


def prepared(folder: Path, source: str) -> Sample:
    config = PrepareConfig(seed=0, data=Data(source=source, image_size=16))
    prepare.run({}, {"dataset": folder}, config, Context(home=folder, checkpoints=folder))
    return sample.load(folder)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return prepared(tmp_path_factory.mktemp("digits"), "digits")


@pytest.fixture(scope="module")
def blurred(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """The first 200 digits out of focus, in a folder without labels."""
    folder = tmp_path_factory.mktemp("blurred")
    items = digits.source().items[:200]
    images = np.stack([picture.decode(item.read(), 16, 1).pixels for item in items])
    (folder / "raw" / "today").mkdir(parents=True)
    for number, image in enumerate(corruptions.blur(images, 3.0)):
        Image.fromarray(image[..., 0]).save(folder / "raw" / "today" / f"{number}.png")
    return prepared(folder / "dataset", f"folder:{folder / 'raw'}")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    model = models.create("tiny_20k", 10, 1, 16)
    spec = models.ModelSpec("tiny_20k", 1, 16, 0.3, 0.3, CLASSES, count_parameters(model))
    models.save(model, spec, tmp_path / "student")
    return tmp_path / "student"


def test_blur_is_drift_and_the_same_images_are_not(reference: Sample, blurred: Sample) -> None:
    found, unlike = drift.report(reference, blurred, None, Silent())
    assert found["drifted"]
    assert found["student"] is None
    assert {test["group"] for test in found["tests"]} == {"image statistics"}
    assert (found["current"]["compared"], found["reference"]["compared"]) == (200, 1797)
    assert found["current"]["source"].startswith("folder:")
    assert len(unlike) == drift.UNLIKE
    assert set(unlike) <= set(blurred.rows)
    again, _ = drift.report(reference, reference, None, Silent())
    assert not again["different"]
    assert again["p_value"] == 1


def test_level_and_tolerance_are_the_decisions(reference: Sample, blurred: Sample) -> None:
    found, _ = drift.report(reference, blurred, None, Silent(), tolerance=1.0)
    assert found["different"]
    assert not found["drifted"]
    assert found["settings"]["tolerance"] == 1.0
    found, _ = drift.report(reference, blurred, None, Silent(), level=0.001)
    assert not found["different"]  # 499 permutations cannot say as much


def test_what_the_student_has_learnt_from_is_left_out_on_both_sides(reference: Sample, weights: Path) -> None:
    student = drift.Student("digits/1 (candidate)", weights, reference.task.data_hash)
    found, _ = drift.report(reference, reference, student, Silent())
    unseen = sum(split != "train" for split in reference.splits)
    assert found["reference"]["compared"] == found["current"]["compared"] == unseen
    assert found["current"]["learnt_from"] == 1797 - unseen
    assert found["student"] == {
        "model": "digits/1 (candidate)",
        "data_hash": reference.task.data_hash,
        "trained_on_reference": True,
    }


def test_a_student_of_other_data_sees_all_images(reference: Sample, blurred: Sample, weights: Path) -> None:
    found, _ = drift.report(reference, blurred, drift.Student("m", weights, "f" * 64), Silent())
    assert found["student"]["trained_on_reference"] is False
    assert found["reference"]["compared"] == 1797
    names = {feature["name"] for feature in found["features"]}
    assert {"confidence", "entropy", "embedding 1", "brightness"} <= names
    assert "defect probability" not in names  # digits have none


def test_a_defect_probability_is_compared_where_the_classes_are_the_references(
    reference: Sample, weights: Path
) -> None:
    def compared(classes: tuple[str, ...]) -> bool:
        task = dataclasses.replace(reference.task, positive=(3, 4), classes=classes)
        judged = dataclasses.replace(reference, task=task)
        found, _ = drift.report(judged, judged, drift.Student("m", weights, ""), Silent())
        return "defect probability" in {feature["name"] for feature in found["features"]}

    assert compared(CLASSES)
    assert not compared(CLASSES[::-1])


def test_the_student_is_described_by_its_answers_and_embedding(reference: Sample, weights: Path) -> None:
    described = drift.describe(reference.images, reference.rows[:30], 1, weights, (3, 4))
    assert described.student is not None
    logits, embedding = predict.embedded(weights, reference.images, reference.rows[:30], lambda done, total: None)
    probability = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(described.student.answers[:, 2], probability[:, 3] + probability[:, 4], rtol=1e-4)
    np.testing.assert_array_equal(described.student.embedding, embedding)


def test_the_images_shown_are_those_that_are_unlike_the_reference(reference: Sample, blurred: Sample) -> None:
    usual = reference.rows[:300]
    images = np.concatenate([reference.images[usual], blurred.images[:60]])
    rows = np.arange(360)
    paths, splits = tuple(map(str, rows)), ("test",) * 360
    mixed = dataclasses.replace(blurred, images=images, rows=rows, paths=paths, splits=splits)
    _, unlike = drift.report(reference, mixed, None, Silent())
    assert (unlike >= 300).all()


def test_the_embedding_is_what_the_head_is_given(reference: Sample, weights: Path) -> None:
    logits, embedding = predict.embedded(weights, reference.images, reference.rows[:140], lambda done, total: None)
    linear = models.load(weights)[0].head[-1]
    assert len(embedding) == 140
    with torch.inference_mode():
        np.testing.assert_allclose(linear(torch.from_numpy(embedding)).numpy(), logits, rtol=1e-3, atol=1e-4)


def test_of_more_images_than_can_be_compared_some_are_drawn(
    reference: Sample, blurred: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift, "MOST", 150)
    found, _ = drift.report(reference, blurred, None, Silent())
    assert (found["reference"]["compared"], found["current"]["compared"]) == (150, 150)
    assert found["reference"]["images"] == 1797


def test_too_few_images_are_refused(reference: Sample, blurred: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "MOST", 10)
    with pytest.raises(UsageError, match="too few"):
        drift.report(reference, blurred, None, Silent())


def test_progress_is_told_of_every_part(reference: Sample, blurred: Sample, weights: Path) -> None:
    told: dict[str, tuple[int, int]] = {}

    class Listening(Silent):
        def progress(self, done: int, total: int, text: str) -> None:
            told[text] = (done, total)

    drift.report(reference, blurred, drift.Student("m", weights, ""), Listening())
    assert all(done == total for done, total in told.values())
    assert {"reference images measured", "current images seen by the student", "permutations"} <= told.keys()
