"""What the pipeline's account may do, as the doctor asks, and as the chart grants it."""

from __future__ import annotations

from typing import Any

import pytest

from dfpt.cluster.doctor import access
from tests.fake_kubernetes.server import FakeKubernetes

pytest_plugins = ("tests.fake_kubernetes.healthy",)


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
