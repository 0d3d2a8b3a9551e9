from __future__ import annotations

import numpy as np
import pytest

from dfpt.datasets import corruptions


def image(side: int = 64) -> np.ndarray:
    return np.random.default_rng(0).integers(40, 200, (2, side, side, 1), np.uint8)


def test_noise_has_its_sigma_and_the_same_seed_the_same_noise() -> None:
    grey = np.full((1, 200, 200, 1), 128, np.uint8)
    found = corruptions.noise(grey, 0.04, np.random.default_rng(0))
    assert (found.astype(float) - 128).std() / 255 == pytest.approx(0.04, rel=0.02)
    np.testing.assert_array_equal(found, corruptions.noise(grey, 0.04, np.random.default_rng(0)))


def test_brightness_multiplies_and_stops_at_white() -> None:
    found = corruptions.brightness(np.array([[[[100], [250]]]], np.uint8), 1.08)
    assert found.ravel().tolist() == [108, 255]


def test_blur_is_as_wide_as_its_sigma_at_every_size_and_stays_in_its_image() -> None:
    for side in (64, 128):
        points = np.zeros((2, side, side, 1), np.uint8)
        points[0, side // 2, side // 2] = 255
        found = corruptions.blur(points, 2.0)[0, ..., 0].astype(float)
        place = np.arange(side) - side // 2
        width = np.sqrt((found.sum(0) * place**2).sum() / found.sum())
        assert width * 64 / side == pytest.approx(2, rel=0.35)  # eight bits cut off its outskirts
        assert not corruptions.blur(points, 2.0)[1].any()


def test_rotation_turns_counter_clockwise() -> None:
    np.testing.assert_array_equal(corruptions.rotation(image(), 90.0), np.rot90(image(), 1, axes=(1, 2)))
    np.testing.assert_array_equal(corruptions.rotation(image(), 0.0), image())
