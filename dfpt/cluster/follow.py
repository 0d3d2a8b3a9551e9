"""Follow a TrainJob from its creation to its end: adopt it, show rank 0's log, notice how it ended."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dfpt.cluster.jobs import Gone, Jobs
from dfpt.errors import StepFailed

_PATIENCE = 12  # looks in a row that may fail: an API server restarts


@dataclass(frozen=True)
class Ended:
    """How a job ended, in the words of its condition."""

    well: bool
    reason: str


def ending(job: Mapping[str, Any]) -> Ended | None:
    """How ``job`` has ended; None while it has not."""
    for condition in job.get("status", {}).get("conditions", ()):
        if condition["status"] == "True" and condition["type"] in ("Complete", "Failed"):
            said = ": ".join(filter(None, (condition.get("reason"), condition.get("message"))))
            return Ended(condition["type"] == "Complete", said)
    return None


def adopt(api: Jobs, manifest: Mapping[str, Any], asked: threading.Event, every: float) -> None:
    """Create the job, or take up the one of an earlier attempt. One that has failed is deleted and made anew."""
    name = manifest["metadata"]["name"]
    while not api.create(manifest):
        try:
            found = ending(api.get(name))
        except Gone:
            continue  # deleted just now
        if found is None or found.well:
            print(f"The TrainJob {name} of an earlier attempt goes on.", flush=True)
            return
        api.delete(name)
        if asked.wait(every):
            raise StepFailed("Interrupted before the job was there.", "Run again.")
    print(f"Created the TrainJob {name}.", flush=True)


def until_it_ends(api: Jobs, name: str, asked: threading.Event, every: float, lines: int) -> tuple[Ended, list[str]]:
    """Wait for the job; print what rank 0 prints.

    Args:
        asked: set when this process is to end: the job is deleted then.
        every: seconds between two looks.
        lines: how many of the last lines to return.
    """
    last: deque[str] = deque(maxlen=lines)
    reader: threading.Thread | None = None
    shown: str | None = None
    failures = 0
    while True:
        try:
            ended = ending(api.get(name))
            if not (reader and reader.is_alive()) and (pod := api.rank_0(name)) and pod != shown:
                shown = pod
                reader = threading.Thread(target=_show, args=(api, pod, last), daemon=True)
                reader.start()
            failures = 0
        except Gone:
            if asked.is_set():
                return Ended(False, "interrupted"), list(last)
            raise
        except StepFailed:
            failures += 1
            if failures == _PATIENCE:
                raise
            ended = None
        if ended:
            if reader:
                reader.join(timeout=every * 2)  # its last lines
            return ended, list(last)
        if asked.wait(every):
            api.delete(name)
            return Ended(False, "interrupted"), list(last)


def _show(api: Jobs, pod: str, last: deque[str]) -> None:
    """The log is for people: where it breaks off, the job goes on all the same."""
    try:
        for line in api.log(pod):
            print(line, flush=True)
            last.append(line)
    except Exception as error:
        print(f"(the log of {pod} broke off: {error})", flush=True)
