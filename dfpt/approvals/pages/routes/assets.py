"""The style sheet, the icon and htmx: the only files that a page loads."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import FileResponse

from dfpt.approvals.pages.templating import STATIC
from dfpt.registry.errors import NotFound

router = APIRouter()
FILES = {"style.css": "text/css", "icon.svg": "image/svg+xml", "htmx.min.js": "text/javascript"}
_FOR_EVER = "public, max-age=31536000, immutable"  # the address carries the content's hash


@router.get("/static/{name}")
def static(name: str) -> FileResponse:
    if name not in FILES:
        raise NotFound(f"There is no file {name[:100]}.")
    return FileResponse(STATIC / name, media_type=FILES[name], headers={"Cache-Control": _FOR_EVER})


@router.get("/favicon.ico")
def icon() -> FileResponse:
    return FileResponse(STATIC / "icon.svg", media_type=FILES["icon.svg"])
