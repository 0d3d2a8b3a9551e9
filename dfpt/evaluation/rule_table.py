"""The rules behind the plain lines of ``gate:``, in the order of the page."""

from __future__ import annotations

from functools import partial

from dfpt.evaluation.reading import champions, gain_over, likely_drop, p_worse
from dfpt.evaluation.rule import Rule, student

_lost = partial(Rule, at_least=False, unit="loss")
RULES: tuple[Rule, ...] = (
    Rule("accuracy", "min_accuracy", "accuracy", "How often it is right.", student("accuracy")),
    Rule(
        "macro_f1",
        "min_macro_f1",
        "macro-F1",
        "The same care for rare classes as for frequent ones.",
        student("macro_f1"),
    ),
    Rule(
        "binary_accuracy",
        "min_binary_accuracy",
        "accuracy on defective or sound",
        "How often it is right on the one question that sorts parts.",
        student("binary_accuracy"),
    ),
    Rule(
        "defect_recall",
        "min_defect_recall",
        "share of defective images found",
        "A defect that is missed reaches a customer.",
        student("defect_recall"),
    ),
    Rule(
        "worst_slice",
        "min_worst_slice",
        "accuracy on the worst slice",
        "No part of the data may be given up for the others.",
        student("worst_slice"),
    ),
    Rule(
        "calibration",
        "max_ece",
        "mean gap between how sure it is and how often it is right",
        "Whoever sorts by its confidence must be able to believe it.",
        student("ece"),
        at_least=False,
        unit="points",
    ),
    _lost(
        "drop_against_teacher",
        "max_drop_against_teacher",
        "accuracy lost against the teacher",
        "What the small model costs.",
        lambda report, champion: -gain_over(report, "teacher"),
    ),
    _lost(
        "non_inferior_to_teacher",
        "max_likely_drop_against_teacher",
        "largest likely loss of accuracy against the teacher",
        "The same with other images of the kind: the lower end of the interval.",
        lambda report, champion: likely_drop(report, "teacher", "comparisons", "student-teacher", "accuracy"),
    ),
    Rule(
        "not_worse_than_teacher",
        "min_p_worse_than_teacher",
        "probability of such a difference if the student is no worse than the teacher (exact McNemar test)",
        "Below this, the student is worse than the teacher beyond doubt.",
        lambda report, champion: p_worse(report, report, "comparisons", "student-teacher"),
        unit="probability",
    ),
    Rule(
        "gain_over_baseline",
        "min_gain_over_baseline",
        "accuracy gained over the same network trained alone",
        "What the teacher was good for.",
        lambda report, champion: gain_over(report, "baseline"),
        unit="points",
    ),
    _lost(
        "non_inferior_to_champion",
        "max_drop_against_champion",
        "largest likely loss of accuracy against the champion",
        "What is in production must not be replaced by something worse: the lower end of the interval.",
        lambda report, champion: likely_drop(champions(champion), "champion"),
    ),
    Rule(
        "not_worse_than_champion",
        "min_p_worse_than_champion",
        "probability of such a difference if the student is no worse than the champion (exact McNemar test)",
        "Below this, the student is worse than what is in production beyond doubt.",
        lambda report, champion: p_worse(report, champions(champion)),
        unit="probability",
    ),
    Rule(
        "parameters",
        "max_parameters",
        "number of parameters",
        "How large it is.",
        student("parameters", 1, 1e15),
        at_least=False,
        unit="count",
    ),
    Rule(
        "latency",
        "max_latency_seconds",
        "time for one image on one CPU core",
        "How fast it is, on the machine that evaluated.",
        student("latency_seconds", 1e-9, 3600),
        at_least=False,
        unit="seconds",
    ),
)
