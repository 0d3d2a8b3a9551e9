"""The HTTP frame of the fakes: a server on loopback, what it was sent that nobody published, and what goes wrong."""

from __future__ import annotations

import contextlib
import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, TypeVar
from urllib.parse import parse_qsl, urlsplit

_Fake = TypeVar("_Fake", bound="FakeServer")


@dataclass(frozen=True)
class Request:
    """What a client has sent."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Message
    content: bytes


@dataclass(frozen=True)
class Reply:
    """What it gets."""

    body: bytes
    status: int = 200
    kind: str = "application/json"


@dataclass
class Fault:
    """What goes wrong with the next calls of an operation.

    Attributes:
        operation: its published name; ``*`` is every one.
        what: a status to answer with; "lost": the connection breaks before anything is done; "unanswered": it breaks
            when everything is done; "stalled": no answer until the fake stops; "page": a login page instead.
    """

    operation: str
    what: int | Literal["lost", "unanswered", "stalled", "page"]
    times: int = 1


class Refused(Exception):
    """An answer that is none of success: HTTP status, what the API says, and whether it is our request's fault."""

    def __init__(self, status: int, message: str, violates: bool | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.violates = status == 400 if violates is None else violates


class _Broken(Exception):
    """The connection ends without an answer."""


class _Page(Exception):
    """A login page comes instead."""


class FakeServer(ABC):
    """A fake, running. One kind of API each: ``answer`` and ``said``.

    Attributes:
        violations: what was sent and is not in the published API.
    """

    def __init__(self) -> None:
        self.violations: list[str] = []
        self.faults: list[Fault] = []
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True

    @property
    def host(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    @abstractmethod
    def answer(self, request: Request) -> Reply:
        """Raises Refused for everything but success."""

    @abstractmethod
    def said(self, refused: Refused) -> Any:
        """A refusal in the API's own form, for JSON."""

    @contextlib.contextmanager
    def troubled(self, operation: str) -> Iterator[None]:
        """Inside the block the operation is done, unless something goes wrong with it before or after."""
        what = self._next_fault(operation)
        if what == "stalled":
            self.stopping.wait()
        if what in ("lost", "stalled"):
            raise _Broken
        if what == "page":
            raise _Page
        if isinstance(what, int):
            raise Refused(what, "as the test asked for")
        yield
        if what == "unanswered":
            raise _Broken

    def _next_fault(self, operation: str) -> int | str | None:
        with self.lock:
            for fault in self.faults:
                if fault.operation in (operation, "*") and fault.times > 0:
                    fault.times -= 1
                    return fault.what
        return None


@contextlib.contextmanager
def running(fake: _Fake) -> Iterator[_Fake]:
    """The fake on a free port, until the block ends."""
    thread = threading.Thread(target=fake.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        fake.stopping.set()
        fake.server.shutdown()
        fake.server.server_close()
        thread.join()


def as_json(value: Any, status: int = 200) -> Reply:
    return Reply(json.dumps(value).encode(), status)


def _handler(fake: FakeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None: ...

        def _serve(self) -> None:
            url = urlsplit(self.path)
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = Request(self.command, url.path, dict(parse_qsl(url.query)), self.headers, content)
            try:
                self._send(fake.answer(request))
            except Refused as refused:
                if refused.violates:
                    fake.violations.append(f"{self.command} {self.path}: {refused.message}")
                self._send(as_json(fake.said(refused), refused.status))
            except _Page:
                self._send(Reply(b"<html>Sign in</html>", kind="text/html"))
            except _Broken:
                self.close_connection = True
                self.connection.close()

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

        def _send(self, reply: Reply) -> None:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # a caller that waited long enough
                self.send_response(reply.status)
                self.send_header("Content-Type", reply.kind)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

    return Handler
