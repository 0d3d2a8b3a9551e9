"""Nothing is promoted into a production model that somebody else made, and ours is made first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dfpt.registry import aliases, audit, promotion, requests, reservation
from dfpt.registry.actor import Actor
from dfpt.registry.deployment import REQUEST_TAG
from dfpt.registry.errors import ForeignModel
from dfpt.registry.handle import Registry, open_registry

pytest_plugins = "tests.mlflow_home"

Submit = Callable[..., Any]
BOB = Actor("bob", "bob")
MODEL = "elpv-production"


@pytest.fixture
def registry(home: Path) -> Registry:
    return open_registry(home)


def test_what_was_reserved_is_promoted_to(registry: Registry, submit: Submit) -> None:
    submit()
    reservation.reserve(registry, "elpv")
    reservation.reserve(registry, "elpv")

    promotion.approve(registry, "elpv", 1, BOB, "looked at every miss")

    assert aliases.pointed_at(registry.client, "elpv") == {"champion": 1}


@pytest.mark.parametrize("tags", [{}, {reservation.TAG: "00" * 64}, {reservation.TAG: "no hexadecimal"}])
def test_a_model_that_others_made_first_is_not_promoted_to(
    registry: Registry, submit: Submit, tags: dict[str, str]
) -> None:
    request = submit()
    registry.client.create_registered_model(MODEL, tags)

    for _ in range(2):
        with pytest.raises(ForeignModel, match="elpv-production was not made by the approvals service"):
            promotion.approve(registry, "elpv", 1, BOB, "looked at every miss")

    assert promotion.find(registry, "elpv", 1).state == "pending"
    told = [record for record in requests.log(registry.engine, "elpv", 1) if record.action == requests.REFUSED]
    assert [(record.actor, '"tampered":true' in record.details) for record in told] == [("bob", True)] * 2
    assert audit.verify(registry.store).intact
    registry.client.delete_registered_model(MODEL)  # as MLflow's administrator
    assert promotion.approve(registry, "elpv", request.version, BOB, "looked at every miss").state == "promoted"


def test_a_signature_is_good_for_one_name(registry: Registry, submit: Submit) -> None:
    submit()
    reservation.reserve(registry, "other")
    stolen = registry.client.get_registered_model("other-production").tags
    registry.client.create_registered_model(MODEL, dict(stolen))

    with pytest.raises(ForeignModel):
        reservation.reserve(registry, "elpv")


def test_a_version_that_waits_in_anothers_model_does_not_become_champion(
    registry: Registry, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made between the decision and its carrying out: under the request's own tag, of other files."""
    request = submit()
    monkeypatch.setattr(reservation, "require", lambda registry, name: None)
    registry.client.create_registered_model(MODEL)
    registry.client.create_model_version(MODEL, "file:///tmp/anything", tags={REQUEST_TAG: str(request.id)})

    with pytest.raises(ForeignModel):
        promotion.approve(registry, "elpv", 1, BOB, "looked at every miss")

    assert aliases.pointed_at(registry.client, "elpv") == {}


def test_what_was_promoted_to_before_there_were_signatures_gets_one(registry: Registry, submit: Submit) -> None:
    for version, weights in enumerate((b"one", b"two"), start=1):
        submit(weights)
        if version == 2:
            registry.client.delete_registered_model_tag(MODEL, reservation.TAG)
        promotion.approve(registry, "elpv", version, BOB, "looked at every miss")

    assert reservation.TAG in registry.client.get_registered_model(MODEL).tags
    assert aliases.pointed_at(registry.client, "elpv") == {"champion": 2, "previous": 1}
