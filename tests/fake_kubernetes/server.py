"""A FAKE of the Kubernetes API: real HTTP on loopback, checked against the published API both ways.

It holds to :mod:`tests.fake_kubernetes.contract`: what the published API does not know gets 400 and is written down in
``violations``. Objects are what a test puts in; TrainJobs can be made, see :mod:`tests.fake_kubernetes.trainer`. It
proves that our requests are well formed and that we read the answers and bear the failures; it proves nothing about
what a cluster does with them.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests import fake_http
from tests.fake_http import FakeServer, Fault, Refused, Reply, Request, as_json
from tests.fake_kubernetes import contract
from tests.fake_kubernetes.trainer import Trainer

__all__ = ["FakeKubernetes", "Fault", "State", "running"]
Object = dict[str, Any]
_ACCESS = "create_self_subject_access_review"


@dataclass
class State:
    """What the fake cluster has.

    Attributes:
        objects: of Kubernetes, and of the kinds in ``groups``.
        groups: "group/version" -> the plurals that are served.
        denied: (verb, resource) that no account may.
        may_impersonate: whether the caller may ask in another's name.
        trainer: the TrainJobs.
    """

    objects: list[Object] = field(default_factory=list)
    groups: dict[str, list[str]] = field(default_factory=dict)
    denied: set[tuple[str, str]] = field(default_factory=set)
    version: tuple[str, str] = ("1", "33")
    may_impersonate: bool = True
    trainer: Trainer = field(default_factory=Trainer)

    def put(self, *things: Object) -> None:
        for thing in things:
            contract.check(thing)
        self.objects += things

    def drop(self, kind: str, name: str) -> None:
        self.objects = [one for one in self.objects if (one["kind"], one["metadata"]["name"]) != (kind, name)]


class FakeKubernetes(FakeServer):
    """The fake, running.

    Attributes:
        requests: the operations that were called, and in whose name ("" for the caller's own).
    """

    def __init__(self) -> None:
        super().__init__()
        self.state = State()
        self.requests: list[tuple[str, str]] = []

    def answer(self, request: Request) -> Reply:
        try:
            operation, parts = contract.route(request.method, request.path)
            if unknown := set(request.query) - operation.query:
                raise contract.Invalid(f"unknown query parameters: {', '.join(sorted(unknown))}")
            body = json.loads(request.content) if request.content else None
            if body is not None:
                if not operation.takes_body:
                    raise contract.Invalid("takes no body")
                if not operation.name.endswith("_custom_object"):  # whose schemas are their makers'
                    contract.check(body)
        except contract.Invalid as invalid:
            raise Refused(400, str(invalid)) from invalid
        user = request.headers.get("Impersonate-User", "")
        self.requests.append((operation.name, user))
        with self.troubled(operation.name):
            if user and not self.state.may_impersonate:
                raise Refused(403, f"cannot impersonate {user}")
            if operation.name == "read_namespaced_pod_log":
                text = self.state.trainer.log_of(parts["name"], request.query)
                return Reply(text.encode(), kind="text/plain")
            found = _answered(self.state, operation.name, parts, dict(request.query), body)
            return as_json(found, 201 if request.method == "POST" else 200)

    def said(self, refused: Refused) -> Object:
        return {
            "apiVersion": "v1",
            "kind": "Status",
            "status": "Failure",
            "code": refused.status,
            "message": refused.message,
        }


@contextlib.contextmanager
def running() -> Iterator[FakeKubernetes]:
    """The fake on a free port."""
    contract.operations()  # seconds, the first time; a caller would wait for them
    with fake_http.running(FakeKubernetes()) as fake:
        yield fake


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
    if name.endswith("_namespaced_custom_object"):
        return state.trainer.answered(state, name, parts, body)
    words = name.removeprefix("read_").removeprefix("list_").removeprefix("namespaced_")
    kind = words.replace("_", "")
    if name.startswith("read_"):
        return _one(state, kind, parts["name"], parts.get("namespace"))
    if name.startswith("list_"):
        return _listed(state, kind, parts.get("namespace"), query.get("labelSelector", ""))
    raise Refused(501, f"the fake has no {name}")


def _discovered(state: State, group_version: str) -> Object:
    if group_version not in state.groups:
        raise Refused(404, "the server could not find the requested resource")
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
    raise Refused(404, f"{kind} {name} not found")


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
