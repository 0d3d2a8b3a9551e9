"""What waits, and one request."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse
from starlette.responses import Response

from dfpt.approvals.dependencies import RegistryHere, ServiceHere
from dfpt.approvals.pages.reader import Number, Reader
from dfpt.approvals.pages.shell import answer
from dfpt.approvals.pages.views import evidence, queue, shadow
from dfpt.approvals.pages.views import request as requests
from dfpt.registry.database import Request as Wanted
from dfpt.registry.errors import NotFound

router = APIRouter()


@router.get("/")
def waiting(request: Request, registry: RegistryHere, known: Reader) -> Response:
    return answer(
        request,
        known,
        registry,
        "queue.html",
        queue=queue.of(registry, known.actor),
        decided=queue.decided(registry, most=20),
    )


@router.get("/queue")
def rows(request: Request, registry: RegistryHere, known: Reader) -> Response:
    """The part of the queue that renews itself."""
    return answer(request, known, registry, "queue_rows.html", queue=queue.of(registry, known.actor))


@router.get("/requests/{number}")
def one(request: Request, service: ServiceHere, known: Reader, number: Number) -> Response:
    """A request with its evidence.

    Raises:
        NotFound: there is none.
    """
    registry, settings = service.registry, service.settings
    ui = settings.mlflow_url or (registry.uri if registry.uri.startswith("http") else "")
    return answer(request, known, registry, "request.html", view=requests.of(registry, number, known.actor, ui))


@router.get("/requests/{number}/evidence/{name:path}")
def file(registry: RegistryHere, known: Reader, number: Number, name: str) -> FileResponse:
    """A file of the evidence: pictures to look at, everything else to keep; nothing of it runs in our name.

    Raises:
        NotFound: the evidence holds no such file.
        BytesChanged: it is not that of the request.
    """
    wanted = requests.by_id(registry, number)
    folder = evidence.folder(registry, wanted)
    if name not in evidence.read(folder).files:
        raise NotFound(f"The evidence holds no file {name[:100]}.")
    return _file(wanted, folder / name)


@router.get("/requests/{number}/shadow/{record}/{name}")
def shadow_file(registry: RegistryHere, known: Reader, number: Number, record: Number, name: str) -> FileResponse:
    """A file of a comparison on new images.

    Raises:
        NotFound: there is none, or it is not what was attached.
    """
    wanted = requests.by_id(registry, number)
    return _file(wanted, shadow.file(registry, wanted, record, name))


def _file(wanted: Wanted, path: Path) -> FileResponse:
    kind = evidence.SHOWN[path.suffix]
    headers = {"Content-Security-Policy": "default-src 'none'; sandbox"}
    if kind.startswith("image/"):
        return FileResponse(path, media_type=kind, headers=headers)
    return FileResponse(path, media_type=kind, filename=f"{wanted.name}-{wanted.version}-{path.name}", headers=headers)
