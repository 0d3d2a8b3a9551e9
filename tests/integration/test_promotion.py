"""From candidate to champion on a real MLflow and real files: whose bytes they are, and what survives a crash."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dfpt.context import Context
from dfpt.registry import artifacts, champion, deployment, listing, promotion, rejection, requests
from dfpt.registry.actor import Actor
from dfpt.registry.database import State
from dfpt.registry.errors import BytesChanged, NotFound, WrongState
from dfpt.registry.handle import Registry, open_registry

pytest_plugins = "tests.mlflow_home"

Submit = Callable[..., Any]
BOB = Actor("bob", "bob")


@pytest.fixture
def registry(home: Path) -> Registry:
    return open_registry(home)


def candidate_folder(registry: Registry, version: int) -> Path:
    return artifacts.local(registry.client.get_model_version("elpv", str(version)), registry.uri)


def fetch(registry: Registry) -> champion.Champion | None:
    return champion.fetch(Context(registry.home, registry.home / "checkpoints"), "elpv")


def approve(registry: Registry, version: int = 1, actor: Actor = BOB) -> Any:
    return promotion.approve(registry, "elpv", version, actor, "looked at every miss")


def states(registry: Registry, version: int = 1) -> list[str]:
    return [record.after for record in requests.log(registry.engine, "elpv", version)]


def test_nothing_is_champion_before_the_first_promotion(registry: Registry, submit: Submit) -> None:
    assert fetch(registry) is None
    submit()
    assert fetch(registry) is None


def test_the_champions_bytes_are_its_own(registry: Registry, submit: Submit) -> None:
    submit(b"good weights")
    approve(registry)

    for file in candidate_folder(registry, 1).rglob("*"):
        if file.is_file():
            file.write_bytes(b"overwritten")

    found = fetch(registry)
    assert found is not None
    assert (found.folder / "model.safetensors").read_bytes() == b"good weights"
    assert found.artifact.is_relative_to(registry.home / "production")
    assert (found.artifact / "model.onnx").stat().st_size > 20


@pytest.mark.parametrize("file", ["student/model.safetensors", "model.onnx", "evidence/report.json"])
def test_a_candidate_changed_after_its_request_is_refused(registry: Registry, submit: Submit, file: str) -> None:
    submit()
    (candidate_folder(registry, 1) / file).write_bytes(b"other")

    with pytest.raises(BytesChanged, match="have been changed"):
        approve(registry)

    assert fetch(registry) is None
    assert not (registry.home / "production").exists()
    assert states(registry) == ["pending", "pending"]
    assert "approval refused" in requests.log(registry.engine, "elpv", 1)[-1].reason


def test_a_changed_champion_is_not_handed_out(registry: Registry, submit: Submit) -> None:
    submit()
    approve(registry)
    found = fetch(registry)
    assert found is not None
    (found.folder / "model.json").write_text("{}")

    with pytest.raises(BytesChanged, match="elpv-production/1"):
        fetch(registry)


def test_the_champion_before_stays_as_previous(registry: Registry, submit: Submit) -> None:
    for version, weights in enumerate((b"one", b"two"), start=1):
        submit(weights)
        approve(registry, version)

    aliases = registry.client.get_registered_model("elpv-production").aliases
    assert {alias: int(version) for alias, version in aliases.items()} == {"champion": 2, "previous": 1}


def test_approving_twice_changes_nothing(registry: Registry, submit: Submit) -> None:
    submit()
    approve(registry)

    again = approve(registry, actor=Actor("eve", "eve"))

    assert (again.state, again.decided_by) == (State.PROMOTED, "bob")
    assert states(registry) == ["pending", "approved", "promoted"]
    assert len(listing.entries(registry, "elpv-production")) == 1


@pytest.mark.parametrize(
    ("actor", "marked"), [(BOB, False), (Actor("ada", "somebody"), True), (Actor("boss", "ada"), True)]
)
def test_approving_ones_own_request_is_marked_under_any_name(
    registry: Registry, submit: Submit, actor: Actor, marked: bool
) -> None:
    submit(by="ada")

    assert approve(registry, actor=actor).self_approved is marked
    assert listing.entry(registry, "elpv-production", 1).tags["self_approved"] == str(marked).lower()


CRASHES = [
    ("_accept", "before"),
    ("_accept", "after"),
    ("_copy", "before"),
    ("_copy", "after"),
    ("_register", "after"),
    ("_point", "after"),
    ("_record", "after"),
    ("mirror", "before"),
]


class Crash(BaseException):
    """The process ends: nothing below may catch it."""


@pytest.mark.parametrize(("point", "when"), CRASHES)
def test_an_approval_cut_off_anywhere_is_finished_by_giving_it_again(
    registry: Registry, submit: Submit, monkeypatch: pytest.MonkeyPatch, point: str, when: str
) -> None:
    submit(b"one")
    approve(registry)
    submit(b"two")
    owner = {"mirror": Registry, "_accept": promotion}.get(point, deployment)
    whole = getattr(owner, point)

    def cut(*arguments: Any, **named: Any) -> None:
        if when == "after":
            whole(*arguments, **named)
        raise Crash

    with monkeypatch.context() as broken:
        broken.setattr(owner, point, cut)
        with pytest.raises(Crash):
            approve(registry, 2)

    assert approve(registry, 2).state == State.PROMOTED
    assert states(registry, 2) == ["pending", "approved", "promoted"]
    assert [(entry.version, entry.aliases) for entry in listing.entries(registry, "elpv-production")] == [
        (2, ["champion"]),
        (1, ["previous"]),
    ]
    found = fetch(registry)
    assert found is not None
    assert (found.folder / "model.safetensors").read_bytes() == b"two"


def test_a_cut_between_the_two_aliases_loses_neither(
    registry: Registry, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    submit(b"one")
    approve(registry)
    submit(b"two")
    whole = mlflow.MlflowClient.set_registered_model_alias

    def cut(client: Any, name: str, alias: str, version: str) -> None:
        if alias == "champion":
            raise Crash
        whole(client, name, alias, version)

    with monkeypatch.context() as broken:
        broken.setattr(mlflow.MlflowClient, "set_registered_model_alias", cut)
        with pytest.raises(Crash):
            approve(registry, 2)

    before = fetch(registry)
    assert before is not None
    assert before.version == 1
    approve(registry, 2)
    assert [entry.aliases for entry in listing.entries(registry, "elpv-production")] == [["champion"], ["previous"]]


def test_a_cut_off_approval_does_not_undo_a_later_one(
    registry: Registry, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(b"one")
    with monkeypatch.context() as broken:
        broken.setattr(deployment, "_copy", lambda *_: (_ for _ in ()).throw(Crash()))
        with pytest.raises(Crash):
            approve(registry, 1)
    submit(b"two")

    approve(registry, 2)
    approve(registry, 1)

    found = fetch(registry)
    assert found is not None
    assert (found.folder / "model.safetensors").read_bytes() == b"two"
    assert states(registry, 1)[-1] == "promoted"


def test_half_a_copy_is_made_again(registry: Registry, submit: Submit) -> None:
    request = submit()
    half = registry.home / "production" / "elpv" / request.artifact_sha256
    half.mkdir(parents=True)
    (half / "MLmodel").write_text("half")

    approve(registry)

    assert fetch(registry) is not None


@pytest.mark.parametrize("decide", [promotion.approve, rejection.reject])
@pytest.mark.parametrize("reason", ["", "  "])
def test_no_decision_without_a_reason(registry: Registry, submit: Submit, decide: Any, reason: str) -> None:
    submit()

    with pytest.raises(Exception, match="needs a reason"):
        decide(registry, "elpv", 1, BOB, reason)

    assert states(registry) == ["pending"]


def test_what_was_rejected_is_not_approved(registry: Registry, submit: Submit) -> None:
    submit()
    rejection.reject(registry, "elpv", 1, BOB, "misses cracks")

    with pytest.raises(WrongState, match="is rejected"):
        approve(registry)

    assert registry.client.get_model_version("elpv", "1").tags["dfpt.status"] == "rejected"
    assert fetch(registry) is None


def test_what_is_in_production_is_not_rejected(registry: Registry, submit: Submit) -> None:
    submit()
    approve(registry)

    with pytest.raises(WrongState, match="is promoted"):
        rejection.reject(registry, "elpv", 1, BOB, "too late")


def test_an_approval_that_cannot_be_finished_can_be_rejected(
    registry: Registry, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(b"one")
    with monkeypatch.context() as broken:
        broken.setattr(deployment, "_copy", lambda *_: (_ for _ in ()).throw(Crash()))
        with pytest.raises(Crash):
            approve(registry)
    (candidate_folder(registry, 1) / "model.onnx").write_bytes(b"other")
    submit(b"two")

    with pytest.raises(BytesChanged, match="elpv/1"):
        approve(registry, 2)
    rejection.reject(registry, "elpv", 1, BOB, "somebody changed it")

    assert approve(registry, 2).state == State.PROMOTED


def test_half_promoted_is_finished_and_not_rejected(
    registry: Registry, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit()
    with monkeypatch.context() as broken:
        broken.setattr(deployment, "_point", lambda *_: (_ for _ in ()).throw(Crash()))
        with pytest.raises(Crash):
            approve(registry)

    with pytest.raises(WrongState, match="half promoted"):
        rejection.reject(registry, "elpv", 1, BOB, "no")


def test_what_nobody_asked_for_is_not_approved(registry: Registry) -> None:
    with pytest.raises(NotFound, match="no request for elpv/1"):
        approve(registry)
