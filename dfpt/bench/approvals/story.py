"""Is what is left one story: the log, the requests, MLflow, and what people were told?"""

from __future__ import annotations

from collections import Counter

from sqlalchemy import func, select

from dfpt.bench.approvals.crowd import Told
from dfpt.bench.approvals.people import MODELS
from dfpt.registry import aliases, audit, history, reconcile, requests
from dfpt.registry.actor import Actor
from dfpt.registry.database import Record, State
from dfpt.registry.handle import Registry

# What is told to have happened -> what the log says then.
RECORDS = {
    "approve": State.PROMOTED.value,
    "reject": State.REJECTED.value,
    "withdraw": State.WITHDRAWN.value,
    "rollback": history.ROLLED_BACK,
}


def contradictions(registry: Registry, told: Told, before: Counter[str]) -> list[str]:
    """What is not as it should be, a sentence each; none where all is well.

    Args:
        before: actions in the log before the crowd came.
    """
    return [
        *_of_the_log(registry),
        *_of_production(registry),
        *_of_requests(registry),
        *(
            f"{told.done[deed]} times {deed} was said to be done, the log has {found}"
            for deed, action in RECORDS.items()
            if (found := actions(registry)[action] - before[action]) != told.done[deed]
        ),
        *(f"{deed} was answered {status}, {n} times" for (deed, status), n in told.statuses.items() if status >= 500),
        *told.broken[:5],
    ]


def actions(registry: Registry) -> Counter[str]:
    """How often each is in the log."""
    with registry.store.reading() as session:
        rows = session.execute(select(Record.action, func.count()).group_by(Record.action))
        return Counter({row[0]: row[1] for row in rows})


def _of_the_log(registry: Registry) -> list[str]:
    found = audit.verify(registry.store)
    return [] if found.intact else [str(found.problem)]


def _of_production(registry: Registry) -> list[str]:
    differing = reconcile.reconcile(registry, Actor("bench", "bench"), dry_run=True)
    wrong = [f"{one.name}: {one.kind}: {one.what}: by the log {one.expected}, found {one.found}" for one in differing]
    for name in MODELS:
        now = history.current(registry.engine, name)
        champion = aliases.pointed_at(registry.client, name).get("champion")
        if now is None or now.production_version != champion:
            wrong.append(f"{name}: the champion is {champion}, the log says {now and now.production_version}")
    return wrong


def _of_requests(registry: Registry) -> list[str]:
    """Each was filed once and ended at most once, and each promotion has a version of its own."""
    wrong, versions = [], Counter[tuple[str, int | None]]()
    with registry.store.reading() as session:
        columns = Record.request_id, Record.action
        rows = session.execute(select(*columns, func.count()).group_by(*columns))
        counts = {(request, action): count for request, action, count in rows.all()}
    for request in requests.of_model(registry.engine):
        ends = sum(counts.get((request.id, state.value), 0) for state in State if state not in _OPEN)
        closed = State(request.state) not in _OPEN
        if counts.get((request.id, requests.REQUESTED), 0) != 1 or ends != int(closed):
            wrong.append(f"request {request.id} is {request.state} and has ended {ends} times")
        if request.state == State.PROMOTED:
            versions[request.name, request.production_version] += 1
    return wrong + [f"{version} was promoted {count} times" for version, count in versions.items() if count > 1]


_OPEN = frozenset({State.PENDING, State.APPROVED})
