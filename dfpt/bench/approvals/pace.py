"""How long an answer takes at a steady pace: requests start on time, whether or not those before have been answered."""

from __future__ import annotations

import queue
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass

import httpx

from dfpt.bench.approvals.crowd import ask
from dfpt.bench.approvals.people import MODELS, Place

READS = ("/api/v1/requests?state=pending", "/api/v1/models/{}/versions/1", "/api/v1/models/{}/history", "/api/v1/me")
SHARE_OF_WRITES = 0.2  # a queue is read more often than decided about
_WRITES = ("approve", "rollback", "withdraw", "request")
_CONNECTIONS = 64
_SECONDS = 60.0


@dataclass(frozen=True)
class Answered:
    """Seconds from the moment a request was due; of those that write, by what they did."""

    reading: list[float]
    writing: dict[str, list[float]]
    statuses: Counter[int]
    broken: list[str]


def steady(place: Place, per_second: float, seconds: float, seed: int = 0) -> Answered:
    """Ask ``per_second`` times a second."""
    choose = random.Random(seed)
    due: queue.SimpleQueue[tuple[float, str, int] | None] = queue.SimpleQueue()
    found, lock = Answered([], {deed: [] for deed in _WRITES}, Counter(), []), threading.Lock()

    def connection(number: int) -> None:
        token = place.tokens[number % len(place.tokens)]
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=place.url, headers=headers, timeout=_SECONDS) as http:
            while (wish := due.get()) is not None:
                moment, what, draw = wish
                try:
                    answer = http.get(what) if what.startswith("/") else ask(http, place, what, random.Random(draw))
                except httpx.HTTPError as error:
                    with lock:
                        found.broken.append(f"{type(error).__name__}: {error}")
                    continue
                with lock:
                    (found.reading if what.startswith("/") else found.writing[what]).append(time.monotonic() - moment)
                    found.statuses[answer.status_code] += 1

    threads = [threading.Thread(target=connection, args=(number,)) for number in range(_CONNECTIONS)]
    for thread in threads:
        thread.start()
    begin = time.monotonic()
    for number in range(int(per_second * seconds)):
        moment = begin + number / per_second
        time.sleep(max(0.0, moment - time.monotonic()))
        due.put((moment, _choice(choose), choose.getrandbits(32)))
    for _ in threads:
        due.put(None)
    for thread in threads:
        thread.join()
    return found


def _choice(choose: random.Random) -> str:
    if choose.random() < SHARE_OF_WRITES:
        return choose.choice(_WRITES)
    return choose.choice(READS).format(choose.choice(MODELS))
