from __future__ import annotations

import numpy as np
import pytest
import torch

from dfpt.datasets.batches import VIEWS, dihedral, to_input

LETTER = torch.tensor([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]]).reshape(1, 1, 3, 3)


def view(x: torch.Tensor, number: int) -> torch.Tensor:
    return dihedral(x, torch.full((len(x),), number))


def test_pixels_become_normalised_input() -> None:
    pixels = torch.tensor([[[[0], [255]], [[51], [102]]]], dtype=torch.uint8)
    found = to_input(pixels, 2, 1, mean=0.2, std=0.5)
    assert found.shape == (1, 1, 2, 2)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, torch.tensor([[[[-0.4, 1.6], [0.0, 0.4]]]]))
    assert pixels.tolist() == [[[[0], [255]], [[51], [102]]]]


def test_grey_becomes_colour_by_repetition_and_colour_grey_by_the_mean() -> None:
    grey = torch.tensor([[[[51]]]], dtype=torch.uint8)
    torch.testing.assert_close(to_input(grey, 1, 3, 0, 1), torch.full((1, 3, 1, 1), 0.2))
    colour = torch.tensor([[[[0, 51, 102]]]], dtype=torch.uint8)
    torch.testing.assert_close(to_input(colour, 1, 1, 0, 1), torch.full((1, 1, 1, 1), 0.2))
    torch.testing.assert_close(to_input(colour, 1, 3, 0, 1).flatten(), torch.tensor([0, 0.2, 0.4]))


def test_resizing_keeps_rows_rows_and_averages_where_it_shrinks() -> None:
    pixels = torch.zeros(2, 8, 8, 1, dtype=torch.uint8)
    pixels[:, ::2] = 200  # lines that plain sampling would turn into all or nothing
    found = to_input(pixels, 2, 1, 0, 1)
    assert found.shape == (2, 1, 2, 2)
    assert found.mean().item() == pytest.approx(100 / 255, abs=0.02)
    half = torch.zeros(1, 8, 8, 1, dtype=torch.uint8)
    half[:, :4] = 255
    top, bottom = to_input(half, 4, 1, 0, 1)[0, 0, [0, 3]]
    assert (top > 0.95).all()
    assert (bottom < 0.05).all()
    assert to_input(half, 16, 1, 0, 1).shape == (1, 1, 16, 16)


def test_an_image_has_eight_different_views_and_the_first_is_itself() -> None:
    views = [view(LETTER, number) for number in range(VIEWS)]
    assert VIEWS == len({tuple(x.flatten().tolist()) for x in views}) == 8
    assert torch.equal(views[0], LETTER)
    assert views[1].flatten().tolist() == [3, 6, 9, 2, 5, 8, 1, 4, 7]  # a quarter turn, counter-clockwise
    assert views[4].flatten().tolist() == [3, 2, 1, 6, 5, 4, 9, 8, 7]  # the mirror image


@pytest.mark.parametrize("number", range(8))
def test_every_view_is_undone_exactly_by_a_view(number: int) -> None:
    inverse = number if number >= 4 else -number % 4
    assert torch.equal(view(view(LETTER, number), inverse), LETTER)


def test_each_image_of_a_batch_is_in_its_own_view() -> None:
    images = torch.from_numpy(np.random.default_rng(0).random((16, 2, 5, 5), np.float32))
    numbers = torch.arange(16) % 8
    for layout in (torch.contiguous_format, torch.channels_last):
        found = dihedral(images.contiguous(memory_format=layout), numbers)
        for row in range(16):
            assert torch.equal(found[row], view(images[row : row + 1], int(numbers[row]))[0])
