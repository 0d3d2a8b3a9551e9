"""Every object is one that Kubernetes takes, from 1.31 to the newest release whose schemas there are."""

from __future__ import annotations

from typing import Any

import pytest

from charts import make
from tests.fake_kubernetes import contract
from tests.unit.charts.cases import CASES

pytest.importorskip("helm_python", reason="pip install 'dfpt[dev]'")
CUSTOM = {"ServiceMonitor", "HTTPRoute"}  # whose schemas are elsewhere


@pytest.fixture(scope="module")
def distinct() -> list[dict[str, Any]]:
    """The objects of all cases, each once."""
    rendered = (thing for values in CASES.values() for thing in make.objects(make.render(values)))
    return list({repr(thing): thing for thing in rendered}.values())


def test_the_oldest_version_is_the_one_that_the_chart_promises() -> None:
    assert contract.releases()[0] == "1.31"
    assert 'kubeVersion: ">=1.31.0-0"' in (make.CHART / "Chart.yaml").read_text()


@pytest.mark.parametrize("version", contract.releases())
def test_kubernetes_takes_every_object_of(version: str, distinct: list[dict[str, Any]]) -> None:
    assert {thing["kind"] for thing in distinct} > CUSTOM
    for thing in distinct:
        if thing["kind"] not in CUSTOM:
            contract.check(thing, version)


def test_a_planted_fault_is_found() -> None:
    deployment = next(one for one in make.objects(make.render(CASES["kind"])) if one["kind"] == "Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["image_"] = "x"
    with pytest.raises(contract.Invalid):
        contract.check(deployment)
