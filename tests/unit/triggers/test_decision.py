"""What becomes of a sighting: every case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfpt.triggers.decision import WEEK, Filed, Limits, Outcome, decide

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LIMITS = Limits(cooldown=timedelta(hours=24), per_week=2, per_week_of_all=4)


def ago(**time: float) -> datetime:
    return NOW - timedelta(**time)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ([], Outcome.FILED),
        ([Filed("new", "a", ago(days=300))], Outcome.DUPLICATE),  # however long ago
        ([Filed("new", "a", ago(days=6.9), broke_off=True)], Outcome.DUPLICATE),
        ([Filed("new", "a", ago(days=7), broke_off=True)], Outcome.FILED),
        ([Filed("new", "a", ago(days=7), broke_off=True), Filed("new", "b", ago(hours=1))], Outcome.COOL_DOWN),
        ([Filed("other", "a", ago(days=3))], Outcome.FILED),  # another trigger's key is another thing
        ([Filed("new", "b", ago(hours=23.9))], Outcome.COOL_DOWN),
        ([Filed("new", "b", ago(hours=24))], Outcome.FILED),
        ([Filed("other", "b", ago(minutes=1))], Outcome.FILED),  # a cool-down is the trigger's own
        ([Filed("new", "b", ago(days=2)), Filed("new", "c", ago(days=6.9))], Outcome.BUDGET),
        ([Filed("new", "b", ago(days=2)), Filed("new", "c", ago(days=7))], Outcome.FILED),
        ([Filed("other", str(n), ago(days=n)) for n in range(4)], Outcome.BUDGET),  # of all triggers together
        ([Filed("other", str(n), ago(days=n)) for n in range(3)], Outcome.FILED),
    ],
)
def test_a_sighting_is_filed_unless(before: list[Filed], expected: Outcome) -> None:
    assert decide("new", "a", LIMITS, before, NOW) == expected


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 3), st.floats(0, 24 * 21)), max_size=60),
    st.floats(0, 48),
    st.integers(1, 3),
    st.integers(1, 5),
)
def test_whatever_is_seen_the_limits_hold(
    seen: list[tuple[str, int, float]], cooldown: float, per_week: int, of_all: int
) -> None:
    limits = Limits(timedelta(hours=cooldown), per_week, of_all)
    filed: list[Filed] = []
    for trigger, key, hours in sorted(seen, key=lambda item: item[2]):
        at = NOW + timedelta(hours=hours)
        if decide(trigger, str(key), limits, filed, at) is Outcome.FILED:
            filed.append(Filed(trigger, str(key), at))
    assert len({(item.trigger, item.key) for item in filed}) == len(filed)
    for item in filed:
        week = [other for other in filed if timedelta(0) <= item.at - other.at < WEEK]
        own = [other for other in week if other.trigger == item.trigger]
        assert len(week) <= of_all
        assert len(own) <= per_week
        assert all(other is item or item.at - other.at >= limits.cooldown for other in own)
