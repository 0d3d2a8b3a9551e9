from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dfpt.context import Context, Silent
from dfpt.datasets.batches import dihedral
from dfpt.errors import StepFailed
from dfpt.models import Backbone
from dfpt.training import features, precision
from dfpt.training.features import cached
from tests.unit.training import made_up

BATCH = 64
COUNT = 70  # more than a batch


class Watch(Silent):
    """Counts the computed batches."""

    def __init__(self) -> None:
        self.computed = 0

    def progress(self, done: int, total: int, text: str) -> None:
        self.computed += 1


@pytest.fixture
def model() -> Backbone:
    return made_up.teacher()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def context(tmp_path: Path, watch: Watch) -> Context:
    return replace(made_up.context(tmp_path), reporter=watch)


def test_row_v_i_is_the_feature_of_view_v_of_image_i(model: Backbone, context: Context) -> None:
    images = made_up.pictures(COUNT)[0]
    found = cached(model, 2, images, 8, context)
    assert found.shape == (8, COUNT, 32, 4, 4)
    assert found.dtype == torch.bfloat16
    for view in range(8):
        with torch.no_grad():
            expected = model.to_stage(dihedral(images, torch.full((COUNT,), view)), 2)
        assert (found[view].float() - expected).abs().max() < 0.02 * expected.abs().max()  # bfloat16: 8 bits


@pytest.mark.parametrize("faster", ["float32", "bfloat16"])
def test_they_are_computed_in_the_type_that_was_measured_as_the_faster_one(
    model: Backbone, context: Context, faster: str
) -> None:
    images = made_up.pictures(COUNT)[0]
    cached(model, 2, images, 1, context)
    measured = context.home / "cache" / "precision.json"
    (key,) = json.loads(measured.read_text())
    measured.write_text(json.dumps({key: {"float32": 2.0, "bfloat16": 2.0} | {faster: 1.0}}))
    for kept in (context.home / "cache" / "features").iterdir():
        kept.unlink()
    with torch.no_grad(), precision.autocast(precision.TYPES[faster]):
        expected = model.to_stage(images[:BATCH], 2).to(torch.bfloat16)
    assert torch.equal(cached(model, 2, images, 1, context)[0, :BATCH], expected)


def test_the_second_time_they_are_read_back(model: Backbone, context: Context, watch: Watch) -> None:
    images = made_up.pictures(COUNT)[0]
    first = cached(model, 1, images, 2, context)
    assert watch.computed == 4
    (stored,) = (context.home / "cache" / "features").glob("*.bin")
    stored.write_bytes(torch.zeros(first.numel(), dtype=torch.bfloat16).view(torch.uint8).numpy().tobytes())
    second = cached(model, 1, images, 2, context)
    assert watch.computed == 4
    assert second.shape == first.shape
    assert not second.any()  # what the file holds, not what the network says


def test_deep_features_are_computed_from_the_shallow_ones_that_are_kept(
    model: Backbone, context: Context, watch: Watch
) -> None:
    images = made_up.pictures(COUNT)[0]
    cached(model, 1, images, 8, context)
    (shallow,) = (context.home / "cache" / "features").glob("*.bin")
    found = cached(model, 3, images, 8, context, after=1)
    assert watch.computed == 2 * 16
    for view in range(8):
        with torch.no_grad():
            expected = model.to_stage(dihedral(images, torch.full((COUNT,), view)), 3)
        assert (found[view].float() - expected).abs().max() < 0.05 * expected.abs().max()  # rounded twice
    assert torch.equal(cached(model, 1, images, 8, context, after=1), cached(model, 1, images, 8, context))
    assert watch.computed == 2 * 16  # nothing lies between
    shallow.write_bytes(bytes(shallow.stat().st_size))
    assert not torch.equal(cached(model, 2, images, 8, context, after=1)[0], cached(model, 2, images, 8, context)[0])


def test_other_weights_images_stages_or_views_are_computed_anew(
    model: Backbone, context: Context, watch: Watch
) -> None:
    images = made_up.pictures(6)[0]
    cached(model, 1, images, 1, context)
    cached(model, 2, images, 1, context)
    cached(model, 1, images, 2, context)
    cached(model, 1, images + 1, 1, context)
    with torch.no_grad():
        model.stages[0][0].norm1.running_mean[3] += 0.5  # type: ignore[index]
    before = watch.computed
    cached(model, 1, images, 1, context)
    assert (before, watch.computed) == (5, 6)
    with torch.no_grad():
        model.head[-1].weight.mul_(2)  # type: ignore[index]
    cached(model, 1, images, 1, context)
    assert watch.computed == 6  # what comes later does not count


def test_the_network_is_left_fit_for_training_through_it(model: Backbone, context: Context) -> None:
    model = model.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # as it is when loaded
    cached(model, 1, made_up.pictures(6)[0], 1, context)
    features = torch.randn(2, 16, 8, 8, requires_grad=True)
    model.behind(1)(features).sum().backward()
    assert features.grad is not None
    assert not any(tensor.is_inference() for tensor in model.state_dict().values())


def test_the_precision_is_the_recipes_and_measured_only_where_it_asks_for_that(
    model: Backbone, context: Context, watch: Watch
) -> None:
    images = made_up.pictures(6)[0]
    for wanted in ("float32", "bfloat16", "float32"):
        cached(model, 1, images, 1, context, wanted=wanted)
    assert watch.computed == 2, "each has a set of its own"
    assert not (context.home / "cache" / "precision.json").exists()
    cached(model, 1, images, 1, context)
    assert (context.home / "cache" / "precision.json").exists()


def test_only_the_sets_most_lately_used_are_kept(
    model: Backbone, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = cached(model, 1, made_up.pictures(3)[0], 1, context).numel() * 2
    monkeypatch.setattr(features, "_MOST", 6 * size)
    for number in range(8):
        cached(model, 1, made_up.pictures(3, seed=number)[0], 1, context)
    kept = list((context.home / "cache" / "features").iterdir())
    assert sorted(path.suffix for path in kept) == [".bin"] * 6 + [".json"] * 6


def test_an_interrupted_computation_leaves_nothing_that_looks_finished(model: Backbone, context: Context) -> None:
    watch = context.reporter
    assert isinstance(watch, Watch)
    with pytest.raises(StepFailed, match="interrupted"):
        cached(model, 1, made_up.pictures(COUNT)[0], 1, replace(context, cancelled=lambda: watch.computed == 1))
    assert list((context.home / "cache" / "features").iterdir()) == []
