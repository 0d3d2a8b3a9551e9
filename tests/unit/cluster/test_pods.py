"""Logs by the Kubernetes API: its published client against two canned answers on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from kubernetes import client

from dfpt.cluster import errors, pods
from dfpt.cluster.pods import Pods
from dfpt.errors import DataRefused, UsageError

RUN = "0a1b"
LOGS = {"wf-1": "reading\nDataRefused: The class good has no image.\n", "wf-3": "training\n"}


def pod(name: str, node: str, second: int) -> dict[str, Any]:
    metadata = {"name": name, "annotations": {pods.NODE_ANNOTATION: node}}
    return {"metadata": metadata | {"creationTimestamp": f"2026-11-24T01:00:{second:02}Z"}}


ITEMS = [
    pod("wf-3", "wf.root.exit-handler-1.train-teacher(1).executor(0)", 30),
    pod("wf-2", "wf.root.validate-driver", 20),
    pod("wf-1", "wf.root.validate.executor", 10),
]


@pytest.fixture
def core() -> Iterator[client.CoreV1Api]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            name = path.split("/")[-2]
            if path.endswith("/log") and "container=main" in query:
                body, kind = LOGS[name].encode(), "text/plain"
            else:
                mine = ITEMS if query.startswith(f"labelSelector=pipeline%2Frunid%3D{RUN}") else []
                body, kind = json.dumps({"kind": "PodList", "apiVersion": "v1", "items": mine}).encode(), ""
            self.send_response(403 if "forbidden" in path else 200)
            self.send_header("Content-Type", kind or "application/json")
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    configuration = client.Configuration()
    configuration.host = f"http://127.0.0.1:{server.server_address[1]}"
    yield client.CoreV1Api(client.ApiClient(configuration))
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("node", "step"),
    [
        ("wf.root.prepare.executor", "prepare"),
        ("wf.root.condition-1.register(0).executor(1)", "register"),
        ("wf.root.prepare-driver", None),
        ("wf.root", None),
        ("", None),
    ],
)
def test_the_step_is_read_from_argos_node(node: str, step: str | None) -> None:
    assert pods.step_of(node) == step


def test_logs_come_in_the_order_of_the_steps_and_without_the_drivers(core: client.CoreV1Api) -> None:
    found = [(item.step, text) for item, text in Pods("team", core).logs(RUN, None)]
    assert found == [("validate", LOGS["wf-1"]), ("train-teacher", LOGS["wf-3"])]
    assert [item.name for item, _ in Pods("team", core).logs(RUN, "train-teacher")] == ["wf-3"]


def test_a_step_without_a_pod_is_named(core: client.CoreV1Api) -> None:
    with pytest.raises(errors.NotThere, match="step distil of run 0a1b"):
        list(Pods("team", core).logs(RUN, "distil"))


def test_what_may_not_be_read_says_which_right_is_missing(core: client.CoreV1Api) -> None:
    with pytest.raises(errors.Forbidden) as raised:
        Pods("forbidden", core).of(RUN)
    assert "pods/log" in raised.value.remedy


def test_kubernetes_away_is_named_as_kubernetes() -> None:
    configuration = client.Configuration()
    configuration.host = "http://127.0.0.1:9"
    configuration.retries = False
    with pytest.raises(errors.Unreachable, match=r"Kubernetes at http://127\.0\.0\.1:9"):
        Pods("team", client.CoreV1Api(client.ApiClient(configuration))).of(RUN)


def test_the_last_words_of_a_step_give_its_error_back() -> None:
    found = pods.explained(f"UsageError: an earlier attempt\n{LOGS['wf-1']}\n")
    assert isinstance(found, DataRefused)
    assert found.message == "The class good has no image."
    assert isinstance(pods.explained("UsageError: no such source"), UsageError)
    assert pods.explained("ValueError: not ours\nEXIT_FAILED: 1\n") is None
