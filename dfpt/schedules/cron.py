"""Cron expressions of six fields, as Kubeflow's scheduler reads them: second minute hour day month weekday.

The same reading serves the cluster and the embedded scheduler. A time that a zone's clocks skip does not happen; one
that they show twice happens once, the first time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_MONTHS = {f"{date(2026, month, 1):%b}".lower(): month for month in range(1, 13)}
_DAYS = {f"{date(2026, 2, day):%a}".lower(): day - 1 for day in range(1, 8)}  # the first was a Sunday
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("second", 0, 59, {}),
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day", 1, 31, {}),
    ("month", 1, 12, _MONTHS),
    ("weekday", 0, 6, _DAYS),
)
_HORIZON_DAYS = 5 * 366  # so far Kubeflow's scheduler looks; the 29th of February is within


@dataclass(frozen=True)
class Cron:
    """An expression, read.

    Attributes:
        any_day: whether the field "day" is a star; with ``any_weekday`` it says how the two go together: both are
            asked where one is a star, either is enough where none is.
    """

    text: str
    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    def on(self, day: date) -> bool:
        """Whether it fires on that day."""
        if day.month not in self.months:
            return False
        by_day, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return (by_day and by_weekday) if self.any_day or self.any_weekday else (by_day or by_weekday)


@cache
def parse(text: str) -> Cron:
    """Read an expression.

    Raises:
        ValueError: not six fields, or a field that Kubeflow's scheduler does not read (L, W, #, H, weekday 7).
    """
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(f"cron has six fields (second minute hour day month weekday), {text!r} has {len(fields)}")
    read = [_field(field, *limits) for field, limits in zip(fields, _FIELDS, strict=True)]
    seconds, minutes, hours, days, months, weekdays = read
    return Cron(
        " ".join(fields),
        tuple(sorted(seconds)),
        tuple(sorted(minutes)),
        tuple(sorted(hours)),
        frozenset(days),
        frozenset(months),
        frozenset(weekdays),
        _is_star(fields[3]),
        _is_star(fields[5]),
    )


def zone(name: str) -> ZoneInfo:
    """A time zone by its name.

    Raises:
        ValueError: there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"no time zone is called {name!r}; write one such as Europe/Berlin, Asia/Tokyo or UTC"
        ) from error


def times(cron: Cron, where: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """The times it fires at, in UTC, after ``after`` (with a zone), as far as the horizon."""
    first = after.astimezone(where).date() - timedelta(days=1)
    for day in (first + timedelta(days=number) for number in range(_HORIZON_DAYS + 2)):
        if not cron.on(day):
            continue
        found = {
            moment
            for hour in cron.hours
            for minute in cron.minutes
            for second in cron.seconds
            if (moment := _utc(datetime.combine(day, time(hour, minute, second)), where)) is not None
        }
        yield from (moment for moment in sorted(found) if moment > after)


def following(cron: Cron, where: ZoneInfo, after: datetime) -> datetime | None:
    """The next time it fires at, in UTC; None where it never does."""
    return next(times(cron, where, after), None)


def translated(cron: Cron, where: ZoneInfo, to: ZoneInfo, after: datetime) -> Cron:
    """The expression that in zone ``to`` fires at the same instants as ``cron`` does in ``where``.

    Kubeflow's scheduler has one zone for all (CRON_SCHEDULE_TIMEZONE of ml-pipeline-scheduledworkflow; UTC), and its
    expressions have none of their own.

    Raises:
        ValueError: there is none: the zones are not always equally far apart, or the day would change for some of the
            hours only. The message names the way out.
    """
    shift = _shift(where, to, after)
    if shift == 0:
        return cron
    way_out = f"write it in {to.key}, or set the scheduler's CRON_SCHEDULE_TIMEZONE and cluster_timezone to {where.key}"
    if shift is None:
        raise ValueError(f"{where.key} and {to.key} are not equally far apart all year: {way_out}")
    if shift % 60 and len(cron.hours) * len(cron.minutes) > 1 and len(cron.hours) != 24:
        raise ValueError(f"{where.key} and {to.key} are not whole hours apart: {way_out}")
    moved = {divmod(hour * 60 + minute + shift, 24 * 60) for hour in cron.hours for minute in cron.minutes}
    days = {day for day, _ in moved}
    hours = {at // 60 for _, at in moved}
    minutes = {at % 60 for _, at in moved}
    if len(hours) * len(minutes) != len(moved):
        raise ValueError(f"{where.key} and {to.key} are not whole hours apart: {way_out}")
    day, month, weekday = cron.text.split()[3:]
    if cron.any_day and cron.any_weekday and len(cron.months) == 12:
        pass  # every day, whichever
    elif len(days) > 1 or not cron.any_day or len(cron.months) < 12:
        raise ValueError(f"in {to.key} it falls on another day: {way_out}")
    else:
        weekday = _listed({(number + next(iter(days))) % 7 for number in cron.weekdays})
    second = cron.text.split()[0]
    return parse(f"{second} {_listed(minutes)} {_listed(hours)} {day} {month} {weekday}")


def _shift(where: ZoneInfo, to: ZoneInfo, after: datetime) -> int | None:
    """Minutes by which the clocks of ``to`` are ahead of those of ``where``; None where that changes within a year."""
    start = after.astimezone(UTC)
    found = set()
    for hours in range(0, 366 * 24, 6):
        there, here = ((start + timedelta(hours=hours)).astimezone(zone).replace(tzinfo=None) for zone in (to, where))
        found.add(int((there - here).total_seconds()) // 60)
    return found.pop() if len(found) == 1 else None


def _utc(local: datetime, where: ZoneInfo) -> datetime | None:
    """The instant of a clock's time; None where the clocks skip it."""
    moment = local.replace(tzinfo=where).astimezone(UTC)
    return moment if moment.astimezone(where).replace(tzinfo=None) == local else None


def _field(text: str, name: str, least: int, most: int, names: dict[str, int]) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step_text = part.partition("/")
        step = _number(step_text, name, 1, most, {}) if slash else 1
        low_text, dash, high_text = span.partition("-")
        if low_text in ("*", "?") and not dash:
            low, high = least, most
        else:
            low = _number(low_text, name, least, most, names)
            high = _number(high_text, name, least, most, names) if dash else most if slash else low
        if low > high:
            raise ValueError(f"{name}: {span} goes backwards")
        found.update(range(low, high + 1, step))
    return found


def _number(text: str, name: str, least: int, most: int, names: dict[str, int]) -> int:
    value = names.get(text.lower())
    if value is None and text.isascii() and text.isdecimal():
        value = int(text)
    if value is None or not least <= value <= most:
        raise ValueError(f"{name}: {text!r} is not within {least} and {most}")
    return value


def _is_star(field: str) -> bool:
    """Whether a field leaves the matter open, as Kubeflow's scheduler sees it: a star with a step counts as one."""
    return any(part.partition("/")[0] in ("*", "?") for part in field.split(","))


def _listed(numbers: set[int]) -> str:
    return ",".join(map(str, sorted(numbers)))


def first(cron: Cron, where: ZoneInfo, after: datetime, count: int) -> list[datetime]:
    """The next ``count`` times, in UTC."""
    return list(islice(times(cron, where, after), count))
