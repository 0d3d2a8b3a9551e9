"""What licences of data and teacher mean for an approval, on a real MLflow."""

from __future__ import annotations

import json

import pytest

from dfpt.registry import (
    licensing,
    listing,
    promotion,
    requests,
)
from dfpt.registry.database import State
from dfpt.registry.errors import PolicyRefused
from tests.registry_policy import BOB, CAROL, EVE, Open, Submit, actions, approve

pytest_plugins = "tests.registry_policy"


NON_COMMERCIAL = {"data_licence": "CC-BY-NC-SA-4.0", "teacher_licence": "Apache-2.0"}


def test_a_licence_that_the_policy_refuses_keeps_a_candidate_out_even_in_an_emergency(
    submit: Submit, open_with: Open
) -> None:
    submit(**NON_COMMERCIAL)
    registry = open_with(licences={"non_commercial": "refuse"}, people={"carol": ["approver", "admin"]})
    for how in ({}, {"emergency": True}):
        with pytest.raises(PolicyRefused, match="CC-BY-NC-SA"):
            approve(registry, CAROL, **how)
    assert [action for action, _ in actions(registry)] == ["requested", "refused", "refused"]


def test_a_named_approval_takes_a_listed_person_and_a_reason_that_names_the_licence(
    submit: Submit, open_with: Open
) -> None:
    submit(**NON_COMMERCIAL)
    registry = open_with(licences={"non_commercial": "require_named_approval"}, people={"bob": ["approver"]})
    with pytest.raises(PolicyRefused, match="a person whom the policy names"):
        approve(registry, EVE)
    with pytest.raises(PolicyRefused, match="whose reason names it"):
        approve(registry, BOB)
    reason = "a study, nothing is sold: CC-BY-NC-SA-4.0 allows it"
    done = promotion.approve(registry, "elpv", 1, BOB, reason)
    assert done.state == State.PROMOTED
    approval = next(r for r in requests.log(registry.engine, "elpv", 1) if r.action == State.APPROVED)
    assert json.loads(approval.details)["licences"] == {"data": "CC-BY-NC-SA-4.0", "teacher": "Apache-2.0"}
    for name in ("elpv", "elpv-production"):
        tags = listing.entry(registry, name, 1).tags
        assert (tags["data_licence"], tags["teacher_licence"]) == ("CC-BY-NC-SA-4.0", "Apache-2.0")


def test_a_tag_changes_no_licence(submit: Submit, open_with: Open) -> None:
    request = submit(**NON_COMMERCIAL)
    registry = open_with(licences={"non_commercial": "refuse"})
    registry.client.set_model_version_tag("elpv", "1", "dfpt.data_licence", "MIT")
    assert licensing.of(registry, request).data == "CC-BY-NC-SA-4.0"
    with pytest.raises(PolicyRefused):
        approve(registry, BOB)


def test_a_version_from_before_there_were_licences_has_unknown_ones(submit: Submit, open_with: Open) -> None:
    submit()
    assert listing.entry(open_with(), "elpv", 1).tags["data_licence"] == "unknown"
    with pytest.raises(PolicyRefused, match="licence unknown"):
        approve(open_with(licences={"unknown": "refuse"}), BOB)
    assert approve(open_with(licences={"non_commercial": "refuse"}), BOB).state == State.PROMOTED
