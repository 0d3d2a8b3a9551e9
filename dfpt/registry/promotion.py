"""Approval: who decides, whether it is allowed and enough; then :mod:`dfpt.registry.deployment` promotes.

An approval that was cut off anywhere is finished by giving it again, or by the next decision about the same model.
"""

from __future__ import annotations

from datetime import UTC, datetime

from dfpt.registry import (
    agreement,
    artifacts,
    audit,
    deployment,
    expiry,
    licensing,
    permission,
    policy,
    requests,
    reservation,
)
from dfpt.registry.actor import Actor
from dfpt.registry.database import Request, State
from dfpt.registry.errors import BytesChanged, ForeignModel, NotFound, PolicyRefused, WrongState
from dfpt.registry.handle import Registry
from dfpt.registry.licensing import Licences
from dfpt.registry.permission import require_reason
from dfpt.registry.policy import Ruling


def approve(
    registry: Registry, name: str, version: int, actor: Actor, reason: str, *, emergency: bool = False
) -> Request:
    """Approve the request of a candidate; with enough approvals it becomes the champion.

    What is promoted already stays as it is. Where the quorum asks for more, the request comes back pending.

    Args:
        emergency: pass over four eyes, quorum and freeze windows; for an admin.

    Raises:
        UsageError: no reason, no such request, or one that was rejected, superseded, ...
        PolicyRefused: approvals.yaml does not allow it.
        BytesChanged: the candidate's files are not those that the request was filed for.
        ForeignModel: the production side is somebody else's.
    """
    require_reason(reason)
    with registry.lock():
        finish_all(registry, name, actor)  # who was approved first must not become champion last
        request = expiry.expire_if_due(registry, find(registry, name, version))
        if request.state == State.PROMOTED:
            registry.mirror(request)  # the last thing that a cut may have left undone
            return request
        require_pending(request)
        ruling = rule(registry, request, actor, emergency)
        _require(registry, request, actor, ruling)
        try:
            licences = check(registry, request)
        except (BytesChanged, ForeignModel) as error:
            requests.refused(registry.store, request, actor, "approval", error.message, tampered=True)
            raise
        _require(registry, request, actor, licensing.rule_on(registry, request, actor, licences, reason))
        return decide(registry, request, actor, reason, ruling, licences)


def _require(registry: Registry, request: Request, actor: Actor, ruling: Ruling) -> None:
    """Write a refusal down and raise it."""
    if ruling.refusal is not None:
        requests.refused(registry.store, request, actor, "approval", ruling.refusal)
        raise PolicyRefused(f"{request.model}: {ruling.refusal}", ruling.remedy)


def find(registry: Registry, name: str, version: int) -> Request:
    """The newest request for a version.

    Raises:
        NotFound: nobody asked for it.
    """
    request = requests.latest(registry.engine, name, version)
    if request is None:
        raise NotFound(f"There is no request for {name}/{version}.", "dfpt model list shows the candidates.")
    return request


def require_pending(request: Request) -> None:
    if request.state != State.PENDING:
        remedy = "Ask for it again: dfpt model request." if State(request.state) in requests.UNDECIDED else ""
        raise WrongState(request.model, request.state, "approved", remedy)


def rule(registry: Registry, request: Request, actor: Actor, emergency: bool = False) -> Ruling:
    """What the policy says about this person's approval now; what a licence asks of the reason is not known yet."""
    others = [
        vote for vote in requests.votes(registry.engine, request) if not actor.is_one_of(vote.person, vote.account)
    ]
    ruling = policy.approval(
        registry.policy.rules_for(request.name),
        permission.roles(registry, actor),
        own=actor.is_one_of(request.requested_by, request.requested_account, request.trained_by),
        approvals=len(others),
        now=datetime.now(UTC),
        emergency=emergency,
    )
    licence = licensing.rule(registry, request, actor)
    return licence if ruling.allowed and not licence.allowed else ruling


def check(registry: Registry, request: Request) -> Licences:
    """Whether a request can be approved now; returns the licences that the verified files state.

    Raises:
        WrongState: it is not pending.
        BytesChanged: the candidate's files are not those that it was filed for.
        LogDamaged: the log is broken, or somebody changed the request behind it.
        ForeignModel: the production side is somebody else's.
    """
    require_pending(request)
    audit.require_unbroken(registry.store)
    agreement.require(registry.engine, request)
    reservation.require(registry, request.name)
    with deployment.candidate_files(registry, request) as folder:
        artifacts.check(request.model, folder, request.artifact_sha256, request.weights_sha256)
        return licensing.read(folder)


def decide(
    registry: Registry,
    request: Request,
    actor: Actor,
    reason: str,
    ruling: Ruling,
    licences: Licences,
    automatic: bool = False,
) -> Request:
    """Write an allowed approval down; promote if it is enough."""
    if ruling.complete:
        accepted = _accept(registry, request, actor, reason, ruling, licences, automatic)
        return deployment.finish(registry, accepted, actor)
    if not _voted(registry, request, actor):
        requests.vote(registry.store, request, actor, reason)
    return find(registry, request.name, request.version)


def _accept(
    registry: Registry,
    request: Request,
    actor: Actor,
    reason: str,
    ruling: Ruling,
    licences: Licences,
    automatic: bool,
) -> Request:
    """The last approval that was needed, in one transaction with the move that it makes."""
    people = [vote.person for vote in requests.votes(registry.engine, request) if vote.person != actor.name]
    again = _voted(registry, request, actor)
    with registry.store.writing() as log:
        if not again:
            requests.add_vote(log, request, actor, reason)
        return requests.move(
            log,
            request,
            State.PENDING,
            State.APPROVED,
            actor,
            reason,
            {
                "approved_by": [*people, actor.name],
                "own": ruling.own,
                "emergency": ruling.emergency,
                "automatic": automatic,
                "licences": licences.to_json(),
                "rules": registry.policy.rules_for(request.name).model_dump_json(),
            },
            decided_by=", ".join([*people, actor.name]),
            decided_at=datetime.now(UTC),
            decision_reason=reason,
            self_approved=ruling.own,
            emergency=ruling.emergency,
            automatic=automatic,
        )


def _voted(registry: Registry, request: Request, actor: Actor) -> bool:
    """Whether this person, under any name, has approved it already."""
    return any(actor.is_one_of(vote.person, vote.account) for vote in requests.votes(registry.engine, request))


def finish_all(registry: Registry, name: str, actor: Actor) -> None:
    """Finish the approvals and rollbacks of a model that were cut off."""
    from dfpt.registry import rollback

    for unfinished in requests.of_model(registry.engine, name, State.APPROVED):
        deployment.finish(registry, unfinished, actor)
    rollback.finish_all(registry, name, actor)
