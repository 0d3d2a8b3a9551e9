"""A FAKE of Kubeflow Pipelines' API server: real HTTP on loopback, checked against the published API both ways.

It holds to :mod:`tests.fake_kfp.contract`: a request that the published API does not know gets 400 and is written down
in ``violations``, and an answer of the fake's own that does not fit fails the test. It proves that our requests are
well formed and that our client reads the answers and bears the failures; it proves nothing about scheduling.
"""

from __future__ import annotations

import contextlib
import email.parser
import email.policy
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

import jsonschema

from tests.fake_kfp import contract
from tests.fake_kfp.state import Refused, State

_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 409: 6}  # HTTP status -> that of google.rpc


@dataclass
class Fault:
    """What goes wrong with the next calls of an operation.

    Attributes:
        what: a status to answer with; "lost": the connection breaks before anything is done; "unanswered": it breaks
            when everything is done; "stalled": no answer until the fake stops; "page": a login page instead.
    """

    operation: str
    what: int | Literal["lost", "unanswered", "stalled", "page"]
    times: int = 1


class FakePipelines:
    """The fake, running.

    Attributes:
        violations: what was sent and is not in the published API.
        requests: the operations that were called, with their bodies.
        token: if set, what has to come as a bearer token.
    """

    def __init__(self) -> None:
        self.state = State()
        self.violations: list[str] = []
        self.requests: list[tuple[str, Any]] = []
        self.faults: list[Fault] = []
        self.token: str | None = None
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True

    @property
    def host(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def count(self, operation: str) -> int:
        return sum(name == operation for name, _ in self.requests)

    def writes(self) -> int:
        """How many calls there were that change something."""
        return sum(not name.partition("_service_")[2].startswith(("list", "get")) for name, _ in self.requests)

    def fault(self, operation: str) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if fault.operation == operation and fault.times > 0:
                    fault.times -= 1
                    return fault
        return None


@contextlib.contextmanager
def running() -> Iterator[FakePipelines]:
    """The fake on a free port; at the end it must have been asked for nothing that the published API has not."""
    fake = FakePipelines()
    thread = threading.Thread(target=fake.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        fake.stopping.set()
        fake.server.shutdown()
        fake.server.server_close()
        thread.join()


def _handler(fake: FakePipelines) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None: ...

        def do_GET(self) -> None:
            self._serve("GET")

        def do_POST(self) -> None:
            self._serve("POST")

        def do_DELETE(self) -> None:
            self._serve("DELETE")

        def _serve(self, method: str) -> None:
            url = urlsplit(self.path)
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                operation, parts = _route(method, url.path)
                fault = fake.fault(operation.name)
                if fault is not None and fault.what == "lost":
                    return self._break_off()
                if fault is not None and fault.what == "stalled":
                    fake.stopping.wait()
                    return self._break_off()
                if fault is not None and fault.what == "page":
                    return self._send(200, b"<html>Sign in</html>", "text/html")
                if fault is not None and isinstance(fault.what, int):
                    raise Refused(fault.what, "as the test asked for")
                if fake.token is not None and self.headers.get("Authorization") != f"Bearer {fake.token}":
                    raise Refused(401, "Request header error: there is no valid token")
                answer = self._answer(operation, parts, dict(parse_qsl(url.query)), content)
                if fault is not None:
                    return self._break_off()
                self._send(200, json.dumps(answer).encode())
            except Refused as refused:
                if refused.status == 400:
                    fake.violations.append(f"{method} {self.path}: {refused.message}")
                body = {"error": refused.message, "code": _CODES.get(refused.status, 13), "message": refused.message}
                self._send(refused.status, json.dumps(body).encode())

        def _answer(
            self, operation: contract.Operation, parts: dict[str, str], query: dict[str, str], content: bytes
        ) -> Any:
            arguments: dict[str, Any] = dict(parts)
            if unknown := set(query) - operation.query:
                raise Refused(400, f"unknown query parameters: {', '.join(sorted(unknown))}")
            if query.get("filter"):
                _check(json.loads(query["filter"]), "V2beta1Filter")
            if operation.body:
                arguments["body"] = body = json.loads(content)
                _check(body, operation.body)
            elif operation.upload:
                arguments["upload"] = _uploaded(self.headers["Content-Type"], content)
            with fake.lock:
                fake.requests.append((operation.name, arguments.get("body")))
                call = getattr(fake.state, operation.name, None)
                if call is None:
                    raise Refused(501, f"the fake has no {operation.name}")
                answer = json.loads(json.dumps(call(query=query, **arguments)))
            if operation.answer != "object":
                jsonschema.validate(answer, contract.schema(operation.answer))
            return answer

        def _send(self, status: int, body: bytes, kind: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _break_off(self) -> None:
            self.close_connection = True
            self.connection.close()

    return Handler


def _route(method: str, path: str) -> tuple[contract.Operation, dict[str, str]]:
    for operation in contract.operations():
        if operation.method == method and (found := operation.pattern.match(path)):
            return operation, found.groupdict()
    raise Refused(400, "no such path in the published API")


def _check(value: Any, type_name: str) -> None:
    try:
        jsonschema.validate(value, contract.schema(type_name))
    except jsonschema.ValidationError as error:
        raise Refused(400, f"{type_name}: {error.json_path}: {error.message}") from error


def _uploaded(kind: str, content: bytes) -> bytes:
    """The file of a multipart form."""
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(
        f"Content-Type: {kind}\r\n\r\n".encode() + content
    )
    for part in message.iter_parts():
        if part.get_param("name", header="content-disposition") == "uploadfile":
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            return payload
    raise Refused(400, "the form has no uploadfile")
