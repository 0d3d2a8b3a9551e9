"""The way back, what was in production when, and production held against the log; on a real MLflow."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dfpt.errors import UsageError
from dfpt.registry import (
    aliases,
    artifacts,
    audit,
    deployment,
    history,
    maintenance,
    promotion,
    reconcile,
    requests,
    rollback,
)
from dfpt.registry.actor import Actor
from dfpt.registry.database import Record
from dfpt.registry.errors import BytesChanged, NotFound, PolicyRefused
from dfpt.registry.handle import Registry, open_registry
from dfpt.registry.ledger import Ledger
from dfpt.registry.policy_config import Policy
from dfpt.registry.reconcile import Finding, Kind

pytest_plugins = "tests.mlflow_home"

Submit = Callable[..., Any]
BOB, CAROL = Actor("bob", "bob"), Actor("carol", "carol")


@pytest.fixture
def registry(home: Path, submit: Submit) -> Registry:
    """Three versions in production, of which the third is the champion."""
    opened = open_registry(home)
    for version, weights in enumerate((b"one", b"two", b"three"), start=1):
        submit(weights)
        promotion.approve(opened, "elpv", version, BOB, f"good {version}")
    return opened


def back(registry: Registry, to: int | None = None, actor: Actor = CAROL) -> history.Deployment:
    return rollback.roll_back(registry, "elpv", actor, "misses cracks on line 3", to)


def pointed(registry: Registry) -> dict[str, int]:
    return aliases.pointed_at(registry.client, "elpv")


def files_of(registry: Registry, version: int) -> Path:
    return artifacts.local(registry.client.get_model_version("elpv-production", str(version)), registry.uri)


def test_without_a_version_it_goes_to_the_one_before_and_there_and_back(registry: Registry) -> None:
    done = back(registry)

    assert pointed(registry) == {"champion": 2, "previous": 3}
    assert (done.production_version, done.previous_version, done.how, done.by) == (2, 3, "rolled back", "carol")
    back(registry)
    assert pointed(registry) == {"champion": 3, "previous": 2}


def test_it_goes_to_any_version_that_was_ever_promoted(registry: Registry) -> None:
    back(registry, 1)

    assert pointed(registry) == {"champion": 1, "previous": 3}
    records = [record for record in requests.log(registry.engine, "elpv", 1) if "rol" in record.action]
    assert [(record.action, record.actor, record.reason) for record in records] == [
        ("rollback begun", "carol", "misses cracks on line 3"),
        ("rolled back", "carol", "misses cracks on line 3"),
    ]
    assert audit.verify(registry.store).intact


def test_a_version_whose_bytes_changed_is_not_gone_back_to(registry: Registry) -> None:
    (files_of(registry, 2) / "model.onnx").write_bytes(b"other")

    with pytest.raises(BytesChanged, match="elpv-production/2"):
        back(registry)

    assert pointed(registry) == {"champion": 3, "previous": 2}
    assert rollback.unfinished_of(registry, "elpv") == []


@pytest.mark.parametrize(("to", "error", "says"), [(3, UsageError, "already"), (7, NotFound, "no promotion")])
def test_a_version_that_is_champion_or_unknown_is_wrong_usage(
    registry: Registry, to: int, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        back(registry, to)


def test_what_only_mlflow_calls_a_version_was_never_promoted(registry: Registry) -> None:
    source = files_of(registry, 1).as_uri()
    forged = registry.client.create_model_version("elpv-production", source, tags={"dfpt.request": "1"})

    with pytest.raises(NotFound, match="no promotion"):
        back(registry, int(forged.version))


def test_it_needs_a_reason_a_role_and_something_to_go_to(home: Path, registry: Registry) -> None:
    strict = dataclasses.replace(registry, policy=Policy.model_validate({"others": ["viewer", "requester"]}))

    with pytest.raises(UsageError, match="needs a reason"):
        rollback.roll_back(registry, "elpv", CAROL, "")
    with pytest.raises(PolicyRefused, match="admin or approver"):
        back(strict)
    with pytest.raises(NotFound, match="no version of other"):
        rollback.roll_back(registry, "other", CAROL, "why not")


def test_a_freeze_does_not_close_the_way_back(registry: Registry) -> None:
    frozen = {"freeze": {"always": {"starts": "2000-01-01 00:00", "ends": "2999-01-01 00:00"}}}

    back(dataclasses.replace(registry, policy=Policy.model_validate(frozen)))

    assert pointed(registry)["champion"] == 2


class Crash(BaseException):
    """The process ends: nothing below may catch it."""


@pytest.mark.parametrize("to", [None, 2])
@pytest.mark.parametrize("point", ["_finish", "_close"])
def test_a_rollback_cut_off_is_finished_and_not_turned_round_by_giving_it_again(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, to: int | None, point: str
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(rollback, point, lambda *_: (_ for _ in ()).throw(Crash()))
        with pytest.raises(Crash):
            back(registry, to)

    done = back(registry, to)

    assert pointed(registry) == {"champion": 2, "previous": 3}
    assert (done.production_version, done.previous_version) == (2, 3)
    actions = [record.action for record in requests.log(registry.engine, "elpv", 2)]
    assert actions.count("rollback begun") == actions.count("rolled back") == 1


def test_a_cut_off_rollback_does_not_undo_a_later_promotion(
    registry: Registry, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(rollback, "_finish", lambda *_: (_ for _ in ()).throw(Crash()))
        with pytest.raises(Crash):
            back(registry, 1)
    submit(b"four")

    promotion.approve(registry, "elpv", 4, BOB, "better")

    assert pointed(registry) == {"champion": 4, "previous": 1}
    assert rollback.unfinished_of(registry, "elpv") == []


def test_a_cut_off_rollback_to_files_damaged_since_is_given_up(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(rollback, "_finish", lambda *_: (_ for _ in ()).throw(Crash()))
        with pytest.raises(Crash):
            back(registry, 1)
    (files_of(registry, 1) / "model.onnx").write_bytes(b"other")

    back(registry, 2)

    assert pointed(registry) == {"champion": 2, "previous": 3}
    assert requests.log(registry.engine, "elpv", 1)[-1].action == "rollback given up"


def test_an_approval_that_cannot_be_finished_does_not_keep_from_rolling_back(
    registry: Registry, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(b"four")
    with monkeypatch.context() as broken:
        broken.setattr(deployment, "_copy", lambda *_: (_ for _ in ()).throw(Crash()))
        with pytest.raises(Crash):
            promotion.approve(registry, "elpv", 4, BOB, "better")
    folder = artifacts.local(registry.client.get_model_version("elpv", "4"), registry.uri)
    (folder / "model.onnx").write_bytes(b"other")

    back(registry)

    assert pointed(registry) == {"champion": 2, "previous": 3}
    assert requests.log(registry.engine, "elpv", 4)[-1].action == "refused"


def test_a_rollback_that_finds_a_promotion_to_finish_asks_for_its_version(
    registry: Registry, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it was finished "the previous one" was another version than after it."""
    submit(b"four")
    with monkeypatch.context() as broken:
        broken.setattr(deployment, "_point", lambda *_: (_ for _ in ()).throw(Crash()))
        with pytest.raises(Crash):
            promotion.approve(registry, "elpv", 4, BOB, "better")
    with pytest.raises(UsageError, match="elpv-production/4 is the champion now"):
        back(registry)
    assert pointed(registry) == {"champion": 4, "previous": 3}
    back(registry, 2)
    assert pointed(registry) == {"champion": 2, "previous": 4}


def test_a_candidate_that_its_trainer_deleted_keeps_nobody_from_rolling_back(
    registry: Registry, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(b"four")
    with monkeypatch.context() as broken:
        broken.setattr(deployment, "_copy", lambda *_: (_ for _ in ()).throw(Crash()))
        with pytest.raises(Crash):
            promotion.approve(registry, "elpv", 4, BOB, "better")
    registry.client.delete_model_version("elpv", "4")
    assert [type(error) for error in maintenance.unasked(registry, CAROL).refused] == [BytesChanged]
    back(registry)
    assert pointed(registry) == {"champion": 2, "previous": 3}


def test_what_is_in_production_is_what_the_log_says_last_whatever_the_clocks_said(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as ahead:
        ahead.setattr(Ledger, "_now", lambda _: "2999-01-01T00:00:00.000000+00:00")
        back(registry, 1)
    back(registry, 3)
    found = history.current(registry.engine, "elpv")
    assert found is not None
    assert found.production_version == 3


def test_the_log_answers_what_was_in_production_when_by_whom_and_on_which_evidence(registry: Registry) -> None:
    back(registry, 1)
    first, second, third, fourth = history.deployments(registry.engine, "elpv")

    def at(moment: str, shift: int = 0) -> history.Deployment | None:
        when = datetime.fromisoformat(moment) + timedelta(microseconds=shift)
        return history.at(registry.engine, "elpv", when)

    assert at(first.at, -1) is None
    assert [at(one.at) for one in (first, second, third, fourth)] == [first, second, third, fourth]
    assert at(third.at, -1) == second
    assert history.current(registry.engine, "elpv") == fourth
    assert (fourth.production_version, fourth.how, fourth.by) == (1, "rolled back", "carol")
    assert (fourth.approved_by, fourth.approval_reason) == (["bob"], "good 1")
    assert fourth.artifact_sha256 == first.artifact_sha256
    request = requests.latest(registry.engine, "elpv", 1)
    assert request is not None
    assert fourth.artifact_sha256 == request.artifact_sha256


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-24", datetime(2026, 11, 24, 23, 59, 59, 999999, tzinfo=UTC)),
        ("2026-11-24T15:30", datetime(2026, 11, 24, 15, 30, tzinfo=UTC)),
        ("2026-11-24T15:30+09:00", datetime(2026, 11, 24, 6, 30, tzinfo=UTC)),
    ],
)
def test_a_date_is_read_as_people_write_it(text: str, moment: datetime) -> None:
    assert history.moment(text) == moment


def test_what_is_no_date_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="is no date"):
        history.moment("yesterday")


def reconciled(registry: Registry, **rules: Any) -> list[Finding]:
    return reconcile.reconcile(dataclasses.replace(registry, policy=Policy.model_validate(rules)), CAROL)


def reconciliations(registry: Registry) -> list[Record]:
    with registry.store.reading() as session:
        return [record for record in session.query(Record).order_by(Record.seq) if record.action == "reconciled"]


def test_production_as_the_log_says_is_no_finding_and_no_record(registry: Registry) -> None:
    assert reconciled(registry) == []
    back(registry, 1)
    assert reconciled(registry) == []
    assert reconciliations(registry) == []


@pytest.mark.parametrize(("policy", "champion"), [("flag", 1), ("revert", 3)])
def test_an_alias_moved_behind_the_logs_back_is_flagged_or_reverted(
    registry: Registry, policy: str, champion: int
) -> None:
    registry.client.set_registered_model_alias("elpv-production", "champion", "1")

    found = reconciled(registry, reconcile=policy)

    reverted = policy == "revert"
    assert found == [Finding(Kind.ALIAS_MOVED, "elpv", "champion", "3", "1", reverted)]
    assert pointed(registry) == {"champion": champion, "previous": 2}
    assert json.loads(reconciliations(registry)[-1].details)["findings"][0]["found"] == "1"


def test_the_same_finding_is_written_down_once_and_so_is_its_end(registry: Registry) -> None:
    registry.client.delete_registered_model_alias("elpv-production", "previous")
    for _ in range(3):
        assert reconciled(registry) == [Finding(Kind.ALIAS_MOVED, "elpv", "previous", "2", "")]
    registry.client.set_registered_model_alias("elpv-production", "previous", "2")
    for _ in range(3):
        assert reconciled(registry) == []

    assert [record.reason for record in reconciliations(registry)] == [
        "alias moved: previous",
        "production is as the log says",
    ]


def test_a_dry_run_reverts_and_writes_nothing(registry: Registry) -> None:
    registry.client.set_registered_model_alias("elpv-production", "champion", "1")
    strict = dataclasses.replace(registry, policy=Policy(reconcile="revert"))

    assert len(reconcile.reconcile(strict, CAROL, dry_run=True)) == 1

    assert pointed(registry)["champion"] == 1
    assert reconciliations(registry) == []


def test_a_missing_version_and_one_that_the_log_does_not_know_are_reported(registry: Registry) -> None:
    source = files_of(registry, 1).as_uri()
    registry.client.delete_model_version("elpv-production", "1")
    registry.client.create_model_version("elpv-production", source)

    assert {(finding.kind, finding.what) for finding in reconciled(registry)} == {
        (Kind.VERSION_MISSING, "1"),
        (Kind.VERSION_UNKNOWN, "4"),
    }


def test_missing_and_changed_files_are_reported_even_if_the_tags_agree_with_them(registry: Registry) -> None:
    import shutil

    from dfpt import files

    changed = files_of(registry, 1)
    (changed / "model.onnx").write_bytes(b"other")
    registry.client.set_model_version_tag("elpv-production", "1", artifacts.ARTIFACT_TAG, files.sha256(changed))
    shutil.rmtree(files_of(registry, 2))

    found = {(finding.kind, finding.what) for finding in reconciled(registry)}

    assert found == {(Kind.FILES_CHANGED, "1"), (Kind.FILES_MISSING, "2")}


def test_an_alias_is_not_reverted_to_a_version_with_changed_files(registry: Registry) -> None:
    (files_of(registry, 3) / "model.onnx").write_bytes(b"other")
    registry.client.set_registered_model_alias("elpv-production", "champion", "1")

    found = reconciled(registry, reconcile="revert")

    assert {(finding.kind, finding.reverted) for finding in found} == {
        (Kind.ALIAS_MOVED, False),
        (Kind.FILES_CHANGED, False),
    }
    assert pointed(registry)["champion"] == 1


def test_what_was_cut_off_is_said_to_be_so(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(rollback, "_finish", lambda *_: (_ for _ in ()).throw(Crash()))
        with pytest.raises(Crash):
            back(registry, 1)

    assert [finding.kind for finding in reconciled(registry)] == [Kind.UNFINISHED]
