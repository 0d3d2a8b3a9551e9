from __future__ import annotations

from dfpt.cluster.cache import period

DAY = 86_400.0


def test_a_result_is_taken_within_its_period_and_never_when_it_is_older() -> None:
    assert period(7, 8 * DAY) == period(7, 13.9 * DAY) != period(7, 14 * DAY)
    for start in range(30):
        assert period(7, start * DAY) != period(7, (start + 7) * DAY)


def test_without_an_age_the_key_never_changes() -> None:
    assert period(0, 0.0) == period(0, 1e10) == ""
