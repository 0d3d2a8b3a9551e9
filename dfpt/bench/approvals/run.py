"""The whole measurement: a rush, what it leaves, and answers at a steady pace."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dfpt.bench.approvals import crowd, pace, story
from dfpt.bench.approvals.people import MODELS, serving

CLIENTS = 64
PER_SECOND = 50.0
CANDIDATES = 20  # of each model


def run(home: Path, seconds: float) -> dict[str, Any]:
    """On SQLite in ``home``, or on the database that DFPT_REGISTRY_URL names, which must be empty."""
    with serving(home, CANDIDATES) as place:
        load = os.getloadavg()[0]
        before = story.actions(place.registry)
        cpu = [place.cpu_seconds()]
        answered = pace.steady(place, PER_SECOND, seconds)
        writing = [seconds for deed in answered.writing.values() for seconds in deed]
        cpu.append(place.cpu_seconds())
        between = story.actions(place.registry)
        told = crowd.rush(place, CLIENTS, seconds)
        cpu.append(place.cpu_seconds())
        wrong = story.contradictions(place.registry, told, between)
        return {
            "database": place.registry.engine.dialect.name,
            "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "load_before": round(load, 1)},
            "seconds": seconds,
            "models": len(MODELS),
            "pace": {
                "requests_per_second": PER_SECOND,
                "share_of_writes": pace.SHARE_OF_WRITES,
                "all": quantiles([*answered.reading, *writing]),
                "reading": quantiles(answered.reading),
                "writing": quantiles(writing),
                "writing_by_deed": {deed: quantiles(seconds) for deed, seconds in answered.writing.items()},
                "statuses": {str(status): count for status, count in sorted(answered.statuses.items())},
                "broken": len(answered.broken),
                "service_cpu_seconds": _between(cpu[0], cpu[1]),
                "records": sum((between - before).values()),
            },
            "rush": {
                "clients": CLIENTS,
                "requests": sum(told.statuses.values()),
                "statuses": {f"{deed} {status}": count for (deed, status), count in sorted(told.statuses.items())},
                "service_cpu_seconds": _between(cpu[1], cpu[2]),
                "done": dict(sorted(told.done.items())),
                "records": sum((story.actions(place.registry) - between).values()),
                "contradictions": wrong,
            },
        }


def quantiles(seconds: Sequence[float]) -> dict[str, float | int]:
    """In seconds."""
    if not seconds:
        return {"count": 0}
    found = np.quantile(seconds, (0.5, 0.9, 0.99, 1.0))
    named = zip(("p50", "p90", "p99", "max"), found, strict=True)
    return {"count": len(seconds)} | {name: round(float(value), 4) for name, value in named}


def _between(earlier: float | None, later: float | None) -> float | None:
    return None if earlier is None or later is None else round(later - earlier, 2)
