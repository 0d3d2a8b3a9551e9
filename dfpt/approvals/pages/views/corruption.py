"""What is left of the accuracy when the images get worse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dfpt.approvals.pages.views.column import Column
from dfpt.approvals.pages.views.evidence import Evidence


@dataclass(frozen=True)
class Corruption:
    """Accuracy at strengths 0 (as they are) to 5, by the column's number."""

    kind: str
    series: Mapping[int, Sequence[float]]


def of(report: Mapping[str, Any], columns: Sequence[Column], champion: Evidence | None) -> tuple[Corruption, ...]:
    """Each kind of the suite; the champion's own figures too, where they are about the same images."""
    found = report.get("robustness")
    if not found:
        return ()
    keys = {"candidate": "student", "baseline": "baseline", "teacher": "teacher"}
    sources = {column.number: (found, keys[column.key]) for column in columns if column.key in keys}
    theirs = None if champion is None or champion.report is None else champion.report.get("robustness")
    if theirs and theirs["images"] == found["images"]:
        alike = [column.number for column in columns if column.key == "champion" and column.same_images]
        sources |= dict.fromkeys(alike, (theirs, "student"))
    return tuple(
        Corruption(
            kind,
            {
                number: [source["clean"][model], *(at[model] for at in source["corrupted"][kind].values())]
                for number, (source, model) in sources.items()
            },
        )
        for kind in found["corrupted"]
    )
