"""Many clients at once, as fast as they can, about the same and different requests; what each was told is counted."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from dfpt.bench.approvals.people import MODELS, Place

DEEDS = ("approve", "reject", "rollback", "withdraw", "request")
_WEIGHTS = (4, 1, 2, 2, 4)  # requests that were withdrawn or superseded come back, or there would be none left
_SECONDS = 60.0


@dataclass
class Told:
    """What a crowd was told.

    Attributes:
        statuses: (deed, status) -> how often.
        done: deed -> how often it was said to have happened, now and by this wish.
        broken: what was no answer at all.
    """

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, deed: str, answer: httpx.Response) -> None:
        with self._lock:
            self.statuses[deed, answer.status_code] += 1
            if answer.status_code == httpx.codes.OK and happened(deed, answer):
                self.done[deed] += 1

    def fail(self, error: Exception) -> None:
        with self._lock:
            self.broken.append(f"{type(error).__name__}: {error}")


def happened(deed: str, answer: httpx.Response) -> bool:
    """Whether it happened by this wish; a request that is open already is told to be so."""
    message: str = answer.json()["message"]
    return not message.endswith("nothing to do.") and deed in DEEDS[:4]


def rush(place: Place, clients: int, seconds: float, seed: int = 0) -> Told:
    """``clients`` threads decide for ``seconds``; reasons carry no meaning."""
    told, end = Told(), time.monotonic() + seconds

    def client(number: int) -> None:
        choose = random.Random(seed * 1000 + number)
        with _client(place, number) as http:
            while time.monotonic() < end:
                deed = choose.choices(DEEDS, _WEIGHTS)[0]
                try:
                    told.note(deed, ask(http, place, deed, choose))
                except (httpx.HTTPError, ValueError) as error:
                    told.fail(error)

    _all(clients, client)
    return told


def ask(http: httpx.Client, place: Place, deed: str, choose: random.Random) -> httpx.Response:
    """One wish about a model and a version by chance."""
    model, reason = choose.choice(MODELS), {"reason": "bench"}
    if deed == "rollback":
        to = choose.choice((None, 1, 2))
        return http.post(f"/api/v1/models/{model}/rollback", json=reason | {"to": to})
    version = choose.randint(1, place.versions)
    return http.post(f"/api/v1/models/{model}/versions/{version}/{deed}", json=reason)


def _client(place: Place, number: int) -> httpx.Client:
    token = place.tokens[number % len(place.tokens)]
    return httpx.Client(base_url=place.url, headers={"Authorization": f"Bearer {token}"}, timeout=_SECONDS)


def _all(count: int, target: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=target, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
