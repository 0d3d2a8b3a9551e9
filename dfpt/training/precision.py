"""Float32 or bfloat16: measured once for this machine and network, then kept, so that a rerun computes the same."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from dfpt.files import write_json

_WORTH_IT = 0.9  # bfloat16 must take at most this share of float32's time
_REPEATS = 3


def choose(wanted: str, step: Callable[[], Tensor], what: str, home: Path) -> torch.dtype:
    """The type for autocast.

    Args:
        wanted: ``float32``, ``bfloat16`` or ``auto``.
        step: computes the loss of one training step; run a few times without an update where a measurement is due.
        what: names network and shapes; the measurement is kept under it in ``home/cache/precision.json``.
    """
    if wanted != "auto":
        return torch.float32 if wanted == "float32" else torch.bfloat16
    path = home / "cache" / "precision.json"
    try:
        known: dict[str, dict[str, float]] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    key = f"{what}, torch {torch.__version__}, {platform.machine()}, {torch.get_num_threads()} threads"
    if key not in known:
        known[key] = {"float32": _seconds(step, torch.float32), "bfloat16": _seconds(step, torch.bfloat16)}
        write_json(path, known)
    return torch.bfloat16 if known[key]["bfloat16"] < _WORTH_IT * known[key]["float32"] else torch.float32


def autocast(dtype: torch.dtype) -> torch.autocast:
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype is torch.bfloat16)


def _seconds(step: Callable[[], Tensor], dtype: torch.dtype) -> float:
    best = float("inf")
    for _ in range(_REPEATS + 1):  # the first one warms up; the best of all is robust to it
        start = time.perf_counter()
        with autocast(dtype):
            loss = step()
        loss.backward()
        best = min(best, time.perf_counter() - start)
    return best
