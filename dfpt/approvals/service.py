"""What lives as long as the service: the open registry, its policy as it is now, and the turn of whoever decides."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from dfpt.approvals.database import CHAIN
from dfpt.approvals.errors import Waiting
from dfpt.approvals.limits import Limit
from dfpt.approvals.settings import Settings
from dfpt.errors import StepFailed, UsageError
from dfpt.registry import policy_config
from dfpt.registry.handle import Registry, open_registry
from dfpt.registry.upgrade import upgrade

Stamp = tuple[int, int]
_NO_FILE: Stamp = (0, 0)


class Service:
    """One for each application.

    Attributes:
        mlflow_answers: whether it did when the worker looked last.
        logins: how often an address may try to come in.
        writes: how often an account may change something.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        _patience(settings.mlflow_seconds)
        self._registry = open_registry(settings.home)
        upgrade(self._registry.engine, self._registry.home, CHAIN)
        self._turn, self._line = threading.Lock(), asyncio.Lock()
        self._policy_at = self._stamp()
        self.mlflow_answers = False
        self.logins = Limit(settings.logins_per_minute)
        self.writes = Limit(settings.writes_per_minute)

    @property
    def registry(self) -> Registry:
        """With the policy as approvals.yaml says it now.

        Raises:
            StepFailed: the file is wrong or gone; until it is there again and right nobody may do anything.
        """
        now = self._stamp()
        if now != self._policy_at:
            if now == _NO_FILE:
                raise StepFailed("The policy's file is gone.", "Restore it, or start the service anew without one.")
            try:
                policy = policy_config.load(self.settings.home)
            except UsageError as error:
                raise StepFailed(f"The policy cannot be read. {error.message}", error.remedy) from error
            self._registry, self._policy_at = dataclasses.replace(self._registry, policy=policy), now
        return self._registry

    @contextmanager
    def deciding(self) -> Iterator[Registry]:
        """Hold it while something is changed: requests queue here, and only one of them at the registry's lock.

        Raises:
            Waiting: those before are waiting for MLflow.
        """
        if not self._turn.acquire(timeout=self.settings.queue_seconds):
            raise self._busy()
        try:
            yield self.registry
        finally:
            self._turn.release()

    @asynccontextmanager
    async def in_line(self) -> AsyncIterator[None]:
        """Wait for ``deciding`` without a thread: threads that wait for each other would leave none for readers.

        Raises:
            Waiting: the line is too long.
        """
        try:
            await asyncio.wait_for(self._line.acquire(), self.settings.queue_seconds)
        except TimeoutError as error:
            raise self._busy() from error
        try:
            yield
        finally:
            self._line.release()

    def _busy(self) -> Waiting:
        return Waiting("Others are waiting for the registry.", self.settings.retry_seconds)

    def close(self) -> None:
        self._registry.engine.dispose()

    def _stamp(self) -> Stamp:
        named = os.environ.get(policy_config.FILE_VARIABLE)
        try:
            status = (Path(named) if named else self.settings.home / policy_config.FILE).stat()
        except OSError:
            return _NO_FILE
        return status.st_mtime_ns, status.st_size


def _patience(seconds: int) -> None:
    """MLflow's client would wait two minutes, seven times; a person and a load balancer would not."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(seconds))
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
