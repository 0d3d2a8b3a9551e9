"""The file made true in the cluster, and single schedules of it paused, resumed and started."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dfpt.cluster import submit, versions
from dfpt.cluster.errors import Unreachable
from dfpt.cluster.outcome import UNDER_WAY
from dfpt.errors import StepFailed, UsageError
from dfpt.schedules import cron, plan
from dfpt.schedules.file import LATEST, File, Schedule

if TYPE_CHECKING:
    import kfp_server_api as api

    from dfpt.cluster.kfp import Pipelines
    from dfpt.cluster.versions import Package
    from dfpt.schedules.plan import Change, Desired, Existing

SCHEDULED = "scheduled"  # the data hash of a run that reads its source anew


def desired(file: File, config_file: Path | None, package: Package, code_revision: str) -> list[Desired]:
    """The recurring runs that the file asks for.

    Args:
        package: as :func:`dfpt.cluster.versions.for_schedules` has made it.

    Raises:
        UsageError: a schedule whose configuration is not valid, or that the cluster's clock cannot keep.
    """
    return [_desired(name, item, file, config_file, package, code_revision) for name, item in file.schedules.items()]


def found(pipelines: Pipelines) -> list[Existing]:
    """The recurring runs that there are, ours and others'."""
    return [plan.existing(run) for run in pipelines.recurring_runs()]


def changes(pipelines: Pipelines, wanted: list[Desired], package: Package, owner: str) -> list[Change]:
    """What :func:`apply` would do.

    Raises:
        Foreign: a name is taken.
    """
    planned = plan.changes(wanted, found(pipelines), owner)
    if any(item.version is None for item in wanted) and not versions.is_newest(pipelines, package):
        planned.insert(0, plan.Change("upload", package.pipeline, f"its newest version is not {package.version}"))
    return planned


def apply(pipelines: Pipelines, wanted: list[Desired], package: Package, experiment: str, owner: str) -> list[Change]:
    """Make the cluster equal to the file; return what was done, nothing where it was equal.

    A new one is there before the old one goes, so a cut leaves one too many and never none, and the next apply mends
    it. Two at once end with one of each: both keep the oldest.

    Raises:
        Foreign: a name is taken. Nothing has been changed then.
        StepFailed: somebody with another file was at work at the same time.
    """
    planned = changes(pipelines, wanted, package, owner)
    references = _references(pipelines, wanted, package)
    by_name = {item.name: item for item in wanted}
    experiment_id = versions.experiment(pipelines, experiment) if any(map(_makes, planned)) else ""
    for change in planned:
        if _makes(change):
            item = by_name[change.name]
            _create(pipelines, body(item, references[item.name], experiment_id, owner, change.enabled))
        for recurring_run_id in change.ids:
            if change.deed in ("enable", "disable"):
                pipelines.enable_recurring_run(recurring_run_id, change.deed == "enable")
            else:
                pipelines.delete_recurring_run(recurring_run_id)
    if any(map(_makes, planned)):
        _settle(pipelines, wanted, owner)
    return planned


def body(
    item: Desired, version: versions.Version, experiment_id: str, owner: str, enabled: bool
) -> api.V2beta1RecurringRun:
    """The recurring run as it is asked for: no catch-up, one at a time."""
    import kfp_server_api as api

    return api.V2beta1RecurringRun(
        display_name=item.name,
        description=item.description(owner),
        experiment_id=experiment_id,
        pipeline_version_reference=api.V2beta1PipelineVersionReference(
            pipeline_id=version.pipeline_id, pipeline_version_id=version.version_id
        ),
        runtime_config=api.V2beta1RuntimeConfig(parameters=dict(item.parameters)),
        service_account=item.service_account,
        max_concurrency="1",
        no_catchup=True,
        mode="ENABLE" if enabled else "DISABLE",
        trigger=api.V2beta1Trigger(cron_schedule=api.V2beta1CronSchedule(cron=item.cron)),
    )


def pause(pipelines: Pipelines, name: str, owner: str, enabled: bool, dry_run: bool = False) -> bool:
    """Pause or resume a schedule; whether that changed anything, or would.

    Raises:
        Foreign: it is somebody else's.
        UsageError: there is none.
    """
    mine = _mine(pipelines, name, owner)
    to_do = [item for item in mine if item.enabled != enabled]
    for item in () if dry_run else to_do:
        pipelines.enable_recurring_run(item.id, enabled)
    return bool(to_do)


def trigger(pipelines: Pipelines, name: str, owner: str, dry_run: bool = False) -> tuple[api.V2beta1Run | None, bool]:
    """Start a run of a schedule now, and True; one of it that is under way is returned instead, and False.

    In a dry run none is started: None, and False.

    Raises:
        Foreign, UsageError: as :func:`pause`.
    """
    import kfp_server_api as api

    chosen = _mine(pipelines, name, owner)[0]
    recurring = next(run for run in pipelines.recurring_runs() if run.recurring_run_id == chosen.id)
    stem = f"{name}-by-hand"
    for run in pipelines.runs(recurring.experiment_id):
        its_own = run.recurring_run_id == chosen.id or (run.display_name or "").startswith(f"{stem}-")
        if its_own and run.state in UNDER_WAY:
            return run, False
    if dry_run:
        return None, False
    started = api.V2beta1Run(
        display_name=submit.run_name(stem),
        description=f"Started by hand from the schedule {name}",
        experiment_id=recurring.experiment_id,
        pipeline_version_reference=recurring.pipeline_version_reference,
        runtime_config=recurring.runtime_config,
        service_account=recurring.service_account,
    )
    return submit.start(pipelines, started), True


def _mine(pipelines: Pipelines, name: str, owner: str) -> list[Existing]:
    mine = plan.own(found(pipelines), name, owner)
    if not mine:
        raise UsageError(f"The cluster has no schedule {name!r}.", "dfpt schedule apply makes what the file declares.")
    return mine


def _desired(
    name: str, item: Schedule, file: File, config_file: Path | None, package: Package, code_revision: str
) -> Desired:
    config = item.run.config(config_file)
    here, there = cron.zone(item.timezone), cron.zone(file.cluster_timezone)
    try:
        in_cluster = cron.translated(cron.parse(item.cron), here, there, datetime.now(UTC)).text
    except ValueError as error:
        raise UsageError(f"schedules.{name}: {error}.") from error
    return plan.Desired(
        name,
        in_cluster,
        f"{item.cron} in {item.timezone}",
        package.pipeline,
        None if item.version == LATEST else item.version,
        # The same at every apply: prepare never takes an earlier result here, so no age has to be in its key.
        submit.parameters(config, package, SCHEDULED, code_revision) | {"cache_period": ""},
        config.cluster.service_account,
        item.enabled,
    )


def _references(pipelines: Pipelines, wanted: list[Desired], package: Package) -> Mapping[str, versions.Version]:
    """Each schedule's pipeline version; what is missing of the newest is uploaded."""
    found: dict[str, versions.Version] = {}
    for item in wanted:
        if item.version is not None:
            found[item.name] = versions.pinned(pipelines, item.pipeline, item.version)
    if any(item.version is None for item in wanted):
        newest = versions.ensure_newest(pipelines, package, "dfpt, for schedules")
        found |= {item.name: newest for item in wanted if item.version is None}
    return found


def _create(pipelines: Pipelines, wanted: api.V2beta1RecurringRun) -> None:
    """Make it, once: when the answer was lost, it is looked for."""
    try:
        pipelines.create_recurring_run(wanted)
    except Unreachable:
        for run in pipelines.recurring_runs():
            if (run.display_name, run.description) == (wanted.display_name, wanted.description):
                return
        raise


def _settle(pipelines: Pipelines, wanted: list[Desired], owner: str) -> None:
    """Of what two at once have made, the oldest stays; whoever comes second removes the rest."""
    there = found(pipelines)
    for item in wanted:
        mine = plan.own(there, item.name, owner)
        keep = next((known for known in mine if known.digest == item.digest), None)
        if keep is None:
            raise StepFailed(
                f"The recurring run {item.name!r} was removed while it was made: somebody applies another file.",
                f"Agree on one file for owner {owner!r}, then apply again.",
            )
        for known in mine:
            if known is not keep:
                pipelines.delete_recurring_run(known.id)


def _makes(change: Change) -> bool:
    return change.deed in ("create", "replace")
