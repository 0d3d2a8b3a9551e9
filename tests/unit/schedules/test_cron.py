"""Cron expressions: read as Kubeflow's scheduler reads them, in any time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from dfpt.schedules import cron

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
ANY = st.just("*")


def numbers(least: int, most: int) -> st.SearchStrategy[str]:
    one = st.integers(least, most).map(str)
    span = st.tuples(st.integers(least, most - 1), st.integers(1, most)).map(
        lambda two: f"{two[0]}-{min(two[0] + two[1], most)}"
    )
    step = st.integers(1, most).map(lambda step: f"*/{step}")
    return st.one_of(ANY, one, span, step, st.lists(one, min_size=1, max_size=3).map(",".join))


def hits(text: str, zone: str, count: int = 3) -> list[str]:
    where = ZoneInfo(zone)
    found = cron.first(cron.parse(text), where, START, count)
    return [moment.astimezone(where).isoformat() for moment in found]


@settings(max_examples=60, deadline=None)
@given(
    second=st.integers(0, 59).map(str),
    minute=numbers(0, 59),
    hour=numbers(0, 23),
    day=st.one_of(ANY, st.integers(1, 28).map(str)),
    month=numbers(1, 12),
    weekday=st.one_of(ANY, st.integers(0, 6).map(str), st.sampled_from(["1-5", "0,6"])),
)
def test_it_fires_when_another_implementation_says(
    second: str, minute: str, hour: str, day: str, month: str, weekday: str
) -> None:
    text = f"{second} {minute} {hour} {day} {month} {weekday}"
    other = croniter(text, START, second_at_beginning=True)
    assert cron.first(cron.parse(text), ZoneInfo("UTC"), START, 4) == [
        other.get_next(datetime).astimezone(UTC) for _ in range(4)
    ]


def test_a_day_and_a_weekday_are_either_or() -> None:
    assert hits("0 0 2 1 * 1", "UTC") == [
        "2026-11-30T02:00:00+00:00",
        "2026-12-01T02:00:00+00:00",
        "2026-12-07T02:00:00+00:00",
    ]


def test_names_of_months_and_days_are_read() -> None:
    assert hits("0 0 2 * Jan Mon", "UTC", 1) == ["2027-01-04T02:00:00+00:00"]


@pytest.mark.parametrize("text", ["0 0 0 30 2 *", "0 0 0 31 4,6,9,11 *"])
def test_what_never_comes_is_never(text: str) -> None:
    assert cron.following(cron.parse(text), ZoneInfo("UTC"), START) is None


def test_a_leap_day_does_come() -> None:
    assert hits("0 0 0 29 2 *", "UTC", 1) == ["2028-02-29T00:00:00+00:00"]


def test_a_time_that_the_clocks_skip_does_not_happen() -> None:
    assert hits("0 30 2 28 3 *", "Europe/Berlin", 1) == ["2028-03-28T02:30:00+02:00"]  # in 2027 it is skipped


def test_a_time_that_the_clocks_show_twice_happens_once() -> None:
    start = datetime(2026, 10, 24, 12, tzinfo=UTC)
    found = cron.first(cron.parse("0 30 2 * * *"), ZoneInfo("Europe/Berlin"), start, 2)
    assert found == [datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 26, 1, 30, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0 2 * * 1", "six fields"),
        ("TZ=Asia/Tokyo 0 0 2 * * 1", "six fields"),
        ("0 0 24 * * *", "hour"),
        ("0 0 2 * * 7", "weekday"),
        ("0 0 2 L * *", "day"),
        ("0 0 2 * * 1#2", "weekday"),
        ("0 H 2 * * *", "minute"),
        ("0 0 5-2 * * *", "backwards"),
        ("0 */0 2 * * *", "minute"),
        ("0 0 2 * 13 *", "month"),
    ],
)
def test_what_kubeflow_cannot_read_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        cron.parse(text)


@settings(max_examples=60, deadline=None)
@given(
    minute=numbers(0, 59),
    hour=numbers(0, 23),
    weekday=st.one_of(ANY, st.sampled_from(["1", "0", "1-5", "6"])),
    there=st.sampled_from(["Asia/Tokyo", "Asia/Kolkata", "America/Phoenix", "Etc/GMT+11"]),
)
def test_a_translation_fires_at_the_same_instants_or_is_refused(
    minute: str, hour: str, weekday: str, there: str
) -> None:
    here, utc = ZoneInfo(there), ZoneInfo("UTC")
    read = cron.parse(f"0 {minute} {hour} * * {weekday}")
    try:
        found = cron.translated(read, here, utc, START)
    except ValueError:  # the examples below say when
        return
    assert cron.first(found, utc, START, 20) == cron.first(read, here, START, 20)


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("0 0 2 * * 1", "Asia/Tokyo", "0 0 17 * * 0"),  # Monday there is Sunday here
        ("0 30 2 * * *", "Asia/Kolkata", "0 0 21 * * *"),
        ("0 0 2 * * *", "UTC", "0 0 2 * * *"),
    ],
)
def test_a_schedule_of_another_zone_is_written_for_the_clusters(text: str, zone: str, expected: str) -> None:
    assert cron.translated(cron.parse(text), ZoneInfo(zone), ZoneInfo("UTC"), START).text == expected


@pytest.mark.parametrize(
    ("text", "zone", "said"),
    [
        ("0 0 2 * * *", "Europe/Berlin", "all year"),
        ("0 0 2 1 * *", "Asia/Tokyo", "another day"),
        ("0 0 2,20 * * 1", "Asia/Tokyo", "another day"),
        ("0 0,30 2 * * *", "Asia/Kolkata", "whole hours"),
    ],
)
def test_what_cannot_be_written_for_the_cluster_names_the_way_out(text: str, zone: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as raised:
        cron.translated(cron.parse(text), ZoneInfo(zone), ZoneInfo("UTC"), START)
    assert f"cluster_timezone to {zone}" in str(raised.value)


def test_zones_that_change_together_are_translated() -> None:
    found = cron.translated(cron.parse("0 0 3 * * *"), ZoneInfo("Europe/Berlin"), ZoneInfo("Europe/London"), START)
    assert found.text == "0 0 2 * * *"


def test_an_unknown_zone_is_named() -> None:
    with pytest.raises(ValueError, match="Asia/Tokio"):
        cron.zone("Asia/Tokio")


def test_the_next_time_is_after_and_not_at() -> None:
    at = cron.following(cron.parse("0 0 2 * * *"), ZoneInfo("UTC"), START)
    assert at is not None
    assert cron.following(cron.parse("0 0 2 * * *"), ZoneInfo("UTC"), at) == at + timedelta(days=1)
