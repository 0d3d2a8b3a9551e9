"""A candidate while it is compared with production: its alias, and how the comparison becomes evidence."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import select

from dfpt import files
from dfpt.errors import StepFailed
from dfpt.registry import agreement, artifacts, deployment, permission, promotion
from dfpt.registry.actor import Actor
from dfpt.registry.database import Record, Request, State
from dfpt.registry.errors import WrongState
from dfpt.registry.handle import Registry
from dfpt.registry.policy import Deed

ALIAS = "challenger"
SHADOW = "shadow"  # the action
FOLDER = "shadow"
REPORT, PAGE = "shadow.json", "shadow.html"


@dataclass(frozen=True)
class Comparison:
    """One that is attached to a request.

    Attributes:
        folder: of REPORT and PAGE.
        sound: they are still what was attached.
    """

    record: int
    at: str
    actor: str
    said: str
    folder: Path
    sound: bool


@contextmanager
def challenging(registry: Registry, name: str, version: int, actor: Actor) -> Iterator[tuple[Request, Path]]:
    """While the block lasts the candidate is the challenger; gives its request and its files, verified.

    One at a time for each model. An alias that a comparison left behind when it was cut off is taken over.

    Raises:
        PolicyRefused: this person may not.
        WrongState: its request is not pending.
        BytesChanged: its files are not those that the request was filed for.
        StepFailed: another comparison of this model is going on.
    """
    try:
        with FileLock(registry.home / f"shadow-{name}.lock", timeout=0), ExitStack() as stack:
            request = check(registry, name, version, actor)
            folder = stack.enter_context(deployment.candidate_files(registry, request))
            artifacts.check(request.model, folder, request.artifact_sha256, request.weights_sha256)
            registry.client.set_registered_model_alias(name, ALIAS, str(version))
            try:
                yield request, folder
            finally:
                registry.client.delete_registered_model_alias(name, ALIAS)
    except Timeout:
        raise StepFailed(f"Another comparison of {name} is going on.", "Wait for its end.") from None


def check(registry: Registry, name: str, version: int, actor: Actor) -> Request:
    """The request, if this person can compare its candidate now; raises as :func:`challenging` does."""
    permission.require(registry, actor, Deed.SHADOW)
    request = promotion.find(registry, name, version)
    if request.state != State.PENDING:
        raise WrongState(request.model, request.state, "compared")
    agreement.require(registry.engine, request)
    return request


def attach(registry: Registry, request: Request, actor: Actor, report: Mapping[str, Any], page: str, said: str) -> Path:
    """Keep a comparison under the state folder and write its sums down with the request; returns its folder."""
    content = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    target = registry.home / FOLDER / f"{request.id}-{files.text_sha256(content)[:16]}"
    files.write_text(target / REPORT, content)
    files.write_text(target / PAGE, page)
    details = {"folder": target.name} | {name: files.sha256(target / name) for name in (REPORT, PAGE)}
    with registry.store.writing() as log:
        log.append(actor, SHADOW, said, request=request, details=details)
    return target


def attached(registry: Registry, request: Request) -> list[Comparison]:
    """The comparisons of a request, the oldest first."""
    query = select(Record).where(Record.request_id == request.id, Record.action == SHADOW).order_by(Record.seq)
    with registry.store.reading() as session:
        return [_comparison(registry, record) for record in session.scalars(query)]


def _comparison(registry: Registry, record: Record) -> Comparison:
    details = json.loads(record.details)
    folder = registry.home / FOLDER / str(details["folder"])
    sound = all((folder / name).is_file() and files.sha256(folder / name) == details[name] for name in (REPORT, PAGE))
    return Comparison(record.seq, record.at, record.actor, record.reason, folder, sound)
