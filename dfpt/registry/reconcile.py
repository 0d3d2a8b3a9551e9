"""Is production what the log says it is? Compares MLflow's aliases, versions and files with it.

The log is right, once it has been verified: an alias that differs was moved behind its back. The policy says whether
that is flagged or reverted; a version or a file that is gone can only be flagged. What was found is written down once,
until it changes. The approvals service does this now and then by itself.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from dfpt.registry import aliases, artifacts, audit, history, permission, requests, rollback
from dfpt.registry.actor import Actor
from dfpt.registry.champion import CHAMPION, PREVIOUS, production_name
from dfpt.registry.database import Record, State
from dfpt.registry.errors import BytesChanged
from dfpt.registry.handle import Registry
from dfpt.registry.history import Deployment
from dfpt.registry.policy import Deed

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

RECONCILED = "reconciled"


class Kind(enum.StrEnum):
    """What can be wrong."""

    UNFINISHED = "unfinished"  # a promotion or rollback was cut off: dfpt model sweep
    ALIAS_MOVED = "alias moved"
    VERSION_MISSING = "version missing"
    VERSION_UNKNOWN = "version unknown"  # to the log
    FILES_MISSING = "files missing"
    FILES_CHANGED = "files changed"


@dataclass(frozen=True)
class Finding:
    """One thing that is not as the log says.

    Attributes:
        what: the alias or the version that it is about.
        expected: by the log; empty where it knows nothing.
        reverted: it was put right.
    """

    kind: Kind
    name: str
    what: str
    expected: str
    found: str
    reverted: bool = False


def reconcile(registry: Registry, actor: Actor, dry_run: bool = False) -> list[Finding]:
    """Compare everything that was ever in production; returns what differs.

    Args:
        dry_run: write nothing down, revert nothing.

    Raises:
        PolicyRefused: this is no admin.
        LogDamaged: production cannot be held against this log.
    """
    permission.require(registry, actor, Deed.MAINTAIN)
    names = history.models(registry.engine)
    return [finding for name in names for finding in unasked(registry, name, actor, dry_run)]


def unasked(registry: Registry, name: str, actor: Actor, dry_run: bool = False) -> list[Finding]:
    """The same for one model, of a service that does it by itself and for nobody."""
    with registry.lock():
        if not dry_run:  # or who forges the log would have its aliases put where he wants them
            audit.require_unbroken(registry.store)
        found = list(_differences(registry, name))
        if dry_run:
            return found
        found = [_revert(registry, finding, found) for finding in found]
        _write_down(registry, name, found, actor)
        return found


def _differences(registry: Registry, name: str) -> Iterator[Finding]:
    deployed = history.deployments(registry.engine, name)
    known = {deployment.production_version: deployment for deployment in deployed}
    query = f"name = '{production_name(name)}'"
    present = {int(version.version): version for version in registry.client.search_model_versions(query)}
    approved = requests.of_model(registry.engine, name, State.APPROVED)
    if approved or rollback.unfinished_of(registry, name):
        yield Finding(Kind.UNFINISHED, name, production_name(name), "finished", "cut off")
    else:
        yield from _moved(registry, name, deployed[-1])
        for version in sorted(present.keys() - known.keys()):
            yield Finding(Kind.VERSION_UNKNOWN, name, str(version), "", str(version))
    for version in sorted(known.keys() - present.keys()):
        yield Finding(Kind.VERSION_MISSING, name, str(version), str(version), "")
    for version in sorted(known.keys() & present.keys()):
        yield from _files(registry, known[version], present[version])


def _moved(registry: Registry, name: str, last: Deployment) -> Iterator[Finding]:
    pointed = aliases.pointed_at(registry.client, name)
    for alias, expected in ((CHAMPION, last.production_version), (PREVIOUS, last.previous_version)):
        if alias == PREVIOUS and not last.previous_known:
            continue
        if pointed.get(alias) != expected:
            yield Finding(Kind.ALIAS_MOVED, name, alias, _text(expected), _text(pointed.get(alias)))


def _files(registry: Registry, deployment: Deployment, version: ModelVersion) -> Iterator[Finding]:
    """The sums are the log's: MLflow's tags can be written by whoever can write the files."""
    model = f"{version.name}/{version.version}"
    expected = deployment.artifact_sha256
    what = (deployment.name, str(version.version), expected)
    with artifacts.scratch() as scratch:
        folder = artifacts.find(version, registry.uri, scratch)
        if folder is None:
            yield Finding(Kind.FILES_MISSING, *what, "none")
            return
        try:
            artifacts.check(model, folder, expected, deployment.weights_sha256)
        except BytesChanged as error:
            kind = Kind.FILES_MISSING if error.found == "none" else Kind.FILES_CHANGED
            yield Finding(kind, *what, error.found)


def _revert(registry: Registry, finding: Finding, others: list[Finding]) -> Finding:
    """Put an alias back where the policy says so, and the version that it belongs to is sound."""
    if finding.kind != Kind.ALIAS_MOVED or registry.policy.rules_for(finding.name).reconcile != "revert":
        return finding
    if any(other.what == finding.expected for other in others):
        return finding
    model = production_name(finding.name)
    if finding.expected:
        registry.client.set_registered_model_alias(model, finding.what, finding.expected)
    else:
        registry.client.delete_registered_model_alias(model, finding.what)
    return Finding(finding.kind, finding.name, finding.what, finding.expected, finding.found, reverted=True)


def _write_down(registry: Registry, name: str, findings: list[Finding], actor: Actor) -> None:
    """One record, unless the last one about this model says the same."""
    details = {"findings": [asdict(finding) for finding in findings]}
    if _last(registry, name) == details["findings"] and not any(finding.reverted for finding in findings):
        return
    said = "; ".join(f"{finding.kind}: {finding.what}" for finding in findings) or "production is as the log says"
    with registry.store.writing() as log:
        log.append(actor, RECONCILED, said, name=name, details=details)


def _last(registry: Registry, name: str) -> list[dict[str, object]]:
    """The findings that were written down last; none where nothing was."""
    with registry.store.reading() as session:
        query = select(Record).where(Record.name == name, Record.action == RECONCILED).order_by(Record.seq.desc())
        record = session.scalars(query.limit(1)).first()
    found: list[dict[str, object]] = [] if record is None else json.loads(record.details)["findings"]
    return found


def _text(version: int | None) -> str:
    return "" if version is None else str(version)
