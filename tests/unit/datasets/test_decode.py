from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dfpt.context import Context
from dfpt.datasets import decode
from dfpt.datasets.sources import Item
from dfpt.errors import StepFailed


def encoded(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def test_shrinking_is_the_mean_over_the_area() -> None:
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4
    small, width, height = decode.decode(encoded(pixels), 4, 1)
    assert (width, height) == (8, 8)
    expected = pixels.reshape(4, 2, 4, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(small[..., 0], expected, atol=0.5)


def test_growing_is_smooth_and_keeps_the_range() -> None:
    large, _, _ = decode.decode(encoded(np.array([[0, 200], [0, 200]], np.uint8)), 8, 1)
    row = large[0, :, 0].astype(int)
    assert row[0] == 0
    assert row[-1] == 200
    assert len(set(row)) > 2
    assert (np.diff(row) >= 0).all()


def test_colour_has_three_channels_and_becomes_grey_on_demand() -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    pixels[..., 0] = 255
    assert decode.decode(encoded(pixels), 4, 3)[0][0, 0].tolist() == [255, 0, 0]
    assert decode.decode(encoded(pixels), 4, 1)[0].shape == (4, 4, 1)


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    pixels = np.full((4, 4), 20000, np.uint16)
    assert decode.decode(encoded(pixels), 4, 1)[0].max() == 20000 // 257


def test_the_orientation_that_a_camera_notes_is_applied() -> None:
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 3  # turned by 180 degrees
    Image.fromarray(np.array([[0, 255], [0, 255]], np.uint8)).save(buffer, "PNG", exif=exif)
    assert decode.decode(buffer.getvalue(), 2, 1)[0][0, :, 0].tolist() == [255, 0]


def test_an_image_of_too_many_pixels_is_refused_from_its_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MAX_PIXELS", 10)
    with pytest.raises(ValueError, match="4 x 4 pixels are more than 10"):
        decode.decode(encoded(np.zeros((4, 4), np.uint8)), 4, 1)


def test_broken_files_leave_an_error_and_zeros_and_the_rest_is_read(tmp_path: Path) -> None:
    good = encoded(np.random.default_rng(0).integers(0, 256, (16, 16), np.uint8))
    contents: list[bytes | Path] = [good, good[: len(good) // 2], b"no image", tmp_path / "gone.png", b"", good]
    items = tuple(Item(str(number), str(number), "a", content) for number, content in enumerate(contents))
    found = decode.decode_all(items, tmp_path / "images.npy", 8, 1, Context(tmp_path, tmp_path))
    array = np.load(tmp_path / "images.npy", mmap_mode="r")
    assert [image.error for image in found] == [
        None,
        "image file is truncated",
        "not an image file",
        "No such file or directory",
        "not an image file",
        None,
    ]
    assert not array[1:5].any()
    assert array[0].any()
    np.testing.assert_array_equal(array[0], array[5])
    assert found[0].mean == pytest.approx(array[0].mean() / 255)
    assert found[0].std == pytest.approx(array[0].std() / 255)


def test_no_image_at_all_is_an_empty_array(tmp_path: Path) -> None:
    assert decode.decode_all((), tmp_path / "images.npy", 8, 3, Context(tmp_path, tmp_path)) == []
    assert np.load(tmp_path / "images.npy").shape == (0, 8, 8, 3)


def test_a_full_disk_is_one_error_before_any_work() -> None:
    target = Path("/dev/full/images.npy")
    with pytest.raises(StepFailed, match="Cannot write"):
        decode.decode_all((), target, 8, 1, Context(Path(), Path()))


def test_cancelling_stops_the_work(tmp_path: Path) -> None:
    items = (Item("a", "a", "a", b""),)
    context = Context(tmp_path, tmp_path, cancelled=lambda: True)
    with pytest.raises(StepFailed, match="Interrupted"):
        decode.decode_all(items, tmp_path / "images.npy", 8, 1, context)
