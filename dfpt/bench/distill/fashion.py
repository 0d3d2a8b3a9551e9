"""The images of the suite ``fashion``: real photographs of clothes, out of Debian's package dataset-fashion-mnist.

    apt-get install dataset-fashion-mnist
    dfpt bench distill --suite fashion          makes the file that it reads, once

Ten classes, grey, 28 x 28 pixels, under the MIT licence (Xiao et al. 2017, arXiv 1708.07747; the Debian file calls it
Expat). Taken are the first images of each class of the package's training file, few on purpose: this product is about
sites with little data. The package's test file stays unread, for the benchmark deals partitions of its own.
"""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

from dfpt.errors import UsageError
from dfpt.files import replacing

PACKAGED = Path("/usr/share/datasets/fashion-mnist")  # where Debian's package puts it
IMAGES = Path(".dfpt/fashion-mnist.parquet")
PER_CLASS = 300
CLASSES = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
_REMEDY = "Install it: apt-get install dataset-fashion-mnist (Debian)."
_PIXELS, _LABELS = (f"train-{name}-ubyte.gz" for name in ("images-idx3", "labels-idx1"))
_HEADERS = {_PIXELS: (0x803, 16), _LABELS: (0x801, 8)}  # magic number, bytes


def make(out: Path = IMAGES, packaged: Path = PACKAGED, per_class: int = PER_CLASS) -> int:
    """Write the images as a Parquet file, every image a binary PGM; equal calls write equal images. Returns how many.

    Raises:
        UsageError: the package is not installed, or its files are not what they should be.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    (pixels, height, width), (labels, _, _) = (_read(packaged / name) for name in (_PIXELS, _LABELS))
    size = height * width
    if len(pixels) != len(labels) * size or any(label >= len(CLASSES) for label in labels):
        raise UsageError(f"{packaged}: images and labels do not belong together.", "Install the package again.")
    taken: Counter[int] = Counter()
    columns: dict[str, list[str | bytes]] = {"id": [], "image": [], "label": []}
    for number, label in enumerate(labels):
        if taken[label] == per_class:
            continue
        taken[label] += 1
        columns["id"].append(f"train-{number:05d}")
        columns["image"].append(b"P5 %d %d 255\n" % (width, height) + pixels[number * size : (number + 1) * size])
        columns["label"].append(CLASSES[label])
    with replacing(out) as partial:
        pq.write_table(pa.table(columns), partial)
    return len(columns["id"])


def _read(path: Path) -> tuple[bytes, int, int]:
    """What follows an IDX file's header, and height and width where it has them."""
    magic, length = _HEADERS[path.name]
    try:
        content = gzip.decompress(path.read_bytes())
    except FileNotFoundError as error:
        raise UsageError(f"{path} is not there.", _REMEDY) from error
    except (OSError, EOFError) as error:
        raise UsageError(f"{path} cannot be read: {error}", "Install the package again.") from error
    header = [int.from_bytes(content[start : start + 4], "big") for start in range(0, length, 4)]
    if header[0] != magic:
        raise UsageError(f"{path} is no IDX file of {path.name.split('-')[1]}.", "Install the package again.")
    height, width = header[2:] or (0, 0)
    return content[length:], height, width
