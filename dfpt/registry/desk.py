"""What people do at the registry, a function each, and the words that they are told: for every shell the same.

The command line asks :class:`Local` or, over the network, the client of the approvals service, which asks it there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from dfpt.registry import (
    candidates,
    history,
    listing,
    permission,
    promotion,
    rejection,
    requests,
    rollback,
    withdrawal,
)
from dfpt.registry.actor import Actor
from dfpt.registry.candidates import Sums
from dfpt.registry.champion import PRODUCTION, production_name
from dfpt.registry.database import Request, State
from dfpt.registry.errors import PolicyRefused
from dfpt.registry.handle import Registry
from dfpt.registry.history import Deployment
from dfpt.registry.policy import Deed


@dataclass(frozen=True)
class Answer:
    """What became of a wish.

    Attributes:
        message: a sentence for people.
        shown: what programs read.
        pending: it waits for a person's approval.
        waiting: it was decided, and waits for MLflow.
    """

    message: str
    shown: dict[str, Any] = field(default_factory=dict)
    pending: bool = False
    waiting: bool = False


class Desk(Protocol):
    """Who is asking is known to the desk. Each raises what the function of the registry raises.

    With ``dry_run`` it is only checked, and said what would be done.
    """

    def request(
        self, name: str, version: int, reason: str, dry_run: bool = False, sums: Sums | None = None
    ) -> Answer: ...

    def approve(
        self, name: str, version: int, reason: str, dry_run: bool = False, emergency: bool = False
    ) -> Answer: ...

    def reject(self, name: str, version: int, reason: str, dry_run: bool = False) -> Answer: ...

    def withdraw(self, name: str, version: int, reason: str, dry_run: bool = False) -> Answer: ...

    def roll_back(self, name: str, to: int | None, reason: str, dry_run: bool = False) -> Answer: ...

    def history(self, name: str, at: str | None = None) -> Sequence[Deployment]: ...


@dataclass(frozen=True)
class Local:
    """The desk of the registry that is open here."""

    registry: Registry
    actor: Actor

    def request(self, name: str, version: int, reason: str, dry_run: bool = False, sums: Sums | None = None) -> Answer:
        """Ask for approval, or again after the request was withdrawn, superseded or has expired.

        Args:
            sums: what is asked for; refused where the version has others.
        """
        permission.require_reason(reason)
        if dry_run:
            found = listing.entry(self.registry, name, version)
            permission.require(self.registry, self.actor, Deed.REQUEST)
            return Answer(f"Would ask for the approval of {name}/{version}, which is {found.status}.")
        known = listing.find(self.registry, name, version)
        done = candidates.request(self.registry, known, self.actor, reason, sums)
        earlier = requests.before(self.registry.engine, done)
        message = f"{done.model} is {done.state}, asked for by {done.requested_by}."
        shown = as_object(done) | {"asked_again_after": None if earlier is None else earlier.state}
        return Answer(message, shown, done.state == State.PENDING)

    def approve(self, name: str, version: int, reason: str, dry_run: bool = False, emergency: bool = False) -> Answer:
        """Put a candidate into production."""
        permission.require_reason(reason)
        before = promotion.find(self.registry, name, version)
        if before.state == State.PROMOTED:
            place = f"{production_name(name)}/{before.production_version}"
            return Answer(f"{before.model} is {place} already; nothing to do.", as_object(before))
        if dry_run:
            self._could_approve(before, emergency)
            place = production_name(name)
            return Answer(f"Would make {before.model} the champion of {place}, approved by {self.actor.name}.")
        done = promotion.approve(self.registry, name, version, self.actor, reason, emergency=emergency)
        if done.state == State.PENDING:
            message = f"{done.model} has the approval of {self.actor.name} and waits for another person's."
            return Answer(message, as_object(done), pending=True)
        own = ", who asked for it himself or herself" if done.self_approved else ""
        passed_over = "; the rules were passed over in an emergency" if done.emergency else ""
        return Answer(
            f"{done.model} is {production_name(name)}/{done.production_version}, the champion; "
            f"approved by {done.decided_by}{own}{passed_over}.",
            as_object(done),
        )

    def _could_approve(self, request: Request, emergency: bool) -> None:
        if request.state == State.APPROVED:
            return
        ruling = promotion.rule(self.registry, request, self.actor, emergency)
        if ruling.refusal is not None:
            raise PolicyRefused(ruling.refusal, ruling.remedy)
        promotion.check(self.registry, request)

    def reject(self, name: str, version: int, reason: str, dry_run: bool = False) -> Answer:
        """Say no to a candidate."""
        permission.require_reason(reason)
        if dry_run:
            found = rejection.check(self.registry, name, version, self.actor)
            return Answer(f"Would reject {found.model}, by {self.actor.name}.", as_object(found))
        done = rejection.reject(self.registry, name, version, self.actor, reason)
        return Answer(f"{done.model} is rejected, by {done.decided_by}.", as_object(done))

    def withdraw(self, name: str, version: int, reason: str, dry_run: bool = False) -> Answer:
        """Take a request back."""
        permission.require_reason(reason)
        if dry_run:
            found = withdrawal.check(self.registry, name, version, self.actor)
            return Answer(f"Would withdraw the request for {found.model}.", as_object(found))
        done = withdrawal.withdraw(self.registry, name, version, self.actor, reason)
        return Answer(f"The request for {done.model} is withdrawn.", as_object(done))

    def roll_back(self, name: str, to: int | None, reason: str, dry_run: bool = False) -> Answer:
        """Make an earlier production version the champion again; None: the one that was there before."""
        permission.require_reason(reason)
        name = name.removesuffix(PRODUCTION)
        if dry_run:
            permission.require(self.registry, self.actor, Deed.ROLL_BACK)
            target = rollback.check(self.registry, name, to)
            return Answer(
                f"Would make {production_name(name)}/{target.version} the champion again, "
                f"instead of version {target.from_version}.",
                {"production_version": target.version},
            )
        done = rollback.roll_back(self.registry, name, self.actor, reason, to)
        return Answer(
            f"{production_name(name)}/{done.production_version} is the champion again, by {done.by}.",
            {
                "name": name,
                "production_version": done.production_version,
                "previous_version": done.previous_version,
                "by": done.by,
                "reason": done.reason,
                "at": done.at,
            },
        )

    def history(self, name: str, at: str | None = None) -> Sequence[Deployment]:
        """What was in production; ``at`` a date, if there is one."""
        return history.asked(self.registry.engine, name, at)


def as_object(request: Request) -> dict[str, Any]:
    """A request as programs read it."""
    fields = ("name", "version", "state", "production_version", "requested_by", "decided_by", "decision_reason")
    marks = ("self_approved", "emergency", "automatic", "weights_sha256", "artifact_sha256")
    return {"request": request.id} | {field: getattr(request, field) for field in (*fields, *marks)}
