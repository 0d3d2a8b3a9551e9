"""Production held against the log, on a real MLflow: what is found, written down and put back."""

from __future__ import annotations

import dataclasses
import json
import shutil
from typing import Any

import pytest

from dfpt import files
from dfpt.registry import artifacts, reconcile, rollback
from dfpt.registry.database import Record
from dfpt.registry.handle import Registry
from dfpt.registry.policy_config import Policy
from dfpt.registry.reconcile import Finding, Kind
from tests.in_production import CAROL, Crash, back, files_of, pointed

pytest_plugins = ("tests.mlflow_home", "tests.in_production")


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
