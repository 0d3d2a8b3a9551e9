from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

from dfpt.context import Context, Silent
from dfpt.datasets import decode as decode_all_module
from dfpt.datasets import picture, sources
from dfpt.datasets.decode import FEW, decode_all
from dfpt.datasets.decode_workers import Workers
from dfpt.datasets.picture import decode
from dfpt.datasets.sources import Item
from dfpt.errors import StepFailed


def encoded(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def test_shrinking_is_the_mean_over_the_area() -> None:
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4
    small, width, height, kind, _ = decode(encoded(pixels), 4, 1)
    assert (width, height, kind) == (8, 8, "PNG")
    expected = pixels.reshape(4, 2, 4, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(small[..., 0], expected, atol=0.5)


def test_growing_is_smooth_and_keeps_the_range() -> None:
    large = decode(encoded(np.array([[0, 200], [0, 200]], np.uint8)), 8, 1).pixels
    row = large[0, :, 0].astype(int)
    assert row[0] == 0
    assert row[-1] == 200
    assert len(set(row)) > 2
    assert (np.diff(row) >= 0).all()


def test_colour_has_three_channels_and_becomes_grey_on_demand() -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    pixels[..., 0] = 255
    assert decode(encoded(pixels), 4, 3)[0][0, 0].tolist() == [255, 0, 0]
    assert decode(encoded(pixels), 4, 1)[0].shape == (4, 4, 1)


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    pixels = np.full((4, 4), 20000, np.uint16)
    assert decode(encoded(pixels), 4, 1)[0].max() == 20000 // 257


def test_the_orientation_that_a_camera_notes_is_applied() -> None:
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 3  # turned by 180 degrees
    Image.fromarray(np.array([[0, 255], [0, 255]], np.uint8)).save(buffer, "PNG", exif=exif)
    assert decode(buffer.getvalue(), 2, 1)[0][0, :, 0].tolist() == [255, 0]


def test_an_image_of_too_many_pixels_is_refused_from_its_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "MAX_PIXELS", 10)
    with pytest.raises(ValueError, match="4 x 4 pixels are more than 10"):
        decode(encoded(np.zeros((4, 4), np.uint8)), 4, 1)


def test_broken_files_leave_an_error_and_zeros_and_the_rest_is_read(tmp_path: Path) -> None:
    good = encoded(np.random.default_rng(0).integers(0, 256, (16, 16), np.uint8))
    contents: list[bytes | Path] = [good, good[: len(good) // 2], b"no image", tmp_path / "gone.png", b"", good]
    items = tuple(Item(str(number), str(number), "a", content) for number, content in enumerate(contents))
    found = decode_all(items, tmp_path / "images.npy", 8, 1, Context(tmp_path, tmp_path))
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
    assert decode_all((), tmp_path / "images.npy", 8, 3, Context(tmp_path, tmp_path)) == []
    assert np.load(tmp_path / "images.npy").shape == (0, 8, 8, 3)


def test_a_full_disk_is_one_error_before_any_work() -> None:
    target = Path("/dev/full/images.npy")
    with pytest.raises(StepFailed, match="Cannot write"):
        decode_all((), target, 8, 1, Context(Path(), Path()))


def test_cancelling_stops_the_work(tmp_path: Path) -> None:
    items = (Item("a", "a", "a", b""),)
    context = Context(tmp_path, tmp_path, cancelled=lambda: True)
    with pytest.raises(StepFailed, match="Interrupted"):
        decode_all(items, tmp_path / "images.npy", 8, 1, context)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "WEBP", "PPM"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_kind_of_file_is_read_in_grey_and_colour(kind: str, channels: int) -> None:
    y, x = np.mgrid[0:16, 0:16]
    pixels = np.stack([8 * x + 60, 8 * y + 60, 0 * x + 100], 2).astype(np.uint8)  # smooth: JPEG keeps it
    found = decode(encoded(pixels if channels == 3 else pixels[..., 0], kind), 16, channels)
    assert found.kind == kind
    np.testing.assert_allclose(found.pixels.astype(int), pixels[..., :channels].astype(int), atol=12)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_read_from_every_kind_that_has_them(kind: str) -> None:
    pixels = np.arange(16, dtype=np.uint16).reshape(4, 4) * 4096
    assert decode(encoded(pixels, kind), 4, 1).pixels[..., 0].tolist() == (pixels // 257).tolist()


def test_other_kinds_of_files_are_not_handed_to_their_decoders() -> None:
    for content in (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n", encoded(np.zeros((4, 4), np.uint8), "GIF")):
        with pytest.raises(UnidentifiedImageError):
            decode(content, 4, 1)


def many(tmp_path: Path) -> tuple[Item, ...]:
    """Enough for other processes, from files, bytes and a function, some of them broken."""
    good = [encoded(np.random.default_rng(row).integers(0, 256, (9, 9), np.uint8)) for row in range(FEW + 300)]
    file = tmp_path / "file.png"
    file.write_bytes(good[3])
    contents: list[Any] = [*good]
    contents[3], contents[7], contents[FEW] = file, lambda: good[7], b"no image"
    contents[11] = tmp_path / "gone.png"
    return tuple(Item(str(row), f"{row}.png", "a", content) for row, content in enumerate(contents))


def test_other_processes_leave_the_same_as_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items = many(tmp_path)
    heard: list[int] = []

    class Heard(Silent):
        def progress(self, done: int, total: int, text: str) -> None:
            heard.append(done)

    monkeypatch.setattr(decode_all_module, "_cores", lambda: 2)
    apart = decode_all(items, tmp_path / "apart.npy", 8, 1, Context(tmp_path, tmp_path, Heard()))
    monkeypatch.setattr(decode_all_module, "_cores", lambda: 1)
    here = decode_all(items, tmp_path / "here.npy", 8, 1, Context(tmp_path, tmp_path))
    assert apart == here
    assert [row for row, image in enumerate(apart) if image.error] == [11, FEW]
    assert (tmp_path / "apart.npy").read_bytes() == (tmp_path / "here.npy").read_bytes()
    assert heard == [256, 512, 768, 800]


def test_a_killed_process_is_one_error_that_names_the_images(tmp_path: Path) -> None:
    items = many(tmp_path)
    np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.uint8, (len(items), 8, 8, 1))
    with Workers(tmp_path / "x.npy", 1) as workers:
        assert workers.decode(items, range(2))[1].error is None
        for process in workers._processes:
            process.kill()
        with pytest.raises(StepFailed, match=r"killed, at work on 20\.png to 29\.png"):
            workers.decode(items, range(20, 30))
    assert all(process.returncode is not None for process in workers._processes)


def test_a_file_under_the_name_of_another_kind_is_doubtful(tmp_path: Path) -> None:
    pixels = np.zeros((4, 4), np.uint8)
    named = {"a.png": "JPEG", "b.jpeg": "JPEG", "c.TIF": "TIFF", "d": "PNG", "e.ppm": "PPM"}
    items = tuple(Item(path, path, "a", encoded(pixels, kind)) for path, kind in named.items())
    found = decode_all(items, tmp_path / "images.npy", 8, 1, Context(tmp_path, tmp_path))
    assert [image.doubt for image in found] == ["a JPEG file under the name of a PNG file", None, None, None, None]
    assert [image.error for image in found] == [None] * 5


def test_a_refused_image_is_not_read(tmp_path: Path) -> None:
    items = (Item("a", "a", "a", encoded(np.zeros((4, 4), np.uint8)), refused="a link"),)
    (found,) = decode_all(items, tmp_path / "images.npy", 8, 1, Context(tmp_path, tmp_path))
    assert (found.error, found.sha256) == ("a link", "")


def test_a_giant_file_is_not_taken_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_BYTES", 1 << 20)
    with (tmp_path / "x.png").open("wb") as stream:
        stream.truncate((1 << 20) + 1)
    with pytest.raises(OSError, match="more than 1 MiB"):
        Item("a", "a", "a", tmp_path / "x.png").read()


@pytest.mark.parametrize("kind", ["TIFF", "PNG", "WEBP"])
def test_an_image_of_several_frames_is_in_doubt(kind: str) -> None:
    frames = [Image.fromarray(np.full((8, 8, 3), grey, np.uint8)) for grey in (10, 200)]
    buffer = io.BytesIO()
    frames[0].save(buffer, kind, save_all=True, append_images=frames[1:])
    assert decode(buffer.getvalue(), 4, 1).doubt == "2 frames, of which only the first is read"


def test_an_image_that_is_transparent_somewhere_is_in_doubt() -> None:
    pixels = np.full((4, 4, 4), 255, np.uint8)
    assert decode(encoded(pixels), 4, 3).doubt is None
    pixels[0, 0, 3] = 254
    assert str(decode(encoded(pixels), 4, 3).doubt).startswith("transparent in places")
    palette = Image.fromarray(np.zeros((4, 4), np.uint8)).convert("P")
    buffer = io.BytesIO()
    palette.save(buffer, "PNG", transparency=0)
    assert str(decode(buffer.getvalue(), 4, 1).doubt).startswith("transparent in places")


def test_a_16_bit_image_whose_white_is_zero_is_turned_round_as_8_bits_are() -> None:
    grey = np.arange(16, dtype=np.uint8).reshape(4, 4)
    found = {}
    for pixels in (grey, grey.astype(np.uint16) * 257):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "TIFF")
        black_is_zero = struct.pack("<HHII", 262, 3, 1, 1)  # PhotometricInterpretation, which PIL always writes so
        assert buffer.getvalue().count(black_is_zero) == 1
        content = buffer.getvalue().replace(black_is_zero, struct.pack("<HHII", 262, 3, 1, 0))
        found[pixels.dtype] = decode(content, 4, 1).pixels
    eight, sixteen = found.values()
    assert eight.tolist() == sixteen.tolist() == (255 - grey)[..., None].tolist()
