"""Automatic approval: where the policy says so, of a candidate that surpasses all that the gate asked for."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from dfpt.registry import deployment, expiry, licensing, policy, promotion, requests
from dfpt.registry.actor import Actor
from dfpt.registry.artifacts import EVIDENCE
from dfpt.registry.database import Request, State
from dfpt.registry.expiry import POLICY
from dfpt.registry.handle import Registry
from dfpt.registry.policy import Ruling

GATE = "gate.json"


def approve_newest(registry: Registry, name: str) -> Request | None:
    """Approve and promote the newest request of a model that the policy lets through; None where there is none.

    Four eyes and quorum are for people: the policy's ``automatic_margin`` stands in their place. Freeze windows hold.

    Raises:
        BytesChanged: the files of a candidate are not those that its request was filed for.
    """
    if not _is_open(registry, name):
        return None
    with registry.lock():
        if (found := choose(registry, name)) is None:
            return None
        promotion.finish_all(registry, name, POLICY)
        stated = licensing.of(registry, found[0])
        return promotion.decide(registry, *found, Ruling(complete=True), stated, automatic=True)


def choose(registry: Registry, name: str, newer_than: int = 0) -> tuple[Request, Actor, str] | None:
    """The request that :func:`approve_newest` would approve now, in whose name, and why.

    Args:
        newer_than: number of a request; those before it are about to be superseded.

    Raises:
        BytesChanged: as :func:`approve_newest`.
    """
    if _is_open(registry, name):
        for request in reversed(requests.of_model(registry.engine, name, State.PENDING)):
            if request.id > newer_than and (reason := passes(registry, request)) is not None:
                return request, POLICY, reason
    return None


def _is_open(registry: Registry, name: str) -> bool:
    """Whether the policy approves anything of this model by itself now."""
    rules = registry.policy.rules_for(name)
    return rules.automatic_margin is not None and policy.frozen(rules, datetime.now(UTC)) is None


def passes(registry: Registry, request: Request) -> str | None:
    """Why a pending request is approved without a person; None: it is not.

    Raises:
        BytesChanged: the candidate's files, the evidence among them, are not those that it was filed for.
    """
    rules = registry.policy.rules_for(request.name)
    if rules.automatic_margin is None or request.state != State.PENDING or expiry.is_due(registry, request):
        return None
    licences = promotion.check(registry, request)
    if licensing.demanded(rules.licences, licences)[0] != licensing.ALLOW:
        return None  # a person has to look
    gate = _gate(registry, request)
    if gate.get("weights_sha256") != request.weights_sha256 or not policy.automatic(rules, gate):
        return None
    margin = policy.margin(gate)
    return f"by policy: every rate of the gate surpassed by {margin:.4f}, more than {rules.automatic_margin:g}"


def _gate(registry: Registry, request: Request) -> dict[str, Any]:
    """What the gate decided; nothing where that cannot be read."""
    with deployment.candidate_files(registry, request) as folder:
        try:
            found = json.loads((folder / EVIDENCE / GATE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
    return found if isinstance(found, dict) else {}
