"""``dfpt schedule`` makes the cluster equal to the file, and touches nothing else."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from dfpt.cli import submit
from dfpt.cli.schedule import app
from dfpt.cluster import errors, versions
from dfpt.cluster.versions import Package
from dfpt.config import Config
from dfpt.errors import StepFailed, UsageError
from dfpt.schedules import plan
from tests.fake_kfp.server import FakePipelines, Fault

pytest_plugins = "tests.fake_kfp.plugin"

RUN = {"profile": "smoke", "data": "digits"}
WEEKLY = {"cron": "0 0 2 * * 1", "timezone": "Asia/Tokyo", "run": RUN}
NIGHTLY = {"cron": "0 30 1 * * *", "run": RUN}


@pytest.fixture(scope="module")
def package() -> Package:
    """The real pipeline, compiled once."""
    return submit.compiled(Config())


@pytest.fixture
def dfpt(package: Package, kubeflow: FakePipelines, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """``dfpt schedule`` on a file of the schedules named, against the fake; returns what it prints, JSON read."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(submit, "compiled", lambda config: package)
    monkeypatch.setenv("DFPT_CLUSTER__HOST", kubeflow.host)
    path = tmp_path / "schedules.yaml"

    def call(command: str, *arguments: str, owner: str = "dfpt", **schedules: Any) -> Any:
        path.write_text(yaml.safe_dump({"owner": owner, "schedules": schedules}, sort_keys=False))
        done = CliRunner().invoke(app, [command, *arguments, "--file", str(path)], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout) if "--json" in arguments else done.stdout

    return call


def deeds(changes: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(change["deed"], change["name"]) for change in changes]


def only(fake: FakePipelines) -> dict[str, Any]:
    """The one recurring run that there is."""
    (found,) = fake.state.recurring.values()
    return found


def test_a_second_apply_changes_nothing(dfpt: Any, kubeflow: FakePipelines) -> None:
    declared = {"weekly": WEEKLY, "nightly": NIGHTLY}
    first = dfpt("apply", "--json", **declared)
    assert deeds(first) == [
        ("upload", "dfpt-retraining-scheduled"),
        ("create", "weekly"),
        ("create", "nightly"),
    ]
    before, writes = json.dumps(kubeflow.state.recurring), kubeflow.writes()

    assert dfpt("apply", "--json", **declared) == []
    assert dfpt("diff", **declared) == "The cluster is as the file says.\n"
    assert json.dumps(kubeflow.state.recurring) == before
    assert kubeflow.writes() == writes


def test_an_apply_much_later_changes_nothing_either(
    dfpt: Any, kubeflow: FakePipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    dfpt("apply", weekly=WEEKLY)
    later = time.time() + 100 * 86_400  # results of the cache are too old by then
    monkeypatch.setattr(time, "time", lambda: later)
    assert dfpt("apply", "--json", weekly=WEEKLY) == []


def test_a_recurring_run_is_as_declared(dfpt: Any, kubeflow: FakePipelines) -> None:
    dfpt("apply", weekly=WEEKLY)
    found = only(kubeflow)
    assert found["trigger"]["cron_schedule"]["cron"] == "0 0 17 * * 0"  # two on Monday in Tokyo, by UTC
    assert (found["max_concurrency"], found["no_catchup"], found["mode"]) == ("1", True, "ENABLE")
    assert "pipeline_version_id" not in found["pipeline_version_reference"]
    assert found["runtime_config"]["parameters"]["prepare"]["data"]["source"] == "digits"
    assert "0 0 2 * * 1 in Asia/Tokyo" in found["description"]


def test_scheduled_runs_never_take_their_data_from_the_cache(package: Package) -> None:
    scheduled = versions.for_schedules(package)
    (prepare,), (validate,) = (versions.tasks(scheduled.documents[0], name) for name in ("prepare", "validate"))
    (before,) = versions.tasks(package.documents[0], "prepare")
    assert not prepare["cachingOptions"].get("enableCache")
    assert validate["cachingOptions"]["enableCache"]
    assert before["cachingOptions"]["enableCache"]
    assert scheduled.pipeline != package.pipeline


def test_what_changed_is_replaced_under_the_same_name_and_the_rest_stays(dfpt: Any, kubeflow: FakePipelines) -> None:
    dfpt("apply", weekly=WEEKLY, nightly=NIGHTLY)
    ids = {run["display_name"]: key for key, run in kubeflow.state.recurring.items()}

    changed = dfpt("apply", "--json", weekly=WEEKLY | {"cron": "0 0 3 * * 1"}, nightly=NIGHTLY)

    assert deeds(changed) == [("replace", "weekly")]
    now = {run["display_name"]: key for key, run in kubeflow.state.recurring.items()}
    assert now["nightly"] == ids["nightly"]
    assert now["weekly"] != ids["weekly"]
    assert len(kubeflow.state.recurring) == 2


def test_what_the_file_has_no_more_is_removed(dfpt: Any, kubeflow: FakePipelines) -> None:
    dfpt("apply", weekly=WEEKLY, nightly=NIGHTLY)
    assert deeds(dfpt("apply", "--json", nightly=NIGHTLY)) == [("remove", "weekly")]
    assert only(kubeflow)["display_name"] == "nightly"


def test_a_dry_run_and_a_diff_change_nothing(dfpt: Any, kubeflow: FakePipelines) -> None:
    planned = dfpt("diff", "--json", weekly=WEEKLY)
    assert planned == dfpt("apply", "--dry-run", "--json", weekly=WEEKLY)
    assert ("create", "weekly") in deeds(planned)
    assert kubeflow.writes() == 0


def test_dry_runs_of_single_schedules_say_what_would_be_and_change_nothing(dfpt: Any, kubeflow: FakePipelines) -> None:
    dfpt("apply", weekly=WEEKLY)
    before, writes = json.dumps(kubeflow.state.recurring), kubeflow.writes()

    planned = {
        command: dfpt(command, "weekly", "--dry-run", "--json", weekly=WEEKLY)
        for command in ("pause", "resume", "trigger")
    }
    assert [planned[command]["changed"] for command in ("pause", "resume")] == [True, False]
    assert planned["trigger"] == {"run": None, "name": None, "started": False, "dry_run": True}
    assert dfpt("pause", "weekly", "--dry-run", weekly=WEEKLY) == "weekly would be paused.\n"
    with pytest.raises(UsageError, match="no schedule 'nightly'"):
        dfpt("pause", "nightly", "--dry-run", weekly=WEEKLY)
    assert (json.dumps(kubeflow.state.recurring), kubeflow.writes()) == (before, writes)

    done = dfpt("pause", "weekly", "--json", weekly=WEEKLY)
    assert done == planned["pause"] | {"dry_run": False}
    run = dfpt("trigger", "weekly", "--json", weekly=WEEKLY)["run"]
    again = dfpt("trigger", "weekly", "--dry-run", "--json", weekly=WEEKLY)
    assert (again["run"], again["started"]) == (run, False)


def foreign(fake: FakePipelines, name: str, description: str) -> str:
    """A recurring run that somebody else has made."""
    found = next(iter(fake.state.recurring.values())) | {
        "display_name": name,
        "description": description,
        "recurring_run_id": f"theirs-{name}",
    }
    fake.state.recurring[found["recurring_run_id"]] = found
    return str(found["recurring_run_id"])


@pytest.mark.parametrize("description", ["made in the UI", plan.mark("other-team", "0" * 64)])
def test_a_name_that_somebody_else_has_is_refused_before_anything_changes(
    dfpt: Any, kubeflow: FakePipelines, description: str
) -> None:
    dfpt("apply", nightly=NIGHTLY)
    theirs = foreign(kubeflow, "weekly", description)
    before, writes = json.dumps(kubeflow.state.recurring), kubeflow.writes()

    with pytest.raises(plan.Foreign, match=f"weekly.*{theirs}") as raised:
        dfpt("apply", weekly=WEEKLY)
    for command in ("pause", "resume", "trigger"):
        with pytest.raises(plan.Foreign):
            dfpt(command, "weekly", weekly=WEEKLY)

    assert raised.value.exit_code == 2
    assert json.dumps(kubeflow.state.recurring) == before
    assert kubeflow.writes() == writes


def test_others_recurring_runs_are_left_alone(dfpt: Any, kubeflow: FakePipelines) -> None:
    dfpt("apply", nightly=NIGHTLY)
    theirs = {foreign(kubeflow, "by-hand", "made in the UI"), foreign(kubeflow, "other", plan.mark("b", "0" * 64))}
    dfpt("apply")
    assert set(kubeflow.state.recurring) == theirs


def test_a_paused_schedule_stays_paused_when_it_is_replaced(dfpt: Any, kubeflow: FakePipelines) -> None:
    dfpt("apply", weekly=WEEKLY)
    assert dfpt("pause", "weekly", weekly=WEEKLY) == "weekly is paused.\n"
    assert dfpt("pause", "weekly", weekly=WEEKLY) == "weekly is paused already.\n"
    assert only(kubeflow)["status"] == "DISABLED"
    assert dfpt("apply", "--json", weekly=WEEKLY) == []

    dfpt("apply", weekly=WEEKLY | {"cron": "0 0 4 * * 1"})
    assert only(kubeflow)["mode"] == "DISABLE"
    dfpt("resume", "weekly", weekly=WEEKLY)
    assert only(kubeflow)["status"] == "ENABLED"


def test_the_files_word_on_enabled_holds(dfpt: Any, kubeflow: FakePipelines) -> None:
    dfpt("apply", weekly=WEEKLY | {"enabled": False})
    assert only(kubeflow)["mode"] == "DISABLE"
    assert deeds(dfpt("apply", "--json", weekly=WEEKLY | {"enabled": True})) == [("enable", "weekly")]
    said = dfpt("pause", "weekly", weekly=WEEKLY | {"enabled": True})
    assert "next apply undoes this" in said


def test_a_pinned_version_is_pinned_by_its_id_and_must_be_there(
    dfpt: Any, kubeflow: FakePipelines, package: Package
) -> None:
    with pytest.raises(errors.NotThere, match="no version 'sha256-0'"):
        dfpt("apply", weekly=WEEKLY | {"version": "sha256-0"})
    assert kubeflow.state.recurring == {}
    dfpt("apply", weekly=WEEKLY)
    name = versions.for_schedules(package).version
    dfpt("apply", weekly=WEEKLY | {"version": name})
    pinned = only(kubeflow)["pipeline_version_reference"]["pipeline_version_id"]
    assert kubeflow.state.versions[pinned]["display_name"] == name


def test_the_newest_version_is_uploaded_again_when_another_one_came_between(dfpt: Any, kubeflow: FakePipelines) -> None:
    dfpt("apply", weekly=WEEKLY)
    (first,) = kubeflow.state.versions.values()
    other = first | {"pipeline_version_id": "other", "display_name": "sha256-other"}
    kubeflow.state.versions["other"] = other
    assert deeds(dfpt("apply", "--json", weekly=WEEKLY)) == [("upload", "dfpt-retraining-scheduled")]
    assert [version["display_name"] for version in kubeflow.state.versions.values()] == [
        first["display_name"],
        "sha256-other",
        f"{first['display_name']}-2",
    ]
    assert dfpt("apply", "--json", weekly=WEEKLY) == []


def test_a_schedule_that_the_clusters_clock_cannot_keep_is_refused(dfpt: Any, kubeflow: FakePipelines) -> None:
    with pytest.raises(UsageError, match=r"schedules\.weekly: Europe/Berlin and UTC.*CRON_SCHEDULE_TIMEZONE"):
        dfpt("diff", weekly=WEEKLY | {"timezone": "Europe/Berlin"})
    assert kubeflow.requests == []


def test_two_applies_at_once_leave_one_of_each(dfpt: Any, kubeflow: FakePipelines, tmp_path: Path) -> None:
    path = tmp_path / "both.yaml"
    path.write_text(yaml.safe_dump({"schedules": {"weekly": WEEKLY, "nightly": NIGHTLY}}))
    together = threading.Barrier(2)
    plain = kubeflow.state.recurring_run_service_create_recurring_run
    failed: list[BaseException] = []

    def both_have_looked(*args: Any, **more: Any) -> Any:
        if kubeflow.count("recurring_run_service_create_recurring_run") <= 2:
            kubeflow.lock.release()
            together.wait(30)
            kubeflow.lock.acquire()
        return plain(*args, **more)

    kubeflow.state.recurring_run_service_create_recurring_run = both_have_looked  # type: ignore[method-assign]

    def apply() -> None:
        from dfpt.cli.schedule import apply

        try:
            apply(path)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=apply) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert kubeflow.count("recurring_run_service_create_recurring_run") == 4
    assert sorted(run["display_name"] for run in kubeflow.state.recurring.values()) == ["nightly", "weekly"]


def test_one_too_many_that_a_cut_left_is_removed(dfpt: Any, kubeflow: FakePipelines) -> None:
    dfpt("apply", weekly=WEEKLY)
    kept = only(kubeflow)
    foreign(kubeflow, "weekly", kept["description"])
    assert deeds(dfpt("apply", "--json", weekly=WEEKLY)) == [("remove", "weekly")]
    assert only(kubeflow) == kept


def test_an_answer_that_was_lost_makes_no_second_one(dfpt: Any, kubeflow: FakePipelines) -> None:
    kubeflow.faults = [Fault("recurring_run_service_create_recurring_run", "unanswered")]
    dfpt("apply", weekly=WEEKLY)
    assert only(kubeflow)["display_name"] == "weekly"


def test_an_apply_that_breaks_off_is_mended_by_the_next(dfpt: Any, kubeflow: FakePipelines) -> None:
    dfpt("apply", weekly=WEEKLY)
    kubeflow.faults = [Fault("recurring_run_service_delete_recurring_run", "lost")]
    changed = WEEKLY | {"cron": "0 0 4 * * 1"}
    with pytest.raises(errors.Unreachable):
        dfpt("apply", weekly=changed)
    assert len(kubeflow.state.recurring) == 2
    dfpt("apply", weekly=changed)
    assert only(kubeflow)["trigger"]["cron_schedule"]["cron"] == "0 0 19 * * 0"


def test_another_file_at_the_same_time_is_told(dfpt: Any, kubeflow: FakePipelines) -> None:
    plain = kubeflow.state.recurring_run_service_create_recurring_run

    def removed_at_once(*args: Any, **more: Any) -> Any:
        answer = plain(*args, **more)
        kubeflow.state.recurring.clear()
        return answer

    kubeflow.state.recurring_run_service_create_recurring_run = removed_at_once  # type: ignore[method-assign]
    with pytest.raises(StepFailed, match="another file"):
        dfpt("apply", weekly=WEEKLY)


def test_a_schedule_is_started_by_hand_once(dfpt: Any, kubeflow: FakePipelines) -> None:
    dfpt("apply", weekly=WEEKLY)
    first = dfpt("trigger", "weekly", "--json", weekly=WEEKLY)
    assert first["started"]
    run = kubeflow.state.runs[first["run"]]
    assert run["runtime_config"] == only(kubeflow)["runtime_config"]
    again = dfpt("trigger", "weekly", "--json", weekly=WEEKLY)
    assert (again["run"], again["started"]) == (first["run"], False)
    run["state"] = "SUCCEEDED"
    assert dfpt("trigger", "weekly", "--json", weekly=WEEKLY)["started"]
    with pytest.raises(UsageError, match="no schedule 'nightly'"):
        dfpt("trigger", "nightly", weekly=WEEKLY)


def test_the_list_says_whose_each_is(dfpt: Any, kubeflow: FakePipelines) -> None:
    dfpt("apply", weekly=WEEKLY)
    foreign(kubeflow, "by-hand", "made in the UI")
    rows = dfpt("list", "--json", weekly=WEEKLY)
    assert [(row["name"], row["owner"], row["ours"]) for row in rows] == [
        ("weekly", "dfpt", True),
        ("by-hand", None, False),
    ]
    assert "by-hand" in dfpt("list", weekly=WEEKLY)


def test_check_shows_the_times_to_come_without_a_cluster(dfpt: Any, kubeflow: FakePipelines) -> None:
    coming = dfpt("check", "--json", "--next", "2", weekly=WEEKLY)
    assert all(moment.endswith("T02:00:00+09:00") for moment in coming["weekly"])
    assert len(coming["weekly"]) == 2
    assert kubeflow.requests == []
