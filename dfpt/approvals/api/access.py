"""Tokens and accounts. A token makes no token: a stolen one must end when it was meant to."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path

from dfpt.approvals import accounts, links, tokens
from dfpt.approvals.api.decisions import WRITING
from dfpt.approvals.api.schema import (
    LARGEST,
    AccountLinked,
    AccountShown,
    AccountWish,
    TokenIssued,
    TokenShown,
    TokenWish,
)
from dfpt.approvals.dependencies import WRITE, RegistryHere, ServiceHere, Somebody
from dfpt.approvals.errors import ScopeRefused
from dfpt.approvals.identity import Identity
from dfpt.approvals.problems import answers
from dfpt.approvals.tables import Account, Token
from dfpt.registry import permission
from dfpt.registry.errors import NotFound
from dfpt.registry.policy import Deed


async def in_person(known: Somebody) -> Identity:
    """Raises ScopeRefused: a token is asking."""
    if known.by_token:
        raise ScopeRefused("A token cannot manage tokens and accounts.", "Sign in with a browser, or use the shell.")
    return known


InPerson = Annotated[Identity, Depends(in_person)]
router = APIRouter(responses=WRITING)


async def manager(known: InPerson, registry: RegistryHere) -> Identity:
    """Raises PolicyRefused: this is no admin."""
    permission.require(registry, known.actor, Deed.MANAGE)
    return known


Manager = Annotated[Identity, Depends(manager)]
AccountName = Annotated[str, Path(max_length=100, pattern=r"^[^\x00]*$")]


@router.get("/tokens")
def list_tokens(registry: RegistryHere, known: InPerson) -> list[TokenShown]:
    """One's own tokens, the newest first; never their secrets."""
    return [_token(owner, token) for owner, token in tokens.listed(registry.engine, known.account_id)]


@router.post("/tokens", status_code=HTTPStatus.CREATED, dependencies=WRITE)
def create_token(registry: RegistryHere, known: InPerson, wish: TokenWish) -> TokenIssued:
    """A new token for oneself; its secret is shown this once."""
    owner = accounts.by_name(registry.engine, known.actor.name)
    issued = tokens.create(registry.engine, owner, wish.label, wish.scopes, wish.days)
    return TokenIssued(**_token(owner, issued.token).model_dump(), secret=issued.secret)


@router.delete("/tokens/{number}", status_code=HTTPStatus.NO_CONTENT, responses=answers(NotFound), dependencies=WRITE)
def revoke_token(registry: RegistryHere, known: InPerson, number: Annotated[int, Path(ge=1, le=LARGEST)]) -> None:
    """One of one's own tokens, at once and for good."""
    tokens.revoke(registry.engine, number, known.account_id)


@router.get("/accounts")
def list_accounts(registry: RegistryHere, known: Manager) -> list[AccountShown]:
    """Who may come in."""
    return [AccountShown.model_validate(account) for account in accounts.listed(registry.engine)]


@router.post("/accounts", status_code=HTTPStatus.CREATED, dependencies=WRITE)
def add_account(service: ServiceHere, known: Manager, wish: AccountWish) -> AccountLinked:
    """A new local account, and the link by which the person chooses a password."""
    account = accounts.add(service.registry.engine, wish.name)
    link = links.of_account(service.registry.engine, service.settings, account)
    return AccountLinked(**AccountShown.model_validate(account).model_dump(), link=link)


@router.post("/accounts/{name}/link", responses=answers(NotFound), dependencies=WRITE)
def link_account(service: ServiceHere, known: Manager, name: AccountName) -> AccountLinked:
    """A new link by which the person chooses a password; an earlier one works no more."""
    account = accounts.by_name(service.registry.engine, name)
    link = links.of_account(service.registry.engine, service.settings, account)
    return AccountLinked(**AccountShown.model_validate(account).model_dump(), link=link)


@router.post("/accounts/{name}/disable", responses=answers(NotFound), dependencies=WRITE)
def disable_account(registry: RegistryHere, known: Manager, name: AccountName) -> AccountShown:
    """Close an account: its sessions end, its tokens are refused."""
    return AccountShown.model_validate(accounts.disable(registry.engine, name))


@router.post("/accounts/{name}/enable", responses=answers(NotFound), dependencies=WRITE)
def enable_account(registry: RegistryHere, known: Manager, name: AccountName) -> AccountShown:
    """Open a closed account again."""
    return AccountShown.model_validate(accounts.disable(registry.engine, name, disabled=False))


def _token(owner: Account, token: Token) -> TokenShown:
    return TokenShown(
        id=token.id,
        account=owner.name,
        label=token.label,
        scopes=token.scopes.split(),
        created_at=token.created_at,
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
    )
