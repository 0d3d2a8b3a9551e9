"""What has to happen without anybody asking for it: a service calls it now and then, or ``dfpt model sweep``."""

from __future__ import annotations

from dataclasses import dataclass, field

from dfpt.errors import DfptError
from dfpt.registry import automatic, deployment, expiry, permission, promotion, requests, rollback
from dfpt.registry.actor import Actor
from dfpt.registry.database import Request, State
from dfpt.registry.handle import Registry
from dfpt.registry.policy import Deed


@dataclass
class Swept:
    """What was done.

    Attributes:
        finished: models with approvals or rollbacks that had been cut off.
        refused: what could not be done, such as of a candidate whose files were changed; the rest went on.
    """

    finished: list[str] = field(default_factory=list)
    expired: list[Request] = field(default_factory=list)
    promoted: list[Request] = field(default_factory=list)
    refused: list[DfptError] = field(default_factory=list)


def sweep(registry: Registry, actor: Actor) -> Swept:
    """Finish what was cut off, expire what is due, approve what the policy approves by itself.

    Raises:
        PolicyRefused: this is no admin.
    """
    permission.require(registry, actor, Deed.MAINTAIN)
    return unasked(registry, actor)


def unasked(registry: Registry, actor: Actor) -> Swept:
    """The same, of a service that does it by itself and for nobody."""
    swept = Swept(expired=expiry.expire_all(registry))
    for name in sorted({request.name for request in requests.of_model(registry.engine)}):
        try:
            if _finish(registry, name, actor):
                swept.finished.append(name)
            if (promoted := automatic.approve_newest(registry, name)) is not None:
                swept.promoted.append(promoted)
        except DfptError as error:  # one model's trouble is not the others'
            swept.refused.append(error)
    return swept


def planned(registry: Registry, actor: Actor) -> Swept:
    """What :func:`sweep` would do now; nothing is done. An approval that waits for MLflow would go on waiting."""
    permission.require(registry, actor, Deed.MAINTAIN)
    everything = requests.of_model(registry.engine)
    plan = Swept(expired=[request for request in everything if expiry.is_due(registry, request)])
    for name in sorted({request.name for request in everything}):
        try:
            cut_off = requests.of_model(registry.engine, name, State.APPROVED)
            for request in cut_off:
                deployment.check(registry, request)
            if cut_off or rollback.unfinished_of(registry, name):
                plan.finished.append(name)
            if found := automatic.choose(registry, name, max((request.id for request in cut_off), default=0)):
                plan.promoted.append(found[0])
        except DfptError as error:
            plan.refused.append(error)
    return plan


def _finish(registry: Registry, name: str, actor: Actor) -> bool:
    """Finish what was cut off of a model; whether there was anything."""
    with registry.lock():
        if not requests.of_model(registry.engine, name, State.APPROVED) and not rollback.unfinished_of(registry, name):
            return False
        promotion.finish_all(registry, name, actor)
        return True
