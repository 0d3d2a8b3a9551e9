"""The audit log and production held against it."""

from __future__ import annotations

import enum
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse

from dfpt.approvals.api.decisions import WRITING
from dfpt.approvals.api.models import READING
from dfpt.approvals.api.schema import FindingShown, SweptShown, VerificationShown
from dfpt.approvals.dependencies import DECIDE, RegistryHere, ServiceHere, scoped
from dfpt.approvals.identity import Identity
from dfpt.approvals.problems import answers
from dfpt.approvals.tokens import Scope
from dfpt.registry import audit, export, maintenance, reconcile
from dfpt.registry.errors import LogDamaged

router = APIRouter()

Maintainer = Annotated[Identity, Depends(scoped(Scope.MAINTAIN))]


class Format(enum.StrEnum):
    """Of the export."""

    JSONL = "jsonl"
    CSV = "csv"


class _Export(StreamingResponse):
    media_type = "text/plain"


@router.get("/audit", responses=READING, dependencies=[Depends(scoped(Scope.READ))])
def verify(registry: RegistryHere) -> VerificationShown:
    """Is the log as it was written?"""
    return VerificationShown.model_validate(audit.verify(registry.store))


@router.get("/audit/export", responses=READING, response_class=_Export, dependencies=[Depends(scoped(Scope.READ))])
def whole(registry: RegistryHere, format: Format = Format.JSONL) -> StreamingResponse:
    """The whole log: JSON Lines as it was hashed, or CSV."""
    lines = export.json_lines(registry.store) if format is Format.JSONL else export.csv_lines(registry.store)
    disposition = {"Content-Disposition": f'attachment; filename="audit.{format}"'}
    return _Export(lines, headers=disposition)


@router.post("/reconcile", responses=WRITING | answers(LogDamaged), dependencies=DECIDE)
def compare(service: ServiceHere, known: Maintainer, dry_run: bool = False) -> list[FindingShown]:
    """What in production is not as the log says; put right where the policy says so."""
    with service.deciding() as registry:
        found = reconcile.reconcile(registry, known.actor, dry_run)
    return [FindingShown.model_validate(finding) for finding in found]


@router.post("/sweep", responses=WRITING | answers(LogDamaged), dependencies=DECIDE)
def sweep(service: ServiceHere, known: Maintainer) -> SweptShown:
    """Finish what was cut off, expire what is overdue, approve what the policy approves by itself."""
    with service.deciding() as registry:
        swept = maintenance.sweep(registry, known.actor)
    return SweptShown(
        finished=swept.finished,
        expired=[request.model for request in swept.expired],
        promoted=[request.model for request in swept.promoted],
        refused=[error.message for error in swept.refused],
    )
