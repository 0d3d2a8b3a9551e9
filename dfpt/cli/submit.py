"""``dfpt pipeline submit``: start the pipeline in the cluster, and wait for what it comes to."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dfpt.cli import options

if TYPE_CHECKING:
    from dfpt.cluster.outcome import Outcome, Step
    from dfpt.cluster.versions import Package
    from dfpt.config import Config


def command(
    wait: Annotated[bool, typer.Option("--wait", help="Until it has ended; the exit code is then the run's.")] = False,
    every: Annotated[float, typer.Option(min=0.01, help="Seconds between two looks at it.")] = 10.0,
    limit: Annotated[float | None, typer.Option(min=0, help="Seconds to wait at most; the run goes on.")] = None,
    profile: options.Profile = None,
    data: Annotated[str | None, typer.Option("--data", metavar="SOURCE", help="Sets data.source.")] = None,
    assignments: options.Assignments = None,
    config: options.ConfigFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent; send nothing.")] = False,
    as_json: options.Json = False,
) -> None:
    """Start the pipeline in the cluster. A pipeline of the same content is not uploaded again.

    With --wait it ends with 4 when a candidate waits for approval, 3 when the gate or the data was refused.
    """
    from dfpt import config as configuration
    from dfpt.cluster import connect, submit
    from dfpt.runtime import code_revision

    chosen = [*(assignments or ()), *([f"data.source={json.dumps(data)}"] if data else [])]
    resolved = configuration.resolve(options.config_file(config), profile, chosen)
    resolved = resolved.model_copy(update={"data": configuration.with_images(resolved)})
    package = compiled(resolved)
    values = submit.parameters(resolved, package, data_hash(resolved), code_revision())
    if dry_run:
        _say_plan(package, values, as_json)
        return
    pipelines = connect.pipelines(resolved.cluster)
    run = submit.submit(pipelines, resolved, package, values)
    if not as_json:
        typer.echo(f"Started {run.display_name}: dfpt pipeline status {run.run_id}")
    if not wait:
        if as_json:
            options.write_json({"run": run.run_id, "name": run.display_name, "status": "running"})
        return

    from dfpt.cluster import watch
    from dfpt.cluster.outcome import steps

    ended = watch.wait(pipelines, run.run_id, _tell, every, limit)
    found = explained(ended, resolved.cluster.namespace)
    if as_json:
        options.write_json(as_object(run.run_id, run.display_name, found, steps(ended)))
    else:
        typer.echo(found.reason)
    raise typer.Exit(found.exit_code or 0)


def compiled(config: Config) -> Package:
    """The pipeline as this release and this configuration compile it."""
    from dfpt.cluster import versions
    from pipelines.compile import compile_pipeline

    with tempfile.TemporaryDirectory() as folder:
        return versions.read(compile_pipeline(config.cluster, Path(folder) / "retraining.yaml"))


def data_hash(config: Config) -> str:
    """What the source holds, as it is read here; for one that only the cluster can read, a word
    that no other run has: prepare reads it then.

    Raises:
        UsageError: no source is called so, or its revision cannot be looked up.
    """
    import uuid

    from dfpt.config import with_images
    from dfpt.datasets import sources
    from dfpt.errors import DfptError

    data = with_images(config)
    if data.stored:
        return sources.fingerprint(data.source, data.lists, md5=data.stored.md5)
    try:
        return sources.fingerprint(config.data.source, config.data.lists)
    except DfptError:
        if config.data.source.partition(":")[0] not in {known.partition(":")[0] for known in sources.KNOWN}:
            raise
        return f"unknown:{uuid.uuid4()}"


def explained(run: Any, namespace: str) -> Outcome:
    """The outcome; of a failed step with the reason and the exit code that its own last words give, if they are had."""
    import dataclasses

    from dfpt.cluster import outcome, pods
    from dfpt.errors import EXIT_REFUSED, DfptError

    found = outcome.outcome(run)
    if found.status != "failed" or found.step is None:
        return found
    try:
        logs = [text for _, text in pods.Pods(namespace).logs(run.run_id, found.step, tail=50)]
    except DfptError:  # no kubeconfig, no right to, no pod: the reason is then Kubeflow's
        return found
    error = pods.explained(logs[-1])
    if error is None:
        return found
    status = "refused" if error.exit_code == EXIT_REFUSED else "failed"
    return dataclasses.replace(found, status=status, exit_code=error.exit_code, reason=f"{found.step}: {error.message}")


def as_object(run_id: str, name: str, found: Outcome, steps: list[Step]) -> dict[str, Any]:
    """A run as programs read it; times in seconds."""
    import dataclasses

    return {
        "run": run_id,
        "name": name,
        "status": found.status,
        "exit_code": found.exit_code,
        "reason": found.reason,
        "steps": [dataclasses.asdict(step) for step in steps],
    }


def _tell(step: Step) -> None:
    words = {"SUCCEEDED": "done", "SKIPPED": "from the cache", "RUNNING": "running", "FAILED": "failed"}
    took = "" if step.seconds is None else f" in {step.seconds:.0f} s"
    said = f": {step.message}" if step.message else ""
    typer.echo(f"{step.name:<16}{words.get(step.state, step.state.lower())}{took}{said}", err=True)


def _say_plan(package: Package, values: dict[str, Any], as_json: bool) -> None:
    plan = {"pipeline": package.pipeline, "version": package.version, "parameters": values, "dry_run": True}
    if as_json:
        options.write_json(plan)
        return
    typer.echo(f"Would start {package.pipeline}, version {package.version}, with:")
    options.write_json(values)
