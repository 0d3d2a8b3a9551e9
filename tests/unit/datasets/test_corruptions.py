from __future__ import annotations

import numpy as np
import pytest

from dfpt import corruption
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


def test_contrast_draws_values_to_the_mean_of_their_own_image() -> None:
    images = np.array([[[[100], [200]]], [[[0], [20]]]], np.uint8)
    assert corruptions.contrast(images, 0.5).ravel().tolist() == [125, 175, 5, 15]


@pytest.mark.parametrize("kind", corruption.SUITE)
def test_a_stronger_corruption_of_the_suite_changes_more(kind: str) -> None:
    images = np.clip(image().astype(int) // 2 + np.linspace(0, 100, 64).astype(int)[:, None, None], 0, 255)
    images = images.astype(np.uint8)
    before = images.copy()
    changes = [
        np.abs(corruptions.corrupt(images, kind, strength).astype(float) - images).mean()
        for strength in corruption.STRENGTHS
    ]
    assert changes[0] > 0
    assert changes == sorted(changes)
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("kind", corruption.SUITE)
def test_the_suite_is_the_same_every_time_and_does_not_depend_on_how_many_images_are_held_at_once(kind: str) -> None:
    images = np.random.default_rng(1).integers(0, 255, (150, 8, 8, 1), np.uint8)
    found = corruptions.corrupt(images, kind, 3)
    np.testing.assert_array_equal(found, corruptions.corrupt(images, kind, 3))
    np.testing.assert_array_equal(found[:140], corruptions.corrupt(images[:140], kind, 3))


def test_the_third_strength_is_what_the_benchmark_has_measured_since_its_first_results() -> None:
    from dfpt.bench.distill import cells

    images = np.random.default_rng(2).integers(0, 255, (150, 16, 16, 1), np.uint8)
    then = {
        "noise": corruptions.noise(images, 0.06, np.random.default_rng(0)),
        "blur": corruptions.blur(images, sigma=1.5),
        "dark": corruptions.brightness(images, factor=0.75),
        "bright": corruptions.brightness(images, factor=1.25),
        "rotation": corruptions.rotation(images, degrees=10.0),
    }
    assert list(cells.CORRUPTIONS) == list(then)
    for name, expected in then.items():
        np.testing.assert_array_equal(cells.CORRUPTIONS[name](images), expected)
