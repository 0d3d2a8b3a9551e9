"""``dfpt doctor --cluster`` against a fake of the Kubernetes API that is held to the published one."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from dfpt.cli import doctor as command
from dfpt.cluster import doctor
from dfpt.cluster.config import Cluster
from dfpt.cluster.doctor import access, connection
from dfpt.errors import UsageError
from dfpt.finding import Finding
from tests.fake_kubernetes import contract
from tests.fake_kubernetes.server import FakeKubernetes, Fault

pytest_plugins = ("tests.fake_kubernetes.plugin",)
Object = dict[str, Any]
DIGEST = "registry.example.com/dfpt@sha256:" + "a" * 64
GPU = "nvidia.com/gpu"


@pytest.fixture
def web() -> Iterator[str]:
    """What MLflow and Kubeflow Pipelines answer to the doctor: 200, at any path but /broken."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

        def do_GET(self) -> None:
            self.send_response(500 if self.path.startswith("/broken") else 200)
            self.end_headers()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def a(kind: str, name: str, version: str = "v1", namespace: str | None = "plant", **more: Any) -> Object:
    labels = more.pop("labels", {})
    meta = {"name": name, "labels": labels} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": version, "kind": kind, "metadata": meta, **more}


def node(name: str = "node-1", gpus: int = 0, taints: tuple[Object, ...] = (), **labels: str) -> Object:
    allocatable = {"cpu": "15500m", "memory": "60Gi"} | ({GPU: str(gpus)} if gpus else {})
    spec = {"taints": list(taints)} if taints else {}
    return a("Node", name, namespace=None, labels=labels, spec=spec, status={"allocatable": allocatable})


def deployment(component: str, ready: int) -> Object:
    labels = {"app.kubernetes.io/instance": "dfpt", "app.kubernetes.io/component": component}
    container = {"name": component, "image": DIGEST}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    return a("Deployment", f"dfpt-{component}", "apps/v1", labels=labels, spec=spec, status={"readyReplicas": ready})


def claim(name: str, mode: str = "ReadWriteMany", phase: str = "Bound") -> Object:
    spec = {"accessModes": [mode], "resources": {"requests": {"storage": "1Gi"}}}
    return a("PersistentVolumeClaim", name, spec=spec, status={"phase": phase})


@pytest.fixture
def cluster(web: str) -> Cluster:
    return Cluster.model_validate(
        {
            "host": web,
            "namespace": "plant",
            "image": DIGEST,
            "require_digest": True,
            "home": "checkpoints",
            "config_maps": {"dfpt-pipeline": ["MLFLOW_TRACKING_URI", "DFPT_APPROVALS_URL"]},
            "secrets": {"dfpt-pipeline": {"keys": ["DFPT_APPROVALS_TOKEN"], "steps": ["gate", "register"]}},
            "pull_secrets": ["login"],
            "notify": "webhook",
            "resources": {
                "default": {"cpu": "2", "memory": "4Gi"},
                "distil": {
                    "accelerator": {"type": GPU, "count": 2},
                    "num_nodes": 2,
                    "node_selector": {"pool": "gpu"},
                    "tolerations": [{"key": GPU, "operator": "Exists"}],
                },
            },
        }
    )


@pytest.fixture
def healthy(kubernetes_api: FakeKubernetes, web: str) -> FakeKubernetes:
    """A cluster that has everything."""
    state = kubernetes_api.state
    state.groups = {
        "argoproj.io/v1alpha1": ["workflows", "workflowtaskresults"],
        "trainer.kubeflow.org/v1alpha1": ["trainjobs", "clustertrainingruntimes"],
    }
    taint = {"key": GPU, "value": "present", "effect": "NoSchedule"}
    secret = {"DFPT_APPROVALS_TOKEN": "c2VjcmV0"}
    state.put(
        a("Namespace", "plant", namespace=None),
        a("ServiceAccount", "dfpt-pipeline"),
        a("ConfigMap", "dfpt-pipeline", data={"MLFLOW_TRACKING_URI": web, "DFPT_APPROVALS_URL": web}),
        a("Secret", "dfpt-pipeline", data=secret),
        a("Secret", "login", type="kubernetes.io/dockerconfigjson", data={".dockerconfigjson": "e30="}),
        a("Secret", "webhook", data={"DFPT_NOTIFY_URL": "eA==", "DFPT_NOTIFY_KEY": "eA=="}),
        claim("checkpoints"),
        node(),
        node("gpu-1", 4, (taint,), pool="gpu"),
        node("gpu-2", 4, (taint,), pool="gpu"),
        deployment("approvals", 2),
        deployment("mlflow", 2),
    )
    # A kind of Trainer's, whose schema is its own.
    state.objects.append({"kind": "ClusterTrainingRuntime", "metadata": {"name": "torch-distributed"}})
    return kubernetes_api


@pytest.fixture
def look(kubeconfig: Path, cluster: Cluster) -> Any:
    """Looks, and gives what was found by name."""

    def look(asked: Cluster = cluster, seconds: float = 60.0, namespace: str = "plant") -> dict[str, Finding]:
        way = connection.connect()
        way.seconds = seconds
        return {one.name: one for one in doctor.examine(doctor.Look(asked, "dfpt", namespace), way)}

    return look


def test_a_healthy_cluster_lacks_nothing(healthy: FakeKubernetes, look: Any) -> None:
    found = look()
    assert [one for one in found.values() if not one.ok] == []
    assert len(found) == 21
    assert found["Kubernetes API"].found == "v1.33.0"


def test_it_only_reads_and_asks_in_the_name_of_the_pipelines_account(healthy: FakeKubernetes, look: Any) -> None:
    look()
    asking = "create_self_subject_access_review"
    assert {name for name, _ in healthy.requests if not name.startswith(("read_", "list_", "get_"))} == {asking}
    names = {user for name, user in healthy.requests if name == asking}
    assert names == {"system:serviceaccount:plant:dfpt-pipeline"}
    assert {user for name, user in healthy.requests if name != asking} == {""}


def test_no_value_of_a_secret_is_ever_said(healthy: FakeKubernetes, look: Any) -> None:
    assert "c2VjcmV0" not in str(look())
    assert "secret" not in json.dumps([one.found for one in look().values() if one.name.startswith("secret")])


@pytest.mark.parametrize(
    ("kind", "name", "finding", "fix"),
    [
        ("Namespace", "plant", "namespace plant", "kubectl create namespace plant"),
        ("ServiceAccount", "dfpt-pipeline", "service account", "charts/dfpt"),
        ("ConfigMap", "dfpt-pipeline", "config map dfpt-pipeline", "create configmap dfpt-pipeline"),
        ("Secret", "dfpt-pipeline", "secret dfpt-pipeline", "--from-literal=DFPT_APPROVALS_TOKEN=..."),
        ("Secret", "login", "secret login", "login"),
        ("PersistentVolumeClaim", "checkpoints", "claim checkpoints", "docs/kubeflow.md"),
        ("Node", "gpu-2", "nodes for distil", "Add such nodes"),
        ("ClusterTrainingRuntime", "torch-distributed", "training runtime", "cluster.trainer.runtime"),
    ],
)
def test_what_is_missing_is_named_with_its_fix(
    healthy: FakeKubernetes, look: Any, kind: str, name: str, finding: str, fix: str
) -> None:
    healthy.state.drop(kind, name)
    found = look()
    assert not found[finding].ok
    assert found[finding].essential
    assert fix in found[finding].fix


def test_a_secret_without_a_key_is_not_there(healthy: FakeKubernetes, look: Any) -> None:
    healthy.state.drop("Secret", "webhook")
    healthy.state.put(a("Secret", "webhook", data={"DFPT_NOTIFY_URL": "eA=="}))
    assert look()["secret webhook"].found == "without DFPT_NOTIFY_KEY"


def test_kubeflow_that_is_not_installed(healthy: FakeKubernetes, look: Any) -> None:
    healthy.state.groups = {"argoproj.io/v1alpha1": ["workflows"]}
    found = look()
    assert found["argoproj.io"].found == "without workflowtaskresults"
    assert "Install Kubeflow Trainer" in found["trainer.kubeflow.org"].fix


def test_trainer_is_needed_only_by_many_nodes(healthy: FakeKubernetes, look: Any, cluster: Cluster) -> None:
    healthy.state.groups.pop("trainer.kubeflow.org/v1alpha1")
    one_node = cluster.model_copy(update={"resources": {"default": cluster.resources["default"]}})
    found = look(one_node)
    assert not found["trainer.kubeflow.org"].essential
    assert "training runtime" not in found


def test_a_permission_that_is_missing_is_named(healthy: FakeKubernetes, look: Any) -> None:
    healthy.state.denied = {("create", "trainjobs"), ("get", "pods/log")}
    found = look()["permissions"]
    assert found.found == "dfpt-pipeline may not create trainjobs, get pods/log"
    assert found.essential


def test_who_may_not_ask_in_anothers_name_is_told_what_to_ask(healthy: FakeKubernetes, look: Any) -> None:
    healthy.state.may_impersonate = False
    found = look()["permissions"]
    assert not found.ok
    assert not found.essential
    assert "kubectl auth can-i --list --as system:serviceaccount:plant:dfpt-pipeline -n plant" in found.fix


def test_a_node_is_not_taken_for_one_that_fits(healthy: FakeKubernetes, look: Any, cluster: Cluster) -> None:
    distil = cluster.resources["distil"].model_copy(update={"tolerations": ()})
    found = look(cluster.model_copy(update={"resources": {**cluster.resources, "distil": distil}}))["nodes for distil"]
    assert found.found.startswith("0 of 3 have 2 cpu, 4Gi memory, 2 nvidia.com/gpu, pool=gpu")
    assert "a toleration of nvidia.com/gpu" in found.found


def test_an_old_kubernetes_is_refused(healthy: FakeKubernetes, look: Any) -> None:
    healthy.state.version = ("1", "30+")
    assert look()["Kubernetes API"].fix.startswith("Upgrade the cluster")


def test_a_home_of_one_node_and_a_lost_claim(healthy: FakeKubernetes, look: Any) -> None:
    for thing, said in (
        (claim("checkpoints", "ReadWriteOnce"), "several nodes"),
        (claim("checkpoints", phase="Lost"), "lost"),
    ):
        healthy.state.drop("PersistentVolumeClaim", "checkpoints")
        healthy.state.put(thing)
        assert said in look()["claim checkpoints"].found


def test_an_image_without_digest_and_one_that_cannot_be_pulled(
    healthy: FakeKubernetes, look: Any, cluster: Cluster
) -> None:
    waiting = {"waiting": {"reason": "ImagePullBackOff"}}
    status = {"name": "main", "image": "x", "imageID": "", "ready": False, "restartCount": 0, "state": waiting}
    spec = {"containers": [{"name": "main", "image": "x"}]}
    healthy.state.put(a("Pod", "retraining-x7k2p", spec=spec, status={"containerStatuses": [status]}))
    found = look(cluster.model_copy(update={"image": "dfpt:1.0"}))
    assert not found["image"].ok
    assert found["image registry"].found == "retraining-x7k2p: ImagePullBackOff"


def test_a_service_that_is_not_ready_and_a_release_that_is_not_there(healthy: FakeKubernetes, look: Any) -> None:
    healthy.state.drop("Deployment", "dfpt-approvals")
    healthy.state.put(deployment("approvals", 1))
    assert look()["approvals"].found == "1 of 2 pods ready"
    for name in ("dfpt-approvals", "dfpt-mlflow"):
        healthy.state.drop("Deployment", name)
    assert look()["release"].fix.startswith("helm install dfpt")


def test_services_that_answer_badly_or_not(healthy: FakeKubernetes, look: Any, cluster: Cluster, web: str) -> None:
    found = look(cluster.model_copy(update={"host": f"{web}/broken"}))
    assert "answers 500" in found["Kubeflow Pipelines"].found
    found = look(cluster.model_copy(update={"host": "http://127.0.0.1:9"}))
    assert "does not answer" in found["Kubeflow Pipelines"].found
    found = look(cluster.model_copy(update={"host": None}))["Kubeflow Pipelines"]
    assert not found.essential
    assert "a name of the cluster's own" in found.found


def test_runs_that_could_not_file_their_request(healthy: FakeKubernetes, look: Any, cluster: Cluster) -> None:
    assert look()["approvals service"].ok
    assert "DFPT_APPROVALS_TOKEN" not in look()

    of_register = {"dfpt-pipeline": cluster.secrets["dfpt-pipeline"].model_copy(update={"steps": ("register",)})}
    without = look(cluster.model_copy(update={"config_maps": {}, "secrets": of_register}))
    assert without["DFPT_APPROVALS_URL"].essential
    assert without["DFPT_APPROVALS_TOKEN"].found == "no secret gives it to gate"

    healthy.state.drop("ConfigMap", "dfpt-pipeline")
    data = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "DFPT_APPROVALS_URL": ""}
    healthy.state.put(a("ConfigMap", "dfpt-pipeline", data=data))
    assert "is no address of a service" in look()["approvals service"].found


def test_an_expired_login_is_said_once(healthy: FakeKubernetes, look: Any) -> None:
    healthy.faults = [Fault("*", 401)]
    found = look()
    assert list(found) == ["Kubernetes API"]
    assert "Sign in again" in found["Kubernetes API"].fix


def test_what_may_not_be_looked_at_stops_nothing_else(healthy: FakeKubernetes, look: Any) -> None:
    healthy.faults = [Fault("list_node", 403), Fault("read_namespaced_secret", 403)]
    found = look()
    assert found["nodes"].found == "unknown: this account may not list the nodes (403)"
    assert not found["nodes"].essential
    assert not found["config maps and secrets"].essential
    assert found["approvals"].ok


def test_a_call_that_is_not_answered_is_a_failure_and_the_others_go_on(healthy: FakeKubernetes, look: Any) -> None:
    healthy.faults = [Fault("list_node", "stalled")]
    found = look(seconds=3.0)
    assert "does not answer" in found["nodes"].found
    assert found["nodes"].essential
    assert found["approvals"].ok
    assert sum(name == "list_node" for name, _ in healthy.requests) == 1  # not asked again and again


def test_a_server_that_breaks(healthy: FakeKubernetes, look: Any) -> None:
    healthy.faults = [Fault("list_namespaced_deployment", 500)]
    assert "answers 500" in look()["release"].found


def test_no_server_at_all(kubeconfig: Path, kubernetes_api: FakeKubernetes, look: Any) -> None:
    kubeconfig.write_text(kubeconfig.read_text().replace(kubernetes_api.host, "http://127.0.0.1:9"))
    assert "does not answer" in look()["Kubernetes API"].found


def test_no_way_to_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(UsageError, match="KUBECONFIG"):
        connection.connect()


def test_the_command_ends_with_one_and_prints_the_fix(
    healthy: FakeKubernetes, kubeconfig: Path, tmp_path: Path, web: str, capsys: pytest.CaptureFixture[str]
) -> None:
    params = tmp_path / "params.yaml"
    params.write_text(
        f"cluster: {{host: '{web}', namespace: plant, "
        "config_maps: {dfpt-pipeline: [MLFLOW_TRACKING_URI, DFPT_APPROVALS_URL]}, "
        "secrets: {dfpt-pipeline: {keys: [DFPT_APPROVALS_TOKEN], steps: [gate, register]}}}"
    )
    command.command(tmp_path, as_json=True, cluster=True, config=params)
    assert all(one["ok"] for one in json.loads(capsys.readouterr().out) if one["essential"])
    healthy.state.drop("ServiceAccount", "dfpt-pipeline")
    with pytest.raises(typer.Exit) as ended:
        command.command(tmp_path, as_json=False, cluster=True, config=params)
    assert ended.value.exit_code == 1
    assert "MISSING  service account: dfpt-pipeline is not there" in capsys.readouterr().out


def test_an_invalid_request_fails_against_the_fake(kubernetes_api: FakeKubernetes, kubeconfig: Path) -> None:
    """Planted: an unknown field, a wrong type, an unknown parameter, an unknown path."""
    way = connection.connect()
    reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    kind = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
    for method, path, body in (
        ("POST", reviews, kind | {"spec": {"resourceAttribute": {}}}),
        ("POST", reviews, kind | {"spec": {"resourceAttributes": {"verb": 1}}}),
        ("GET", "/api/v1/nodes?labels=pool%3Dgpu", None),
        ("GET", "/api/v1/node", None),
    ):
        with pytest.raises(connection.Refused, match="400"):
            way.ask("plant", _raw(way, method, path, body))
    assert len(kubernetes_api.violations) == 4
    kubernetes_api.violations.clear()


def _raw(way: connection.Connection, method: str, path: str, body: Any) -> Any:
    def call(_request_timeout: Any) -> Any:
        return way.client.call_api(
            path,
            method,
            body=body,
            header_params={"Content-Type": "application/json"},
            _request_timeout=_request_timeout,
        )

    return call


def test_the_fake_refuses_to_hold_what_kubernetes_would_not(kubernetes_api: FakeKubernetes) -> None:
    with pytest.raises(contract.Invalid):
        kubernetes_api.state.put(a("Secret", "x", datum={}))


def test_the_permissions_asked_for_are_those_that_the_chart_grants() -> None:
    pytest.importorskip("helm_python", reason="pip install 'dfpt[dev]'")
    from charts import make

    roles = {
        one["metadata"]["name"]: one
        for one in make.objects(make.render(make.values_of("cloud")))
        if one["kind"] == "Role"
    }
    for name, table in (("dfpt-pipeline", access.PIPELINE), ("dfpt-launcher", access.LAUNCHER)):
        granted = {
            (group, resource, verb)
            for rule in roles[name]["rules"]
            if rule["resources"] != ["secrets"]  # of the object store: which depends on the installation
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
        }
        assert granted == {(group, resource, verb) for group, resource, _, verbs in table for verb in verbs}
