"""Random changes of a batch: what is drawn is the same for every network, and the labels follow the images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from dfpt.config import Augmentation
from dfpt.training import distortion
from dfpt.training.distortion import Distortion, box_of, cropped, pasted
from tests.unit.training import made_up

NONE = Distortion(0.0, False, 0.0, 0.0, 3)
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])


def images(size: int, count: int = 6) -> Tensor:
    """Every pixel tells its image and its place, in shares of the side."""
    place = (torch.arange(size) + 0.5) / size
    rows, columns = place[:, None].expand(size, size), place[None, :].expand(size, size)
    number = torch.arange(1.0, count + 1)[:, None, None].expand(count, size, size)
    return torch.stack((rows.expand(count, size, size), columns.expand(count, size, size), number), 1)


def test_exact_views_are_no_distortion() -> None:
    assert distortion.of(Augmentation(views=8), 3) is None
    assert distortion.of(Augmentation(flip=True), 3) == replace(NONE, flip=True)


def test_a_crop_is_a_window_of_the_padded_image() -> None:
    x = images(8)
    found = cropped(x, 0.25, np.array([[0.5, 0.5], [0.0, 0.0], [0.99, 0.99], [0.0, 0.99], [0.99, 0.5], [0.5, 0.0]]))
    assert torch.equal(found[0], x[0])
    assert torch.equal(found[1, :, 2:, 2:], x[1, :, :6, :6])
    assert not found[1, :, :2].any()
    assert not found[1, :, :, :2].any()
    assert torch.equal(found[2, :, :6, :6], x[2, :, 2:, 2:])
    assert torch.equal(found[3, :, 2:, :6], x[3, :, :6, 2:])
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_two_networks_see_the_same_crop_flip_and_box_each_at_its_own_resolution() -> None:
    distort = Distortion(0.125, True, 0.0, 1.0, 3)
    for seed in range(5):
        small, large = (distort(LABELS, (images(s),), np.random.default_rng(seed))[1][0] for s in (16, 32))
        both = distort(LABELS, (images(16), images(32)), np.random.default_rng(seed))[1]
        assert torch.equal(both[0], small)
        assert torch.equal(both[1], large)
        inside = (small[:, 2] > 0) & (large[:, 2, 1::2, 1::2] > 0)  # neither shows padding
        same = small[:, 2] == large[:, 2, 1::2, 1::2]
        assert same[inside].float().mean() > 0.85  # but for the pixels along the box's edges
        apart = (small[:, :2] - large[:, :2, 1::2, 1::2]).abs().amax(1)
        assert apart[inside & same].max() < 0.13  # of the side: two of the small one's pixels


def test_about_half_of_the_images_are_mirrored() -> None:
    x = images(8, 200)
    labels, (found,) = replace(NONE, flip=True)(torch.zeros(200, dtype=torch.int64), (x,), np.random.default_rng(0))
    mirrored = torch.tensor([torch.equal(a, b.flip(2)) for a, b in zip(found, x, strict=True)])
    kept = torch.tensor([torch.equal(a, b) for a, b in zip(found, x, strict=True)])
    assert torch.equal(mirrored, ~kept)
    assert 70 < mirrored.sum() < 130
    assert labels.dtype == torch.int64


@pytest.mark.parametrize("kind", ["mixup", "cutmix"])
def test_the_labels_of_a_mixture_are_the_shares_of_its_images(kind: str) -> None:
    x = torch.nn.functional.one_hot(LABELS, 3).float()[:, :, None, None].expand(-1, -1, 64, 64).contiguous()
    before = x.clone()
    shares = set()
    for seed in range(6):
        labels, (found,) = replace(NONE, **{kind: 1.0})(LABELS, (x,), np.random.default_rng(seed))
        torch.testing.assert_close(found.mean((2, 3)), labels, atol=0.03, rtol=0)  # a box is of whole pixels
        torch.testing.assert_close(labels.sum(1), torch.ones(6))
        shares |= set(labels.mul(100).round().flatten().tolist())
        assert set(found.unique().tolist()) <= {0.0, 1.0} or kind == "mixup"
    assert len(shares) > 6
    assert torch.equal(x, before)


def test_where_both_are_wanted_each_batch_takes_one() -> None:
    x = torch.nn.functional.one_hot(LABELS, 3).float()[:, :, None, None].expand(-1, -1, 8, 8).contiguous()
    distort = replace(NONE, mixup=1.0, cutmix=1.0)
    found = [distort(LABELS, (x,), np.random.default_rng(seed))[1][0] for seed in range(20)]
    boxes = sum(set(each.unique().tolist()) <= {0.0, 1.0} for each in found)
    assert 4 < boxes < 16


def test_a_box_ends_at_the_border() -> None:
    assert box_of(0.25, 0.5, 0.5) == (0.25, 0.75, 0.25, 0.75)
    assert box_of(0.25, 0.0, 1.0) == (0.0, 0.25, 0.75, 1.0)
    whole = pasted(torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4), (0.0, 1.0, 0.0, 1.0))
    assert whole.all()


def test_a_batch_is_changed_in_its_images_alone() -> None:
    train = replace(made_up.split(6), distortion=replace(NONE, crop=0.25, mixup=1.0))
    train = replace(train, sources=(*train.sources, lambda index, views: index))
    index = torch.arange(6)
    labels, inputs = train.batch(index, torch.zeros_like(index), np.random.default_rng(0))
    assert labels.shape == (6, made_up.CLASSES)
    assert torch.equal(inputs[1], index)
    assert not torch.equal(inputs[0], train.inputs(index, torch.zeros_like(index))[0])
