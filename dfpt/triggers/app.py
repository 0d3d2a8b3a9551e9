"""The receiver: signed calls, probes, metrics. A small web shell over :mod:`dfpt.triggers.requests`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from dfpt import logs
from dfpt.errors import DfptError
from dfpt.registry import metrics as registry_metrics
from dfpt.registry.store import Store
from dfpt.schedules.file import File, WebhookTrigger
from dfpt.triggers import metrics, requests, signature
from dfpt.triggers.decision import Outcome, Sighting

LOG = "triggers"
_MAX_BYTES = 64 << 10
_MAX_REASON = 200


def create_app(store: Store, file: File, environment: Mapping[str, str] | None = None) -> FastAPI:
    """The application.

    Args:
        environment: where the secrets are; ``os.environ`` by default.
    """
    environment = os.environ if environment is None else environment
    app = FastAPI(title="dfpt triggers", docs_url=None, redoc_url=None, openapi_url=None)
    log = logs.get(LOG)

    @app.post("/hooks/{name}")
    async def hook(name: str, request: Request) -> Response:
        """202 filed; 200 heard and not filed, with the reason; 401 not signed; 404; 413; 503 no secret here."""
        trigger = file.triggers.get(name)
        if not isinstance(trigger, WebhookTrigger):
            return _problem(404, "There is no such webhook.")
        body = await _body(request)
        if body is None:
            return _problem(413, f"A call has at most {_MAX_BYTES} bytes.")
        secret = environment.get(trigger.secret, "")
        if not secret:
            log.error("webhook without a secret", trigger=name, variable=trigger.secret)
            return _problem(503, "This webhook has no secret yet.")
        if not signature.is_right(secret, body, request.headers.get(signature.HEADER)):
            log.warning("webhook with a wrong signature", trigger=name, origin=_origin(request))
            return _problem(401, f"The header {signature.HEADER} is not the signature of this body.")
        sighting = Sighting(signature.key(body), _reason(body))
        return await run_in_threadpool(_notice, name, sighting, _origin(request))  # or probes wait for the database too

    def _notice(name: str, sighting: Sighting, origin: str) -> Response:
        try:
            outcome, filed = requests.notice(store, file, name, sighting, origin=origin)
        except (DfptError, SQLAlchemyError) as error:
            log.error("webhook not filed", trigger=name, error=str(error))
            return _problem(503, "The request could not be filed; call again.")
        about = {"outcome": outcome.value, "request": None if filed is None else filed.id}
        log.info("webhook", trigger=name, origin=origin, **about)
        return JSONResponse(about, status_code=202 if outcome is Outcome.FILED else 200)

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @app.get("/readyz")
    def readyz() -> Response:
        """The database answers."""
        try:
            with store.reading() as session:
                session.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return _problem(503, "The database does not answer.")
        return JSONResponse({"status": "ok"})

    @app.get("/metrics")
    def show_metrics() -> Response:
        """Prometheus' text."""
        try:
            shown = registry_metrics.exposition(
                registry_metrics.families(store.engine), metrics.families(store), metrics.drift(store.home)
            )
        except SQLAlchemyError:
            return _problem(503, "The database does not answer.")
        return Response(shown, media_type="text/plain; version=0.0.4; charset=utf-8")

    return app


async def _body(request: Request) -> bytes | None:
    """The body, never more of it than is allowed."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BYTES:
            return None
    return body


def _reason(body: bytes) -> str:
    """What the caller says, on one line; it stays in the log."""
    try:
        found: Any = json.loads(body)
    except ValueError:
        found = None
    said = found.get("reason") if isinstance(found, dict) else None
    words = " ".join(str(said).split())[:_MAX_REASON] if isinstance(said, str) else ""
    return f"called from outside: {words}" if words else "called from outside"


def _origin(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _problem(status: int, detail: str) -> Response:
    """RFC 9457."""
    return JSONResponse({"status": status, "detail": detail}, status, media_type="application/problem+json")
