"""Comparisons of the candidate with production on new images, attached to a request by ``dfpt model shadow``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dfpt.approvals.pages.views import verdict
from dfpt.evaluation.charts import Span
from dfpt.registry import challenger
from dfpt.registry.challenger import Comparison
from dfpt.registry.database import Request
from dfpt.registry.errors import NotFound
from dfpt.registry.handle import Registry


@dataclass(frozen=True)
class Shadow:
    """One comparison.

    Attributes:
        images: how many; None where its files are not what was attached, and nothing of them is shown.
        agreement: share of them that both call the same.
        difference: candidate minus champion, accuracy; None where the images have no labels.
    """

    attached: Comparison
    images: int | None = None
    agreement: Span | None = None
    difference: Span | None = None


def of(registry: Registry, request: Request) -> list[Shadow]:
    """The newest first."""
    return [_read(known) for known in reversed(challenger.attached(registry, request))]


def file(registry: Registry, request: Request, record: int, name: str) -> Path:
    """A file of a comparison, as it was attached.

    Raises:
        NotFound: there is none, or it has been changed.
    """
    for known in challenger.attached(registry, request):
        if known.record == record and known.sound and name in (challenger.REPORT, challenger.PAGE):
            return known.folder / name
    raise NotFound(f"There is no file {name[:100]}.")


def _read(known: Comparison) -> Shadow:
    if not known.sound:
        return Shadow(known)
    try:
        report: dict[str, Any] = json.loads((known.folder / challenger.REPORT).read_text(encoding="utf-8"))
        labelled = report["labelled"]
        difference = None if labelled is None else labelled["difference"]
        return Shadow(
            known,
            int(report["images"]),
            verdict.span_of(_named(report["agreement"])),
            None if difference is None else verdict.span_of(_named(difference)),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return Shadow(known)


def _named(interval: dict[str, Any]) -> dict[str, Any]:
    return interval | {"difference": interval["value"]}
