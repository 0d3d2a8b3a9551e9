"""The pipeline's parameters, for every engine."""

from __future__ import annotations

from typing import Any

from dfpt.config import Config, for_step
from dfpt.graph import STEPS
from dfpt.runtime import code_revision

_DAY = 86_400


def arguments(config: Config, data_hash: str, cache_period: str = "") -> dict[str, Any]:
    """What the pipeline is called with.

    Args:
        data_hash: fingerprint of the source, so that new images under the old name are new data.
        cache_period: see :func:`period`; this machine's cache has no age.
    """
    steps = {
        step.module: for_step(config, step.name).model_dump(mode="json", exclude_none=True) for step in STEPS.values()
    }
    return {**steps, "data_hash": data_hash, "code_revision": code_revision(), "cache_period": cache_period}


def period(cache_days: int, now: float) -> str:
    """The number of the period that ``now`` (seconds since 1970) lies in. Kubeflow's cache knows no age: a result is
    made anew when this part of its key is another, so none is ever older than ``cache_days``. Empty for 0: for ever.
    """
    return str(int(now // (cache_days * _DAY))) if cache_days else ""
