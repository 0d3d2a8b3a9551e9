"""Example images on which the candidate and the model in production differ, if the evidence holds any."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dfpt.approvals.pages.views import evidence
from dfpt.approvals.pages.views.evidence import Evidence
from dfpt.registry.database import Request
from dfpt.registry.handle import Registry


@dataclass(frozen=True)
class Example:
    """One test image. ``file`` lies below the evidence folder; sureness is a fraction, None where it is not known.

    ``kind`` is ``differ``, or ``confidently_wrong``: what the candidate is surest of and wrong about.
    """

    kind: str
    file: str
    label: str
    candidate: str
    candidate_sure: float | None
    champion: str | None
    champion_sure: float | None


def of(registry: Registry, request: Request, found: Evidence) -> list[Example]:
    """The examples that ``differences/index.json`` names; none where there is none that can be read."""
    index = f"{evidence.PICTURES}/index.json"
    if found.state != "whole" or index not in found.files:
        return []
    try:
        folder = evidence.folder(registry, request, verify=False)
        listed = json.loads((folder / index).read_text(encoding="utf-8"))
        examples = [_example(item) for item in listed["examples"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [example for example in examples if example.file in found.files]


def _example(item: Mapping[str, Any]) -> Example:
    champion = item.get("champion")
    return Example(
        str(item.get("kind", "differ")),
        f"{evidence.PICTURES}/{item['file']}",
        str(item["label"]),
        str(item["candidate"]),
        _sure(item.get("candidate_confidence")),
        None if champion is None else str(champion),
        _sure(item.get("champion_confidence")),
    )


def _sure(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
