"""The way back, and what was in production when; on a real MLflow."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dfpt.errors import UsageError
from dfpt.registry import (
    artifacts,
    audit,
    deployment,
    history,
    maintenance,
    promotion,
    requests,
    rollback,
)
from dfpt.registry.errors import BytesChanged, NotFound, PolicyRefused
from dfpt.registry.handle import Registry
from dfpt.registry.ledger import Ledger
from dfpt.registry.policy_config import Policy
from tests.in_production import BOB, CAROL, Crash, Submit, back, files_of, pointed

pytest_plugins = ("tests.mlflow_home", "tests.in_production")


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


def cut_off(registry: Registry, monkeypatch: pytest.MonkeyPatch, point: str) -> None:
    """The approval of version 4, as far as ``point`` of the deployment."""
    with monkeypatch.context() as broken:
        broken.setattr(deployment, point, lambda *_: (_ for _ in ()).throw(Crash()))
        with pytest.raises(Crash):
            promotion.approve(registry, "elpv", 4, BOB, "better")


def test_an_approval_that_cannot_be_finished_does_not_keep_from_rolling_back(
    registry: Registry, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(b"four")
    cut_off(registry, monkeypatch, "_copy")
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
    cut_off(registry, monkeypatch, "_point")
    with pytest.raises(UsageError, match="elpv-production/4 is the champion now"):
        back(registry)
    assert pointed(registry) == {"champion": 4, "previous": 3}
    back(registry, 2)
    assert pointed(registry) == {"champion": 2, "previous": 4}


def test_a_candidate_that_its_trainer_deleted_keeps_nobody_from_rolling_back(
    registry: Registry, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(b"four")
    cut_off(registry, monkeypatch, "_copy")
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
