"""The chart, rendered by Helm's own engine: every values file, and the edges of every option."""

from __future__ import annotations

import copy
import functools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from charts import make
from tests.unit.charts import policies, references
from tests.unit.charts.cases import CASES, EDGES, with_digest

helm = pytest.importorskip("helm_python", reason="pip install 'dfpt[dev]'")
Object = dict[str, Any]


@functools.cache
def rendered(case: str) -> list[Object]:
    return make.objects(make.render(CASES[case]))


@pytest.mark.parametrize("case", CASES)
def test_helm_has_nothing_to_say_against_it(case: str) -> None:
    report = helm.lint(make.CHART, CASES[case], strict=True)
    assert [message for message in report["messages"] if message["severity"] > 1] == []
    assert report["errors"] == []


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("policy", policies.ALL + references.ALL, ids=lambda policy: policy.__name__)
def test_every_object_keeps_to(policy: Callable[..., Iterator[str]], case: str) -> None:
    assert list(policy(rendered(case), CASES[case])) == []


@pytest.mark.parametrize("place", make.PLACES)
def test_the_manifests_are_the_stored_ones(place: str) -> None:
    stored = (make.GOLDEN / f"{place}.yaml").read_text(encoding="utf-8")
    assert make.manifest(make.values_of(place)) == stored, "python -m charts.make, and read the difference"


def test_the_readme_is_that_of_the_values() -> None:
    assert (make.CHART / "README.md").read_text(encoding="utf-8") == make.readme(), "python -m charts.make"


def test_every_value_is_described() -> None:
    assert [key for key, _, _, text in make.documented() if not text] == []


def test_every_value_is_used() -> None:
    texts = "".join(path.read_text() for path in (make.CHART / "templates").rglob("*.*"))
    leaves = [key for key, _, _, _ in make.documented()]
    assert [key for key in leaves if f".{key.rpartition('.')[2]}" not in texts] == []


def _closed(schema: Object, where: str = "") -> Iterator[str]:
    """The places of a schema that take any key."""
    if schema.get("type") == "object" and "additionalProperties" not in schema:
        yield where
    for key, value in schema.items():
        if isinstance(value, dict):
            yield from _closed(value, f"{where}/{key}")


def test_the_schema_takes_no_unknown_key_anywhere() -> None:
    schema = json.loads((make.CHART / "values.schema.json").read_text())
    assert list(_closed(schema)) == []


def test_the_schema_knows_every_value_and_no_other() -> None:
    schema = json.loads((make.CHART / "values.schema.json").read_text())
    values = yaml.safe_load((make.CHART / "values.yaml").read_text())

    def compare(properties: Object, given: Object, where: str) -> Iterator[str]:
        for key in properties.keys() ^ given.keys():
            yield f"{where}{key}"
        for key in properties.keys() & given.keys():
            below = properties[key]
            if "$ref" in below:
                below = schema["$defs"][below["$ref"].rpartition("/")[2]]
            if "properties" in below and key != "policy":  # of which each key may be left out
                yield from compare(below["properties"], given[key], f"{where}{key}.")

    assert list(compare(schema["properties"], values, "")) == ["global"]


@pytest.mark.parametrize(
    "values",
    [
        {"aprovals": {}},
        {"approvals": {"replica": 1}},
        {"approvals": {"oidc": {"clientSecret": "hunter2"}}},
        {"registry": {"policy": {"four_eye": True}}},
        {"registry": {"policy": {"models": {"elpv": {"quorums": 2}}}}},
        {"registry": {"policy": {"people": {"bob": ["aprover"]}}}},
        {"security": {"user": 0}},
        {"image": {"digest": "sha256:abc"}},
        {"image": {"repository": "registry.example.com/dfpt:1.0"}},
        {"registry": {"database": {"existingSecret": "Not_A_Name"}}},
        {"mlflow": {"enabled": False, "url": "https://user:password@mlflow.example.com"}},
        {"approvals": {"resources": {"limits": {"cpu": "much"}}}},
        {"approvals": {"autoscaling": {"targetCPU": 0}}},
        {"networkPolicy": {"scope": "cluster"}},
        {"reconciler": {"schedule": "hourly"}},
        {"tolerations": [{"keys": "pool"}]},
    ],
    ids=json.dumps,
)
def test_the_schema_refuses(values: Object) -> None:
    with pytest.raises(helm.HelmError):
        make.render(with_digest(**values))


REFUSED: list[tuple[Object, str]] = [
    ({}, "image.digest is empty"),
    ({"image": {"tag": "0.1.0"}}, "image.digest is empty"),
    ({"image": {"allowTag": True}}, "image.tag is empty or latest"),
    ({"image": {"allowTag": True, "tag": "latest"}}, "image.tag is empty or latest"),
    (with_digest(registry={"database": {"existingSecret": "db"}}), "auditKey.existingSecret is empty"),
    (with_digest(approvals={"replicas": 2}), "cannot share SQLite"),
    (with_digest(approvals={"autoscaling": {"enabled": True}}), "cannot share SQLite"),
    ({**EDGES["three-replicas"], "state": {}}, "volume for several nodes"),
    (with_digest(approvals={"autoscaling": {"minReplicas": 9}}), "minReplicas is above"),
    (with_digest(mlflow={"url": "http://mlflow"}), "starts another"),
    (with_digest(mlflow={"enabled": False}), "There is no MLflow"),
    (
        {**EDGES["postgresql"], "mlflow": {"database": {"existingSecret": "registry-database"}}},
        "would share a database",
    ),
    (with_digest(approvals={"url": "http://a", "ingress": {"enabled": True}}), "not https"),
    (with_digest(approvals={"url": "https://a", "ingress": {"enabled": True}}), "no certificate"),
    (with_digest(approvals={"url": "https://a", "httpRoute": {"enabled": True}}), "names no Gateway"),
    (
        with_digest(
            approvals={
                "url": "https://a",
                "ingress": {"enabled": True, "tlsSecret": "tls"},
                "httpRoute": {"enabled": True, "gateway": "public"},
            }
        ),
        "Choose one",
    ),
    (
        with_digest(approvals={"enabled": False, "url": "https://a", "ingress": {"enabled": True}}),
        "approvals.enabled is false",
    ),
    (with_digest(approvals={"oidc": {"issuer": "https://login"}}), "Set all three"),
    (with_digest(approvals={"localLogin": False}), "Nobody could log in"),
    (with_digest(triggers={"enabled": True}), "anybody could start a training"),
    (with_digest(schedules={"enabled": True}), "schedules.file is empty"),
    (with_digest(reconciler={"person": "robot"}), "The policy does not let"),
]


@pytest.mark.parametrize(("values", "said"), REFUSED, ids=lambda value: value if isinstance(value, str) else "")
def test_what_cannot_work_is_refused_with_the_way_out(values: Object, said: str) -> None:
    with pytest.raises(helm.HelmError, match="->") as refused:
        make.render(values)
    assert said in str(refused.value)


def test_every_refusal_is_among_them() -> None:
    text = (make.CHART / "templates" / "checks.yaml").read_text()
    refusals = re.findall(r'\bfail (?:\(printf )?"(.*)"', text)
    assert len(refusals) == text.count("{{- fail ")
    assert [refusal for refusal in refusals if not any(said in refusal for _, said in REFUSED)] == []


def test_the_policy_is_one_that_the_registry_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dfpt.registry import policy_config

    values = with_digest(
        registry={
            "policy": {
                "quorum": 2,
                "models": {"elpv": {"automatic_margin": 0.02, "reconcile": "revert"}},
                "weekly_freeze": {"weekend": {"days": ["sat", "sun"], "starts": "00:00", "ends": "00:00"}},
            }
        }
    )
    config_map = next(one for one in make.objects(make.render(values)) if one["metadata"]["name"] == "dfpt-policy")
    path = tmp_path / "approvals.yaml"
    path.write_text(config_map["data"]["approvals.yaml"])
    monkeypatch.setenv(policy_config.FILE_VARIABLE, str(path))
    policy = policy_config.load(tmp_path)
    assert policy.four_eyes
    assert policy.quorum == 2
    assert policy.people["reconciler"] == (policy_config.Role.ADMIN,)


def test_the_schedules_are_those_that_dfpt_reads(tmp_path: Path) -> None:
    from dfpt.schedules.file import read

    config_map = next(one for one in rendered("triggers") if policies.named(one) == "ConfigMap dfpt-schedules")
    (tmp_path / "schedules.yaml").write_text(config_map["data"]["schedules.yaml"])
    found = read(tmp_path / "schedules.yaml")
    assert list(found.schedules) == ["nightly"]
    assert list(found.triggers) == ["press"]


def test_the_commands_read_the_files_that_are_mounted() -> None:
    def command(case: str, kind: str, name: str) -> str:
        thing = next(one for one in rendered(case) if policies.named(one) == f"{kind} {name}")
        return " ".join(_pod(thing)["containers"][0]["command"])

    assert command("schedules", "Job", "dfpt-schedules") == "dfpt schedule apply --file /etc/schedules/schedules.yaml"
    assert command("schedules-with-settings", "Job", "dfpt-schedules").endswith("--config /etc/schedules/params.yaml")
    assert "--submit --file /etc/schedules/schedules.yaml" in command("triggers", "Deployment", "dfpt-triggers")


def test_a_change_of_the_policy_restarts_the_service() -> None:
    def checksum(policy: Object) -> str:
        found = make.objects(make.render(with_digest(registry={"policy": policy})))
        service = next(one for one in found if policies.named(one) == "Deployment dfpt-approvals")
        return str(service["spec"]["template"]["metadata"]["annotations"]["checksum/policy"])

    assert checksum({"quorum": 1}) != checksum({"quorum": 2})


def _planted(change: Callable[[Object], None], kind: str = "Deployment") -> list[Object]:
    objects = copy.deepcopy(rendered("triggers"))
    change(next(thing for thing in objects if thing["kind"] == kind))
    return objects


def _pod(thing: Object) -> Object:
    found: Object = thing["spec"]["template"]["spec"]
    return found


@pytest.mark.parametrize(
    ("policy", "kind", "change"),
    [
        (policies.restricted, "Deployment", lambda it: _pod(it)["securityContext"].update(runAsUser=0)),
        (policies.restricted, "Deployment", lambda it: _pod(it)["containers"][0]["securityContext"].popitem()),
        (policies.bounded, "Deployment", lambda it: _pod(it)["containers"][0]["resources"]["limits"].pop("memory")),
        (policies.pinned, "Deployment", lambda it: _pod(it)["containers"][0].update(image="dfpt:latest")),
        (policies.without_secrets, "Deployment", lambda it: it.update(kind="Secret")),
        (
            policies.without_secrets,
            "Deployment",
            lambda it: _pod(it)["containers"][0]["env"].append({"name": "DB_PASSWORD", "value": "x"}),
        ),
        (policies.without_tokens, "Deployment", lambda it: _pod(it).pop("automountServiceAccountToken")),
        (policies.least, "Role", lambda it: it["rules"][0].update(verbs=["*"])),
        (references.selecting, "Service", lambda it: it["spec"]["selector"].update(app="other")),
        (references.selecting, "Service", lambda it: it["spec"]["ports"][0].update(targetPort="web")),
        (references.referring, "Deployment", lambda it: _pod(it).update(serviceAccountName="nobody")),
        (references.referring, "ConfigMap", lambda it: it["metadata"].update(name="other")),
        (policies.tidy, "Service", lambda it: it["metadata"].update(name="a" * 64)),
    ],
)
def test_a_planted_fault_is_found(
    policy: Callable[..., Iterator[str]], kind: str, change: Callable[[Object], None]
) -> None:
    if kind == "ConfigMap":  # of the two the one that pods mount
        objects = copy.deepcopy(rendered("triggers"))
        change(next(thing for thing in objects if policies.named(thing) == "ConfigMap dfpt-policy"))
    else:
        objects = _planted(change, kind)
    assert list(policy(objects, CASES["triggers"])) != []
