"""The section ``notifications:`` of approvals.yaml. Secrets are named there, never written there."""

from __future__ import annotations

import os
import urllib.parse
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from dfpt.errors import UsageError
from dfpt.registry.notifications.events import Event
from dfpt.settings import Positive, Section

Language = Literal["en", "ja"]
_NEEDS = {"slack": ("url_from",), "webhook": ("secret",), "email": ("host", "sender", "to")}
_OF_MAIL = ("host", "port", "starttls", "ca_file", "sender", "to", "user", "password")
_KNOWS = {"slack": ("url_from",), "webhook": ("url", "url_from", "secret"), "email": _OF_MAIL}


class Secret(Section):
    """Where a secret is: an environment variable (not one of DFPT_), or a file."""

    env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    file: str | None = None

    @model_validator(mode="after")
    def _is_in_one_place(self) -> Secret:
        if (self.env is None) == (self.file is None):
            raise ValueError("name either env or file")
        if self.env is not None and self.env.startswith("DFPT_"):
            raise ValueError("a variable that begins with DFPT_ is a setting; give the secret another name")
        return self

    def read(self) -> str:
        """The secret. Raises UsageError where there is none; the message never holds it."""
        if self.env is not None:
            found = os.environ.get(self.env, "")
            where = f"the environment variable {self.env}"
        else:
            where = str(self.file)
            try:
                found = Path(where).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise UsageError(f"The secret in {where} cannot be read.", "Correct notifications:.") from error
        if not found:
            raise UsageError(f"There is no secret in {where}.", "Set it, or correct notifications:.")
        return found


class Channel(Section):
    """One way to people. Which fields it has depends on ``kind``."""

    kind: Literal["slack", "email", "webhook"]
    events: tuple[Event, ...] = tuple(Event)
    language: Language | None = None  # None: that of the section
    url: str | None = None
    url_from: Secret | None = None  # a URL that is itself a secret, as Slack's are
    secret: Secret | None = None  # that a webhook is signed with
    host: str | None = None
    port: Annotated[int, Field(gt=0, lt=65536)] = 587
    starttls: bool = True
    ca_file: str | None = None  # of a mail server with a certificate of one's own
    sender: str | None = None
    to: tuple[str, ...] = ()
    user: str | None = None
    password: Secret | None = None

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Channel:
        for name in _NEEDS[self.kind]:
            if not getattr(self, name):
                raise ValueError(f"a channel of kind {self.kind} needs {name}")
        own = {"kind", "events", "language", *_KNOWS[self.kind]}
        for name in self.model_fields_set - own:
            raise ValueError(f"a channel of kind {self.kind} does not read {name}")
        if self.kind == "webhook" and (self.url is None) == (self.url_from is None):
            raise ValueError("name either url or url_from")
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password go together")
        if self.user is not None and not self.starttls and not is_loopback(self.host):
            raise ValueError("a password is sent over starttls only")
        return self

    def address(self) -> str:
        """The URL to post to."""
        return self.url if self.url is not None else self.url_from.read() if self.url_from else ""


class Notifications(Section):
    """Who is told, how, and how long it is tried."""

    language: Language = "en"
    link: str | None = None  # of the approvals service, for people: https://approvals.example.com
    channels: dict[str, Channel] = Field(default_factory=dict)
    attempts: Positive = 8
    first_retry_seconds: Positive = 30  # doubled from attempt to attempt
    most_retry_seconds: Positive = 3600
    max_age_hours: Positive = 72  # what is older when a channel is first tried is not sent any more
    http_hosts: tuple[str, ...] = ()  # that may be posted to without TLS; loopback always may


def is_loopback(host: str | None) -> bool:
    """Whether a host, as it is written, is this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


def check_url(url: str, http_hosts: tuple[str, ...]) -> None:
    """Refuse to post anywhere but to https, to this machine, or to a host that the policy names.

    Raises:
        UsageError: it is none of these; the URL is not repeated, because it may hold a secret.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise UsageError("The channel's URL is no http or https URL.", "Correct notifications:.")
    if parts.scheme == "http" and not is_loopback(host) and host not in http_hosts:
        raise UsageError(
            f"The channel would post to {host} without TLS.", f"Use https, or list {host} under http_hosts:."
        )
