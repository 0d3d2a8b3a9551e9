"""Where images come from: every source answers with the same two data classes.

A source lists its images and names its classes; it decodes nothing and splits nothing. To add one, write a function
that returns a :class:`Source` and enter it in :func:`resolve`.
"""

from __future__ import annotations

import difflib
import errno
import hashlib
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path

from dfpt import files
from dfpt.errors import UsageError

KNOWN = (
    "elpv", "digits", "folder:PATH", "parquet:PATH", "cifar10:PATH", "cifar100:PATH", "mlflow:RUN/ARTIFACT",
)  # fmt: skip
# What is read, and nothing else: some of PIL's other formats start programs (EPS), or are hardly ever tested.
SUFFIXES = {
    ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".jfif": "JPEG", ".bmp": "BMP", ".tif": "TIFF", ".tiff": "TIFF",
    ".webp": "WEBP", ".pgm": "PPM", ".ppm": "PPM",
}  # fmt: skip
# Images too, but of formats that are not read: each is named, so that nobody takes it for trained on.
UNREAD = frozenset(
    (".gif", ".jp2", ".j2k", ".jxl", ".heic", ".heif", ".avif", ".exr", ".hdr", ".svg", ".psd", ".tga", ".dcm", ".dng",
     ".cr2", ".cr3", ".nef", ".arw")
)  # fmt: skip
MAX_BYTES = 1 << 28  # of an image file
FORMATS = tuple(sorted(set(SUFFIXES.values())))


@dataclass(frozen=True)
class Item:
    """One image, not yet read.

    Attributes:
        id: unique in its source, the same on every machine.
        path: relative to the source's root, with forward slashes.
        label_name: as the source has it, even where it is no valid class.
        content: the file, the bytes of an image file that exists in memory only, or what gets them.
        split: train, val or test where the source has already decided, else None.
        columns: further columns of the manifest.
        refused: why it is not read at all, where there is a reason.
    """

    id: str
    path: str
    label_name: str
    content: Path | bytes | Callable[[], bytes]
    split: str | None = None
    columns: Mapping[str, float | str | None] = field(default_factory=dict)
    refused: str | None = None

    def read(self) -> bytes:
        """The bytes of the image file. Raises OSError, also where it is refused or has more than MAX_BYTES."""
        if self.refused is not None:
            raise OSError(errno.EPERM, self.refused)
        if isinstance(self.content, bytes):
            return self.content
        if not isinstance(self.content, Path):
            return self.content()
        with self.content.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise OSError(errno.EFBIG, f"a file of more than {MAX_BYTES >> 20} MiB")
        return content


@dataclass(frozen=True)
class Source:
    """A data set and the task that it declares (attributes as in :class:`dfpt.datasets.Task`).

    ``items`` are in the order of the files, which the block split follows. ``notice`` is what whoever fetches the
    images must read.
    """

    name: str
    classes: tuple[str, ...]
    items: tuple[Item, ...]
    channels: int = 1
    positive: tuple[int, ...] | None = None
    slices: tuple[str, ...] = ()
    licence: str | None = None
    notice: str | None = None


def resolve(source: str, place: Path | None = None) -> Source:
    """The source named by a SOURCE text, one of KNOWN.

    Args:
        place: where the files lie that the text names, if elsewhere.

    Raises:
        UsageError: no such source, no such folder, or the package that holds the images is not installed.
        StepFailed: the tracking store is away.
    """
    kind, _, location = source.partition(":")
    if location:
        path = place or Path(location).expanduser()
        if kind == "folder":
            from dfpt.datasets import folder

            return folder.source(path, source)
        if kind == "parquet":
            from dfpt.datasets import parquet

            return parquet.source(path, source)
        if kind in ("cifar10", "cifar100"):
            from dfpt.datasets import cifar

            return cifar.source(path, kind, source)
        run, _, artifact = location.partition("/")
        if kind == "mlflow" and artifact:
            from dfpt.datasets import mlflow_artifacts

            return mlflow_artifacts.source(run, artifact.strip("/"), source)
    if source == "elpv":
        from dfpt.datasets import elpv

        return elpv.source()
    if source == "digits":
        from dfpt.datasets import digits

        return digits.source()
    raise UsageError(f"Unknown data source {source!r}: known are {', '.join(KNOWN)}.", _hint(source, kind))


def fingerprint(
    source: str, lists: Sequence[Path] = (), released: Set[str] = frozenset(), md5: str | None = None
) -> str:
    """SHA-256 over the raw bytes of every image with its label and given split: what a cached result depends on.

    ``lists`` are the files besides the images that decide the split, ``released`` the images that were let out of
    quarantine, ``md5`` is DVC's hash of the images, which stands for them where they are not here.

    It is cheap enough to be taken before every run (disk speed), because nothing is decoded.

    Raises:
        UsageError: as :func:`resolve`.
    """
    digest = hashlib.sha256(repr((source, md5)).encode()) if md5 else _images(source)
    for path in lists:
        digest.update(_file_hash(path).encode())
    for key in sorted(released):
        digest.update(key.encode())
    return digest.hexdigest()


def _images(source: str) -> hashlib._Hash:
    found = resolve(source)
    digest = hashlib.sha256(repr((found.classes, found.positive, found.slices, found.channels)).encode())
    for item in found.items:  # not in threads: these small reads would wait for the interpreter's lock
        known = (item.id, item.label_name, item.split, sorted(item.columns.items()), _content_hash(item))
        digest.update(repr(known).encode())
    return digest


def _file_hash(path: Path) -> str:
    try:
        return files.sha256(path)
    except OSError as error:
        raise UsageError(
            f"Cannot read {path}: {error.strerror}.", "data names it for the split of the images."
        ) from error


def _content_hash(item: Item) -> str:
    try:
        return hashlib.sha256(item.read()).hexdigest()
    except OSError:  # prepare will name it; here it only has to differ from a readable file
        return "unreadable"


def _hint(source: str, kind: str) -> str:
    if Path(source).is_dir():
        return f"Write folder:{source} for a folder of images."
    if kind == "mlflow":
        return "Write mlflow:RUN/ARTIFACT."
    words = [known.partition(":")[0] for known in KNOWN]
    near = difflib.get_close_matches(kind.lower(), words, n=1, cutoff=0.5)
    return f"Did you mean {KNOWN[words.index(near[0])]!r}?" if near else ""
