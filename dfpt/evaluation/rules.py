"""What the gate can be asked for: one rule for each line of ``gate:`` and of the device profile that it names."""

from __future__ import annotations

from collections.abc import Iterator

from dfpt.config import Device, Thresholds
from dfpt.evaluation.reading import number, under
from dfpt.evaluation.rule import Rule, student
from dfpt.evaluation.rule_table import RULES

CHAMPIONS = frozenset({"non_inferior_to_champion", "not_worse_than_champion"})  # nothing to ask without a champion


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
    latency = student("latency_seconds", 1e-9, 3600)
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
            student("parameters", 1, 1e15),
            at_least=False,
            unit="count",
        ),
        Rule(
            "device_size",
            "max_weights_bytes",
            "size of the weights",
            "What has to be carried to the device and kept there.",
            student("weights_bytes", 1, 1e15),
            at_least=False,
            unit="bytes",
        ),
    )
