from __future__ import annotations

import copy
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfpt import corruption
from dfpt.config import Device, Thresholds
from dfpt.evaluation.gate import Decision, decide
from dfpt.evaluation.rule_table import RULES
from dfpt.evaluation.rules import asked

WEIGHTS = "a" * 64
CHAMPION = {
    "version": "3",
    "accuracy": 0.89,
    "difference": 0.01,
    "low": -0.005,
    "high": 0.03,
    "paired": {"only_one": 5, "only_other": 3, "p_value": 0.7265625},
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
            "slices": {"wafer=mono": {"accuracy": 0.87}},
            "ece": 0.04,
            "parameters": 160_000,
            "latency_seconds": 0.002,
            "weights_bytes": 650_000,
        },
    },
    "images": {"test": 200},
    "comparisons": {
        "student-teacher": {
            "accuracy": {"difference": -0.05, "low": -0.08, "high": -0.02},
            "paired": {"only_one": 2, "only_other": 12, "p_value": 0.012939453125},
        },
        "student-baseline": {"accuracy": {"difference": 0.05}},
    },
    "robustness": {
        "corrupted": {
            kind: {"2": {"student": 0.8}, "3": {"student": 0.7 if kind == "noise" else 0.75}}
            for kind in corruption.SUITE
        }
    },
}
TEACHER = "comparisons.student-teacher"
# threshold: (just met, just missed, what it reads)
THRESHOLDS: dict[str, tuple[Any, Any, list[str]]] = {
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
    "max_ece": (0.04, 0.039, ["models.student.ece"]),
    "min_slices": ({"wafer=mono": 0.87}, {"wafer=mono": 0.871}, ["models.student.slices.wafer=mono.accuracy"]),
    "min_under_corruption": ({"blur@2": 0.8}, {"blur@2": 0.801}, ["robustness.corrupted.blur.2.student"]),
    "max_likely_drop_against_teacher": (0.08, 0.079, [f"{TEACHER}.accuracy.low", f"{TEACHER}.accuracy.high"]),
    "min_p_worse_than_teacher": (
        0.006,
        0.007,
        [f"{TEACHER}.paired.only_one", f"{TEACHER}.paired.only_other", f"{TEACHER}.accuracy.difference"],
    ),
    "max_drop_against_champion": (0.005, 0.004, ["champion.low", "champion.high"]),
    "min_p_worse_than_champion": (
        0.85,
        0.86,
        ["champion.paired.only_one", "champion.paired.only_other", "champion.difference", "images.test"],
    ),
    "max_parameters": (160_000, 159_999, ["models.student.parameters"]),
    "max_latency_seconds": (0.002, 0.0019, ["models.student.latency_seconds"]),
}
RULE_OF = {rule.threshold: rule.name for rule in RULES} | {
    "min_slices": "slice wafer=mono",
    "min_under_corruption": "under blur@2",
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
    assert set(RULE_OF) == set(Thresholds.model_fields) - {"device"} == set(THRESHOLDS)
    assert [rule.name for rule in RULES] == [
        "accuracy",
        "macro_f1",
        "binary_accuracy",
        "defect_recall",
        "worst_slice",
        "calibration",
        "drop_against_teacher",
        "non_inferior_to_teacher",
        "not_worse_than_teacher",
        "gain_over_baseline",
        "non_inferior_to_champion",
        "not_worse_than_champion",
        "parameters",
        "latency",
    ]


def test_a_student_that_just_meets_everything_passes() -> None:
    decision = decide(REPORT, ALL, CHAMPION)
    assert (decision.outcome, decision.reasons) == ("pass", [])
    assert [check.name for check in decision.checks] == ["report", *RULE_OF.values()]


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_each_threshold_alone_can_refuse(threshold: str) -> None:
    decision = decide(REPORT, ALL.model_copy(update={threshold: THRESHOLDS[threshold][1]}), CHAMPION)
    assert (decision.outcome, failed(decision)) == ("fail", [RULE_OF[threshold]])


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
    assert path.removeprefix("champion.") in check.reason or "do not give" in check.reason


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
    assert RULE_OF[name] in failed(decision)
    assert all(decision.reasons)


PARTS = ["models", "models.student", "models.student.slices", "comparisons", "comparisons.student-teacher", "images"]
PARTS += ["robustness", "robustness.corrupted", "robustness.corrupted.blur", "weights_sha256"]


@given(
    part=st.sampled_from(PARTS),
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


@given(
    path=st.sampled_from([path for name, path in FIGURES if "paired" in path]),
    value=st.integers(min_value=0, max_value=10**9) | st.floats(min_value=0, max_value=1e9),
)
def test_counts_that_do_not_give_the_difference_are_never_believed(path: str, value: float) -> None:
    (name,) = (name for name, known in FIGURES if known == path)
    report, champion = replaced(path, value)
    if {**report, "champion": champion} == {**REPORT, "champion": CHAMPION}:
        return
    decision = decide(report, Thresholds(**{name: 0.0}), champion)
    assert failed(decision) == [RULE_OF[name]]


def test_a_p_value_is_computed_from_the_images_and_not_read() -> None:
    report, champion = replaced("champion.paired.p_value", 1.0)
    found = decide(report, Thresholds(min_p_worse_than_champion=0.5), champion).checks[-1].found
    assert found == pytest.approx(219 / 256)  # of 8 tosses, at most 5 heads


def test_the_worst_corruption_is_the_lowest_of_all_kinds_and_wants_every_kind() -> None:
    limit = Thresholds(min_under_corruption={"worst@3": 0.7})
    assert decide(REPORT, limit, None).checks[-1].found == 0.7
    assert decide(REPORT, Thresholds(min_under_corruption={"worst@3": 0.701}), None).outcome == "fail"
    for kind in corruption.SUITE:
        report, _ = replaced(f"robustness.corrupted.{kind}", REMOVED)
        assert failed(decide(report, limit, None)) == ["under worst@3"]


def test_a_slice_that_the_policy_names_and_the_data_has_not_is_a_no() -> None:
    assert failed(decide(REPORT, Thresholds(min_slices={"wafer=multi": 0.1}), None)) == ["slice wafer=multi"]


DEVICE = Device(slowdown=3, max_latency_seconds=0.006, max_parameters=160_000, max_weights_bytes=650_000)


def test_a_device_has_budgets_of_its_own_and_a_slower_core() -> None:
    decision = decide(REPORT, ALL, CHAMPION, DEVICE)
    assert decision.outcome == "pass"
    assert [check.name for check in decision.checks[-3:]] == ["device_latency", "device_parameters", "device_size"]
    assert decision.checks[-3].found == pytest.approx(0.006)


@pytest.mark.parametrize(
    ("budget", "least", "name", "figure"),
    [
        ("max_latency_seconds", 0.0059, "device_latency", "latency_seconds"),
        ("max_parameters", 159_999, "device_parameters", "parameters"),
        ("max_weights_bytes", 649_999, "device_size", "weights_bytes"),
    ],
)
def test_each_budget_of_a_device_can_refuse_and_wants_its_figure(
    budget: str, least: float, name: str, figure: str
) -> None:
    assert failed(decide(REPORT, ALL, CHAMPION, DEVICE.model_copy(update={budget: least}))) == [name]
    for value in NOT_A_FIGURE:
        report, _ = replaced(f"models.student.{figure}", value)
        assert name in failed(decide(report, Thresholds(), None, DEVICE))


def test_every_line_of_the_policy_is_explained() -> None:
    for check in decide(REPORT, ALL, CHAMPION, DEVICE).checks:
        assert check.meaning.endswith(".")
        assert check.name == "report" or check.policy.split(":")[0].split(".")[0] in {
            *Thresholds.model_fields,
            *Device.model_fields,
        }
    lines = [f"{rule.threshold}: {limit:g}" for rule, limit in asked(ALL, DEVICE)]
    assert lines == [check.policy for check in decide(REPORT, ALL, CHAMPION, DEVICE).checks[1:]]
    assert {"min_slices.wafer=mono: 0.87", "min_under_corruption.blur@2: 0.8"} <= set(lines)


def test_a_gate_that_asks_for_nothing_refuses() -> None:
    decision = decide(REPORT, Thresholds(), None)
    assert (decision.outcome, failed(decision)) == ("fail", ["thresholds"])
    only_champion = Thresholds(max_drop_against_champion=0.02)
    assert decide(REPORT, only_champion, CHAMPION).outcome == "pass"
    unjudged = decide(REPORT, only_champion, None)
    assert (unjudged.outcome, failed(unjudged)) == ("fail", ["thresholds"])
    assert "against the champion, which there is none of" in unjudged.reasons[0]


def test_a_report_that_must_not_be_trusted_is_refused_whatever_its_figures() -> None:
    decision = decide({**REPORT, "error": "it is about other data"}, ALL, CHAMPION)
    assert failed(decision) == ["report"]
    assert "other data" in decision.reasons[0]


def test_an_empty_report_is_refused_on_every_count() -> None:
    decision = decide({}, ALL, CHAMPION)
    passed = [check.name for check in decision.checks if check.passed]
    assert passed == ["non_inferior_to_champion"]  # the champion's comparison comes from elsewhere


def test_without_a_champion_there_is_nothing_to_fall_behind() -> None:
    decision = decide(REPORT, ALL, None)
    check = next(check for check in decision.checks if check.name == "non_inferior_to_champion")
    assert (decision.outcome, check.passed, check.found) == ("pass", True, None)
    assert "no champion yet" in check.reason


def test_a_champion_that_cannot_be_compared_refuses_and_says_why() -> None:
    decision = decide(REPORT, ALL, {"version": "3", "error": "it has other classes"})
    assert failed(decision) == ["non_inferior_to_champion", "not_worse_than_champion"]
    assert all("other classes" in reason for reason in decision.reasons)


def test_a_comparison_that_contradicts_the_accuracies_refuses() -> None:
    report, _ = replaced("comparisons.student-baseline.accuracy.difference", 0.4)
    assert failed(decide(report, ALL, CHAMPION)) == ["gain_over_baseline"]


def test_the_decision_names_the_weights_that_it_is_about() -> None:
    found = decide(REPORT, ALL, CHAMPION).to_json()
    assert (found["weights_sha256"], found["outcome"], found["champion"]) == (WEIGHTS, "pass", CHAMPION)
    assert set(found["checks"][0]) == {
        *("name", "asked", "found", "passed", "reason", "policy", "meaning", "unit", "at_least"),
    }


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
