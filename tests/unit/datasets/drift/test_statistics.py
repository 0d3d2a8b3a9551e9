"""Each statistic answers to what it is named after, on real images of cells."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dfpt.datasets import corruptions, elpv, picture
from dfpt.datasets.drift import statistics
from dfpt.errors import UsageError

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def cells() -> Pixels:
    items = elpv.source().items[::40]
    return np.stack([picture.decode(item.read(), 64, 1).pixels for item in items])


def measured(images: Pixels, channels: int = 1) -> dict[str, NDArray[np.float64]]:
    values = statistics.measure(images, np.arange(len(images)), channels, lambda done, total: None)
    return dict(zip(statistics.names(channels), values.T, strict=True))


def test_more_light_is_seen_as_that(cells: Pixels) -> None:
    before, after = measured(cells), measured(corruptions.brightness(cells, 1.08))
    np.testing.assert_allclose(after["brightness"], 1.08 * before["brightness"], rtol=0.02)
    for name in ("shadows", "highlights", "contrast", "unevenness"):
        assert (after[name] >= before[name]).mean() > 0.9, name


def test_noise_is_measured_in_its_own_size(cells: Pixels) -> None:
    random = np.random.default_rng(0)
    grey = np.full((4, 64, 64, 1), 128, np.uint8)
    np.testing.assert_allclose(np.exp(measured(corruptions.noise(grey, 0.04, random))["noise"]), 0.04, rtol=0.1)
    before, after = measured(cells), measured(corruptions.noise(cells, 0.04, random))
    assert (after["noise"] > before["noise"]).all()
    assert np.abs(after["brightness"] - before["brightness"]).max() < 0.01


def test_blur_takes_sharpness_and_edges(cells: Pixels) -> None:
    before, after = measured(cells), measured(corruptions.blur(cells, 1.0))
    assert (after["sharpness"] < before["sharpness"]).all()
    assert (after["edges"] < before["edges"]).all()


def test_a_turn_moves_the_tilt_by_four_times_its_angle(cells: Pixels) -> None:
    before, after = measured(cells), measured(corruptions.rotation(cells, 10.0))
    assert abs(before["tilt"].mean()) < 0.05
    assert (after["tilt"] < before["tilt"]).mean() > 0.95
    bar = np.zeros((1, 64, 64, 1), np.uint8)
    bar[:, :, 24:40] = 200
    found = measured(corruptions.rotation(corruptions.blur(bar, 2.0), 10.0))
    assert np.degrees(np.arctan2(-found["tilt"], found["alignment"])) / 4 == pytest.approx(10, abs=0.5)


@pytest.mark.parametrize(("axis", "direction"), [(1, -1.0), (2, 1.0)])
def test_direction_is_one_for_upright_edges_and_minus_one_for_level_ones(axis: int, direction: float) -> None:
    images = np.zeros((2, 32, 32, 1), np.uint8)
    images[(slice(None), slice(8, 20)) if axis == 1 else (slice(None), slice(None), slice(8, 20))] = 200
    found = measured(images)
    np.testing.assert_allclose(found["direction"], direction, atol=1e-3)
    np.testing.assert_allclose(found["alignment"], 1, atol=1e-3)
    np.testing.assert_allclose(found["slant"], 0, atol=1e-3)


def test_levels_are_those_of_the_sorted_pixels(cells: Pixels) -> None:
    found = measured(cells)
    flat = cells.reshape(len(cells), -1)
    np.testing.assert_allclose(found["brightness"], flat.mean(1) / 255)
    for name, share in (("shadows", 0.05), ("highlights", 0.95)):
        np.testing.assert_array_equal(found[name], np.quantile(flat, share, axis=1, method="inverted_cdf") / 255)


def test_colour_has_casts_and_grey_has_none(cells: Pixels) -> None:
    reddish = np.repeat(cells // 2, 3, axis=3)
    reddish[..., 0] += 51
    found = measured(reddish, channels=3)
    np.testing.assert_allclose(found["red cast"], 0.2)
    np.testing.assert_allclose(found["blue cast"], 0)
    np.testing.assert_array_equal(measured(cells, channels=3)["red cast"], 0)
    assert "red cast" not in measured(cells)


def test_rows_are_measured_in_their_order_and_told(cells: Pixels) -> None:
    told: list[tuple[int, int]] = []
    every = statistics.measure(cells, np.arange(len(cells)), 1, lambda *at: None)
    rows = np.arange(len(cells))[::-1][:40]
    found = statistics.measure(cells, rows, 1, lambda *at: told.append(at))
    np.testing.assert_allclose(found, every[rows], rtol=1e-5, atol=1e-6)
    assert told == [(32, 40), (40, 40)]


@pytest.mark.parametrize("value", [0, 255])
def test_an_even_image_has_numbers_too(value: int) -> None:
    assert all(np.isfinite(found).all() for found in measured(np.full((2, 8, 8, 1), value, np.uint8)).values())


def test_images_that_are_too_small_are_refused() -> None:
    with pytest.raises(UsageError, match="7 pixels"):
        measured(np.zeros((2, 7, 7, 1), np.uint8))
