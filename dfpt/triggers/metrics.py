"""The triggers' figures for Prometheus: what was seen, asked for and carried out, and what drift was last found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import func, select

from dfpt.registry.store import Store
from dfpt.triggers.tables import Request, Seen, State


def families(store: Store) -> Iterator[Metric]:
    """Of the tables."""
    with store.reading() as session:
        requests = session.execute(
            select(Request.trigger, Request.state, func.count()).group_by(Request.trigger, Request.state)
        ).all()
        seen = session.execute(
            select(Seen.trigger, Seen.outcome, func.count()).group_by(Seen.trigger, Seen.outcome)
        ).all()
        oldest = session.scalar(select(func.min(Request.filed_at)).where(Request.state == State.FILED))
        newest = session.scalar(select(func.max(Request.ended_at)).where(Request.state == State.DONE))

    retraining = GaugeMetricFamily("dfpt_retraining_requests", "Requests for a retraining", labels=["trigger", "state"])
    for trigger, state, count in requests:
        retraining.add_metric([trigger, state], count)
    sightings = GaugeMetricFamily("dfpt_trigger_sightings", "What triggers have seen", labels=["trigger", "outcome"])
    for trigger, outcome, count in seen:
        sightings.add_metric([trigger, outcome], count)
    yield from (retraining, sightings)
    for name, text, moment in (
        ("dfpt_retraining_oldest_timestamp_seconds", "Since when the oldest request waits to be carried out", oldest),
        ("dfpt_last_retraining_timestamp_seconds", "When a requested retraining last ended well", newest),
    ):
        if moment is not None:
            yield GaugeMetricFamily(name, text, value=moment.timestamp())


def drift(home: Path) -> Iterator[Metric]:
    """Of the last report of ``dfpt data drift``; nothing where there is none, or it cannot be read."""
    try:
        report = json.loads((home / "data" / "drift" / "drift.json").read_text(encoding="utf-8"))
        drifted, p_value = float(bool(report["drifted"])), float(report["p_value"])
    except (OSError, ValueError, KeyError, TypeError):
        return
    yield GaugeMetricFamily("dfpt_drift_detected", "1 where the last comparison found drift", value=drifted)
    yield GaugeMetricFamily("dfpt_drift_p_value", "p of the last comparison", value=p_value)
