"""Every object is one that Kubernetes takes, from 1.31 to the newest release whose schemas there are."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from charts import make
from tests.unit.charts.cases import CASES

pytest.importorskip("helm_python", reason="pip install 'dfpt[dev]'")
kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="pip install 'dfpt[dev]'")
VERSIONS = [version for version in kubernetes_validate.utils.all_versions() if version.split(".") >= ["1", "31"]]
CUSTOM = {"ServiceMonitor", "HTTPRoute"}  # whose schemas are elsewhere


@pytest.fixture(scope="module", autouse=True)
def _read_once() -> Any:
    """The package reads megabytes of definitions for each object."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            kubernetes_validate.utils, "schema_contents", functools.cache(kubernetes_validate.utils.schema_contents)
        )
        yield


def test_the_versions_are_those_that_the_chart_promises() -> None:
    assert VERSIONS[0].startswith("1.31")
    assert kubernetes_validate.latest_version() in VERSIONS


@pytest.fixture(scope="module")
def distinct() -> list[dict[str, Any]]:
    """The objects of all cases, each once."""
    rendered = (thing for values in CASES.values() for thing in make.objects(make.render(values)))
    return list({repr(thing): thing for thing in rendered}.values())


def _between() -> list[Any]:
    """The oldest and the newest release at every commit, those between them when there is time."""
    releases = [version.rpartition(".")[0] for version in sorted(set(VERSIONS))]
    slow = [pytest.param(release, marks=pytest.mark.slow) for release in releases[1:-1]]
    return [releases[0], *slow, releases[-1]]


@pytest.mark.parametrize("version", _between())
def test_kubernetes_takes_every_object_of(version: str, distinct: list[dict[str, Any]]) -> None:
    unknown = set()
    for thing in distinct:
        try:
            kubernetes_validate.validate(thing, version, strict=True)
        except kubernetes_validate.SchemaNotFoundError:
            unknown.add(thing["kind"])
    assert unknown == CUSTOM


def test_a_planted_fault_is_found() -> None:
    deployment = next(one for one in make.objects(make.render(CASES["kind"])) if one["kind"] == "Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["image_"] = "x"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, "1.31", strict=True)
