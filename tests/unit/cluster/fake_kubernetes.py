"""A fake of the Kubernetes API: real HTTP on loopback, TrainJobs and the pods of rank 0 alone.

It checks every request: the path is one of the API's, the query knows no other parameters, a TrainJob has the
published schema. Whatever is wrong with one is answered as the API answers, with 400, 404, 405 or 422, and noted.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.unit.cluster.published import problems_of_trainjob

TRAINJOBS = r"/apis/trainer\.kubeflow\.org/v1alpha1/namespaces/vision/trainjobs"
# Method, path, and the query's parameters.
KNOWN: list[tuple[str, re.Pattern[str], set[str]]] = [
    ("POST", re.compile(TRAINJOBS + r"$"), {"fieldValidation", "fieldManager", "dryRun"}),
    ("GET", re.compile(TRAINJOBS + r"/(?P<job>[^/]+)$"), set()),
    ("DELETE", re.compile(TRAINJOBS + r"/(?P<job>[^/]+)$"), {"propagationPolicy", "gracePeriodSeconds"}),
    ("GET", re.compile(r"/api/v1/namespaces/vision/pods$"), {"labelSelector"}),
    ("GET", re.compile(r"/api/v1/namespaces/vision/pods/(?P<pod>[^/]+)$"), set()),
    ("GET", re.compile(r"/api/v1/namespaces/vision/pods/(?P<pod>[^/]+)/log$"), {"container", "follow"}),
]
SELECTOR = "jobset.sigs.k8s.io/jobset-name={},jobset.sigs.k8s.io/replicatedjob-name=node,"
SELECTOR += "batch.kubernetes.io/job-completion-index=0"
LAUNCHER = {
    "metadata": {
        "name": "launcher",
        "uid": "9",
        "ownerReferences": [
            {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": "dfpt-retraining-abc", "uid": "1"}
        ],
    },
    "status": {"phase": "Running"},
}


class FakeKubernetes(ThreadingHTTPServer):
    """What it holds, what it heard, and what a test makes it do.

    Attributes:
        jobs: by name. A test sets ``status``.
        log: of rank 0.
        refuse: method -> statuses, each answered once; 0 breaks the connection.
        on_get: called with a job's name before each answer about it.
        wrong: what was wrong with requests.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.jobs: dict[str, dict[str, Any]] = {}
        self.log: list[str] = []
        self.heard: list[tuple[str, str]] = []
        self.wrong: list[str] = []
        self.refuse: dict[str, list[int]] = {}
        self.on_get: Any = lambda job: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def end(self, name: str, kind: str, reason: str = "JobsDone", message: str = "") -> None:
        self.jobs[name]["status"] = {
            "conditions": [{"type": kind, "status": "True", "reason": reason, "message": message}]
        }


class _Handler(BaseHTTPRequestHandler):
    server: FakeKubernetes
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_DELETE(self) -> None:
        self._answer("DELETE")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def _answer(self, method: str) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.heard.append((method, url.path))
        matched = [
            (path.match(url.path), known) for verb, path, known in KNOWN if verb == method and path.match(url.path)
        ]
        if not matched:
            return self._wrong(404, f"no such call: {method} {url.path}")
        match, known = matched[0]
        if unknown := set(parse_qs(url.query)) - known:
            return self._wrong(400, f"unknown parameters {sorted(unknown)} of {method} {url.path}")
        planned = self.server.refuse.get(method, [])
        if planned:
            status = planned.pop(0)
            if status == 0:  # the connection breaks
                self.close_connection = True
                return self.connection.close()
            return self._send(status, {"kind": "Status", "message": f"refused with {status}"})
        assert match
        names = match.groupdict()
        if method == "POST":
            return self._create(json.loads(body))
        if "job" in names:
            return self._job(method, names["job"])
        if url.path.endswith("/log"):
            return self._log()
        if "pod" in names:
            return self._send(200, LAUNCHER)
        return self._pods(parse_qs(url.query)["labelSelector"][0])

    def _create(self, manifest: dict[str, Any]) -> None:
        if problems := problems_of_trainjob(manifest):
            return self._wrong(422, "; ".join(problems))
        name = manifest["metadata"]["name"]
        if name in self.server.jobs:
            return self._send(409, {"kind": "Status", "reason": "AlreadyExists"})
        self.server.jobs[name] = manifest
        return self._send(201, manifest)

    def _job(self, method: str, name: str) -> None:
        if method == "GET":
            self.server.on_get(name)
        if name not in self.server.jobs:
            return self._send(404, {"kind": "Status", "reason": "NotFound"})
        if method == "DELETE":
            return self._send(200, self.server.jobs.pop(name))
        return self._send(200, self.server.jobs[name])

    def _pods(self, selector: str) -> None:
        if selector not in {SELECTOR.format(job) for job in self.server.jobs}:
            return self._wrong(400, f"selects other pods than those of rank 0: {selector}")
        pod = {
            "metadata": {"name": "rank-0", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "status": {"phase": "Running"},
        }
        return self._send(200, {"kind": "PodList", "apiVersion": "v1", "items": [pod]})

    def _log(self) -> None:
        self._send_bytes(200, "text/plain", "".join(f"{line}\n" for line in self.server.log).encode())

    def _wrong(self, status: int, why: str) -> None:
        self.server.wrong.append(why)
        self._send(status, {"kind": "Status", "message": why})

    def _send(self, status: int, value: Any) -> None:
        self._send_bytes(status, "application/json", json.dumps(value).encode())

    def _send_bytes(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None: ...


@contextmanager
def serving() -> Iterator[FakeKubernetes]:
    with FakeKubernetes() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
