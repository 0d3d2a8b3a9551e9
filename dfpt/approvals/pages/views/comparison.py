"""The candidate beside what is in production, the same network without a teacher, and the teacher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dfpt.approvals.pages.views import confusion, corruption, verdict
from dfpt.approvals.pages.views.column import Column
from dfpt.approvals.pages.views.confusion import Confusion
from dfpt.approvals.pages.views.corruption import Corruption
from dfpt.approvals.pages.views.evidence import Evidence
from dfpt.evaluation import charts
from dfpt.evaluation.charts import Span

Kind = Literal["share", "points", "count", "bytes", "seconds"]  # as in dfpt.evaluation.rule.SHOW
FIGURES: tuple[tuple[str, Kind], ...] = (
    ("accuracy", "share"),
    ("macro_f1", "share"),
    ("binary_accuracy", "share"),
    ("defect_recall", "share"),
    ("worst_slice", "share"),
    ("ece", "points"),
    ("parameters", "count"),
    ("weights_bytes", "bytes"),
    ("latency_seconds", "seconds"),
)
COLUMNS = ("candidate", "champion", "baseline", "teacher")  # in this order everywhere; the place is the mark's number


@dataclass(frozen=True)
class Row:
    """One figure of every column; None where a model has none. Bars of rates lie on the range ``low`` to ``high``."""

    key: str
    kind: Kind
    spans: tuple[Span | None, ...]
    low: float
    high: float

    @property
    def largest(self) -> float:
        return max((span.value for span in self.spans if span is not None), default=0.0)


@dataclass(frozen=True)
class Difference:
    """Candidate minus another model, accuracy, image by image.

    Attributes:
        paired: images that only the candidate, and that only the other is right on; None where it was not counted.
    """

    against: str
    span: Span
    allowed: float | None = None
    paired: tuple[int, int] | None = None


@dataclass(frozen=True)
class Part:
    """A slice of the data: accuracy by the column's number."""

    name: str
    images: int
    values: Mapping[int, float]


@dataclass(frozen=True)
class Comparison:
    classes: Sequence[str]
    images: Mapping[str, int]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    differences: tuple[Difference, ...]
    reach: float
    parts: tuple[Part, ...]
    parts_range: tuple[float, float]
    confusions: tuple[Confusion, ...]
    corruptions: tuple[Corruption, ...]
    corrupted_images: int

    @property
    def allowed_shown(self) -> bool:
        """Whether the loss that the gate lets pass lies in the picture."""
        return any(item.allowed is not None and item.allowed <= self.reach for item in self.differences)


def of(evidence: Evidence, champion: Evidence | None) -> Comparison | None:
    """Everything side by side; None where the candidate's evidence cannot be trusted.

    Args:
        champion: the evidence that came with what is in production now.
    """
    report = evidence.report
    if report is None:
        return None
    columns = _columns(report, evidence.gate or {}, champion)
    differences = _differences(report, evidence.gate or {}, verdict.of(evidence))
    parts = _parts(columns)
    values = [Span(value) for part in parts for value in part.values.values()]
    return Comparison(
        classes=report["classes"],
        images=report["images"],
        columns=columns,
        rows=tuple(row for key, kind in FIGURES if (row := _row(key, kind, columns)) is not None),
        differences=differences,
        reach=charts.reach([item.span for item in differences]),
        parts=parts,
        parts_range=charts.scale(values, least=0.05),
        confusions=confusion.of(columns, report["classes"]),
        corruptions=corruption.of(report, columns, champion),
        corrupted_images=(report.get("robustness") or {}).get("images", 0),
    )


def _columns(report: Mapping[str, Any], gate: Mapping[str, Any], champion: Evidence | None) -> tuple[Column, ...]:
    models = report["models"]
    found = {"candidate": Column("candidate", 0, models["student"])}
    if champion is not None and champion.report is not None:
        known = champion.report
        same = known["data_hash"] == report["data_hash"] and known["classes"] == report["classes"]
        found["champion"] = Column("champion", 1, known["models"]["student"], same)
    elif (compared := gate.get("champion")) and isinstance(compared.get("accuracy"), float):
        found["champion"] = Column("champion", 1, {"accuracy": compared["accuracy"]})
    found["baseline"] = Column("baseline", 2, models["baseline"])
    found["teacher"] = Column("teacher", 3, models["teacher"])
    return tuple(found[key] for key in COLUMNS if key in found)


def _row(key: str, kind: Kind, columns: Sequence[Column]) -> Row | None:
    spans = tuple(_span(key, column.figures) for column in columns)
    known = [span for span in spans if span is not None]
    if not known or spans[0] is None:
        return None
    return Row(key, kind, spans, *charts.scale(known))


def _span(key: str, figures: Mapping[str, Any]) -> Span | None:
    value = figures.get(key)
    return None if value is None else Span(value, figures.get(f"{key}_low"), figures.get(f"{key}_high"))


def _differences(report: Mapping[str, Any], gate: Mapping[str, Any], found: verdict.Verdict) -> tuple[Difference, ...]:
    differences = []
    if found.difference is not None:
        differences.append(Difference("champion", found.difference, found.allowed, _paired(gate["champion"])))
    for other in ("baseline", "teacher"):
        compared = report["comparisons"][f"student-{other}"]
        span = verdict.span_of(compared["accuracy"])
        if span is not None:
            differences.append(Difference(other, span, paired=_paired(compared)))
    return tuple(differences)


def _paired(compared: Mapping[str, Any]) -> tuple[int, int] | None:
    counted = compared.get("paired")
    if not isinstance(counted, Mapping):
        return None
    only = counted.get("only_one"), counted.get("only_other")
    return (only[0], only[1]) if isinstance(only[0], int) and isinstance(only[1], int) else None


def _parts(columns: Sequence[Column]) -> tuple[Part, ...]:
    comparable = [column for column in columns if column.same_images]
    slices: Mapping[str, Any] = columns[0].figures.get("slices") or {}
    return tuple(
        Part(
            name,
            item["images"],
            {
                column.number: column.figures["slices"][name]["accuracy"]
                for column in comparable
                if name in (column.figures.get("slices") or {})
            },
        )
        for name, item in slices.items()
    )
