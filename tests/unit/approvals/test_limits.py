from __future__ import annotations

import pytest

from dfpt.approvals import limits
from dfpt.approvals.errors import TooMany
from dfpt.approvals.limits import Limit


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def taken(limit: Limit, key: str, tries: int) -> int:
    done = 0
    for _ in range(tries):
        try:
            limit.take(key)
        except TooMany:
            break
        done += 1
    return done


def test_so_many_at_once_and_as_many_again_each_minute() -> None:
    clock = Clock()
    limit = Limit(6, clock)

    assert taken(limit, "ada", 10) == 6
    assert taken(limit, "bob", 10) == 6
    with pytest.raises(TooMany) as refused:
        limit.take("ada")
    assert refused.value.retry_after == 10
    clock.now = 10
    assert taken(limit, "ada", 10) == 1
    clock.now = 1000
    assert taken(limit, "ada", 10) == 6


def test_keys_that_rest_are_forgotten_and_those_in_use_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_KEYS", 3)
    clock = Clock()
    limit = Limit(1, clock)
    for key in "abc":
        limit.take(key)
    clock.now = 61
    limit.take("a")
    limit.take("d")

    assert set(limit._buckets) == {"a", "d"}
    with pytest.raises(TooMany):
        limit.take("a")
