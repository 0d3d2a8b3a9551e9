"""Look at what the triggers watch: the source, the drift, the champion, the runs before ours."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from dfpt.cluster.kfp import Pipelines
from dfpt.errors import EXIT_REFUSED, DfptError, StepFailed
from dfpt.registry import history
from dfpt.registry.store import Store
from dfpt.schedules import worker
from dfpt.schedules.file import AgeTrigger, DataTrigger, DriftTrigger, File, UpstreamTrigger
from dfpt.triggers import requests
from dfpt.triggers.decision import Outcome, Sighting

Connect = Callable[[], Pipelines]
_SUCCEEDED = "SUCCEEDED"


def poll(store: Store, file: File, config: Path | None, connect: Connect) -> dict[str, Outcome | DfptError | None]:
    """Look once at everything that does not call by itself; what came of each trigger, None where there was nothing.

    One trigger's trouble is not the others'.
    """
    results: dict[str, Outcome | DfptError | None] = {}
    for name, seen in look(store, file, config, connect):
        results[name] = decided(store, file, name, seen)
    return results


def look(
    store: Store, file: File, config: Path | None, connect: Connect, reports: Path | None = None
) -> Iterator[tuple[str, Sighting | DfptError | None]]:
    """What each trigger sees now, one after the other.

    Args:
        reports: folder for reports of drift; else that of the state folder.
    """
    for name, trigger in file.triggers.items():
        try:
            if isinstance(trigger, DataTrigger):
                yield name, data(trigger)
            elif isinstance(trigger, DriftTrigger):
                yield name, drift(trigger, store.home, config, reports)
            elif isinstance(trigger, AgeTrigger):
                yield name, age(trigger, store, datetime.now(UTC))
            elif isinstance(trigger, UpstreamTrigger):
                yield name, upstream(trigger, connect())
        except DfptError as error:
            yield name, error


def decided(store: Store, file: File, name: str, seen: Sighting | DfptError | None) -> Outcome | DfptError | None:
    """What becomes of what a trigger has seen."""
    if not isinstance(seen, Sighting):
        return seen
    try:
        return requests.notice(store, file, name, seen)[0]
    except DfptError as error:
        return error


def data(trigger: DataTrigger) -> Sighting:
    """The version of the source's images and labels."""
    from dfpt.datasets import sources

    version = sources.fingerprint(trigger.source)
    return Sighting(f"data:{version}", f"{trigger.source} holds the data version {version[:12]}")


def drift(trigger: DriftTrigger, home: Path, config: Path | None, report: Path | None = None) -> Sighting | None:
    """``dfpt data drift`` in a process of its own, because it loads torch; None where the images are alike.

    Args:
        report: folder for its report; else that of the state folder.

    Raises:
        StepFailed: it could not compare.
    """
    command = [sys.executable, "-m", "dfpt.cli.main", "data", "drift", "--json", "--home", str(home)]
    command += ["--reference", trigger.reference, "--current", trigger.current]
    command += ["--config", str(config)] if config else []
    command += ["--out", str(report)] if report else []
    code, printed, said = worker.CHILDREN.output(command)
    if code == 0:
        return None
    if code != EXIT_REFUSED:
        words = [
            line for line in said.splitlines() if line.strip() and not line.lstrip().startswith("->")
        ]  # its remedy
        raise StepFailed(f"dfpt data drift ended with {code}: {words[-1] if words else 'no reason is given'}")
    found = json.loads(printed)
    seen = found["current"].get("data_hash") or found["p_value"]
    return Sighting(
        f"drift:{trigger.reference}:{seen}",
        f"{trigger.current} has drifted away from {trigger.reference} (p = {found['p_value']:.3g})",
    )


def age(trigger: AgeTrigger, store: Store, now: datetime) -> Sighting | None:
    """Whether the model in production is too old: once, and again after as many days."""
    champion = history.current(store.engine, trigger.model)
    if champion is None:
        return None
    days = (now - datetime.fromisoformat(champion.at)).days
    if days < trigger.days:
        return None
    version = f"{trigger.model}-production/{champion.production_version}"
    return Sighting(
        f"age:{version}:{champion.record}:{days // trigger.days}",
        f"{version} is in production for {days} days, {trigger.days} are allowed",
    )


def upstream(trigger: UpstreamTrigger, pipelines: Pipelines) -> Sighting | None:
    """The newest run of another pipeline that has succeeded."""
    experiment = pipelines.experiment(trigger.experiment)
    if experiment is None:
        raise StepFailed(
            f"There is no experiment {trigger.experiment!r} in the cluster.", "Correct it in the schedules' file."
        )
    for run in pipelines.runs(experiment.experiment_id):
        if run.state == _SUCCEEDED and (run.display_name or "").startswith(trigger.run_prefix):
            return Sighting(f"upstream:{run.run_id}", f"{run.display_name} has succeeded")
    return None
