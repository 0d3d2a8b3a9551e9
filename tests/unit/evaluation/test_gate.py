from __future__ import annotations

import copy
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfpt.config import Thresholds
from dfpt.evaluation.gate import RULES, Decision, decide

WEIGHTS = "a" * 64
CHAMPION = {
    "version": "3",
    "accuracy": 0.89,
    "difference": 0.01,
    "low": -0.005,
    "high": 0.03,
    "weights_sha256": "b" * 64,
}
REPORT = {
    "weights_sha256": WEIGHTS,
    "models": {
        "teacher": {"accuracy": 0.95},
        "baseline": {"accuracy": 0.85},
        "student": {
            "accuracy": 0.9,
            "macro_f1": 0.88,
            "binary_accuracy": 0.93,
            "defect_recall": 0.91,
            "worst_slice": 0.87,
            "parameters": 160_000,
            "latency_seconds": 0.002,
        },
    },
    "comparisons": {
        "student-teacher": {"accuracy": {"difference": -0.05}},
        "student-baseline": {"accuracy": {"difference": 0.05}},
    },
}
# threshold: (just met, just missed, what it reads)
THRESHOLDS: dict[str, tuple[float, float, list[str]]] = {
    "min_accuracy": (0.9, 0.901, ["models.student.accuracy"]),
    "min_macro_f1": (0.88, 0.881, ["models.student.macro_f1"]),
    "min_binary_accuracy": (0.93, 0.931, ["models.student.binary_accuracy"]),
    "min_defect_recall": (0.91, 0.911, ["models.student.defect_recall"]),
    "min_worst_slice": (0.87, 0.871, ["models.student.worst_slice"]),
    "max_drop_against_teacher": (
        0.05,
        0.049,
        ["models.student.accuracy", "models.teacher.accuracy", "comparisons.student-teacher.accuracy.difference"],
    ),
    "min_gain_over_baseline": (
        0.05,
        0.051,
        ["models.student.accuracy", "models.baseline.accuracy", "comparisons.student-baseline.accuracy.difference"],
    ),
    "max_drop_against_champion": (0.005, 0.004, ["champion.low", "champion.high"]),
    "max_parameters": (160_000, 159_999, ["models.student.parameters"]),
    "max_latency_seconds": (0.002, 0.0019, ["models.student.latency_seconds"]),
}
ALL = Thresholds(**{name: met for name, (met, _, _) in THRESHOLDS.items()})
REMOVED = object()
NOT_A_FIGURE = [REMOVED, None, math.nan, math.inf, -math.inf, "0.9", True, [], {}, 10**400, -1e9]


def failed(decision: Decision) -> list[str]:
    return [check.name for check in decision.checks if not check.passed]


def replaced(path: str, value: object) -> tuple[dict[str, Any], dict[str, Any]]:
    """The report and the champion with one figure, or one part with many, replaced."""
    world = copy.deepcopy({**REPORT, "champion": CHAMPION})
    *parents, last = path.split(".")
    target: Any = world
    for key in parents:
        target = target[key]
    if value is REMOVED:
        del target[last]
    else:
        target[last] = value
    return world, world.pop("champion", {})


def test_every_threshold_of_the_configuration_has_its_rule() -> None:
    assert {rule.threshold for rule in RULES} == set(Thresholds.model_fields) == set(THRESHOLDS)
    assert [rule.name for rule in RULES] == [
        "accuracy",
        "macro_f1",
        "binary_accuracy",
        "defect_recall",
        "worst_slice",
        "drop_against_teacher",
        "gain_over_baseline",
        "non_inferior_to_champion",
        "parameters",
        "latency",
    ]


def test_a_student_that_just_meets_everything_passes() -> None:
    decision = decide(REPORT, ALL, CHAMPION)
    assert (decision.outcome, decision.reasons) == ("pass", [])
    assert [check.name for check in decision.checks] == ["report", *(rule.name for rule in RULES)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_threshold_alone_can_refuse(rule: Any) -> None:
    decision = decide(REPORT, ALL.model_copy(update={rule.threshold: THRESHOLDS[rule.threshold][1]}), CHAMPION)
    assert (decision.outcome, failed(decision)) == ("fail", [rule.name])


def test_only_what_is_asked_for_is_judged() -> None:
    report = {"weights_sha256": WEIGHTS, "models": {"student": {"accuracy": 0.9}}}
    decision = decide(report, Thresholds(min_accuracy=0.8), None)
    assert (decision.outcome, [check.name for check in decision.checks]) == ("pass", ["report", "accuracy"])


FIGURES = [(name, path) for name, (_, _, paths) in THRESHOLDS.items() for path in paths]


@pytest.mark.parametrize("value", NOT_A_FIGURE, ids=lambda value: "removed" if value is REMOVED else str(value)[:9])
@pytest.mark.parametrize(("name", "path"), FIGURES)
def test_what_is_no_figure_is_never_taken_for_one(name: str, path: str, value: object) -> None:
    report, champion = replaced(path, value)
    check = decide(report, Thresholds(**{name: THRESHOLDS[name][0]}), champion).checks[-1]
    assert (check.passed, check.found) == (False, None)
    assert path.removeprefix("champion.") in check.reason


@given(
    asked=st.sampled_from(FIGURES),
    others=st.sets(st.sampled_from(sorted(THRESHOLDS))),
    value=st.sampled_from(NOT_A_FIGURE) | st.text() | st.binary() | st.floats(min_value=1e16) | st.complex_numbers(),
)
def test_it_never_passes_when_a_figure_that_is_asked_for_is_none(
    asked: tuple[str, str], others: set[str], value: object
) -> None:
    name, path = asked
    thresholds = Thresholds(**{key: THRESHOLDS[key][0] for key in {name, *others}})
    assert decide(REPORT, thresholds, CHAMPION).outcome == "pass"
    report, champion = replaced(path, value)
    decision = decide(report, thresholds, champion)
    assert decision.outcome == "fail"
    assert next(rule.name for rule in RULES if rule.threshold == name) in failed(decision)
    assert all(decision.reasons)


@given(
    part=st.sampled_from(["models", "models.student", "comparisons", "comparisons.student-teacher", "weights_sha256"]),
    value=st.sampled_from(NOT_A_FIGURE),
)
def test_it_never_passes_when_a_part_of_the_report_is_something_else(part: str, value: object) -> None:
    report, champion = replaced(part, value)
    assert decide(report, ALL, champion).outcome == "fail"


def test_a_decision_without_checks_is_a_no() -> None:
    assert Decision((), None, WEIGHTS).outcome == "fail"


def test_a_difference_of_exactly_the_limit_is_not_refused_for_its_rounding() -> None:
    assert 0.9 - 0.89 > 0.01
    report, _ = replaced("models.teacher.accuracy", 0.9)
    report["models"]["student"]["accuracy"] = 0.89
    report["comparisons"]["student-teacher"]["accuracy"]["difference"] = -0.01
    assert decide(report, Thresholds(max_drop_against_teacher=0.01), None).outcome == "pass"


def test_an_interval_that_is_upside_down_is_none() -> None:
    report, champion = replaced("champion.high", -0.1)
    assert failed(decide(report, ALL, champion)) == ["non_inferior_to_champion"]


def test_a_gate_that_asks_for_nothing_refuses() -> None:
    decision = decide(REPORT, Thresholds(), None)
    assert (decision.outcome, failed(decision)) == ("fail", ["thresholds"])


def test_a_report_that_must_not_be_trusted_is_refused_whatever_its_figures() -> None:
    decision = decide({**REPORT, "error": "it is about other data"}, ALL, CHAMPION)
    assert failed(decision) == ["report"]
    assert "other data" in decision.reasons[0]


def test_an_empty_report_is_refused_on_every_count() -> None:
    decision = decide({}, ALL, CHAMPION)
    assert len(failed(decision)) == len(decision.checks) - 1  # the champion's comparison comes from elsewhere


def test_without_a_champion_there_is_nothing_to_fall_behind() -> None:
    decision = decide(REPORT, ALL, None)
    check = next(check for check in decision.checks if check.name == "non_inferior_to_champion")
    assert (decision.outcome, check.passed, check.found) == ("pass", True, None)
    assert "no champion yet" in check.reason


def test_a_champion_that_cannot_be_compared_refuses_and_says_why() -> None:
    decision = decide(REPORT, ALL, {"version": "3", "error": "it has other classes"})
    assert failed(decision) == ["non_inferior_to_champion"]
    assert "other classes" in decision.reasons[0]


def test_a_comparison_that_contradicts_the_accuracies_refuses() -> None:
    report, _ = replaced("comparisons.student-baseline.accuracy.difference", 0.4)
    assert failed(decide(report, ALL, CHAMPION)) == ["gain_over_baseline"]


def test_the_decision_names_the_weights_that_it_is_about() -> None:
    found = decide(REPORT, ALL, CHAMPION).to_json()
    assert (found["weights_sha256"], found["outcome"], found["champion"]) == (WEIGHTS, "pass", CHAMPION)
    assert set(found["checks"][0]) == {"name", "asked", "found", "passed", "reason"}


@pytest.mark.parametrize(
    ("limit", "sentence"),
    [
        ({"min_accuracy": 0.95}, "The accuracy is 90.0 %; at least 95.0 % is asked."),
        ({"max_parameters": 9_000}, "The number of parameters is 160,000; at most 9,000 is asked."),
        ({"max_latency_seconds": 1e-3}, "The time for one image on one CPU core is 2.00 ms; at most 1.00 ms is asked."),
        (
            {"min_gain_over_baseline": 0.06},
            "The accuracy gained over the same network trained alone is 5.0 points; at least 6.0 points is asked.",
        ),
    ],
)
def test_the_reason_is_a_sentence_with_both_numbers(limit: dict[str, float], sentence: str) -> None:
    assert decide(REPORT, Thresholds(**limit), None).reasons == [sentence]
