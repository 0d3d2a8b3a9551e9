"""How old a result may be that Kubeflow takes from its cache."""

from __future__ import annotations

_DAY = 86_400


def period(cache_days: int, now: float) -> str:
    """The period that ``now`` (seconds since 1970) lies in, for the pipeline's parameter ``cache_period``.

    Kubeflow's cache knows no age. A new period is another key for prepare, and all that follows is made anew with it,
    so nothing is older than ``cache_days`` when it is taken. Empty for 0: nothing is ever too old.
    """
    return str(int(now // (cache_days * _DAY))) if cache_days else ""
