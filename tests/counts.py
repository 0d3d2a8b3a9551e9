"""What a fault or load test did, counted and told at the end of the run, by whichever worker did it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

_NAME = "counts"
Count = Callable[..., None]


@pytest.fixture
def counted(record_property: Callable[[str, object], None]) -> Count:
    """``counted(killed=1, promoted_once=1)``; the cases of one test are added up."""
    return lambda **numbers: record_property(_NAME, numbers)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A line for each test that counted something and passed."""
    found: dict[str, Counter[str]] = {}
    for report in terminalreporter.getreports("passed"):
        for name, numbers in report.user_properties:
            if name == _NAME and report.when == "call":
                test = report.nodeid.partition("[")[0]
                found.setdefault(test, Counter()).update(numbers)  # type: ignore[arg-type]
    for test, numbers in sorted(found.items()):
        said = ", ".join(f"{number} {what.replace('_', ' ')}" for what, number in numbers.items())
        terminalreporter.write_line(f"COUNTED {test}: {said}")
