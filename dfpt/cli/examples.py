"""What is typed, for each command: its help ends with it. A test reads every line as the command line would.

Beside the commands rather than in them, so that the whole command line can be read on one page.
"""

from __future__ import annotations

from collections.abc import Iterator

import typer
from typer.models import CommandInfo

EXAMPLES: dict[str, tuple[str, ...]] = {
    "run": (
        "dfpt run --data digits --profile smoke",
        "dfpt run --data folder:images/line-3 --set student.recipe.epochs=60",
        "dfpt run --from distil --json",
    ),
    "up": ("dfpt up", "dfpt up --port 5001 --accounts"),
    "step": ("dfpt step prepare --out dataset=artifacts/dataset --out metrics=artifacts/prepare.json",),
    "doctor": ("dfpt doctor", "dfpt doctor --cluster --namespace kubeflow --json"),
    "model list": ("dfpt model list", "dfpt model list elpv --json"),
    "model show": ("dfpt model show elpv/3",),
    "model sweep": ("dfpt model sweep --dry-run", "dfpt model sweep --as carol"),
    "model request": ("dfpt model request elpv/3 --reason 'the labels were mended'",),
    "model approve": (
        "dfpt model approve elpv/3 --reason 'looked at every miss' --dry-run",
        "dfpt model approve elpv/3 --reason 'the line is down' --emergency",
    ),
    "model reject": ("dfpt model reject elpv/3 --reason 'misses cracks'",),
    "model withdraw": ("dfpt model withdraw elpv/3 --reason 'trained on the wrong images'",),
    "model rollback": (
        "dfpt model rollback elpv --reason 'misses cracks' --dry-run",
        "dfpt model rollback elpv-production/2 --reason 'misses cracks'",
    ),
    "model history": ("dfpt model history elpv", "dfpt model history elpv --at 2026-11-01 --json"),
    "model robustness": ("dfpt model robustness elpv/4 kd=.dfpt/runs/20261124-120000-kd --images 200",),
    "model shadow": ("dfpt model shadow elpv/3 --images folder:today --seconds 60",),
    "approvals serve": ("dfpt approvals serve --port 8090",),
    "approvals user add": ("dfpt approvals user add ada", "dfpt approvals user add ada --dry-run"),
    "approvals user link": ("dfpt approvals user link ada", "dfpt approvals user link ada --dry-run"),
    "approvals user list": ("dfpt approvals user list --json",),
    "approvals user disable": ("dfpt approvals user disable ada --dry-run",),
    "approvals user enable": ("dfpt approvals user enable ada",),
    "approvals token create": (
        "dfpt approvals token create ci --label nightly --scope read --scope request --days 30",
    ),
    "approvals token list": ("dfpt approvals token list",),
    "approvals token revoke": ("dfpt approvals token revoke 4 --dry-run",),
    "audit verify": ("dfpt audit verify", "dfpt audit verify --json"),
    "audit export": ("dfpt audit export --format csv --out log.csv", "dfpt audit export --json"),
    "audit key": ("dfpt audit key",),
    "audit reconcile": ("dfpt audit reconcile --dry-run",),
    "notifications send": ("dfpt notifications send --dry-run", "dfpt notifications send --watch 30"),
    "notifications list": ("dfpt notifications list --json",),
    "notifications retry": ("dfpt notifications retry 12 --dry-run",),
    "data fetch": ("dfpt data fetch digits --out data/digits --dry-run",),
    "data validate": ("dfpt data validate folder:images/line-3",),
    "data profile": ("dfpt data profile folder:images/line-3 --out data/expectations/line-3.json",),
    "data drift": ("dfpt data drift --reference elpv --current folder:today",),
    "data add": ("dfpt data add data/line-3 --dry-run",),
    "data pin": ("dfpt data pin v1.2 --dry-run",),
    "data push": ("dfpt data push --dry-run", "dfpt data push --all"),
    "data pull": ("dfpt data pull --dry-run", "dfpt data pull --remote store"),
    "data versions": ("dfpt data versions --json",),
    "data quarantine list": ("dfpt data quarantine list",),
    "data quarantine release": ("dfpt data quarantine release 3fa9c2 --reason 'dark, but sound' --dry-run",),
    "bench distill": ("dfpt bench distill --suite digits --quick", "dfpt bench distill --summarise --json"),
    "bench approvals": ("dfpt bench approvals --seconds 10",),
    "bench seeds": ("dfpt bench seeds --seeds 3 --out results --profile smoke",),
    "bench throughput": ("dfpt bench throughput --quick --pair resnet32x4:resnet8x4",),
    "bench ingest": ("dfpt bench ingest --quick",),
    "bench drift": ("dfpt bench drift --quick --out results",),
    "pipeline compile": (
        "dfpt pipeline compile --dry-run --set cluster.queue=gpus",
        "dfpt pipeline compile --kubernetes --out manifests.yaml",
    ),
    "pipeline submit": ("dfpt pipeline submit --dry-run", "dfpt pipeline submit --data elpv --wait"),
    "pipeline status": ("dfpt pipeline status", "dfpt pipeline status 6a3f --json"),
    "pipeline logs": ("dfpt pipeline logs 6a3f distil --tail 50",),
    "schedule check": ("dfpt schedule check --next 5",),
    "schedule diff": ("dfpt schedule diff --json",),
    "schedule apply": ("dfpt schedule apply --dry-run",),
    "schedule list": ("dfpt schedule list",),
    "schedule pause": ("dfpt schedule pause weekly --dry-run",),
    "schedule resume": ("dfpt schedule resume weekly",),
    "schedule trigger": ("dfpt schedule trigger weekly --dry-run",),
    "schedule serve": ("dfpt schedule serve --file schedules.yaml",),
    "triggers serve": ("dfpt triggers serve --port 8082 --every 300",),
    "triggers poll": ("dfpt triggers poll --dry-run", "dfpt triggers poll --json"),
    "triggers list": ("dfpt triggers list",),
}


def attach(app: typer.Typer) -> None:
    """Put its lines at the end of the help of every command that has some."""
    for path, command in _commands(app):
        if lines := EXAMPLES.get(path):
            command.epilog = "\n\n".join(["Examples:" if len(lines) > 1 else "Example:", *lines])


def _commands(app: typer.Typer, before: str = "") -> Iterator[tuple[str, CommandInfo]]:
    for command in app.registered_commands:
        yield f"{before}{command.name or command.callback.__name__}", command  # type: ignore[union-attr]
    for group in app.registered_groups:
        if group.typer_instance is not None:
            yield from _commands(group.typer_instance, f"{before}{group.name} ")
