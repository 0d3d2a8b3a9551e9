"""Single images out of a Parquet file, a row group of which is read at a time: they are asked for nearly in order."""

from __future__ import annotations

import errno
import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

HELD = 2  # row groups in memory: threads at a border want both sides


class Rows:
    """The images of one file; several threads may read.

    Args:
        shard: the file.
        root: the folder that paths in it are relative to, and may not leave.
        column: of the images.
    """

    def __init__(self, shard: Path, root: Path, column: str) -> None:
        self._shard, self._root, self._column = shard, root, column
        self._lock = threading.Lock()
        self._group = lru_cache(HELD)(self._load)

    def read(self, group: int, row: int) -> bytes:
        """The image file in a row of a row group. Raises OSError."""
        with self._lock:
            values = self._group(group)
        value: Any = values[row].as_py()
        path = value
        if isinstance(value, dict):
            value, path = value.get("bytes"), value.get("path")
        if isinstance(value, bytes):
            return value
        if not path:
            raise OSError(errno.ENODATA, "the row has no image")
        try:
            file = Path(self._root / path).resolve()
        except ValueError as error:  # a NUL in it
            raise OSError(errno.EINVAL, "its path is no path") from error
        if not file.is_relative_to(self._root.resolve()):
            raise OSError(errno.EPERM, "its path leads out of the folder")
        return file.read_bytes()

    def _load(self, group: int) -> pa.Array:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(self._shard, memory_map=True) as file:
                return file.read_row_group(group, columns=[self._column])[self._column].combine_chunks()
        except pa.ArrowException as error:
            raise OSError(errno.EIO, f"damaged Parquet file: {error}") from error
