"""The format of report.json, and what is wrong with a report that does not have it.

All rates and differences are fractions, all times seconds. A report that lacks any figure of the format, or has a NaN
or a text in its place, was not written by the step evaluate as it stands: the gate does not trust the rest either.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from dfpt.evaluation import mcnemar
from dfpt.evaluation.schema_parts import Comparison, Images, Knowledge, Models, Part, Robustness


class Report(Part):
    source: str
    data_hash: str
    classes: list[str]
    positive: list[int] | None
    slices: list[str]
    images: Images
    weights_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    models: Models
    comparisons: dict[str, Comparison]
    data_licence: Annotated[str, Field(min_length=1)] | None = None  # SPDX, or unknown
    teacher_licence: Annotated[str, Field(min_length=1)] | None = None
    knowledge: dict[Literal["original", "prompt"], Knowledge] | None = None
    robustness: Robustness | None = None  # None where the configuration asks for no images

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        """The figures of one report describe the same images: a report that was edited by hand rarely does."""
        for name, model in self.models:
            counts = model.confusion
            if len(counts) != len(self.classes) or any(len(row) != len(self.classes) for row in counts):
                raise ValueError(f"the confusion matrix of {name} does not have a row and a column for every class")
            right = sum(row[index] for index, row in enumerate(counts))
            if sum(map(sum, counts)) != self.images.test or abs(right / self.images.test - model.accuracy) > 1e-6:
                raise ValueError(f"the confusion matrix of {name} does not give its accuracy")
            if self.positive and model.binary_accuracy is None:
                raise ValueError(f"{name} has no binary_accuracy, but the task has positive classes")
            if model.slices and model.worst_slice != min(item.accuracy for item in model.slices.values()):
                raise ValueError(f"the worst slice of {name} is not the lowest of its slices")
        for pair in ("student-baseline", "student-teacher"):
            if pair not in self.comparisons:
                raise ValueError(f"there is no comparison {pair}")
            one, other = (getattr(self.models, name).accuracy for name in pair.split("-"))
            if abs(one - other - self.comparisons[pair].accuracy.difference) > 1e-6:
                raise ValueError(f"the comparison {pair} does not fit the two accuracies")
            _require_counts(pair, self.comparisons[pair], self.images.test)
        if self.robustness is not None and self.robustness.images > self.images.test:
            raise ValueError("more images were corrupted than the test split has")
        return self


def _require_counts(pair: str, comparison: Comparison, images: int) -> None:
    """The images that only one is right on give the difference, and their p-value."""
    counted = comparison.paired
    if counted is None:
        return
    gained = (counted.only_one - counted.only_other) / images
    if abs(gained - comparison.accuracy.difference) > 1e-6 or counted.only_one + counted.only_other > images:
        raise ValueError(f"the images counted in the comparison {pair} do not give its difference")
    if abs(mcnemar.p_different(counted.only_one, counted.only_other) - counted.p_value) > 1e-9:
        raise ValueError(f"the p-value of the comparison {pair} is not that of its images")


def problem(report: Mapping[str, Any]) -> str | None:
    """What is wrong with the report, one sentence without a full stop; None where nothing is."""
    try:
        Report.model_validate(report)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{where}: {first['msg'].lower()}" if where else first["msg"].removeprefix("Value error, ")
    return None


def read(path: Path) -> tuple[dict[str, Any], str | None]:
    """The report of a file and what is wrong with it; an empty report where the file cannot be read as one."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        return {}, f"{path.name} cannot be read: {error}"
    if not isinstance(report, dict):
        return {}, f"{path.name} is not a report but a {type(report).__name__}"
    return report, problem(report)
