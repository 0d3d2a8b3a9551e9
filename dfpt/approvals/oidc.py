"""Sign-in at an OpenID Connect provider: code flow with PKCE, state and nonce, all by Authlib.

Authlib keeps what it must remember in ``request.session``; we put there what our database keeps for this browser.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import OAuth
from httpx import HTTPError
from joserfc.errors import JoseError
from sqlalchemy import Engine, delete
from starlette.requests import Request
from starlette.responses import Response

from dfpt.approvals import secrets
from dfpt.approvals.database import writing
from dfpt.approvals.errors import ProviderFailed, SignInRefused
from dfpt.approvals.settings import Oidc
from dfpt.approvals.tables import Attempt

_MINUTES = 10  # to sign in at the provider
_SECONDS = 10  # for its answers
_AGAIN = "Sign in again."


class Provider:
    """The provider of one service; its metadata and keys are fetched when the first person comes."""

    def __init__(self, settings: Oidc) -> None:
        self._settings = settings
        self._app = OAuth().register(
            "provider",
            client_id=settings.client_id,
            client_secret=settings.secret(),
            server_metadata_url=settings.metadata_url,
            code_challenge_method="S256",
            client_kwargs={"scope": settings.scopes, "timeout": _SECONDS},
        )

    async def begin(self, request: Request, callback: str) -> tuple[Response, dict[str, Any]]:
        """The way to the provider, and what is to be kept for the way back.

        Raises:
            ProviderFailed: it does not answer, or is another than it was said to be.
        """
        kept: dict[str, Any] = {}
        request.scope["session"] = kept
        try:
            await self._require_issuer()
            response: Response = await self._app.authorize_redirect(request, callback)
        except (OAuthError, HTTPError, ValueError) as error:
            raise self._failed(error) from error
        return response, kept

    async def end(self, request: Request, kept: dict[str, Any]) -> tuple[str, str]:
        """Subject and name of the person who has come back.

        The subject is ``issuer#sub``: what the provider promises never to give to anybody else. The name is the e-mail
        address, if the provider has verified it; other claims are what a person likes to be called.

        Raises:
            SignInRefused: it did not begin here, or nobody signed in.
            ProviderFailed: it does not answer, or its token is not right.
        """
        request.scope["session"] = kept
        try:
            token = await self._app.authorize_access_token(request)
        except OAuthError as error:
            raise SignInRefused("The sign-in was not completed.", _AGAIN) from error
        except (HTTPError, JoseError, ValueError, KeyError) as error:
            raise self._failed(error) from error
        claims = token.get("userinfo")
        if not claims or not claims.get("sub"):
            raise ProviderFailed(f"{self._settings.name} vouched for nobody.", _AGAIN)
        subject = f"{self._settings.issuer}#{claims['sub']}"
        verified = claims.get("email") if claims.get("email_verified") is True else None
        name = str(verified or subject)
        if not name.isprintable() or "," in name:  # the log joins the names of several approvers by commas
            raise SignInRefused(f"{name[:100]!r} cannot be written into the log as a name.", "Ask an admin.")
        return subject, name

    async def _require_issuer(self) -> None:
        metadata = await self._app.load_server_metadata()
        if metadata.get("issuer") != self._settings.issuer:
            raise ValueError(f"its issuer is {metadata.get('issuer')!r}")

    def _failed(self, error: Exception) -> ProviderFailed:
        return ProviderFailed(f"{self._settings.name} does not answer as it should: {error}"[:500], "Try again later.")


def keep(engine: Engine, data: dict[str, Any]) -> str:
    """Remember a sign-in under way; returns the secret for the browser's cookie."""
    secret, now = secrets.new(), datetime.now(UTC)
    expires_at = now + timedelta(minutes=_MINUTES)
    with writing(engine) as session:
        session.execute(delete(Attempt).where(Attempt.expires_at < now))
        session.add(Attempt(hash=secrets.hashed(secret), data=json.dumps(data), expires_at=expires_at))
    return secret


def take(engine: Engine, secret: str) -> dict[str, Any]:
    """What was remembered, which is forgotten now: a way back works once.

    Raises:
        SignInRefused: nothing is remembered.
    """
    found = delete(Attempt).where(Attempt.hash == secrets.hashed(secret)).returning(Attempt.data, Attempt.expires_at)
    with writing(engine) as session:
        row = session.execute(found).one_or_none()
    if row is None or row.expires_at < datetime.now(UTC):
        raise SignInRefused("This sign-in did not begin here, or took too long.", _AGAIN)
    data: dict[str, Any] = json.loads(row.data)
    return data
