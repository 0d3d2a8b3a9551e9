from __future__ import annotations

import numpy as np
import pytest

from dfpt.datasets.drift import compare
from dfpt.datasets.drift.compare import Described, Seen
from dfpt.errors import UsageError


def normal(images: int, columns: int, seed: int, mean: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 1, (images, columns))


def found(reference: Described, current: Described, seed: int = 0) -> compare.Finding:
    return compare.compare(compare.columns(reference, current), len(current), 199, seed)


def test_without_a_shift_there_are_five_alarms_in_a_hundred_at_most_by_chance() -> None:
    findings = [found(Described(normal(80, 6, 2 * n)), Described(normal(50, 6, 2 * n + 1)), n) for n in range(200)]
    assert sum(finding.differs(0.05) for finding in findings) <= 18  # 10 are expected; 19 would be 3 sd more
    assert 60 <= sum(finding.differs(0.5) for finding in findings) <= 140


def test_one_moved_column_of_many_is_found_and_named() -> None:
    current = normal(150, 12, 1)
    current[:, 7] += 0.8
    finding = found(Described(normal(300, 12, 0)), Described(current))
    assert finding.drifted(0.05, 0.1)
    assert np.flatnonzero(finding.distance_p_values <= 0.05).tolist() == [7]


def test_one_moved_column_is_found_where_all_together_are_not_told_apart() -> None:
    current = normal(300, 150, 5)
    current[:, 7] += 0.35
    finding = found(Described(normal(300, 150, 4)), Described(current))
    assert finding.discrepancies["image statistics"][2] > 0.05
    assert finding.differs(0.05)


def test_what_moves_together_only_is_found_by_the_discrepancy() -> None:
    reference, current = normal(300, 2, 0), normal(300, 2, 1)
    current[:, 1] = 0.9 * current[:, 0] + 0.19**0.5 * current[:, 1]
    finding = found(Described(reference), Described(current))
    assert finding.distance_p_values.min() > 0.05
    assert finding.discrepancies["image statistics"][2] <= 0.01
    assert finding.differs(0.05)


def test_a_trifle_in_many_images_is_a_difference_and_no_drift() -> None:
    reference, current = Described(normal(4000, 1, 0)), Described(normal(4000, 1, 1, mean=0.15))
    finding = found(reference, current)
    assert finding.differs(0.05)
    assert not finding.drifted(0.05, tolerance=0.1)
    assert finding.drifted(0.05, tolerance=0.02)


def test_a_shift_that_only_the_student_sees_is_found() -> None:
    def described(seed: int, embedding: float) -> Described:
        seen = Seen(normal(200, 2, seed + 10), normal(200, 20, seed + 20, embedding).astype(np.float32))
        return Described(normal(200, 3, seed), seen)

    finding = found(described(0, 0.0), described(1, 0.7))
    assert finding.drifted(0.05, 0.1)
    assert finding.discrepancies["image statistics"][2] > 0.05
    assert finding.discrepancies["student"][2] <= 0.01


def test_the_current_images_that_stand_apart_are_the_most_unlike() -> None:
    current = normal(60, 3, 1)
    current[20:30] += 3.0
    finding = found(Described(normal(200, 3, 0)), Described(current))
    assert set(np.argsort(-finding.unlike)[:10]) == set(range(20, 30))


def test_the_same_seed_gives_the_same_answer() -> None:
    sides = Described(normal(60, 3, 0)), Described(normal(50, 3, 1))
    first, second = found(*sides), found(*sides)
    assert first.p_value == second.p_value
    np.testing.assert_array_equal(first.distance_p_values, second.distance_p_values)


def test_rows_are_taken_from_all_parts() -> None:
    described = Described(normal(5, 2, 0), Seen(normal(5, 2, 1), normal(5, 3, 2).astype(np.float32)))
    taken = described.take(np.array([3, 1]))
    assert taken.student is not None
    assert described.student is not None
    np.testing.assert_array_equal(taken.statistics, described.statistics[[3, 1]])
    np.testing.assert_array_equal(taken.student.answers, described.student.answers[[3, 1]])
    np.testing.assert_array_equal(taken.student.embedding, described.student.embedding[[3, 1]])
    assert Described(normal(5, 2, 0)).take(np.array([0])).student is None


def test_features_are_named_and_the_most_moved_comes_first() -> None:
    reference = Described(normal(100, 2, 0), Seen(normal(100, 1, 1), normal(100, 2, 2).astype(np.float32)))
    current = Described(normal(90, 2, 3), Seen(normal(90, 1, 4, mean=2.0), normal(90, 2, 5).astype(np.float32)))
    groups = compare.columns(reference, current)
    names = {"image statistics": {"a": "first", "b": "second"}, "student": {"c": "third"}}
    listed = compare.features(groups, names, compare.compare(groups, 90, 99, 0), 90)
    assert listed[0]["name"] == "c"
    assert listed[0]["shift"] == pytest.approx(2.0, abs=0.4)
    assert {feature["name"] for feature in listed} == {"a", "b", "c", "embedding 1", "embedding 2"}
    distances = [feature["distance"] for feature in listed]
    assert distances == sorted(distances, reverse=True)
    assert listed[0]["current"]["mean"] == pytest.approx(groups["student"][:90, 0].mean())


def test_too_few_images_are_refused() -> None:
    with pytest.raises(UsageError, match="19 current and 100 reference"):
        found(Described(normal(100, 2, 0)), Described(normal(19, 2, 1)))


def test_a_student_without_numbers_is_refused() -> None:
    values = normal(40, 2, 0)
    values[3, 1] = np.nan
    with pytest.raises(UsageError, match="NaN"):
        found(Described(values), Described(normal(40, 2, 1)))
