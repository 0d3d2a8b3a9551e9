"""CIFAR-10 and CIFAR-100 from the original archives (Krizhevsky 2009), binary or Python version, packed or unpacked.

Nothing is unpacked to disk and nothing in an archive is executed: the Python version's pickles are read by
:mod:`dfpt.datasets.inert_pickle`. Both versions of an archive give the same images under the same ids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfpt.datasets import archive, inert_pickle
from dfpt.datasets.sources import Item, Source
from dfpt.errors import UsageError

SIDE = 32
BYTES = 3 * SIDE * SIDE  # of an image: red, green, blue, each row by row


@dataclass(frozen=True)
class Kind:
    """How one of the two data sets is laid out.

    Attributes:
        batches: name -> split of the files that hold images.
        meta: name of the Python version's file of class names.
        names: key of the classes in it, and name of the binary version's text file.
        label: key of the classes in a batch of the Python version.
        coarse: the same three of the superclasses, where there are any.
    """

    batches: Mapping[str, str]
    meta: str
    names: tuple[str, str]
    label: str
    coarse: tuple[str, str, str] | None = None


KINDS = {
    "cifar10": Kind(
        {**{f"data_batch_{number}": "train" for number in range(1, 6)}, "test_batch": "test"},
        "batches.meta",
        ("label_names", "batches.meta.txt"),
        "labels",
    ),
    "cifar100": Kind(
        {"train": "train", "test": "test"},
        "meta",
        ("fine_label_names", "fine_label_names.txt"),
        "fine_labels",
        ("coarse_label_names", "coarse_label_names.txt", "coarse_labels"),
    ),
}


@dataclass(frozen=True)
class Batch:
    """``labels`` (N,) and ``coarse`` (N,) count into the names; ``pixels`` are uint8 (N, 3072)."""

    labels: NDArray[np.int64]
    coarse: NDArray[np.int64] | None
    pixels: NDArray[np.uint8]


def source(path: Path, kind_name: str, name: str) -> Source:
    """The data set in ``path``: an archive, or the folder that it was unpacked to.

    Raises:
        UsageError: no such file, not one of these archives, a damaged one, or one that wants code to be executed.
    """
    kind = KINDS[kind_name]
    binary = [f"{batch}.bin" for batch in kind.batches]
    wanted = {*binary, *kind.batches, kind.meta, kind.names[1], *([kind.coarse[1]] if kind.coarse else [])}
    members = archive.read(path, wanted)
    read = _binary if any(batch in members for batch in binary) else _python
    missing = [batch for batch in (binary if read is _binary else kind.batches) if batch not in members]
    if missing:
        raise UsageError(
            f"{path} is no complete {kind_name} archive: it lacks {', '.join(missing)}.",
            "Name the original .tar.gz (binary or Python version) or the folder that it was unpacked to.",
        )
    try:
        classes, coarse, batches = read(kind, members)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, EOFError) as error:
        raise UsageError(f"{path} is damaged or no {kind_name} archive: {error}.", "Download it again.") from error
    items = tuple(
        _item(f"{batch}/{row:05d}", split, batches[batch], row, classes, coarse)
        for batch, split in kind.batches.items()
        for row in range(len(batches[batch].labels))
    )
    return Source(name, tuple(classes), items, channels=3, slices=("coarse",) if coarse else ())


def _item(name: str, split: str, batch: Batch, row: int, classes: Sequence[str], coarse: Sequence[str]) -> Item:
    columns = {} if batch.coarse is None else {"coarse": _named(coarse, int(batch.coarse[row]))}
    label = _named(classes, int(batch.labels[row]))
    return Item(name, f"{name}.ppm", label, partial(_ppm, batch.pixels, row), split, columns)


def _named(names: Sequence[str], number: int) -> str:
    return names[number] if 0 <= number < len(names) else str(number)  # one that is no class is for validate to refuse


def _ppm(pixels: NDArray[np.uint8], row: int) -> bytes:
    image = np.ascontiguousarray(pixels[row].reshape(3, SIDE, SIDE).transpose(1, 2, 0))
    return b"P6 %d %d 255\n" % (SIDE, SIDE) + image.tobytes()


def _binary(kind: Kind, members: Mapping[str, bytes]) -> tuple[list[str], list[str], dict[str, Batch]]:
    head = 2 if kind.coarse else 1  # the coarse label comes first
    batches = {}
    for name in kind.batches:
        content = members[f"{name}.bin"]
        if len(content) % (head + BYTES):
            raise ValueError(f"{name}.bin is cut off")
        records = np.frombuffer(content, np.uint8).reshape(-1, head + BYTES)
        labels = records[:, :head].astype(np.int64)
        batches[name] = Batch(labels[:, -1], labels[:, 0] if kind.coarse else None, records[:, head:])
    coarse = _lines(members[kind.coarse[1]]) if kind.coarse else []
    return _lines(members[kind.names[1]]), coarse, batches


def _lines(content: bytes) -> list[str]:
    return [line.strip() for line in content.decode("utf-8").splitlines() if line.strip()]


def _python(kind: Kind, members: Mapping[str, bytes]) -> tuple[list[str], list[str], dict[str, Batch]]:
    batches = {}
    for name in kind.batches:
        values = _mapping(members[name], name)
        pixels = inert_pickle.uint8_array(values["data"])
        labels = np.array(values[kind.label], np.int64)
        coarse = np.array(values[kind.coarse[2]], np.int64) if kind.coarse else None
        if pixels.shape != (len(labels), BYTES) or (coarse is not None and len(coarse) != len(labels)):
            raise ValueError(f"{name} has {len(labels)} labels and pixels of shape {pixels.shape}")
        batches[name] = Batch(labels, coarse, pixels)
    meta = _mapping(members[kind.meta], kind.meta)
    return _names(meta[kind.names[0]]), _names(meta[kind.coarse[0]]) if kind.coarse else [], batches


def _mapping(content: bytes, name: str) -> dict[str, Any]:
    found = inert_pickle.loads(content, name)
    if not isinstance(found, dict):
        raise ValueError(f"{name} holds no dictionary")
    return found


def _names(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError("its class names are no list of texts")
    return value
