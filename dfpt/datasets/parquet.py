"""Images in Parquet files, as Hugging Face's ``datasets`` writes them: one file, or a folder of shards.

The image column is a struct {bytes, path}, plain bytes, or paths relative to the folder. Labels are texts, or numbers
whose names stand in the file's metadata (a ClassLabel feature). The names of shards and folders tell the splits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfpt.datasets import colour
from dfpt.datasets.parquet_layout import IMAGES, LABELS, Layout, layout_of
from dfpt.datasets.parquet_rows import Rows
from dfpt.datasets.sources import Item, Source
from dfpt.datasets.splits import SPLIT_WORDS
from dfpt.errors import UsageError

if TYPE_CHECKING:
    import pyarrow.parquet as pq


def source(path: Path, name: str) -> Source:
    """The rows of the Parquet file ``path``, or of all files below the folder ``path`` in the order of their names.

    A shard that lacks the columns is refused row by row, so that its rows are counted, while the others are taken.

    Raises:
        UsageError: no such file, no Parquet file, none with an image and a label column.
    """
    shards = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    if not shards or not path.exists():
        raise UsageError(f"No Parquet file in {path} (data source {name!r}).", "Name a file, or the folder of shards.")
    root = path if path.is_dir() else path.parent
    items: list[Item] = []
    classes: dict[str, None] = {}
    troubles: list[str] = []
    for shard in shards:
        file, place = _open(shard), shard.relative_to(root)
        try:
            layout = layout_of(file.schema_arrow)
        except ValueError as error:
            troubles.append(f"{place} has {error}")
            items += (
                Item(_id(place, row), _id(place, row), "", b"", refused=str(error)) for row in range(_count(file))
            )
            continue
        items += _items(file, layout, Rows(shard, root, layout.image), place)
        classes |= dict.fromkeys(layout.names or ())
    if len(troubles) == len(shards):
        raise UsageError(
            f"{troubles[0]} (data source {name!r}).",
            f"Call the columns as Hugging Face does: one of {', '.join(IMAGES)}, and one of {', '.join(LABELS)}.",
        )
    names = classes or _sorted(item.label_name for item in items if item.refused is None)
    return Source(name, tuple(names), tuple(items), channels=3 if colour.in_any(items) else 1)


def _items(file: pq.ParquetFile, layout: Layout, rows: Rows, place: Path) -> Iterable[Item]:
    columns = [layout.label, *layout.others, *([layout.id] if layout.id else [])]
    table = {column: file.read(columns=[column])[column].to_pylist() for column in columns}
    labels = [_label(value, layout.names) for value in table[layout.label]]
    split = _split(place)
    row = 0
    for group in range(file.num_row_groups):
        for offset in range(file.metadata.row_group(group).num_rows):
            given = table[layout.id][row] if layout.id else None
            yield Item(
                _id(place, row) if given is None else str(given),
                _id(place, row),
                labels[row],
                partial(rows.read, group, offset),
                split,
                {column: _value(table[column][row]) for column in layout.others},
            )
            row += 1


def _open(shard: Path) -> pq.ParquetFile:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(shard, memory_map=True)
    except (OSError, pa.ArrowException) as error:
        raise UsageError(
            f"{shard} is no Parquet file or a damaged one: {str(error).rstrip('.')}.", "Write it again."
        ) from error


def _count(file: pq.ParquetFile) -> int:
    return int(file.metadata.num_rows)


def _id(place: Path, row: int) -> str:
    return f"{place.with_suffix('').as_posix()}/{row:06d}"


def _label(value: Any, names: Sequence[str] | None) -> str:
    """Its name; of a number without one the number, of no label nothing, both of which are no class."""
    if value is None:
        return ""
    if names is not None and isinstance(value, int) and 0 <= value < len(names):
        return names[value]
    return str(value)


def _value(value: Any) -> float | str | None:
    if value is None or isinstance(value, str):
        return value
    return float(value) if isinstance(value, int | float) else str(value)  # a day, for instance


def _split(place: Path) -> str | None:
    """``data/validation-00000-of-00002.parquet`` is of val; the file's name goes before its folders'."""
    for part in (place.stem, *reversed(place.parent.parts)):
        for word in re.split(r"[^a-z]+", part.lower()):
            if word in SPLIT_WORDS:
                return SPLIT_WORDS[word]
    return None


def _sorted(names: Iterable[str]) -> list[str]:
    """Numbers by size, before texts by letter."""
    return sorted(set(names) - {""}, key=lambda name: (0, int(name), "") if name.isdecimal() else (1, 0, name))
