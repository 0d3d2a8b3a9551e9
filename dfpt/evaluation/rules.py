"""What the gate can be asked for: one rule for each line of ``gate:`` and of the device profile that it names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from dfpt.config import Device, Thresholds
from dfpt.evaluation import shown
from dfpt.evaluation.reading import Values, champions, gain_over, likely_drop, number, p_worse, under

Read = Callable[[Values, Values | None], float]

CHAMPIONS = frozenset({"non_inferior_to_champion", "not_worse_than_champion"})  # nothing to ask without a champion


@dataclass(frozen=True)
class Rule:
    """How one threshold is judged.

    Attributes:
        name: of the check.
        threshold: the field of :class:`dfpt.config.Thresholds` or :class:`dfpt.config.Device`, with its key if any.
        title: the figure's name in a sentence.
        meaning: what the rule is there for, one sentence for a reader who knows neither the code nor the field.
        read: takes (report, champion) and gives the figure, or raises :class:`dfpt.evaluation.reading.Unusable`.
        at_least: whether the figure must not be lower than the threshold; otherwise it must not be higher.
        unit: how the figure is written, a key of ``SHOW``.
    """

    name: str
    threshold: str
    title: str
    meaning: str
    read: Read
    at_least: bool = True
    unit: str = "share"

    def show(self, value: float) -> str:
        return SHOW[self.unit](value)


SHOW: Mapping[str, Callable[[float], str]] = {
    "share": shown.percent,
    "points": shown.points,
    "loss": shown.loss,
    "count": shown.count,
    "seconds": shown.milliseconds,
    "bytes": shown.kilobytes,
    "probability": shown.probability,
}


def asked(thresholds: Thresholds, device: Device | None) -> Iterator[tuple[Rule, float]]:
    """The rules that the policy asks for, each with its limit."""
    for rule in RULES:
        if (limit := getattr(thresholds, rule.threshold)) is not None:
            yield rule, limit
    for part, least in thresholds.min_slices.items():
        yield _slice(part), least
    for name, least in thresholds.min_under_corruption.items():
        yield _under(name), least
    if device is not None:
        for rule in _device(device):
            if (limit := getattr(device, rule.threshold)) is not None:
                yield rule, limit


def _student(figure: str, low: float = 0, high: float = 1) -> Read:
    return lambda report, champion: number(report, "models", "student", figure, low=low, high=high)


def _slice(part: str) -> Rule:
    return Rule(
        f"slice {part}",
        f"min_slices.{part}",
        f"accuracy on {part}",
        "A part of the data that is a line or a type of product of its own must not be given up for the others.",
        lambda report, champion: number(report, "models", "student", "slices", part, "accuracy"),
    )


def _under(name: str) -> Rule:
    kind, _, strength = name.partition("@")
    title = "the worst corruption" if kind == "worst" else kind
    return Rule(
        f"under {name}",
        f"min_under_corruption.{name}",
        f"accuracy under {title} of strength {strength}",
        "Dust, a lamp or a lens that ages must not make the student useless before somebody notices.",
        lambda report, champion: under(report, kind, strength),
    )


def _device(device: Device) -> tuple[Rule, ...]:
    latency = _student("latency_seconds", 1e-9, 3600)
    return (
        Rule(
            "device_latency",
            "max_latency_seconds",
            "time for one image on one core of the device"
            + (f" (the time measured here times {device.slowdown:g})" if device.slowdown != 1 else ""),
            "The device has to keep pace with the line.",
            lambda report, champion: device.slowdown * latency(report, champion),
            at_least=False,
            unit="seconds",
        ),
        Rule(
            "device_parameters",
            "max_parameters",
            "number of parameters",
            "What the device has to hold in its memory.",
            _student("parameters", 1, 1e15),
            at_least=False,
            unit="count",
        ),
        Rule(
            "device_size",
            "max_weights_bytes",
            "size of the weights",
            "What has to be carried to the device and kept there.",
            _student("weights_bytes", 1, 1e15),
            at_least=False,
            unit="bytes",
        ),
    )


_lost = partial(Rule, at_least=False, unit="loss")
RULES: tuple[Rule, ...] = (
    Rule("accuracy", "min_accuracy", "accuracy", "How often it is right.", _student("accuracy")),
    Rule(
        "macro_f1",
        "min_macro_f1",
        "macro-F1",
        "The same care for rare classes as for frequent ones.",
        _student("macro_f1"),
    ),
    Rule(
        "binary_accuracy",
        "min_binary_accuracy",
        "accuracy on defective or sound",
        "How often it is right on the one question that sorts parts.",
        _student("binary_accuracy"),
    ),
    Rule(
        "defect_recall",
        "min_defect_recall",
        "share of defective images found",
        "A defect that is missed reaches a customer.",
        _student("defect_recall"),
    ),
    Rule(
        "worst_slice",
        "min_worst_slice",
        "accuracy on the worst slice",
        "No part of the data may be given up for the others.",
        _student("worst_slice"),
    ),
    Rule(
        "calibration",
        "max_ece",
        "mean gap between how sure it is and how often it is right",
        "Whoever sorts by its confidence must be able to believe it.",
        _student("ece"),
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
        _student("parameters", 1, 1e15),
        at_least=False,
        unit="count",
    ),
    Rule(
        "latency",
        "max_latency_seconds",
        "time for one image on one CPU core",
        "How fast it is, on the machine that evaluated.",
        _student("latency_seconds", 1e-9, 3600),
        at_least=False,
        unit="seconds",
    ),
)
