"""The registry's figures for Prometheus, read from its tables and its log at the moment they are asked for.

Every process that shares the database gives the same figures: scrape one of them. Ages and times are in seconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from dfpt.registry.database import Record, Request, State
from dfpt.registry.history import ROLLED_BACK
from dfpt.registry.reconcile import RECONCILED
from dfpt.registry.requests import REFUSED, REQUESTED
from dfpt.registry.store import reading

_DECISIONS = (State.APPROVED, State.REJECTED, State.EXPIRED, State.WITHDRAWN)


def families(engine: Engine) -> Iterator[Metric]:
    """Queue, decisions, failures and the last successes."""
    with reading(engine) as session:
        by_state = _counted(session, Request.name, Request.state)
        oldest = session.scalar(select(func.min(Request.requested_at)).where(Request.state == State.PENDING))
        by_action = _counted(session, Record.name, Record.action)
        lasts = select(Record.name, Record.action, func.max(Record.at)).group_by(Record.name, Record.action)
        newest = [(str(name), str(action), str(at)) for name, action, at in session.execute(lasts)]
        cut = _counted(session, Record.name, Record.action, Record.before)
        compared = _compared(session)

    requests = GaugeMetricFamily("dfpt_requests", "Requests for approval", labels=["model", "state"])
    for name, state, count in by_state:
        requests.add_metric([name, state], count)
    yield requests
    pending = sum(count for _, state, count in by_state if state == State.PENDING)
    yield GaugeMetricFamily("dfpt_queue_length", "Requests that wait for a decision", value=pending)
    age = (datetime.now(UTC) - oldest).total_seconds() if oldest else 0.0
    yield GaugeMetricFamily("dfpt_queue_oldest_age_seconds", "Age of the oldest that waits", value=max(age, 0.0))

    decisions = CounterMetricFamily("dfpt_decisions", "Decisions about requests", labels=["model", "decision"])
    refusals = CounterMetricFamily("dfpt_refusals", "What was tried and not allowed", labels=["model"])
    promotions = CounterMetricFamily("dfpt_promotions", "Promotions to production", labels=["model"])
    rollbacks = CounterMetricFamily("dfpt_rollbacks", "Returns to an earlier version", labels=["model"])
    single = {REFUSED: refusals, State.PROMOTED.value: promotions, ROLLED_BACK: rollbacks}
    for name, action, count in by_action:
        if action in _DECISIONS:
            decisions.add_metric([name, action], count)
        if action in single:
            single[action].add_metric([name], count)
    failures = CounterMetricFamily(
        "dfpt_promotion_failures", "Approved, and rejected because it could not be promoted", labels=["model"]
    )
    for name, action, before, count in cut:
        if (action, before) == (State.REJECTED, State.APPROVED):
            failures.add_metric([name], count)
    yield from (decisions, refusals, promotions, rollbacks, failures)

    findings = GaugeMetricFamily(
        "dfpt_findings", "What in production is not as the log says, when it was compared last", labels=["model"]
    )
    for name, count in compared:
        findings.add_metric([name], count)
    yield findings

    last = {
        REQUESTED: GaugeMetricFamily(
            "dfpt_last_candidate_timestamp_seconds", "When a training last gave a candidate", labels=["model"]
        ),
        State.PROMOTED.value: GaugeMetricFamily(
            "dfpt_last_promotion_timestamp_seconds", "When a version last went to production", labels=["model"]
        ),
    }
    for name, action, at in newest:
        if action in last:
            last[action].add_metric([name], datetime.fromisoformat(at).timestamp())
    yield from last.values()


def _compared(session: Session) -> list[tuple[str, int]]:
    """How much each model's last record of reconciling found; those that were put back by it are no more."""
    last = select(func.max(Record.seq)).where(Record.action == RECONCILED).group_by(Record.name)
    rows = session.execute(select(Record.name, Record.details).where(Record.seq.in_(last)).order_by(Record.name))
    found = [(str(name), json.loads(details)["findings"]) for name, details in rows]
    return [(name, sum(not finding["reverted"] for finding in findings)) for name, findings in found]


def _counted(session: Session, *columns: InstrumentedAttribute[Any]) -> list[Any]:
    """How often each combination of values occurs, of those that are about a model: the values, then the count."""
    query = select(*columns, func.count()).where(columns[0].is_not(None)).group_by(*columns)
    return [(*map(str, row[:-1]), int(row[-1])) for row in session.execute(query)]


class _Now(Collector):
    """What is read when it is asked for."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


def exposition(*parts: Iterable[Metric]) -> bytes:
    """Prometheus' text of some families."""
    registry = CollectorRegistry(auto_describe=False)
    for part in parts:
        registry.register(_Now(part))
    return bytes(generate_latest(registry))
