"""Example images on which the candidate and the model in production differ, if the evidence holds any."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
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


@dataclass(frozen=True)
class Differences:
    """Examples, and on how many of the test ``images`` the two differ; None where there is nothing to differ from."""

    examples: Sequence[Example] = ()
    differing: int | None = None
    images: int = 0


def of(registry: Registry, request: Request, found: Evidence) -> Differences:
    """What ``differences/index.json`` names; nothing where there is none that can be read."""
    index = f"{evidence.PICTURES}/index.json"
    if found.state != "whole" or index not in found.files:
        return Differences()
    try:
        folder = evidence.folder(registry, request, verify=False)
        listed = json.loads((folder / index).read_text(encoding="utf-8"))
        examples = [_example(item) for item in listed["examples"]]
        differing = listed.get("differing")
        return Differences(
            [example for example in examples if example.file in found.files],
            differing if isinstance(differing, int) else None,
            int(listed.get("images") or 0),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Differences()


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
