"""A FAKE of the Kubernetes API: real HTTP on loopback, checked against the published API both ways.

It holds to :mod:`tests.fake_kubernetes.contract`: what the published API does not know gets 400 and is written down in
``violations``. Objects are what a test puts in. It proves that our requests are well formed and that we read the
answers and bear the failures; it proves nothing about what a cluster does with them.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from tests.fake_kubernetes import contract

Object = dict[str, Any]
_ACCESS = "create_self_subject_access_review"


@dataclass
class Fault:
    """What goes wrong with the calls of an operation: a status, or no answer until the fake stops."""

    operation: str
    what: int | Literal["stalled"]


@dataclass
class State:
    """What the fake cluster has.

    Attributes:
        objects: of Kubernetes, and of the kinds in ``groups``.
        groups: "group/version" -> the plurals that are served.
        denied: (verb, resource) that no account may.
        may_impersonate: whether the caller may ask in another's name.
    """

    objects: list[Object] = field(default_factory=list)
    groups: dict[str, list[str]] = field(default_factory=dict)
    denied: set[tuple[str, str]] = field(default_factory=set)
    version: tuple[str, str] = ("1", "33")
    may_impersonate: bool = True

    def put(self, *things: Object) -> None:
        for thing in things:
            contract.check(thing)
        self.objects += things

    def drop(self, kind: str, name: str) -> None:
        self.objects = [one for one in self.objects if (one["kind"], one["metadata"]["name"]) != (kind, name)]


class FakeKubernetes:
    """The fake, running.

    Attributes:
        violations: what was sent and is not in the published API.
        requests: the operations that were called, and in whose name ("" for the caller's own).
    """

    def __init__(self) -> None:
        self.state = State()
        self.violations: list[str] = []
        self.requests: list[tuple[str, str]] = []
        self.faults: list[Fault] = []
        self.stopping = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True

    @property
    def host(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"


@contextlib.contextmanager
def running() -> Iterator[FakeKubernetes]:
    contract.operations()  # seconds, the first time; a caller would wait for them
    fake = FakeKubernetes()
    thread = threading.Thread(target=fake.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        fake.stopping.set()
        fake.server.shutdown()
        fake.server.server_close()
        thread.join()


class _Answer(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def _handler(fake: FakeKubernetes) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None: ...

        def do_GET(self) -> None:
            self._serve("GET")

        def do_POST(self) -> None:
            self._serve("POST")

        def do_DELETE(self) -> None:
            self._serve("DELETE")

        def do_PATCH(self) -> None:
            self._serve("PATCH")

        def _serve(self, method: str) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                body = self._answer(method, content)
                self._send(200, body)
            except contract.Invalid as invalid:
                fake.violations.append(f"{method} {self.path}: {invalid}")
                self._send(400, _status(400, str(invalid)))
            except _Answer as answer:
                self._send(answer.status, _status(answer.status, str(answer)))

        def _answer(self, method: str, content: bytes) -> Object:
            url = urlsplit(self.path)
            operation, parts = contract.route(method, url.path)
            query = dict(parse_qsl(url.query))
            if unknown := set(query) - operation.query:
                raise contract.Invalid(f"unknown query parameters: {', '.join(sorted(unknown))}")
            body = json.loads(content) if content else None
            if body is not None:
                if not operation.takes_body:
                    raise contract.Invalid("takes no body")
                contract.check(body)
            user = self.headers.get("Impersonate-User", "")
            fake.requests.append((operation.name, user))
            self._fail(operation.name)
            if user and not fake.state.may_impersonate:
                raise _Answer(403, f"cannot impersonate {user}")
            return _answered(fake.state, operation.name, parts, query, body)

        def _fail(self, operation: str) -> None:
            for fault in fake.faults:
                if fault.operation in (operation, "*"):
                    if fault.what == "stalled":
                        fake.stopping.wait()
                    raise _Answer(fault.what if isinstance(fault.what, int) else 500, "as the test asked for")

        def _send(self, status: int, body: Object) -> None:
            text = json.dumps(body).encode()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # a caller that waited long enough
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

    return Handler


def _status(code: int, message: str) -> Object:
    return {"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code, "message": message}


def _answered(state: State, name: str, parts: dict[str, str], query: dict[str, str], body: Object | None) -> Object:
    if name == "get_code":
        major, minor = state.version
        more = ("gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform")
        return {"major": major, "minor": minor, "gitVersion": f"v{major}.{minor}.0"} | dict.fromkeys(more, "fake")
    if name == "get_api_resources":
        return _discovered(state, f"{parts['group']}/{parts['version']}")
    if name == _ACCESS:
        assert body is not None
        asked = body["spec"]["resourceAttributes"]
        resource = "/".join(filter(None, (asked["resource"], asked.get("subresource"))))
        return body | {"status": {"allowed": (asked["verb"], resource) not in state.denied}}
    if name == "get_cluster_custom_object":
        return _one(state, parts["plural"].removesuffix("s"), parts["name"], None)
    words = name.removeprefix("read_").removeprefix("list_").removeprefix("namespaced_")
    kind = words.replace("_", "")
    if name.startswith("read_"):
        return _one(state, kind, parts["name"], parts.get("namespace"))
    if name.startswith("list_"):
        return _listed(state, kind, parts.get("namespace"), query.get("labelSelector", ""))
    raise _Answer(501, f"the fake has no {name}")


def _discovered(state: State, group_version: str) -> Object:
    if group_version not in state.groups:
        raise _Answer(404, "the server could not find the requested resource")
    resources = [
        {"name": plural, "singularName": "", "namespaced": True, "kind": plural.title(), "verbs": ["get"]}
        for plural in state.groups[group_version]
    ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources}


def _one(state: State, kind: str, name: str, namespace: str | None) -> Object:
    for thing in state.objects:
        meta = thing["metadata"]
        if thing["kind"].lower() == kind and meta["name"] == name and namespace in (None, meta.get("namespace")):
            return thing
    raise _Answer(404, f"{kind} {name} not found")


def _listed(state: State, kind: str, namespace: str | None, selector: str) -> Object:
    wanted = dict(part.split("=", 1) for part in selector.split(",") if part)
    items = [
        thing
        for thing in state.objects
        if thing["kind"].lower() == kind
        and namespace in (None, thing["metadata"].get("namespace"))
        and wanted.items() <= thing["metadata"].get("labels", {}).items()
    ]
    version = "apps/v1" if kind == "deployment" else "v1"
    title = {"deployment": "Deployment", "pod": "Pod", "node": "Node"}[kind]
    found = {"apiVersion": version, "kind": f"{title}List", "metadata": {}, "items": items}
    contract.check(found)
    return found
