"""The pages' addresses. No token comes in here: what it may do stands in its scopes, which the API asks for."""

from fastapi import APIRouter

from dfpt.approvals.pages.routes import assets, audit, decisions, entrance, history, production, queue, settings, tongue

router = APIRouter(include_in_schema=False)
for part in (assets, audit, decisions, entrance, history, production, queue, settings, tongue):
    router.include_router(part.router)

__all__ = ["router"]
