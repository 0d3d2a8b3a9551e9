"""The validation report as one HTML page that needs nothing from outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dfpt.datasets.contact_sheet import MOST, THUMBNAIL, Sheet, data_uri
from dfpt.datasets.quality import Report
from dfpt.datasets.splits import SPLITS
from dfpt.datasets.task import Task

if TYPE_CHECKING:
    from pandas import DataFrame

ROWS = 200  # rejected rows shown; rejected.csv has them all
PER_CLASS = 20  # more classes than this: no example images, the page stays small


def examples(images: NDArray[np.uint8], accepted: DataFrame, task: Task) -> dict[str, str]:
    """Class name -> its first accepted image as a data URI, for a glance at what the models will see."""
    if not len(accepted) or len(task.classes) > PER_CLASS:
        return {}
    first = accepted.drop_duplicates("label_name").set_index("label_name")["row"]
    return {name: data_uri(images[int(first[name])]) for name in task.classes if name in first.index}


def render(report: Report, rejected: DataFrame, pictures: dict[str, str], sheets: Sequence[Sheet]) -> str:
    """The page.

    Args:
        report: content of validation.json.
        rejected: rows of rejected.csv.
        pictures: of :func:`examples`.
        sheets: of :func:`dfpt.datasets.contact_sheet.sheets`.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("dfpt.datasets"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("validation.html").render(
        report=report,
        splits=SPLITS,
        rejected=rejected.head(ROWS).to_dict("records"),
        pictures=pictures,
        sheets=sheets,
        most=MOST,
        size=THUMBNAIL,
    )
