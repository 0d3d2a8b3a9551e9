"""What the candidate takes for what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dfpt.approvals.pages.views.column import Column


@dataclass(frozen=True)
class Confusion:
    """Images of one true class that were called another, by the candidate and by the champion (None: not known)."""

    actual: str
    called: str
    images: int
    total: int
    champion: int | None


def of(columns: Sequence[Column], classes: Sequence[str], most: int = 6) -> tuple[Confusion, ...]:
    """What the candidate confuses most often, by images."""
    counts = columns[0].figures["confusion"]
    others = [column for column in columns if column.key == "champion" and column.same_images]
    champion = others[0].figures.get("confusion") if others else None
    found = [
        Confusion(
            classes[actual],
            classes[called],
            images,
            sum(row),
            None if champion is None else champion[actual][called],
        )
        for actual, row in enumerate(counts)
        for called, images in enumerate(row)
        if actual != called and images
    ]
    return tuple(sorted(found, key=lambda confusion: -confusion.images)[:most])
