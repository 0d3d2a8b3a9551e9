"""What the service does without being asked.

It makes production's models before anybody else can, finishes what was cut off, expires what is overdue, holds
production against the log, and tells people what is new.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType

from dfpt.approvals.service import Service
from dfpt.registry import history, maintenance, reconcile, requests, reservation
from dfpt.registry.actor import Actor
from dfpt.registry.errors import ForeignModel
from dfpt.registry.notifications.delivery import deliver_due
from dfpt.registry.reconcile import Finding

_NAME = "approvals service"
_LOG = logging.getLogger(__name__)


class Worker:
    """A thread that sweeps now and then and compares now and then, for as long as the block lasts."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweep", daemon=True)

    def __enter__(self) -> Worker:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._over.set()
        self._thread.join(timeout=self._service.settings.mlflow_seconds)

    def _run(self) -> None:
        compare_at = 0.0
        while True:
            look(self._service)
            if self._service.mlflow_answers:
                _try(reserve, self._service)
            _try(sweep, self._service)
            if time.monotonic() >= compare_at and _try(compare, self._service):
                compare_at = time.monotonic() + self._service.settings.reconcile_seconds
            _try(notify, self._service)
            if self._over.wait(self._service.settings.sweep_seconds):
                return


def _try(task: Callable[[Service], object], service: Service) -> bool:
    """Whether it could be done: where MLflow or the database is away, the next time it may be there."""
    try:
        task(service)
    except Exception as error:
        _LOG.warning("%s: %s", task.__name__, error)
        return False
    return True


def look(service: Service) -> None:
    """Does MLflow answer? Probes read what was seen: they cannot wait as long as MLflow may take."""
    try:
        service.registry.client.search_registered_models(max_results=1)
    except Exception:
        service.mlflow_answers = False
    else:
        service.mlflow_answers = True


def reserve(service: Service) -> None:
    """Make the production side of every model that somebody asked about, before a trainer can."""
    registry = service.registry
    for name in sorted({request.name for request in requests.of_model(registry.engine)}):
        try:
            reservation.reserve(registry, name)
        except ForeignModel as error:  # the others are made all the same
            _LOG.warning("reserve: %s", error.message)


def sweep(service: Service) -> maintenance.Swept:
    """Once; says in the log what was done."""
    with service.deciding() as registry:
        swept = maintenance.unasked(registry, Actor(_NAME, _NAME))
    for name in swept.finished:
        _LOG.info("finished what was cut off of %s", name)
    for error in swept.refused:
        _LOG.warning("sweep: %s", error)
    return swept


def compare(service: Service) -> list[Finding]:
    """Hold production against the log; what differs is written down, and told, once.

    One model a turn: a version's files take a while to read, and whoever decides comes between.
    """
    findings = []
    for name in history.models(service.registry.engine):
        with service.deciding() as registry:
            findings += reconcile.unasked(registry, name, Actor(_NAME, _NAME))
    for found in findings:
        done = "put back" if found.reverted else "left as it is"
        said = (found.kind, found.name, found.what, found.expected, found.found, done)
        _LOG.warning("%s in production of %s: %s: by the log %r, found %r; %s", *said)
    return findings


def notify(service: Service) -> None:
    """Tell what is new. Nobody who decides waits for it: it holds no lock while a channel is slow."""
    registry = service.registry
    sent = deliver_due(registry.store, registry.policy, datetime.now(UTC))
    if sent.given_up:
        _LOG.warning("notifications: %d given up; dfpt notifications list shows them", sent.given_up)
