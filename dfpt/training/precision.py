"""Is another way clearly faster? Measured once for this machine and network, then kept: a rerun computes the same."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch
from filelock import FileLock
from torch import Tensor

from dfpt.files import write_json
from dfpt.training import device

_WORTH_IT = 0.9  # another way must take less than this share of the usual one's time
_REPEATS = 3
_ENOUGH = 4.0  # seconds of one trial, after which it is not repeated
# The usual one first, as wherever trials are named here.
TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def choose(wanted: str, step: Callable[[], Tensor], what: str, home: Path) -> torch.dtype:
    """The type for autocast.

    Args:
        wanted: ``float32``, ``bfloat16`` or ``auto``.
        step: computes the loss of one training step, or what a frozen network says; run a few times without an update
            where a measurement is due.
        what: names network and shapes; the measurement is kept under it in ``home/cache/precision.json``.
    """
    if wanted != "auto":
        return TYPES[wanted]
    trials = {name: partial(_seconds, step, dtype) for name, dtype in TYPES.items()}
    return TYPES[_faster("precision.json", trials, what, home)]


def faster(file: str, steps: Mapping[str, Callable[[], Tensor]], dtype: torch.dtype, what: str, home: Path) -> str:
    """The name of the usual step, which comes first, or of another that takes clearly less time in ``dtype``.

    Args:
        file: the measurement is kept in it, below ``home/cache``.
        steps: name -> as for :func:`choose`.
    """
    trials = {name: partial(_seconds, step, dtype) for name, step in steps.items()}
    return _faster(file, trials, f"{what}, {dtype}", home)


def _faster(file: str, trials: Mapping[str, Callable[[], float]], what: str, home: Path) -> str:
    found, usual = _known(file, trials, what, home), next(iter(trials))
    fastest = min(trials, key=lambda name: found[name])
    return fastest if found[fastest] < _WORTH_IT * found[usual] else usual


def _known(file: str, trials: Mapping[str, Callable[[], float]], what: str, home: Path) -> dict[str, float]:
    """Seconds of each trial, measured once for this machine, by one process at a time: they would slow each other."""
    path = home / "cache" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    key = f"{what}, torch {torch.__version__}, {platform.machine()}, {torch.get_num_threads()} threads, {device.name()}"
    with FileLock(path.with_suffix(".lock")):
        try:
            known: dict[str, dict[str, float]] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            known = {}
        if key not in known:
            known[key] = {name: trial() for name, trial in trials.items()}
            write_json(path, known)
    return known[key]


def autocast(dtype: torch.dtype) -> torch.autocast:
    return torch.autocast(device.chosen().type, dtype=torch.bfloat16, enabled=dtype is torch.bfloat16)


def _seconds(step: Callable[[], Tensor], dtype: torch.dtype) -> float:
    taken: list[float] = []
    while len(taken) <= _REPEATS and sum(taken) < _ENOUGH:  # the first one warms up; the best of all is robust to it
        start = time.perf_counter()
        with autocast(dtype):
            result = step()
        if result.requires_grad:
            result.backward()
        device.finish()
        taken.append(time.perf_counter() - start)
    return min(taken)
