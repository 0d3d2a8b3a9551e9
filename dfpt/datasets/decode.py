"""Image files to one memory-mapped array at the working size, on all cores.

A memory map, because a data set may be larger than memory. Processes, because PIL holds the interpreter's lock for
most of the time that a small image takes: two threads are slower than one.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from dfpt.context import Context
from dfpt.datasets import picture
from dfpt.datasets.decode_workers import Work, Workers
from dfpt.datasets.picture import Decoded, Pixels
from dfpt.datasets.sources import Item
from dfpt.errors import StepFailed

CHUNK = 256  # images between two reports
FEW = 500  # images that are decoded before other processes have started


def decode_all(items: tuple[Item, ...], target: Path, size: int, channels: int, context: Context) -> list[Decoded]:
    """Decode ``items`` into ``target``, a .npy file of uint8 (N, size, size, channels); row i is ``items[i]``.

    An image that cannot be read leaves zeros and an ``error``.

    Raises:
        StepFailed: the disk is full, the work was cancelled, or a process that decodes was killed.
    """
    array = _allocate(target, (len(items), size, size, channels))
    decoded: list[Decoded] = []
    chunks = [range(start, min(start + CHUNK, len(items))) for start in range(0, len(items), CHUNK)]
    with _worked(array, target, len(items)) as work:
        for found in work(items, chunks):
            if context.cancelled():
                raise StepFailed("Interrupted while decoding images.", "Run it again.")
            decoded += found
            context.reporter.progress(len(decoded), len(items), "images decoded")
    return decoded


@contextmanager
def _worked(array: Pixels, target: Path, images: int) -> Iterator[Work]:
    """Something that decodes chunks of items one after the other, here or in other processes."""
    cores = _cores()
    if images < FEW or cores == 1:
        from PIL import Image

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # picture.MAX_PIXELS is our limit
            yield lambda items, chunks: (_here(array, items, chunk) for chunk in chunks)
    else:
        with Workers(target, cores) as workers, ThreadPoolExecutor(cores) as pool:
            try:
                yield lambda items, chunks: pool.map(partial(workers.decode, items), chunks)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)


def _here(array: Pixels, items: tuple[Item, ...], rows: range) -> list[Decoded]:
    return [picture.into(array[row], items[row]) for row in rows]


def _allocate(target: Path, shape: tuple[int, ...]) -> Pixels:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        array: Pixels = np.lib.format.open_memmap(target, "w+", np.uint8, shape)
        if hasattr(os, "posix_fallocate"):  # else a full disk would kill the process by a signal, at the first write
            with target.open("rb+") as stream:
                os.posix_fallocate(stream.fileno(), 0, target.stat().st_size)
    except OSError as error:
        needed = int(np.prod(shape)) / 2**20
        raise StepFailed(
            f"Cannot write {target} ({needed:.0f} MiB): {error.strerror}.",
            "Free some space, or choose another state folder with --home.",
        ) from error
    return array


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
