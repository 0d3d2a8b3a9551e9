"""The manifest: one row an image, in the order of ``images.npy``."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dfpt import files
from dfpt.datasets.picture import Decoded
from dfpt.datasets.sources import Source
from dfpt.errors import UsageError

if TYPE_CHECKING:
    from pandas import DataFrame

FILE = "manifest.parquet"
# error and doubt: null where the image can be read, and is what it seems; see dfpt.datasets.picture.Decoded
TEXT = ("id", "path", "label_name", "split", "sha256", "source", "error", "doubt")
INTEGERS = ("label", "width", "height")
FRACTIONS = ("mean", "std")
COLUMNS = (*TEXT, *INTEGERS, *FRACTIONS)  # a source adds its own
GROUP = "split_group"  # there where the configuration names groups


def build(
    source: Source, decoded: Sequence[Decoded], splits: Sequence[str], groups: Sequence[str] | None = None
) -> DataFrame:
    """The manifest of a source whose images are read and divided. ``label`` is -1 where the name is no class.

    Where there are ``groups``, the column GROUP holds them.
    """
    import pandas as pd

    index = {name: number for number, name in enumerate(source.classes)}
    extra = dict.fromkeys(column for item in source.items for column in item.columns)
    rows = [
        {
            "id": item.id,
            "path": item.path,
            "label": index.get(item.label_name, -1),
            "label_name": item.label_name,
            **{column: item.columns.get(column) for column in extra},
            "split": split,
            "width": image.width,
            "height": image.height,
            "mean": image.mean,
            "std": image.std,
            "sha256": image.sha256,
            "source": source.name,
            "error": image.error,
            "doubt": image.doubt,
        }
        for item, image, split in zip(source.items, decoded, splits, strict=True)
    ]
    types = dict.fromkeys(TEXT, "str") | dict.fromkeys(INTEGERS, "int64") | dict.fromkeys(FRACTIONS, "float64")
    table = pd.DataFrame(rows, columns=None if rows else list(COLUMNS)).astype(types)
    return table if groups is None else table.assign(**{GROUP: pd.Series(groups, dtype="str")})


def data_hash(manifest: DataFrame) -> str:
    """SHA-256 over the sorted (id, sha256, label, split): the same data, divided the same way, on any machine."""
    rows = sorted(zip(manifest["id"], manifest["sha256"], manifest["label"], manifest["split"], strict=True))
    digest = hashlib.sha256()
    for name, content, label, split in rows:
        digest.update(f"{name}\0{content}\0{int(label)}\0{split}\n".encode())
    return digest.hexdigest()


def write(manifest: DataFrame, folder: Path) -> None:
    """Write ``manifest.parquet`` into ``folder``."""
    with files.replacing(folder / FILE) as partial:
        manifest.to_parquet(partial, index=False)


def read(folder: Path) -> DataFrame:
    """Read ``manifest.parquet`` of ``folder``.

    Raises:
        UsageError: there is none, or it is no Parquet file.
    """
    import pandas as pd

    try:
        return pd.read_parquet(folder / FILE)
    except (OSError, ValueError) as error:  # pyarrow's ArrowInvalid is a ValueError
        raise UsageError(f"{folder / FILE} is missing or not a manifest.", "Run the step prepare again.") from error
