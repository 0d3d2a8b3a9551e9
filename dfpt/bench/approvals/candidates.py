"""Candidates to decide about: real versions with real files that are no models; the registry never looks inside."""

from __future__ import annotations

import hashlib

from dfpt import files
from dfpt.registry import candidates
from dfpt.registry.actor import Actor
from dfpt.registry.artifacts import ARTIFACT_TAG, STUDENT, WEIGHTS, WEIGHTS_TAG
from dfpt.registry.database import Request
from dfpt.registry.handle import Registry

FOLDER = "bench-candidates"


def submit(registry: Registry, name: str, weights: bytes, actor: Actor, evidence: str = "{}") -> Request:
    """Register ``weights`` as a version of ``name`` and ask for its approval."""
    folder = registry.home / FOLDER / name / hashlib.sha256(weights).hexdigest()
    (folder / STUDENT).mkdir(parents=True)
    (folder / STUDENT / WEIGHTS).write_bytes(weights)
    (folder / "evidence").mkdir()
    (folder / "evidence" / "report.json").write_text(evidence, encoding="utf-8")
    sums = {WEIGHTS_TAG: files.sha256(folder / STUDENT / WEIGHTS), ARTIFACT_TAG: files.sha256(folder)}
    registry.ensure_model(name, "For a benchmark.")
    version = registry.client.create_model_version(name, folder.as_uri(), tags=sums)
    return candidates.request(registry, version, actor)
