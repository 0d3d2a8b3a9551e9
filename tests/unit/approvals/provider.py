"""An OpenID Connect provider for tests: a real server's worth of discovery, keys, codes with PKCE and RS256 tokens.

``lie`` makes it break one promise, as an attacker or a wrong set-up would.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import FastAPI, Form, HTTPException
from fastapi.responses import RedirectResponse
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT, SECRET = "dfpt", "the client's secret"


@dataclass
class Provider:
    """``person`` is signed in at it; ``seen`` holds what it was asked with."""

    person: dict[str, Any]
    issuer: str = ""
    lie: str = ""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    seen: list[dict[str, str]] = field(default_factory=list)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"}))

    def app(self) -> FastAPI:
        app = FastAPI()
        app.get("/.well-known/openid-configuration")(self.metadata)
        app.get("/keys")(self.keys)
        app.get("/authorize")(self.authorize)
        app.post("/token")(self.token)
        return app

    async def metadata(self) -> dict[str, Any]:
        return {
            "issuer": "https://other.example" if self.lie == "issuer of the metadata" else self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
        }

    async def keys(self) -> dict[str, Any]:
        return {"keys": [self.key.as_dict(private=False)]}

    async def authorize(
        self,
        client_id: str,
        redirect_uri: str,
        response_type: str,
        scope: str,
        state: str,
        nonce: str,
        code_challenge: str,
        code_challenge_method: str,
    ) -> RedirectResponse:
        assert (client_id, response_type, code_challenge_method) == (CLIENT, "code", "S256")
        code = secrets.token_urlsafe()
        self.codes[code] = {"nonce": nonce, "challenge": code_challenge, "redirect_uri": redirect_uri}
        self.seen.append({"state": state, "nonce": nonce, "scope": scope, "challenge": code_challenge})
        return RedirectResponse(f"{redirect_uri}?{urlencode({'code': code, 'state': state})}", 303)

    async def token(
        self, code: Annotated[str, Form()], redirect_uri: Annotated[str, Form()], code_verifier: Annotated[str, Form()]
    ) -> dict[str, Any]:
        known = self.codes.pop(code, None)
        digest = hashlib.sha256(code_verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if known is None or known["challenge"] != challenge or known["redirect_uri"] != redirect_uri:
            raise HTTPException(400, {"error": "invalid_grant"})
        token = {"access_token": secrets.token_urlsafe(), "token_type": "Bearer", "expires_in": 60}
        return token if self.lie == "no id token" else token | {"id_token": self.id_token(known["nonce"])}

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": nonce} | self.person
        claims |= {
            "nonce": {"nonce": "another"},
            "no nonce": {"nonce": None},
            "audience": {"aud": "another client"},
            "issuer": {"iss": "https://other.example"},
            "expired": {"iat": now - 7200, "exp": now - 3600},
            "no subject": {"sub": None},
        }.get(self.lie, {})
        claims = {claim: value for claim, value in claims.items() if value is not None}
        if self.lie == "no signature":
            parts = [{"alg": "none"}, claims]
            return ".".join(base64.urlsafe_b64encode(str(part).encode()).decode().rstrip("=") for part in parts) + "."
        if self.lie == "shared key":  # the public key, which everybody has, as the secret of an HMAC
            public = OctKey.import_key(self.key.as_pem(private=False))
            return jwt.encode({"alg": "HS256", "kid": "one"}, claims, public, algorithms=["HS256"])
        signing = RSAKey.generate_key(2048, {"kid": "one"}) if self.lie == "signature" else self.key
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, signing, algorithms=["RS256"])
