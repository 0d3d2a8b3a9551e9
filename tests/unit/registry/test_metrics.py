"""The registry's figures are those of its tables and its log; the dashboard asks only for figures that there are."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dfpt.registry import metrics, promotion, reconcile, rejection
from dfpt.registry.actor import Actor
from dfpt.registry.handle import open_registry
from dfpt.triggers import metrics as triggers
from dfpt.triggers.tables import open_tables

pytest_plugins = "tests.mlflow_home"

BOB = Actor("bob", "robert")


def samples(text: bytes) -> dict[tuple[str, ...], float]:
    """By name and the labels' values, in the order of the labels' names."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_figures_follow_what_happens(home: Path, submit: Callable[..., Any]) -> None:
    registry = open_registry(home)
    empty = samples(metrics.exposition(metrics.families(registry.engine)))
    assert (empty["dfpt_queue_length",], empty["dfpt_queue_oldest_age_seconds",]) == (0, 0)

    for weights in (b"one", b"two", b"three"):
        submit(weights)
    promotion.approve(registry, "elpv", 1, BOB, "good")
    rejection.reject(registry, "elpv", 2, BOB, "too slow")
    now = samples(metrics.exposition(metrics.families(registry.engine)))

    assert now["dfpt_queue_length",] == 1
    assert 0 < now["dfpt_queue_oldest_age_seconds",] < 600
    assert now["dfpt_requests", "elpv", "pending"] == 1
    assert now["dfpt_decisions_total", "approved", "elpv"] == 1
    assert now["dfpt_decisions_total", "rejected", "elpv"] == 1
    assert now["dfpt_promotions_total", "elpv"] == 1
    assert time.time() - now["dfpt_last_promotion_timestamp_seconds", "elpv"] < 600
    assert time.time() - now["dfpt_last_candidate_timestamp_seconds", "elpv"] < 600
    assert ("dfpt_promotion_failures_total", "elpv") not in now


def test_findings_are_what_reconciling_found_last(home: Path, submit: Callable[..., Any]) -> None:
    registry = open_registry(home)

    def findings() -> float | None:
        return samples(metrics.exposition(metrics.families(registry.engine))).get(("dfpt_findings", "elpv"))

    for version, weights in enumerate((b"one", b"two"), start=1):
        submit(weights)
        promotion.approve(registry, "elpv", version, BOB, "good")
    for champion, expected in (("1", 1), ("2", 0)):
        registry.client.set_registered_model_alias("elpv-production", "champion", champion)
        reconcile.reconcile(registry, BOB)
        assert findings() == expected


@pytest.mark.parametrize(("report", "expected"), [({"drifted": True, "p_value": 0.01}, 1.0), ({"p_value": 1}, None)])
def test_drift_is_what_the_last_report_says(tmp_path: Path, report: dict[str, Any], expected: float | None) -> None:
    path = tmp_path / "data" / "drift" / "drift.json"
    assert samples(metrics.exposition(triggers.drift(tmp_path))) == {}
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(report))
    assert samples(metrics.exposition(triggers.drift(tmp_path))).get(("dfpt_drift_detected",)) == expected


def test_the_dashboard_asks_only_for_figures_and_labels_that_there_are(root: Path, tmp_path: Path) -> None:
    dashboard = json.loads((root / "charts" / "dfpt" / "dashboards" / "dfpt.json").read_text(encoding="utf-8"))
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    assert len(queries) >= 10

    source = "".join(
        (root / "dfpt" / package / "metrics.py").read_text(encoding="utf-8") for package in ("registry", "triggers")
    )
    declared = dict(re.findall(r'"(dfpt_[a-z_]+)",\s*"[^"]+"(?:,\s*labels=(\[[^\]]*\]))?', source))
    counters = set(re.findall(r'CounterMetricFamily\(\s*"(dfpt_[a-z_]+)"', source))
    known = {f"{name}_total" if name in counters else name: labels for name, labels in declared.items()}
    asked = {name for query in queries for name in re.findall(r"dfpt_[a-z_]+", query)}
    assert asked == set(known), "every figure is shown, and none that there is not"
    for query in queries:
        (name,) = set(re.findall(r"dfpt_[a-z_]+", query))
        by = re.findall(r"by \(([a-z, ]+)\)", query)
        assert all(f'"{label.strip()}"' in known[name] for labels in by for label in labels.split(","))

    store = open_tables(tmp_path / "home")
    for parts in (metrics.families(store.engine), triggers.families(store)):
        assert {family.name for family in parts} <= set(declared)
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
