"""A user's own images: ``PATH/class/image`` or ``PATH/split/class/image``, or what ``dfpt data fetch`` has written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from dfpt.datasets import colour, fetched
from dfpt.datasets.sources import SUFFIXES, UNREAD, Item, Source
from dfpt.datasets.splits import SPLIT_WORDS, SPLITS
from dfpt.errors import UsageError

OUTSIDE = "a link that leads out of the folder: copy here what it points to"
NO_TEXT = "its name is not UTF-8: rename it"
IMAGES = UNREAD.union(SUFFIXES)
NO_CLASS = "beside the class folders and in none of them"


def source(root: Path, name: str) -> Source:
    """Class names are the sorted folder names; three channels as soon as one image has colour.

    A link that leaves the folder is not followed, and a name that is not UTF-8 cannot be written down: each is
    refused as one image, a folder of such a kind as a whole. So is an image of a format that is not read, and one
    beside the class folders. What the folder lacks (no class, an empty class, two images in all) is not judged here
    but in validate, whose report shows it.

    Raises:
        UsageError: no such folder, split folders mixed with others, or split folders that are not named as such.
    """
    if not root.is_dir():
        raise UsageError(f"No folder {root} (data source {name!r}).", "Check the path after 'folder:'.")
    if fetched.is_one(root):
        return fetched.source(root, name)
    below = _folders(root)
    presplit = [folder for folder in below if folder.name in SPLITS and _folders(folder)]
    if presplit and len(presplit) < len(below):
        odd = next(folder for folder in below if folder not in presplit)
        raise UsageError(
            f"{odd} lies beside the split folder {presplit[0].name!r} but is none itself.",
            "Use PATH/class/image, or PATH/split/class/image with splits train, val, test.",
        )
    misnamed = [folder for folder in below if folder.name.lower() in SPLIT_WORDS and _folders(folder)]
    if misnamed and not presplit and len(misnamed) == len(below):
        raise UsageError(
            f"{', '.join(folder.name for folder in misnamed)} in {root} are names of splits, and would be the classes.",
            f"Name them {', '.join(SPLITS)} if they are splits.",
        )
    inside = os.path.realpath(root)
    classes: set[str] = set()
    items: list[Item] = []
    if presplit:
        items += _strays(root, root, None)
    for split, top in [(folder.name, folder) for folder in presplit] if presplit else [(None, root)]:
        labels = [top] if _objection(top, inside) and split else _folders(top)
        for label in labels or [top]:  # without class folders: unlabelled images, which validate refuses
            objection = None if label is root else _objection(label, inside)
            if objection:
                items.append(_item(label, root, "", None, objection))
                continue
            if label is not top:
                classes.add(label.name)
            items += (_item(file, root, label.name, split, why) for file, why in _images(label, inside))
        if labels and labels != [top]:
            items += _strays(top, root, split)
    return Source(name, tuple(sorted(classes)), tuple(items), channels=3 if colour.in_any(items) else 1)


def _folders(path: Path) -> list[Path]:
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _item(file: Path, root: Path, label: str, split: str | None, objection: str | None) -> Item:
    place = os.fsencode(os.path.relpath(file, root)).decode("utf-8", "backslashreplace")
    return Item(place, place, label, b"" if objection else file, split, refused=objection)


def _images(label: Path, inside: str) -> list[tuple[Path, str | None]]:
    """The image files below a class folder in the order of their names, each with what there is against reading it."""
    found = list(_walk(str(label), inside))
    found.sort(key=lambda entry: entry[0].split("/"))
    return [(Path(path), objection) for path, objection in found]


def _strays(top: Path, root: Path, split: str | None) -> list[Item]:
    """The image files that lie beside the folders in ``top``."""
    with os.scandir(top) as entries:
        names = sorted(entry.name for entry in entries if not entry.name.startswith(".") and not entry.is_dir())
    return [_item(top / name, root, "", split, NO_CLASS) for name in names if _suffix(name) in IMAGES]


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 - no Path for each of 100,000


def _walk(folder: str, inside: str) -> Iterator[tuple[str, str | None]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            suffix = _suffix(entry.name)
            image = suffix in IMAGES
            if entry.is_symlink():
                objection = _objection(entry, inside)
                if objection or (image and not entry.is_dir()):  # a folder inside is met at its own place
                    yield entry.path, objection or _unread(suffix)
            elif entry.is_dir():
                objection = _objection(entry, inside)
                yield from [(entry.path, objection)] if objection else _walk(entry.path, inside)
            elif image and entry.is_file():
                yield entry.path, _objection(entry, inside) or _unread(suffix)


def _unread(suffix: str) -> str | None:
    return f"{suffix[1:].upper()} is not read: save it as PNG, TIFF or JPEG" if suffix in UNREAD else None


def _objection(entry: os.DirEntry[str] | Path, inside: str) -> str | None:
    """Why a file or folder is not read, or None."""
    if not _is_text(entry.name):
        return NO_TEXT
    if entry.is_symlink():
        target = os.path.realpath(entry)
        if target != inside and not target.startswith(os.path.join(inside, "")):  # noqa: PTH118
            return OUTSIDE
    return None


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:  # bytes that are none arrive as lone surrogates
        return False
    return True
