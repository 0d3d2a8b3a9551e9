"""What the service does without being asked: finish what was cut off, expire what is overdue, look after production."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from types import TracebackType

from dfpt.approvals.service import Service
from dfpt.registry import maintenance
from dfpt.registry.actor import Actor
from dfpt.registry.notifications.delivery import deliver_due

_NAME = "approvals service"
_LOG = logging.getLogger(__name__)


class Worker:
    """A thread that sweeps now and then, for as long as the block lasts."""

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
        while True:
            look(self._service)
            try:
                sweep(self._service)
            except Exception as error:  # MLflow or the database is away: the next time it may be there
                _LOG.warning("sweep: %s", error)
            try:
                notify(self._service)
            except Exception as error:
                _LOG.warning("notifications: %s", error)
            if self._over.wait(self._service.settings.sweep_seconds):
                return


def look(service: Service) -> None:
    """Does MLflow answer? Probes read what was seen: they cannot wait as long as MLflow may take."""
    try:
        service.registry.client.search_registered_models(max_results=1)
    except Exception:
        service.mlflow_answers = False
    else:
        service.mlflow_answers = True


def sweep(service: Service) -> maintenance.Swept:
    """Once; says in the log what was done."""
    with service.deciding() as registry:
        swept = maintenance.unasked(registry, Actor(_NAME, _NAME))
    for name in swept.finished:
        _LOG.info("finished what was cut off of %s", name)
    for error in swept.refused:
        _LOG.warning("sweep: %s", error)
    return swept


def notify(service: Service) -> None:
    """Tell what is new. Nobody who decides waits for it: it holds no lock while a channel is slow."""
    registry = service.registry
    sent = deliver_due(registry.store, registry.policy, datetime.now(UTC))
    if sent.given_up:
        _LOG.warning("notifications: %d given up; dfpt notifications list shows them", sent.given_up)
