"""How far a step is, as lines of text that a runner can pick out of a log: ``[distil]  45 %  epoch 9 of 20  ...``."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Mapping

from dfpt.graph import STEPS

LINE = re.compile(r"^\s*(\[(?:" + "|".join(STEPS) + r")\] .*)$")
DONE = "done"  # begins a step's last line
_EVERY_SECONDS = 2.0


class Progress:
    """Prints at most one line every two seconds, and the last; hands figures on to ``forward``.

    Args:
        step: the step that reports.
        forward: takes each epoch's figures, e.g. to MLflow.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        step: str,
        forward: Callable[[Mapping[str, float], int], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._step = step
        self._forward = forward
        self._clock = clock
        self._start = clock()
        self._printed = float("-inf")
        self._began = (self._start, 0)  # when and where this part of the work began: a resumed one not at 0
        self._last = (0, -1)

    def say(self, text: str) -> None:
        print(f"[{self._step}] {text}", file=sys.stdout, flush=True)

    def progress(self, done: int, total: int, text: str) -> None:
        now = self._clock()
        if done < self._last[0] or total != self._last[1]:
            self._began = (now, done)
        self._last = (done, total)
        if now - self._printed < _EVERY_SECONDS and done < total:
            return
        self._printed = now
        began, at = self._began
        left = ""
        if at < done < total:
            left = f", about {duration((now - began) / (done - at) * (total - done))} left"
        share = done / total if total else 1.0
        self.say(f"{share:4.0%}  {text}  ({duration(now - self._start)}{left})")

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        if self._forward:
            self._forward(values, step)

    def warn(self, text: str) -> None:
        self.say(f"warning: {text}")


def duration(seconds: float) -> str:
    """``75`` as ``1 min 15 s``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
