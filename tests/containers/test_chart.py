"""The pods of charts/dfpt, started for real: hooks, MLflow, approvals, reconciler and Helm's tests, on PostgreSQL."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from charts import make
from tests.containers.conftest import BASE, Podman
from tests.containers.pods import Engine

pytest.importorskip("helm_python", reason="pip install 'dfpt[dev]'")
_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
_DATABASE = """
set -e
cd /data
{bin}/initdb -D db -E UTF8 --locale=C -U dfpt -A scram-sha-256 --pwfile=/secret/password >/dev/null
echo "host all all all scram-sha-256" >> db/pg_hba.conf
exec {bin}/postgres -D db -c listen_addresses='*' -c unix_socket_directories=/data
"""


@pytest.fixture(scope="module")
def engine(podman: Podman, image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The chart's objects for a cluster of one's own, with a PostgreSQL beside them."""
    if not shutil.which("iptables"):
        pytest.skip("no iptables on this machine, which podman's networks need (Debian: iptables)")
    if not _BINARIES:
        pytest.skip("no PostgreSQL server binaries on this machine (Debian: postgresql)")
    folder = tmp_path_factory.mktemp("chart")
    folder.chmod(0o755)
    repository, _, tag = image.rpartition(":")
    values = yaml.safe_load((make.CHART / "values-onprem.yaml").read_text()) | {
        "image": {"repository": repository, "tag": tag, "allowTag": True},
        "triggers": {"enabled": False},
    }
    values["mlflow"]["artifacts"] = {"destination": ""}  # no bucket here: a volume
    network, password = f"chart-{secrets.token_hex(4)}", secrets.token_hex(8)
    database = f"postgresql://dfpt:{password}@database:5432"
    key = subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519"], capture_output=True, text=True, check=True)
    given = {
        "dfpt-registry-database": {"url": f"{database}/registry"},
        "dfpt-mlflow-database": {"url": f"{database}/mlflow"},
        "dfpt-audit-key": {"audit-key.pem": key.stdout},
    }
    podman("network", "create", "--internal", network)
    engine = Engine(podman, network, make.objects(make.render(values)), given, folder)
    try:
        _start_database(engine, password)
        yield engine
    finally:
        engine.stop()
        podman("network", "rm", "--force", network)
        volumes = podman("volume", "ls", "--quiet", "--filter", f"name={network}").split()
        if volumes:
            podman("volume", "rm", "--force", *volumes)


def _start_database(engine: Engine, password: str) -> None:
    """This machine's PostgreSQL in a container: its /usr over that of the base, which is the same Debian."""
    (engine.folder / "password").write_text(password)
    name = f"{engine.network}-database"
    engine.started.append(name)
    script = _DATABASE.format(bin=_BINARIES[-1].parent)
    options = ["--user", "postgres", "--tmpfs", "/data:mode=1777", "--network", engine.network]
    options += ["--network-alias", "database", "--volume", "/usr:/usr:ro", "--volume", "/etc/passwd:/etc/passwd:ro"]
    options += ["--volume", "/etc/group:/etc/group:ro", "--volume", f"{engine.folder}:/secret:ro"]
    engine.podman("run", "--detach", "--name", name, *options, BASE, "sh", "-c", script)
    waiting = "until psql -h 127.0.0.1 -U dfpt postgres -c 'select 1'; do sleep 0.2; done"
    create = "psql -h 127.0.0.1 -U dfpt postgres -c 'create database registry' -c 'create database mlflow'"
    engine.podman(
        "exec", "--env", f"PGPASSWORD={password}", name, "timeout", "120", "sh", "-ec", f"{waiting}; {create}"
    )


def test_the_pods_of_the_chart_start_answer_their_probes_and_do_their_work(engine: Engine) -> None:
    # As Helm does it: the hooks first, once for the installation and once for an upgrade.
    for _ in range(2):
        for job in ("dfpt-migrations", "dfpt-mlflow-migrations"):
            engine.to_the_end(job, engine.found("Job", job)["spec"]["template"]["spec"])

    for component in ("mlflow", "approvals"):
        name = f"dfpt-{component}"
        spec = engine.found("Deployment", name)["spec"]["template"]["spec"]
        engine.start(name, spec, (name, f"{name}.dfpt.svc"))

    approvals = engine.found("Deployment", "dfpt-approvals")["spec"]["template"]["spec"]["containers"][0]
    nowhere = {"httpGet": approvals["readinessProbe"]["httpGet"] | {"path": "/nowhere"}}
    assert not engine.answers("dfpt-approvals", approvals, nowhere)
    stranger = {"httpGet": {"path": "/health/live", "port": "http"}}
    assert not engine.answers("dfpt-approvals", approvals, stranger), "a probe without the Host header is refused"
    assert "/setup/" in engine.podman("logs", "dfpt-approvals"), "the way in for the first administrator"

    for pod in ("dfpt-test-approvals", "dfpt-test-mlflow"):  # helm test
        assert engine.to_the_end(pod, engine.found("Pod", pod)["spec"]).startswith("200")

    cron = engine.found("CronJob", "dfpt-reconciler")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert "Production is as the log says." in engine.to_the_end("dfpt-reconciler", cron)

    # What they write lies in PostgreSQL, signed with the key of the Secret.
    verified = engine.podman("exec", "dfpt-approvals", "dfpt", "audit", "verify", "--json")
    assert json.loads(verified)["intact"]
    public = engine.podman("exec", "dfpt-approvals", "dfpt", "audit", "key")
    given = engine.secrets["dfpt-audit-key"]["audit-key.pem"]
    expected = subprocess.run(["openssl", "pkey", "-pubout"], input=given, capture_output=True, text=True, check=True)
    assert public == expected.stdout
