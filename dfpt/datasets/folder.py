"""A user's own images: ``PATH/class/image`` or ``PATH/split/class/image`` with splits train, val and test."""

from __future__ import annotations

from pathlib import Path

from dfpt.datasets.sources import Item, Source
from dfpt.datasets.splits import SPLITS
from dfpt.errors import UsageError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm"})
GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L"})


def source(root: Path, name: str) -> Source:
    """Class names are the sorted folder names; three channels as soon as one image has colour.

    What the folder lacks (no class, an empty class, two images in all) is not judged here but in validate, whose
    report shows it.

    Raises:
        UsageError: no such folder, or split folders mixed with others.
    """
    if not root.is_dir():
        raise UsageError(f"No folder {root} (data source {name!r}).", "Check the path after 'folder:'.")
    below = _folders(root)
    presplit = [folder for folder in below if folder.name in SPLITS and _folders(folder)]
    if presplit and len(presplit) < len(below):
        odd = next(folder for folder in below if folder not in presplit)
        raise UsageError(
            f"{odd} lies beside the split folder {presplit[0].name!r} but is none itself.",
            "Use PATH/class/image, or PATH/split/class/image with splits train, val, test.",
        )
    tops = [(folder.name, folder) for folder in presplit] if presplit else [(None, root)]
    classes = tuple(sorted({label.name for _, top in tops for label in _folders(top)}))
    items = tuple(
        Item(file.relative_to(root).as_posix(), file.relative_to(root).as_posix(), label.name, file, split)
        for split, top in tops
        for label in (_folders(top) or [top])  # without class folders: unlabelled images, which validate refuses
        for file in _images(label)
    )
    return Source(name, classes, items, channels=3 if any(_has_colour(item) for item in items) else 1)


def _folders(path: Path) -> list[Path]:
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _images(label: Path) -> list[Path]:
    return sorted(
        file
        for file in label.rglob("*")
        if file.suffix.lower() in SUFFIXES
        and file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(label).parts)
    )


def _has_colour(item: Item) -> bool:
    from PIL import Image

    try:
        assert isinstance(item.content, Path)
        with Image.open(item.content) as image:  # reads the header alone
            return image.mode not in GREY_MODES
    except Exception:  # a broken file may raise anything; prepare will name it
        return False
