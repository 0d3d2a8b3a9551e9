"""The evidence of a request: read from the very files that were frozen when it was filed, or said why it is not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dfpt import files
from dfpt.evaluation import schema
from dfpt.registry import artifacts, deployment
from dfpt.registry.database import Request
from dfpt.registry.errors import BytesChanged
from dfpt.registry.handle import Registry

CACHE = "evidence"
PICTURES = "differences"
SHOWN = {".json": "application/json", ".html": "text/html", ".png": "image/png"}

State = Literal["whole", "untrusted", "missing", "changed", "unreachable"]


@dataclass(frozen=True)
class Evidence:
    """What there is to look at.

    Attributes:
        state: ``untrusted``: the report does not have its format; ``changed``: the candidate's files are not those
            that the request was filed for; ``unreachable``: MLflow or its files do not answer.
        report: evaluate's report, only where it can be trusted.
        gate: the gate's decision, where there is a readable one.
        files: names below the evidence folder, for links.
        problem: what exactly is wrong, in English.
    """

    state: State
    report: Mapping[str, Any] | None = None
    gate: Mapping[str, Any] | None = None
    files: tuple[str, ...] = ()
    problem: str = ""
    differences: tuple[Mapping[str, Any], ...] = field(default=())


def of_request(registry: Registry, request: Request, verify: bool = True) -> Evidence:
    """The evidence of a request.

    Args:
        verify: hold all files of the candidate against the sums of the request; the queue, which is asked for every
            half minute and decides nothing, does not.
    """
    try:
        found = folder(registry, request, verify)
    except BytesChanged as error:
        return Evidence("changed", problem=f"SHA-256 {error.found[:12]}, not {error.expected[:12]}")
    except Exception as error:  # MLflow away, files gone: the page says so, and the request stays readable
        return Evidence("unreachable", problem=f"{type(error).__name__}")
    return read(found)


def folder(registry: Registry, request: Request, verify: bool = True) -> Path:
    """Where the evidence lies: in production, beside the candidate, or in a copy that is fetched once.

    Raises:
        BytesChanged: the files are not those that the request was filed for.
    """
    sums = (request.artifact_sha256, request.weights_sha256)
    for known in (
        registry.home / deployment.FOLDER / request.name / request.artifact_sha256,
        registry.home / CACHE / request.artifact_sha256,
    ):
        if known.exists():
            if verify:
                artifacts.check(request.model, known, *sums)
            return known / artifacts.EVIDENCE
    version = registry.client.get_model_version(request.name, str(request.version))
    if str(version.source).startswith(("/", "file:")) or not registry.uri.startswith("http"):
        found = artifacts.local(version, registry.uri)
        if verify:
            artifacts.check(request.model, found, *sums)
        return found / artifacts.EVIDENCE
    fetched = artifacts.local(version, registry.uri)
    artifacts.check(request.model, fetched, *sums)
    target = registry.home / CACHE / request.artifact_sha256
    target.parent.mkdir(parents=True, exist_ok=True)
    with files.replacing(target) as partial:
        shutil.move(fetched, partial)  # it is a copy of our own
    return target / artifacts.EVIDENCE


def read(folder: Path) -> Evidence:
    """The evidence of a folder whose files are known to be the right ones."""
    if not folder.is_dir():
        return Evidence("missing", problem="no folder of evidence")
    names = tuple(
        path.relative_to(folder).as_posix()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in SHOWN
    )
    gate = _object(folder / "gate.json")
    if not (folder / "report.json").is_file():
        return Evidence("missing", gate=gate, files=names, problem="no report.json")
    report, problem = schema.read(folder / "report.json")
    if problem is not None:
        return Evidence("untrusted", gate=gate, files=names, problem=problem)
    return Evidence("whole", report, gate, names)


def _object(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
