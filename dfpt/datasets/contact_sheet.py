"""Small pictures of the images to look at: what is kept out of the training, and what is suspicious."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pandas import DataFrame

THUMBNAIL = 96  # pixels
MOST = 24  # pictures of one kind


@dataclass(frozen=True)
class Picture:
    """``uri``: the image itself, as a data URI; empty where there are no pixels of it."""

    uri: str
    path: str
    label: str
    said: str


@dataclass(frozen=True)
class Sheet:
    """Pictures of one kind; ``count``: how many images there are of it, shown or not."""

    title: str
    count: int
    pictures: tuple[Picture, ...]


def sheets(
    images: NDArray[np.uint8],
    table: DataFrame,
    rejected: DataFrame,
    suspicious: Sequence[Mapping[str, str]],
) -> list[Sheet]:
    """The sheets, what is kept out of the training first.

    Args:
        images: uint8 (M, S, S, C).
        table: the manifest with the column ``row``, an index into ``images``.
        rejected: the rows that are not trained on; those that were never decoded have no picture.
        suspicious: of :func:`dfpt.datasets.quality.suspicious`.
    """
    by_id = table.drop_duplicates("id").set_index("id")
    decoded = rejected[table.loc[rejected.index, "error"].isna()]
    found = []
    if len(decoded):
        kept_out = [(row["id"], row["reason"]) for row in decoded.head(MOST).to_dict("records")]
        found.append(Sheet("in quarantine", len(decoded), _pictures(images, by_id, kept_out)))
    for check in dict.fromkeys(row["check"] for row in suspicious):
        named = [(row["id"], row["found"]) for row in suspicious if row["check"] == check]
        found.append(Sheet(check, len(named), _pictures(images, by_id, _with_partners(named[:MOST], by_id))))
    return found


def _with_partners(named: Iterable[tuple[str, str]], by_id: DataFrame) -> list[tuple[str, str]]:
    """Behind an image of which another image's id was said comes that other image."""
    found: list[tuple[str, str]] = []
    for name, said in named:
        found.append((name, f"like {said}" if said in by_id.index else said))
        if said in by_id.index:
            found.append((said, f"like {name}"))
    return found


def _pictures(images: NDArray[np.uint8], by_id: DataFrame, named: Iterable[tuple[str, str]]) -> tuple[Picture, ...]:
    said = list(named)
    rows = by_id.loc[[name for name, _ in said], ["row", "path", "label_name"]].to_dict("records")
    return tuple(
        Picture(data_uri(images[int(row["row"])]), str(row["path"]), str(row["label_name"]), text)
        for row, (_, text) in zip(rows, said, strict=True)
    )


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """Pixels (S, S, C) as a small PNG in a data URI."""
    from PIL import Image

    image = Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else np.asarray(pixels))
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
