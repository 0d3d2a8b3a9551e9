"""The log to read, to verify and to take home."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from starlette.responses import Response

from dfpt.approvals.api.schema import LARGEST
from dfpt.approvals.dependencies import RegistryHere
from dfpt.approvals.pages.reader import Reader
from dfpt.approvals.pages.shell import answer
from dfpt.approvals.pages.views import audit as view
from dfpt.registry import audit, export

router = APIRouter()


@router.get("/audit")
def log(
    request: Request,
    registry: RegistryHere,
    known: Reader,
    before: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
    verify: str = "",
) -> Response:
    return answer(
        request,
        known,
        registry,
        "audit.html",
        log=view.of(registry, before),
        verification=audit.verify(registry.store) if verify else None,
    )


@router.get("/audit/verify")
def verified(request: Request, registry: RegistryHere, known: Reader) -> Response:
    """The answer alone."""
    return answer(request, known, registry, "audit_verified.html", verification=audit.verify(registry.store))


@router.get("/audit/export.jsonl")
def json_lines(registry: RegistryHere, known: Reader) -> StreamingResponse:
    return _download(StreamingResponse(export.json_lines(registry.store), media_type="application/jsonl"), "jsonl")


@router.get("/audit/export.csv")
def csv(registry: RegistryHere, known: Reader) -> StreamingResponse:
    return _download(StreamingResponse(export.csv_lines(registry.store), media_type="text/csv"), "csv")


def _download(response: StreamingResponse, suffix: str) -> StreamingResponse:
    response.headers["Content-Disposition"] = f'attachment; filename="audit.{suffix}"'
    return response
