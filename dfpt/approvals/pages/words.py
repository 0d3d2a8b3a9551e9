"""Figures, dates and the registry's own sentences, as a reader of one language expects them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from babel import Locale, dates, numbers

from dfpt.approvals.pages import catalogue
from dfpt.approvals.pages.sentences import NAMES, SENTENCES


@dataclass(frozen=True)
class Words:
    """One language. Rates and differences come as fractions, times in seconds, moments with a time zone."""

    language: str

    @cached_property
    def locale(self) -> Locale:
        return Locale.parse(self.language)

    def gettext(self, message: str) -> str:
        return str(catalogue.translations(self.language).gettext(message))

    def ngettext(self, one: str, many: str, number: int) -> str:
        return str(catalogue.translations(self.language).ngettext(one, many, number))

    def percent(self, rate: float, digits: int = 1) -> str:
        return str(numbers.format_percent(rate, f"0.{'0' * digits}%", locale=self.locale))

    def points(self, difference: float) -> str:
        """A difference of rates, signed, in percentage points without the unit."""
        return f"{100 * difference:+.1f}".replace("-", "−").replace("+0.0", "±0.0").replace("−0.0", "±0.0")

    def span(self, low: float, high: float) -> str:
        """An interval of a difference."""
        return self.gettext("%(low)s to %(high)s") % {"low": self.points(low), "high": self.points(high)}

    def rates(self, low: float, high: float) -> str:
        """An interval of a rate."""
        return self.gettext("%(low)s to %(high)s") % {"low": self.percent(low), "high": self.percent(high)}

    def count(self, number: float) -> str:
        return str(numbers.format_decimal(round(number), locale=self.locale))

    def milliseconds(self, seconds: float) -> str:
        return f"{1000 * seconds:.2f} ms"

    def moment(self, at: datetime | str) -> str:
        """Date and time to the minute, in UTC, which is stated."""
        return f"{dates.format_datetime(_utc(at), self._pattern, tzinfo=UTC, locale=self.locale)} UTC"

    def day(self, at: datetime | str) -> str:
        return str(dates.format_date(_utc(at), "long", locale=self.locale))

    def relative(self, at: datetime | str, now: datetime) -> str:
        """How long ago, or in how long."""
        return str(dates.format_timedelta(_utc(at) - now, add_direction=True, threshold=1.2, locale=self.locale))

    def sentence(self, english: str) -> tuple[str, str]:
        """A sentence that the registry wrote, and the language that it comes out in: English where we know it not."""
        if self.language == catalogue.SOURCE:
            return english, catalogue.SOURCE
        for pattern, message in SENTENCES:
            if found := pattern.fullmatch(english):
                parts = {name: self._part(name, text) for name, text in found.groupdict().items()}
                return self.gettext(message) % parts, self.language
        return english, catalogue.SOURCE

    def _part(self, name: str, text: str) -> Any:
        """A part of a sentence: what is itself one of ours is translated too."""
        return text if name in NAMES else self.sentence(text)[0]

    @property
    def _pattern(self) -> str:
        return "y年M月d日 HH:mm" if self.language == "ja" else "d MMM y, HH:mm"


def _utc(at: datetime | str) -> datetime:
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return moment.astimezone(UTC)
