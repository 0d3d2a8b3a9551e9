"""What DFPT-KD+ is meant to reach, held against the confirmed cells; what is not reached stands there as such."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import numpy as np

from dfpt.bench.distill import comparison
from dfpt.bench.distill.cells import TEACHER
from dfpt.bench.distill.comparison import Kept, Stored
from dfpt.bench.distill.methods import METHODS, OURS
from dfpt.bench.distill.suites import Suite

METHOD = "dfpt_kd_plus"
_GAIN_OVER_KD = 0.010
_GAIN_OVER_PLAIN = 0.020
_LESS_GAP = 0.30  # share by which the prompt path is closer to the student than the original one
_LOSS_OF_PATH = 0.005  # of accuracy that the prompt path may cost
_STEP_TIME = 2.5  # times KD's
_BINARY_OF_TEACHER = 0.89
_BINARY = 0.8842  # VGG-19's on ELPV, Deitsch et al. 2019
_BINARY_BEHIND_TEACHER = 0.010

Goal = dict[str, Any]


def held(suite: Suite, confirmed: Stored) -> list[Goal]:
    """The suite's goals that the confirmed cells can answer: ``goal``, ``found``, ``wanted``, ``interval``,
    ``reached``, and of how many ``pairs`` or cells."""
    return [goal for name in suite.goals for goal in _GOALS[name](confirmed)]


def _accuracy(confirmed: Stored) -> Iterator[Goal]:
    own = comparison.of(confirmed, METHOD)
    for reference, wanted in (("kd", _GAIN_OVER_KD), ("plain", _GAIN_OVER_PLAIN), (_best_rival(confirmed), 0.0)):
        found, interval, pairs = comparison.difference(own, comparison.of(confirmed, reference))
        if found is not None and interval is not None:
            beyond_doubt = interval[0] > 0 or reference != "kd"
            yield _goal(
                f"accuracy less {reference}'s", found, wanted, found >= wanted and beyond_doubt, interval, pairs
            )


def _balance(confirmed: Stored) -> Iterator[Goal]:
    pairs = comparison.paired(comparison.of(confirmed, METHOD), comparison.of(confirmed, "kd"))
    if pairs:
        found = _mean("macro_f1", (own for own, _ in pairs)) - _mean("macro_f1", (kd for _, kd in pairs))
        yield _goal("macro-F1 less kd's", found, 0.0, found >= 0, pairs=len(pairs))


def _knowledge(confirmed: Stored) -> Iterator[Goal]:
    own = comparison.of(confirmed, METHOD)
    if own:
        less = 1 - _mean("prompt_path_gap", own) / _mean("original_path_gap", own)
        reached = less >= _LESS_GAP
        yield _goal("share by which KL(path || student) is lower", less, _LESS_GAP, reached, pairs=len(own))
        loss = _mean("original_path_accuracy", own) - _mean("prompt_path_accuracy", own)
        reached = loss <= _LOSS_OF_PATH
        yield _goal("accuracy that the prompt path loses", loss, _LOSS_OF_PATH, reached, pairs=len(own))


def _time(confirmed: Stored) -> Iterator[Goal]:
    """Of a student and its prompt path, with what is cached of the teacher; dfpt bench throughput measures a step."""
    best = _best(confirmed, OURS)
    pairs = comparison.paired(comparison.of(confirmed, best), comparison.of(confirmed, "kd"))
    if pairs:
        own, kd = (
            _mean("training_seconds", cells) + _mean("tuning_seconds", cells) for cells in zip(*pairs, strict=True)
        )
        yield _goal(
            f"training time of {best} over kd's", own / kd, _STEP_TIME, own / kd <= _STEP_TIME, pairs=len(pairs)
        )


def _binary(confirmed: Stored) -> Iterator[Goal]:
    """Defective or not."""
    pairs = comparison.paired(comparison.of(confirmed, METHOD), comparison.of(confirmed, TEACHER))
    if pairs:
        own, teacher = (_mean("binary_accuracy", cells) for cells in zip(*pairs, strict=True))
        behind, count = teacher - own, len(pairs)
        yield _goal("teacher, binary", teacher, _BINARY_OF_TEACHER, teacher >= _BINARY_OF_TEACHER, pairs=count)
        yield _goal("student, binary", own, _BINARY, own > _BINARY, pairs=count)
        reached = behind <= _BINARY_BEHIND_TEACHER
        yield _goal("teacher less student, binary", behind, _BINARY_BEHIND_TEACHER, reached, pairs=count)


def _best_rival(confirmed: Stored) -> str:
    return _best(confirmed, [name for name in METHODS if name not in ("plain", "kd", *OURS)])


def _best(confirmed: Stored, names: Collection[str]) -> str:
    """Of the highest accuracy where all have been asked; of those without cells any, if there is no other."""
    found = {name: cells for name in names if (cells := comparison.of(confirmed, name))}
    shared = set.intersection(*({cell.key for cell in cells} for cells in found.values())) if found else set()
    return max(names, key=lambda name: _mean("accuracy", (c for c in found.get(name, ()) if c.key in shared)))


_GOALS = {"accuracy": _accuracy, "balance": _balance, "knowledge": _knowledge, "time": _time, "binary": _binary}


def _mean(figure: str, cells: Iterable[Kept]) -> float:
    values = [cell.figures[figure] for cell in cells]
    return float(np.mean(values)) if values else -np.inf


def _goal(
    goal: str,
    found: float,
    wanted: float,
    reached: bool,
    interval: tuple[float, float] | None = None,
    pairs: int | None = None,
) -> Goal:
    return {"goal": goal, "found": found, "wanted": wanted, "interval": interval, "pairs": pairs, "reached": reached}
