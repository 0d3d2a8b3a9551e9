"""Near duplicates are found, what is only of one kind is not, and a hundred thousand images do not take for ever."""

from __future__ import annotations

import io
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter

from dfpt.datasets import looks, near


def scene(number: int, side: int = 64) -> np.ndarray:
    """A smooth picture with some detail; no two numbers are alike, all share a frame and a light."""
    random = np.random.default_rng(number)
    coarse = Image.fromarray(random.integers(60, 200, (12, 12), np.uint8)).resize(
        (side, side), Image.Resampling.BICUBIC
    )
    fine = Image.fromarray(random.integers(0, 80, (side // 2, side // 2), np.uint8)).resize((side, side))
    picture = np.asarray(coarse, float) + np.asarray(fine, float) - 40 + np.linspace(-30, 30, side)
    picture[: side // 16] = 20
    return picture.clip(0, 255).astype(np.uint8)


def as_jpeg(pixels: np.ndarray) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=75)
    return np.asarray(Image.open(buffer))


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "saved as JPEG": as_jpeg,
    "brighter": lambda x: (x * 1.05).clip(0, 255).astype(np.uint8),
    "resized": lambda x: np.asarray(Image.fromarray(x).resize((48, 48)).resize((64, 64))),
    "noise": lambda x: (x + np.random.default_rng(1).normal(0, 2, x.shape)).clip(0, 255).astype(np.uint8),
    "blurred": lambda x: np.asarray(Image.fromarray(x).filter(ImageFilter.GaussianBlur(0.7))),
}


def found(images: list[np.ndarray], splits: list[str] | None = None, labels: list[int] | None = None) -> pd.DataFrame:
    stack = np.stack(images)[..., None]
    number = range(len(images))
    table = pd.DataFrame(
        {
            "id": [str(n) for n in number],
            "split": splits or ["train"] * len(images),
            "label": labels or [0] * len(images),
            "sha256": [str(hash(image.tobytes())) for image in images],
        }
    )
    return table.assign(**near.columns(looks.look(stack, np.arange(len(stack))), table)).set_index("id")


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_among_images_of_the_same_kind(change: str) -> None:
    scenes = [scene(number) for number in range(150)]
    copies = found([*scenes, *map(CHANGES[change], scenes)])["near_copy"]
    assert copies[:150].isna().all()
    right = sum(copies[str(150 + number)] == str(number) for number in range(150))
    assert right >= 148
    assert copies[150:].notna().sum() == right


def test_of_two_near_images_the_one_that_tests_less_is_flagged() -> None:
    a, b = scene(0), CHANGES["brighter"](scene(0))
    assert found([a, b], ["train", "test"])["near_in_split"].dropna().to_dict() == {"0": "1"}
    assert found([a, b], ["test", "train"])["near_in_split"].dropna().to_dict() == {"1": "0"}
    assert found([a, b], ["val", "test"])["near_in_split"].dropna().to_dict() == {"0": "1"}
    assert found([a, b], ["test", "test"])["near_in_split"].isna().all()


def test_near_images_of_two_labels_name_each_other() -> None:
    a, b = scene(0), CHANGES["brighter"](scene(0))
    assert found([a, b], labels=[0, 1])["near_label"].tolist() == ["1", "0"]
    assert found([a, b], labels=[1, 1])["near_label"].isna().all()


def test_exact_copies_and_images_without_content_are_no_near_duplicates() -> None:
    grey = [np.full((64, 64), level, np.uint8) for level in (10, 200)]
    table = found([scene(0), scene(0), *grey])
    assert table[list(near.COLUMNS)].isna().all(axis=None)


def test_every_pair_within_the_limit_shares_a_part_and_is_compared() -> None:
    random = np.random.default_rng(3)
    base = random.integers(0, 2, (400, 256), dtype=np.uint8)
    twins = base.copy()
    for row in twins:
        row[random.choice(256, near.LIMIT, replace=False)] ^= 1
    bits = np.packbits(np.concatenate([base, twins]), axis=1).view(np.uint64)
    same = np.tile(random.integers(0, 256, (400, 8, 8), np.uint8), (2, 1, 1))
    seen = looks.Looks(np.zeros(800), same, bits, np.zeros(800, bool))
    table = pd.DataFrame({"id": range(800), "split": "train", "label": 0, "sha256": [str(n) for n in range(800)]})
    assert near.columns(seen, table)["near_copy"][400:].tolist() == list(range(400))


@pytest.mark.parametrize("kind", ["all different", "all the same"])
def test_the_work_grows_with_the_number_of_images_and_not_with_its_square(kind: str) -> None:
    count = 10_000
    random = np.random.default_rng(0)
    bits = random.integers(0, 2**63, (count, 4)).astype(np.uint64)
    if kind == "all the same":
        bits[:] = bits[0]
    thumbnails = np.broadcast_to(random.integers(0, 256, (8, 8), np.uint8), (count, 8, 8))
    seen = looks.Looks(np.zeros(count), thumbnails, bits, np.zeros(count, bool))
    table = pd.DataFrame({"id": range(count), "split": "train", "label": 0, "sha256": [str(n) for n in range(count)]})
    start = time.process_time()
    copies = near.columns(seen, table)["near_copy"]
    assert time.process_time() - start < 10  # fifty million comparisons, each with its thumbnails, would take minutes
    assert sum(other is not None for other in copies) == (count - 1 if kind == "all the same" else 0)
