"""ELPV: 2,624 electroluminescence images of solar cells, 300 x 300 pixels, from the package ``elpv-dataset``.

The files are numbered module by module (44 modules), so that a block of neighbouring files is a block of neighbouring
cells. Class = wafer type x defect level, the level being the annotators' probability of a defect in thirds.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from dfpt.datasets.sources import Item, Source
from dfpt.errors import UsageError

LICENCE = "CC-BY-NC-SA-4.0"
NOTICE = (
    "ELPV is licensed CC BY-NC-SA 4.0: non-commercial use only, share alike. Cite S. Deitsch et al., "
    "Automatic classification of defective photovoltaic module cells in electroluminescence images, "
    "Solar Energy 185 (2019) 455-468."
)
WAFERS = ("mono", "poly")
LEVELS = ("0", "1/3", "2/3", "1")
CLASSES = tuple(f"{wafer}-{level}" for wafer in WAFERS for level in LEVELS)
POSITIVE = tuple(index for index, name in enumerate(CLASSES) if name.endswith(("2/3", "-1")))  # level above 1/2


def source(root: Path | None = None) -> Source:
    """The data set below ``root`` (labels.csv and images/); None takes the installed package's.

    Raises:
        UsageError: the package is not installed, or labels.csv cannot be read.
    """
    root = root or _package_data()
    try:
        lines = (root / "labels.csv").read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError(f"Cannot read {root / 'labels.csv'}: {error.strerror}.", _INSTALL) from error
    items = tuple(_item(root, *line.split()) for line in lines if line.strip())
    return Source(
        "elpv", CLASSES, items, channels=1, positive=POSITIVE, slices=("wafer",), licence=LICENCE, notice=NOTICE
    )


def _item(root: Path, path: str, probability: str, wafer: str) -> Item:
    level = float(probability)
    thirds = round(level * 3)
    known = 0 <= thirds < len(LEVELS) and abs(level * 3 - thirds) < 0.01
    name = f"{wafer}-{LEVELS[thirds] if known else probability}"  # an unknown level is for validate to refuse
    return Item(Path(path).stem, path, name, root / path, columns={"level": level, "wafer": wafer})


_INSTALL = "Install the images with: pip install 'dfpt[demo]'"


def _package_data() -> Path:
    found = importlib.util.find_spec("elpv_dataset")  # found, not imported
    if found is None or not found.submodule_search_locations:
        raise UsageError("The images of source 'elpv' are not installed (package elpv-dataset).", _INSTALL)
    return Path(found.submodule_search_locations[0]) / "data"
