"""The application: everything put together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

import dfpt
from dfpt.approvals import handlers, pages
from dfpt.approvals.api import access, audit, decisions, models
from dfpt.approvals.guard import Guard
from dfpt.approvals.oidc import Provider
from dfpt.approvals.problems import Problem
from dfpt.approvals.routes import health, login, metrics, oidc
from dfpt.approvals.service import Service
from dfpt.approvals.settings import Settings
from dfpt.approvals.worker import Worker

API = "/api/v1"


def create_app(settings: Settings) -> FastAPI:
    """The service over the registry of ``settings.home``, at the newest schema.

    While it runs, what was cut off is finished by a worker; see :mod:`dfpt.approvals.worker`.

    Raises:
        UsageError: approvals.yaml is not valid.
        StepFailed: the database does not answer.
    """
    service = Service(settings)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        with Worker(service):
            yield
        service.close()

    app = FastAPI(
        title="dfpt approvals",
        version=dfpt.__version__,
        description="Requests, approvals, rollbacks, and the log of them. Rates are fractions, times seconds.",
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        lifespan=life,
        redirect_slashes=False,
    )
    app.state.service = service
    app.state.provider = None if settings.oidc is None else Provider(settings.oidc)
    handlers.install(app, settings.retry_seconds)
    app.add_middleware(Guard, settings=settings)
    for router in (models.anybody, models.filing, models.router, decisions.router, audit.router, access.router):
        app.include_router(router, prefix=API)
    for router in (health.router, metrics.router, login.router, oidc.router):
        app.include_router(router)
    app.include_router(pages.router)
    app.state.error_page = pages.error_page
    app.openapi = _documented(app.openapi)  # type: ignore[method-assign]
    return app


def _documented(openapi: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """The document, with the schema of problems in it, which no route names as its model."""

    def whole() -> dict[str, Any]:
        document = openapi()
        document["components"]["schemas"][Problem.__name__] = Problem.model_json_schema()
        return document

    return whole
