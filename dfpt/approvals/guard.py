"""What stands before every route: whose name we answer to, how much we read, and what a browser is told to forbid."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dfpt.approvals import cookies, problems, secrets
from dfpt.approvals.errors import TooLarge, WrongHost
from dfpt.approvals.routes import metrics
from dfpt.approvals.settings import Settings
from dfpt.errors import DfptError

POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_UNCACHED = "no-store"  # who was signed in must not be read from a cache
_YEAR = 365 * 24 * 3600


class Guard:
    """ASGI middleware, the outermost."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        send = self._with_headers(request, send)
        try:
            self._check_host(request)
            receive = await self._read(request)
        except DfptError as error:
            await problems.answer(problems.refusal(error))(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _check_host(self, request: Request) -> None:
        """Raises WrongHost: a page of another name, resolved to our address, is not ours (DNS rebinding).

        Prometheus comes by a pod's address, and the figures are for everybody.
        """
        if request.url.path == metrics.PATH:
            return
        host = request.headers.get("host", "")
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
        if name.lower() not in self.settings.hosts:
            raise WrongHost("This service does not go by that name.", "Add it to DFPT_SERVICE_ALLOWED_HOSTS.")

    async def _read(self, request: Request) -> Receive:
        """Read the body, which is small or refused, before anything works on it.

        Raises:
            TooLarge: it is longer than any that we would read.
        """
        limit = self.settings.body_bytes
        too_large = TooLarge(f"The body is longer than {limit} bytes.", "Say it in fewer words.")
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > limit:
            raise too_large
        body = bytearray()
        while True:
            message = await request.receive()
            if message["type"] == "http.disconnect":
                return _messages(message)
            body += message.get("body", b"")
            if len(body) > limit:
                raise too_large
            if not message.get("more_body", False):
                return _messages({"type": "http.request", "body": bytes(body), "more_body": False}, request.receive)

    def _with_headers(self, request: Request, send: Send) -> Send:
        known = request.cookies.get(cookies.name(self.settings, cookies.FORM))
        request.state.form_secret = known or secrets.new()

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for header, value in HEADERS.items():
                    headers.setdefault(header, value)
                if not request.url.path.startswith("/static/"):
                    headers.setdefault("Cache-Control", _UNCACHED)
                if self.settings.https:
                    headers["Strict-Transport-Security"] = f"max-age={_YEAR}"
                if known is None and headers.get("content-type", "").startswith("text/html"):
                    self._give_form_cookie(headers, request)
            await send(message)

        return sending

    def _give_form_cookie(self, headers: MutableHeaders, request: Request) -> None:
        carrier = Response()
        cookies.put(carrier, self.settings, cookies.FORM, request.state.form_secret)
        headers.append("set-cookie", carrier.headers["set-cookie"])


def _messages(first: MutableMapping[str, Any], then: Callable[[], Awaitable[Message]] | None = None) -> Receive:
    waiting = [first]

    async def receive() -> Message:
        if waiting:
            return waiting.pop()
        return await then() if then is not None else {"type": "http.disconnect"}

    return receive
