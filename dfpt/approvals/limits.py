"""How often somebody may ask: a bucket of tokens per key, in this process's memory."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from dfpt.approvals.errors import TooMany

_KEYS = 10_000  # kept at most; beyond that those that are full again are forgotten


class Limit:
    """``per_minute`` at once, and then as many again each minute."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = float(per_minute)
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}  # key -> what is left, when

    def take(self, key: str) -> None:
        """Raises TooMany: nothing is left for this key."""
        rate = self._size / 60
        with self._lock:
            now = self._clock()
            left = self._left(key, now)
            if left < 1:
                raise TooMany(math.ceil((1 - left) / rate))
            if len(self._buckets) >= _KEYS:
                self._buckets = {known: bucket for known, bucket in self._buckets.items() if not self._full(known, now)}
            self._buckets[key] = left - 1, now

    def _left(self, key: str, now: float) -> float:
        left, then = self._buckets.get(key, (self._size, now))
        return min(self._size, left + (now - then) * self._size / 60)

    def _full(self, key: str, now: float) -> bool:
        return self._left(key, now) >= self._size
