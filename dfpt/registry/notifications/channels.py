"""How a message leaves: Slack's webhooks, a signed webhook, e-mail. Each raises an error where it did not arrive.

No redirect is followed, no proxy asked, no answer waited for longer than ``SECONDS`` or read beyond a few bytes.
"""

from __future__ import annotations

import json
import smtplib
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import format_datetime
from http.client import HTTPException
from typing import Any

from dfpt.errors import StepFailed, UsageError
from dfpt.registry.database import Delivery
from dfpt.registry.notifications import signature
from dfpt.registry.notifications.config import Channel, check_url, is_loopback
from dfpt.registry.notifications.messages import Message

SECONDS = 10.0
_ANSWER = 1024  # bytes


def send(channel: Channel, message: Message, delivery: Delivery, now: float, http_hosts: tuple[str, ...]) -> None:
    """Hand the message over.

    Args:
        now: seconds since the epoch, which a webhook's signature covers.

    Raises:
        DfptError: it did not arrive; the text says why and holds no secret.
    """
    match channel.kind:
        case "slack":
            _post(channel, {"text": slack(message)}, {}, http_hosts)
        case "webhook":
            identity = f"{delivery.notification}-{delivery.channel}"
            _post(channel, dict(message.facts), {"X-DFPT-Delivery": identity}, http_hosts, now)
        case "email":
            _mail(channel, message, delivery)


def slack(message: Message) -> str:
    """Text for Slack, in which nobody's reason can call a whole channel or hide a link behind words."""
    text = message.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text if message.link is None else f"{text}\n{message.link}"


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Whoever answers for the URL does not choose another one for us."""


def _post(
    channel: Channel,
    content: Mapping[str, Any],
    headers: Mapping[str, str],
    http_hosts: tuple[str, ...],
    now: float | None = None,
) -> None:
    url = channel.address()
    check_url(url, http_hosts)
    body = json.dumps(content, ensure_ascii=False).encode()
    sent = {"Content-Type": "application/json", "User-Agent": "dfpt", **headers}
    if channel.secret is not None and now is not None:
        sent |= signature.headers(channel.secret.read(), body, now)
    opener = urllib.request.build_opener(NoRedirects, urllib.request.ProxyHandler({}))
    try:
        request = urllib.request.Request(url, body, sent, method="POST")
        with opener.open(request, timeout=SECONDS) as answer:
            answer.read(_ANSWER)
    except urllib.error.HTTPError as error:
        with error:
            raise StepFailed(f"It answered {error.code}.") from None  # the exception holds the URL
    except (OSError, ValueError, HTTPException) as error:
        raise StepFailed(f"It cannot be reached: {type(getattr(error, 'reason', error)).__name__}.") from None


def _mail(channel: Channel, message: Message, delivery: Delivery) -> None:
    host = str(channel.host)
    try:
        mail = _letter(channel, message, delivery)
        context = ssl.create_default_context(cafile=channel.ca_file)
        with smtplib.SMTP(host, channel.port, timeout=SECONDS) as server:
            if channel.starttls:
                server.starttls(context=context)
            elif not is_loopback(host):
                raise UsageError(f"Mail would go to {host} without TLS.", "Set starttls: true.")
            if channel.user is not None and channel.password is not None:
                server.login(channel.user, channel.password.read())
            server.send_message(mail)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        code = f" {error.smtp_code}" if isinstance(error, smtplib.SMTPResponseException) else ""
        raise StepFailed(f"The mail server {host} did not take it: {type(error).__name__}{code}.") from None


def _letter(channel: Channel, message: Message, delivery: Delivery) -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"] = " ".join(message.subject.split())
    mail["From"], mail["To"] = channel.sender, ", ".join(channel.to)
    mail["Date"] = format_datetime(delivery.created_at)
    mail["Message-ID"] = f"<dfpt-{delivery.notification}-{delivery.id}@{str(channel.sender).rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text + (f"\n\n{message.link}" if message.link else "") + "\n")
    return mail
