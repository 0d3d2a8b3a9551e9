"""The NetworkPolicies let through what is needed, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from charts import make
from tests.unit.charts.cases import CASES
from tests.unit.charts.network import Place, a_run, allows, ours

pytest.importorskip("helm_python", reason="pip install 'dfpt[dev]'")
OUTSIDE = Place()
DNS = Place("kube-system", {"k8s-app": "kube-dns"})
PROMETHEUS = Place("monitoring", {"app": "prometheus"})
STRANGER = Place("elsewhere", {"app": "curl"})
NEIGHBOUR = Place("dfpt", {"app": "curl"})
KUBEFLOW = Place("kubeflow", {"app": "ml-pipeline"})


@pytest.fixture(scope="module", params=["onprem-complete", "cloud-complete"])
def objects(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    return make.objects(make.render(CASES[request.param]))


@pytest.mark.parametrize("component", ["approvals", "reconciler", "triggers", "tests"])
def test_whoever_needs_mlflow_reaches_it(objects: list[dict[str, Any]], component: str) -> None:
    assert allows(objects, ours(component), ours("mlflow"), 5000)


def test_a_run_is_told_where_to_file_and_knows_no_secret_of_the_service(objects: list[dict[str, Any]]) -> None:
    (told,) = [one for one in objects if (one["kind"], one["metadata"]["name"]) == ("ConfigMap", "dfpt-pipeline")]
    assert told["data"]["DFPT_APPROVALS_URL"] == "http://dfpt-approvals.dfpt.svc:8080"
    (service,) = [one for one in objects if (one["kind"], one["metadata"]["name"]) == ("Deployment", "dfpt-approvals")]
    (container,) = service["spec"]["template"]["spec"]["containers"]
    names = next(one["value"] for one in container["env"] if one["name"] == "DFPT_SERVICE_ALLOWED_HOSTS")
    assert "dfpt-approvals.dfpt.svc" in names.split(",")  # or it would answer a run with 400
    (role,) = [one for one in objects if (one["kind"], one["metadata"]["name"]) == ("Role", "dfpt-pipeline")]
    readable = [name for rule in role["rules"] if "secrets" in rule["resources"] for name in rule["resourceNames"]]
    assert not {"dfpt-audit-key", "dfpt-registry-database"} & set(readable)


def test_a_run_logs_to_mlflow_and_files_its_request(objects: list[dict[str, Any]]) -> None:
    assert allows(objects, a_run(), ours("mlflow"), 5000)
    assert allows(objects, a_run(), ours("approvals"), 8080)
    assert allows(objects, a_run(), KUBEFLOW, 8080)
    assert allows(objects, a_run(), OUTSIDE, 443)


def test_a_run_fetches_its_images_from_an_object_store_on_a_port_of_its_own() -> None:
    for case, allowed in (("own-s3", True), ("whole-namespace", False)):
        assert allows(make.objects(make.render(CASES[case])), a_run(), OUTSIDE, 9000) is allowed


@pytest.mark.parametrize("component", ["approvals", "reconciler", "triggers", "migrations", "mlflow-migrations"])
def test_whoever_needs_postgresql_reaches_it(objects: list[dict[str, Any]], component: str) -> None:
    assert allows(objects, ours(component), OUTSIDE, 5432)
    assert allows(objects, ours(component), DNS, 53, "UDP")


def test_triggers_and_the_test_reach_what_they_ask(objects: list[dict[str, Any]]) -> None:
    assert allows(objects, ours("triggers"), KUBEFLOW, 8888)
    assert allows(objects, ours("schedules"), KUBEFLOW, 8888)
    assert allows(objects, ours("tests"), ours("approvals"), 8080)
    assert allows(objects, ours("tests"), ours("triggers"), 8081)


def test_metrics_are_read_by_prometheus_alone(objects: list[dict[str, Any]]) -> None:
    assert allows(objects, PROMETHEUS, ours("triggers"), 8081)
    assert not allows(objects, PROMETHEUS, ours("approvals"), 8080)
    assert not allows(objects, STRANGER, ours("triggers"), 8081)


@pytest.mark.parametrize("stranger", [STRANGER, NEIGHBOUR, OUTSIDE])
@pytest.mark.parametrize(("component", "port"), [("approvals", 8080), ("mlflow", 5000), ("triggers", 8081)])
def test_strangers_reach_nothing(objects: list[dict[str, Any]], stranger: Place, component: str, port: int) -> None:
    assert not allows(objects, stranger, ours(component), port)


def test_mlflow_reaches_none_of_the_others_and_not_the_cluster(objects: list[dict[str, Any]]) -> None:
    assert not allows(objects, ours("mlflow"), ours("approvals"), 8080)
    assert not allows(objects, ours("mlflow"), KUBEFLOW, 8888)
    assert not allows(objects, ours("mlflow"), OUTSIDE, 80)


def test_people_come_by_the_ingress_controller() -> None:
    for case, namespace in (("onprem", "ingress-nginx"), ("cloud", "gateways")):
        rendered = make.objects(make.render(CASES[case]))
        assert allows(rendered, Place(namespace), ours("approvals"), 8080)


@pytest.mark.parametrize(
    ("case", "component", "port", "other"),
    [("monitored", "triggers", 8081, "approvals"), ("monitored-without-triggers", "approvals", 8080, "triggers")],
)
def test_prometheus_is_sent_to_one_service_and_let_through(case: str, component: str, port: int, other: str) -> None:
    rendered = make.objects(make.render(CASES[case]))
    monitors = [one["spec"] for one in rendered if one["kind"] == "ServiceMonitor"]
    asked = [one["selector"]["matchLabels"]["app.kubernetes.io/component"] for one in monitors]
    assert asked == [component]
    assert monitors[0]["endpoints"][0]["path"] == "/metrics"
    assert allows(rendered, PROMETHEUS, ours(component), port)
    assert not allows(rendered, PROMETHEUS, ours(other), 8080)


def test_only_the_scope_namespace_binds_the_neighbours() -> None:
    onprem, cloud = (make.objects(make.render(CASES[case])) for case in ("onprem", "cloud"))
    assert allows(onprem, NEIGHBOUR, OUTSIDE, 443)
    assert not allows(cloud, NEIGHBOUR, OUTSIDE, 443)


def test_the_nodes_of_a_trainjob_speak_to_each_other_alone() -> None:
    cloud = make.objects(make.render(CASES["cloud"]))
    node = Place("dfpt", {"jobset.sigs.k8s.io/jobset-name": "distil-1a2b"})
    assert allows(cloud, node, node, 29400)
    assert not allows(cloud, NEIGHBOUR, node, 29400)
    assert not allows(cloud, a_run(), node, 29400)


def test_a_foreign_mlflow_is_reached_on_its_own_port() -> None:
    for case, port in (("foreign-mlflow", 5001), ("foreign-mlflow-https", 443), ("nothing-runs", 80)):
        rendered = make.objects(make.render(CASES[case]))
        for component in ("tests",) if case == "nothing-runs" else ("approvals", "reconciler", "tests"):
            assert allows(rendered, ours(component), OUTSIDE, port)
            assert not allows(rendered, ours(component), OUTSIDE, 5002)
