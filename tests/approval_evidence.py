"""Requests with evidence for the approver's pages, as the pipeline leaves it: a plugin for the modules that name it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from dfpt import files
from dfpt.config import Thresholds
from dfpt.evaluation import gate, report
from dfpt.registry import candidates
from dfpt.registry.artifacts import ARTIFACT_TAG, EVIDENCE, STUDENT, WEIGHTS, WEIGHTS_TAG
from dfpt.registry.database import Request
from tests.approvals_service import Desk

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c636800000082008177cd72b60000000049454e44ae426082"
)
CLASSES = ("sound", "crack", "soiled")
_IMAGES = 120

Files = Mapping[str, bytes]


def evaluation(wrong: int = 12, data_hash: str = "e" * 64) -> dict[str, Any]:
    """A report on 120 images of three classes; the student is wrong on ``wrong``, teacher and baseline on 6 and 24."""
    labels = np.arange(_IMAGES) % len(CLASSES)

    def measured(misses: int, parameters: int) -> report.Measured:
        called = labels.copy()
        called[:misses] = (called[:misses] + 1) % len(CLASSES)
        sure = np.full((_IMAGES, len(CLASSES)), 0.1, np.float32)
        sure[np.arange(_IMAGES), called] = 0.8
        return report.Measured(sure, parameters, parameters * 1e-8, parameters * 4)

    subject = report.Subject(
        source="folder:line-3",
        data_hash=data_hash,
        classes=CLASSES,
        positive=[1, 2],
        labels=labels,
        slices={"line": np.where(labels == 1, "A", "B").tolist()},
        images={"train": 400, "val": 80, "test": _IMAGES},
    )
    models = {"teacher": measured(6, 900_000), "baseline": measured(24, 20_000), "student": measured(wrong, 20_000)}
    return report.assemble(subject, models, "b" * 64, resamples=100, seed=0)


def decision(found: Mapping[str, Any], champion: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """gate.json of a report."""
    thresholds = Thresholds(min_accuracy=0.5, max_drop_against_champion=0.05, max_parameters=30_000)
    return gate.decide(found, thresholds, champion).to_json()


def against(difference: float, reach: float = 0.02) -> dict[str, Any]:
    """What the gate knows of a champion that the candidate is better than by ``difference``."""
    return {"version": 1, "accuracy": 0.85, "difference": difference} | {
        "low": difference - reach,
        "high": difference + reach,
        "paired": {"only_one": 9, "only_other": 4, "p_value": 0.27},
    }


def whole(found: Mapping[str, Any] | None = None, champion: Mapping[str, Any] | None = None) -> dict[str, bytes]:
    """All files of good evidence."""
    found = evaluation() if found is None else found
    example = {"kind": "differ", "file": "differ-01.png", "id": "7", "label": "crack", "candidate": "crack"}
    example |= {"champion": "sound", "candidate_confidence": 0.9, "champion_confidence": 0.6}
    index = {"images": _IMAGES, "differing": 13, "examples": [example]}
    return {
        "report.json": json.dumps(found).encode(),
        "gate.json": json.dumps(decision(found, champion)).encode(),
        "gate.html": b"<script>alert(1)</script>",
        "differences/index.json": json.dumps(index).encode(),
        "differences/differ-01.png": PIXEL,
    }


@dataclass
class Filer:
    """Files requests at a desk."""

    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __call__(self, desk: Desk, evidence: Files | None = None, by: str = "rita", name: str = "elpv") -> Request:
        """A new candidate with this evidence (by default good, without a champion), its approval asked for."""
        registry, number = desk.registry, next(self._numbers)
        folder = registry.home / "made-up" / str(number)
        (folder / STUDENT).mkdir(parents=True)
        (folder / STUDENT / WEIGHTS).write_bytes(f"weights {number}".encode())
        for path, content in (whole() if evidence is None else evidence).items():
            (folder / EVIDENCE / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / EVIDENCE / path).write_bytes(content)
        sums = {WEIGHTS_TAG: files.sha256(folder / STUDENT / WEIGHTS), ARTIFACT_TAG: files.sha256(folder)}
        registry.ensure_model(name, "For a test.")
        version = registry.client.create_model_version(name, folder.as_uri(), tags=sums | {"dfpt.git_revision": "abc"})
        return candidates.request(registry, version, desk.actor(by))


@pytest.fixture
def file_request() -> Filer:
    return Filer()
