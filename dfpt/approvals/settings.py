"""How the service is set up: ``DFPT_SERVICE_*`` in the environment, checked; loopback unless told otherwise."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, model_validator

from dfpt import settings
from dfpt.settings import Positive, Section

PREFIX = "DFPT_SERVICE_"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def _listed(value: Any) -> Any:
    """``a, b`` of an environment variable as a list."""
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Port = Annotated[int, Field(ge=1, le=65535)]


class Oidc(Section):
    """The OpenID Connect provider.

    Attributes:
        issuer: exactly as the provider writes it; below it lies ``/.well-known/openid-configuration``.
        secret_file: holds the client's secret; none for a public client, which PKCE protects.
        name: shown on the button.
    """

    issuer: str
    client_id: str
    secret_file: Path | None = None
    scopes: str = "openid email profile"
    name: str = "OpenID Connect"

    @model_validator(mode="after")
    def _encrypted(self) -> Oidc:
        url = urlsplit(self.issuer)
        if url.scheme != "https" and not (url.scheme == "http" and is_loopback(url.netloc)):
            raise ValueError("issuer must be an https URL (http on loopback)")
        return self

    @property
    def metadata_url(self) -> str:
        return f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"

    def secret(self) -> str | None:
        return None if self.secret_file is None else self.secret_file.read_text(encoding="utf-8").strip()


class Settings(Section):
    """Of the service.

    Attributes:
        public_url: where browsers find it, if not at host and port; https makes cookies secure.
        allowed_hosts: Host headers that are answered, besides those of loopback and ``public_url``.
        trusted_proxies: addresses whose X-Forwarded-For and -Proto are believed.
        mlflow_url: where people open MLflow's pages; linked from ours.
        local_login: whether names and passwords are accepted; false leaves the provider alone.
        sweep_seconds: how often what was cut off is finished, what is overdue expired.
        reconcile_seconds: how often production is held against the log.
        mlflow_seconds: how long one answer of an MLflow server may take.
        queue_seconds: how long somebody waits for those who decide before; then he is told to come again.
        retry_seconds: what a caller is told to wait while MLflow is away.
    """

    home: Path
    host: str = "127.0.0.1"
    port: Port = 8080
    public_url: str = ""
    allowed_hosts: Words = ()
    trusted_proxies: Words = ()
    mlflow_url: str = ""
    local_login: bool = True
    oidc: Oidc | None = None
    session_idle_minutes: Positive = 60
    session_hours: Positive = 12
    link_hours: Positive = 24
    body_bytes: Positive = 64 * 1024
    logins_per_minute: Positive = 10
    writes_per_minute: Positive = 120
    sweep_seconds: Positive = 30
    reconcile_seconds: Positive = 300
    mlflow_seconds: Positive = 10
    queue_seconds: Positive = 60
    retry_seconds: Positive = 10

    @model_validator(mode="after")
    def _reachable(self) -> Settings:
        if not is_loopback(self.host) and not self.public_url and not self.allowed_hosts:
            raise ValueError("a host beyond loopback needs public_url, as browsers write it, or allowed_hosts")
        return self

    @property
    def url(self) -> str:
        """Where browsers find the service, without a slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def https(self) -> bool:
        return urlsplit(self.url).scheme == "https"

    @property
    def hosts(self) -> frozenset[str]:
        """All Host headers that are answered, without ports."""
        return frozenset({*LOOPBACK, *self.allowed_hosts, _without_port(urlsplit(self.url).netloc)})


def load(home: Path, environment: Mapping[str, str] = os.environ, **given: Any) -> Settings:
    """The settings of the environment; what is ``given`` and not None goes before.

    Raises:
        UsageError: an unknown variable or a value that is not valid.
    """
    values: dict[str, Any] = {"home": home.absolute()}
    oidc: dict[str, str] = {}
    for variable, value in environment.items():
        if not variable.startswith(PREFIX):
            continue
        key = variable.removeprefix(PREFIX).lower()
        if key.startswith("oidc_"):
            oidc[key.removeprefix("oidc_")] = value
        else:
            values[key] = value
    if oidc:
        values["oidc"] = oidc
    values |= {key: value for key, value in given.items() if value is not None}
    return settings.validated(Settings, values, f"{PREFIX}*")


def is_loopback(netloc: str) -> bool:
    return _without_port(netloc) in LOOPBACK


def _without_port(netloc: str) -> str:
    host, colon, port = netloc.rpartition(":")
    return host if colon and port.isdecimal() else netloc
