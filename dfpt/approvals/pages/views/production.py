"""What is in production, what was, and what a rollback would do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from dfpt.approvals.pages.views import evidence
from dfpt.approvals.pages.views import request as requests
from dfpt.evaluation.charts import Span
from dfpt.registry import history, reconcile
from dfpt.registry.champion import production_name
from dfpt.registry.database import Record
from dfpt.registry.errors import NotFound
from dfpt.registry.handle import Registry
from dfpt.registry.history import Deployment


@dataclass(frozen=True)
class Model:
    """One model's production side.

    Attributes:
        earlier: versions that a rollback may go to, the newest first, each as it was deployed last.
        previous: the one that a rollback without a version goes to.
        findings: what was found last to differ from the log; empty where nothing was.
    """

    name: str
    production: str
    current: Deployment
    accuracy: Span | None
    earlier: tuple[Deployment, ...]
    findings: Sequence[Mapping[str, Any]]
    looked_at: str | None

    @property
    def previous(self) -> int | None:
        return self.current.previous_version


def of(registry: Registry) -> list[Model]:
    return [_model(registry, name) for name in history.models(registry.engine)]


def rollback_target(registry: Registry, name: str, version: int) -> tuple[Deployment, Deployment]:
    """(what is in production, what would be).

    Raises:
        NotFound: that version never was in production.
    """
    deployed = history.deployments(registry.engine, name)
    target = next((known for known in reversed(deployed) if known.production_version == version), None)
    if target is None:
        raise NotFound(f"The log knows no promotion to {production_name(name)}/{version}.", "")
    return deployed[-1], target


def accuracy(registry: Registry, deployment: Deployment) -> Span | None:
    """On the test images that its approval was about."""
    found = evidence.of_request(registry, requests.by_id(registry, deployment.request), verify=False)
    if found.report is None:
        return None
    student = found.report["models"]["student"]
    return Span(student["accuracy"], student["accuracy_low"], student["accuracy_high"])


def at(registry: Registry, moment: datetime) -> list[tuple[str, Deployment | None]]:
    """What of each model was in production at a moment."""
    return [(name, history.at(registry.engine, name, moment)) for name in history.models(registry.engine)]


def times(deployed: Sequence[Deployment]) -> list[tuple[Deployment, str | None]]:
    """Each deployment and when it ended, the newest first; None: it is in production."""
    ends: list[str | None] = [*(later.at for later in deployed[1:]), None]
    return list(zip(deployed, ends, strict=True))[::-1]


def spans(deployed: Sequence[Deployment], now: datetime | None = None) -> list[tuple[Deployment, float, float]]:
    """Each deployment with the share of the whole time at which it began and ended, the oldest first."""
    if not deployed:
        return []
    moments = [datetime.fromisoformat(item.at) for item in deployed] + [now or datetime.now(UTC)]
    whole = max((moments[-1] - moments[0]).total_seconds(), 1.0)
    shares = [(moment - moments[0]).total_seconds() / whole for moment in moments]
    return list(zip(deployed, shares[:-1], shares[1:], strict=True))


def _model(registry: Registry, name: str) -> Model:
    deployed = history.deployments(registry.engine, name)
    current = deployed[-1]
    last = {
        known.production_version: known for known in deployed if known.production_version != current.production_version
    }
    findings, looked_at = _findings(registry, name)
    return Model(
        name,
        production_name(name),
        current,
        accuracy(registry, current),
        tuple(last[version] for version in sorted(last, reverse=True)),
        findings,
        looked_at,
    )


def _findings(registry: Registry, name: str) -> tuple[Sequence[Mapping[str, Any]], str | None]:
    """What the last comparison of production with the log found, and when it was written down."""
    with registry.store.reading() as session:
        query = select(Record).where(Record.name == name, Record.action == reconcile.RECONCILED)
        record = session.scalars(query.order_by(Record.seq.desc()).limit(1)).first()
    if record is None:
        return (), None
    findings: list[Mapping[str, Any]] = json.loads(record.details).get("findings", [])
    return [finding for finding in findings if not finding.get("reverted")], record.at
