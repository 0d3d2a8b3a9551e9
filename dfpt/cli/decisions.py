"""``dfpt model request|approve|reject|withdraw|rollback``: what people decide."""

from __future__ import annotations

from typing import Annotated

import typer

from dfpt.cli.deciding import Decision, decision
from dfpt.errors import EXIT_PENDING

Emergency = Annotated[
    bool, typer.Option("--emergency", help="As an admin: pass over four eyes, quorum, freeze; marked for ever.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (request, approve, reject, withdraw, rollback):
        app.command()(decision(command))


def request(deed: Decision) -> None:
    """Ask for the approval of a candidate again, after its request was withdrawn, superseded or has expired."""
    from dfpt.registry import candidates, listing, permission
    from dfpt.registry.policy import Deed

    name, version = deed.candidate
    found = listing.entry(deed.registry, name, version)
    if deed.dry_run:
        permission.require(deed.registry, deed.actor, Deed.REQUEST)
        deed.say(f"Would ask for the approval of {name}/{version}, which is {found.status}.")
        return
    known = deed.registry.client.get_model_version(name, str(version))
    done = candidates.request(deed.registry, known, deed.actor, deed.reason)
    deed.say(f"{done.model} is {done.state}, asked for by {done.requested_by}.", done)
    if done.state == "pending":
        raise typer.Exit(EXIT_PENDING)


def approve(deed: Decision, emergency: Emergency = False) -> None:
    """Put a candidate into production: its files are copied and hashed, and it becomes the champion."""
    from dfpt.registry import promotion
    from dfpt.registry.champion import production_name
    from dfpt.registry.database import State
    from dfpt.registry.errors import PolicyRefused

    name, version = deed.candidate
    registry = deed.registry
    before = promotion.find(registry, name, version)
    if before.state == State.PROMOTED:
        place = f"{production_name(name)}/{before.production_version}"
        deed.say(f"{before.model} is {place} already; nothing to do.", before)
    elif deed.dry_run:
        if before.state != State.APPROVED:
            ruling = promotion.rule(registry, before, deed.actor, emergency)
            if ruling.refusal is not None:
                raise PolicyRefused(ruling.refusal, ruling.remedy)
            promotion.check(registry, before)
        deed.say(f"Would make {before.model} the champion of {production_name(name)}, approved by {deed.actor.name}.")
    else:
        done = promotion.approve(registry, name, version, deed.actor, deed.reason, emergency=emergency)
        if done.state == State.PENDING:
            deed.say(f"{done.model} has the approval of {deed.actor.name} and waits for another person's.", done)
            raise typer.Exit(EXIT_PENDING)
        own = ", who asked for it himself or herself" if done.self_approved else ""
        passed_over = "; the rules were passed over in an emergency" if done.emergency else ""
        deed.say(
            f"{done.model} is {production_name(name)}/{done.production_version}, the champion; "
            f"approved by {done.decided_by}{own}{passed_over}.",
            done,
        )


def reject(deed: Decision) -> None:
    """Say no to a candidate; the pipeline does not ask for the same weights again."""
    from dfpt.registry import rejection

    name, version = deed.candidate
    if deed.dry_run:
        found = rejection.check(deed.registry, name, version, deed.actor)
        deed.say(f"Would reject {found.model}, by {deed.actor.name}.", found)
    else:
        done = rejection.reject(deed.registry, name, version, deed.actor, deed.reason)
        deed.say(f"{done.model} is rejected, by {done.decided_by}.", done)


def withdraw(deed: Decision) -> None:
    """Take your own request back; an admin may take anybody's."""
    from dfpt.registry import withdrawal

    name, version = deed.candidate
    if deed.dry_run:
        found = withdrawal.check(deed.registry, name, version, deed.actor)
        deed.say(f"Would withdraw the request for {found.model}.", found)
    else:
        done = withdrawal.withdraw(deed.registry, name, version, deed.actor, deed.reason)
        deed.say(f"The request for {done.model} is withdrawn.", done)


def rollback(deed: Decision) -> None:
    """Make an earlier production version the champion again; without VERSION the one that was there before.

    NAME is the candidates' name or that of the production side, VERSION one of the production side.
    """
    from dfpt.registry import permission
    from dfpt.registry import rollback as registry
    from dfpt.registry.champion import PRODUCTION, production_name
    from dfpt.registry.policy import Deed

    name = deed.name.removesuffix(PRODUCTION)
    if deed.dry_run:
        permission.require(deed.registry, deed.actor, Deed.ROLL_BACK)
        target = registry.check(deed.registry, name, deed.version)
        version, was = target.version, target.from_version
        deed.say(
            f"Would make {production_name(name)}/{version} the champion again, instead of version {was}.",
            production_version=version,
        )
        return
    done = registry.roll_back(deed.registry, name, deed.actor, deed.reason, deed.version)
    deed.say(
        f"{production_name(name)}/{done.production_version} is the champion again, by {done.by}.",
        name=name,
        production_version=done.production_version,
        previous_version=done.previous_version,
        by=done.by,
        reason=done.reason,
        at=done.at,
    )
