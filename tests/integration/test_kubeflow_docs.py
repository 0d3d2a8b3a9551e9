"""docs/kubeflow.md: every command in it runs here, or is marked as needing a cluster."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from charts import make
from tests.fake_kfp.server import FakePipelines
from tests.fake_kubernetes.server import FakeKubernetes

helm = pytest.importorskip("helm_python", reason="pip install 'dfpt[dev]'")
pytest_plugins = ("tests.fake_kfp.plugin", "tests.fake_kubernetes.plugin")

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "kubeflow.md"
MARK = "# cluster"
VARIABLES = {"DIGEST": make.DIGEST, "RUNS": "plant", "REGISTRY_URL": "postgresql://a:b@c/d", "MLFLOW_URL": "e"}


def commands() -> list[str]:
    """The lines after a dollar sign, in order."""
    text = PAGE.read_text()
    blocks = re.findall(r"```console\n(.*?)```", text, flags=re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]


def words(command: str) -> list[str]:
    """As a shell would split it, with the page's variables in place."""
    for name, value in VARIABLES.items():
        command = command.replace(f'"${name}"', value).replace(f"${name}", value)
    return shlex.split(command, comments=True)


def run(command: list[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "dfpt.cli.main"] if command[0] == "dfpt" else command[:1]
    return subprocess.run(
        [*program, *command[1:]], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def values(arguments: list[str]) -> dict[str, Any]:
    """What ``-f`` and ``--set`` say."""
    found: dict[str, Any] = {}
    for option, value in itertools.pairwise(arguments):
        if option == "-f":
            found |= yaml.safe_load((ROOT / value).read_text())
        elif option == "--set":
            key, _, text = value.partition("=")
            section, _, name = key.partition(".")
            found[section] = found.get(section, {}) | {name: text}
    return found


def test_every_command_is_marked_or_known() -> None:
    known = (
        "make image",
        "openssl genpkey",
        "helm lint",
        "helm template",
        "dfpt doctor",
        "dfpt pipeline",
        "dfpt schedule",
        "export DFPT_",
    )
    assert len(commands()) > 20
    for command in commands():
        assert command.rstrip().endswith(MARK) or command.startswith(known), command
        if command.startswith(("kubectl", "helm install", "helm test", "helm upgrade")):
            assert command.rstrip().endswith(MARK), command


@pytest.mark.parametrize("command", [one for one in commands() if one.startswith(("helm lint", "helm template"))])
def test_what_helm_is_asked_before_the_installation(command: str) -> None:
    arguments = words(command)
    if arguments[1] == "lint":
        report = helm.lint(make.CHART, values(arguments), strict=True)
        assert [one for one in report["messages"] if one["severity"] > 1] + report["errors"] == []
    else:
        assert len(make.objects(make.render(values(arguments)))) > 20


def test_the_installation_has_values_that_the_chart_takes() -> None:
    (install,) = [one for one in commands() if one.startswith("helm install")]
    rendered = make.objects(make.render(values(words(install))))
    by_kind = {(one["kind"], one["metadata"]["name"]): one for one in rendered}
    assert by_kind["ServiceAccount", "dfpt-pipeline"]["metadata"]["namespace"] == "plant"
    assert by_kind["Ingress", "dfpt-approvals"]["spec"]["rules"][0]["host"] == "approvals.example.com"


def test_every_secret_that_the_values_name_is_made_on_the_page() -> None:
    text = PAGE.read_text()
    made = {(one[0], key) for one in re.findall(r"secret generic (\S+) (.*)", text) for key in _keys(one[1])}
    objects = make.objects(make.render(make.values_of("onprem")))
    wanted = set(re.findall(r"'secretKeyRef': \{'name': '([^']+)', 'key': '([^']+)'\}", str(objects)))
    assert wanted
    assert wanted <= made
    from dfpt.config import resolve

    cluster = resolve(ROOT / "params.yaml", environment={}).cluster
    assert {(name, key) for name, secret in cluster.secrets.items() for key in secret.keys} <= made


def _keys(text: str) -> list[str]:
    literal = re.findall(r"--from-(?:literal|file)=([A-Za-z_-]+)=", text)
    return literal + re.findall(r"--from-file=([a-z.-]+)(?:\s|$)", text)


def test_the_audit_key_is_one_that_signs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dfpt.registry import signing

    (command,) = [one for one in commands() if one.startswith("openssl")]
    subprocess.run(words(command), cwd=tmp_path, check=True)
    monkeypatch.setenv(signing.VARIABLE, (tmp_path / "audit-key.pem").read_text())
    assert signing.public_pem(signing.key(tmp_path)).startswith("-----BEGIN PUBLIC KEY")


@pytest.mark.slow
def test_the_doctor_and_a_run(
    kubernetes_api: FakeKubernetes,
    kubeflow: FakePipelines,
    kubeconfig: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In the page's order, against the fakes; the doctor finds an empty cluster."""
    environment = dict(os.environ) | {"PYTHONPATH": str(ROOT), "DFPT_CLUSTER__HOST": kubeflow.host, "COLUMNS": "200"}
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    (declared,) = re.findall(r"```yaml\n(# schedules.yaml\n.*?)```", PAGE.read_text(), flags=re.DOTALL)
    (tmp_path / "schedules.yaml").write_text(declared)
    for command in commands():
        if command.rstrip().endswith(MARK) or not command.startswith(("dfpt", "export")):
            continue
        arguments = words(command)
        if arguments[0] == "export":
            environment |= dict(one.split("=", 1) for one in arguments[1:])
            continue
        done = run(arguments, tmp_path, environment)
        assert done.returncode == (1 if arguments[1] == "doctor" else 0), f"{command}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
    compiled = (tmp_path / "pipeline.yaml").read_text()
    assert f"registry.example.com/dfpt@{make.DIGEST}" in compiled
    assert "kind: PipelineVersion" in (tmp_path / "pipeline-kubernetes.yaml").read_text()
    assert len(kubeflow.state.runs) == 1
