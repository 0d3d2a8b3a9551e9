"""The policy's answers, cell by cell."""

from __future__ import annotations

import math
from datetime import UTC, datetime, time, timedelta
from itertools import product
from typing import Any

import pytest

from dfpt.registry import policy
from dfpt.registry.actor import Actor
from dfpt.registry.policy import Deed
from dfpt.registry.policy_config import Freeze, Policy, Role, Rules, WeeklyFreeze

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # a Tuesday

# Who may do what: viewer, requester, approver, admin.
MATRIX = {
    Deed.VIEW: "yes yes yes yes",
    Deed.REQUEST: "no yes no yes",
    Deed.APPROVE: "no no yes no",
    Deed.REJECT: "no no yes no",
    Deed.WITHDRAW: "no yes no yes",
    Deed.WITHDRAW_OTHERS: "no no no yes",
    Deed.ROLL_BACK: "no no yes yes",
    Deed.SHADOW: "no yes yes yes",
    Deed.PASS_OVER: "no no no yes",
    Deed.MAINTAIN: "no no no yes",
    Deed.MANAGE: "no no no yes",
}
CELLS = [
    (deed, role, answer == "yes")
    for deed, row in MATRIX.items()
    for role, answer in zip(Role, row.split(), strict=True)
]


def test_the_matrix_has_every_deed_and_role() -> None:
    assert {(deed, role) for deed, role, _ in CELLS} == set(product(Deed, Role))


@pytest.mark.parametrize(("deed", "role", "allowed"), CELLS)
def test_a_role_allows_what_the_matrix_says(deed: Deed, role: Role, allowed: bool) -> None:
    assert policy.permits(frozenset({role}), deed) is allowed


@pytest.mark.parametrize("deed", Deed)
def test_nobody_without_a_role_may_do_anything(deed: Deed) -> None:
    assert not policy.permits(frozenset(), deed)


FOUR_EYES, ALONE = Rules(four_eyes=True, quorum=2), Rules()
STRICT = Rules(emergency=False)
APPROVER, ADMIN, BOTH = {Role.APPROVER}, {Role.ADMIN}, {Role.APPROVER, Role.ADMIN}
OTHERS = {Role.VIEWER, Role.REQUESTER}
NO, WAITS, DONE, MARKED, PASSED, PASSED_OWN = "no", "waits", "done", "done own", "done emergency", "done own emergency"
# rules, roles, own, approvals of others, emergency -> answer
APPROVALS: list[tuple[Rules, set[Role], bool, int, bool, str]] = [
    (ALONE, APPROVER, False, 0, False, DONE),
    (ALONE, APPROVER, True, 0, False, MARKED),
    (ALONE, ADMIN, False, 0, False, NO),
    (ALONE, OTHERS, False, 0, False, NO),
    (ALONE, OTHERS, True, 0, False, NO),
    (ALONE, set(), False, 0, False, NO),
    (FOUR_EYES, APPROVER, False, 0, False, WAITS),
    (FOUR_EYES, APPROVER, False, 1, False, DONE),
    (FOUR_EYES, APPROVER, False, 2, False, DONE),
    (FOUR_EYES, APPROVER, True, 0, False, NO),
    (FOUR_EYES, APPROVER, True, 1, False, NO),
    (FOUR_EYES, BOTH, True, 1, False, NO),
    (FOUR_EYES, ADMIN, False, 0, True, PASSED),
    (FOUR_EYES, ADMIN, True, 0, True, PASSED_OWN),
    (FOUR_EYES, BOTH, True, 0, True, PASSED_OWN),
    (FOUR_EYES, APPROVER, False, 0, True, NO),
    (FOUR_EYES, OTHERS, False, 0, True, NO),
    (STRICT, BOTH, False, 0, True, NO),
    (STRICT, BOTH, False, 0, False, DONE),
]


@pytest.mark.parametrize(("rules", "roles", "own", "others", "emergency", "expected"), APPROVALS)
@pytest.mark.parametrize("frozen", [False, True])
def test_an_approval_is_answered_by_the_table(
    rules: Rules, roles: set[Role], own: bool, others: int, emergency: bool, expected: str, frozen: bool
) -> None:
    window = {"now": Freeze(starts=datetime(2026, 11, 24), ends=datetime(2026, 11, 25))} if frozen else {}
    rules = rules.model_copy(update={"freeze": window})

    found = policy.approval(rules, frozenset(roles), own=own, approvals=others, now=NOW, emergency=emergency)

    if frozen and not emergency:
        expected = NO  # a freeze stops everything but an emergency
    words = ["no" if not found.allowed else "done" if found.complete else "waits"]
    words += [mark for mark, is_so in (("own", found.own), ("emergency", found.emergency)) if is_so and found.allowed]
    if expected == WAITS:
        assert words[0] == "waits"
    else:
        assert " ".join(words) == expected
    assert bool(found.refusal) is (expected == NO)
    assert bool(found.remedy) is (expected == NO)


WITHDRAWALS = [
    ({Role.REQUESTER}, True, True),
    ({Role.REQUESTER}, False, False),
    ({Role.ADMIN}, True, True),
    ({Role.ADMIN}, False, True),
    ({Role.APPROVER}, True, False),
    ({Role.APPROVER}, False, False),
    ({Role.VIEWER}, True, False),
    ({Role.VIEWER}, False, False),
]


@pytest.mark.parametrize(("roles", "own", "allowed"), WITHDRAWALS)
def test_a_withdrawal_is_for_who_asked_or_an_admin(roles: set[Role], own: bool, allowed: bool) -> None:
    assert policy.withdrawal(frozenset(roles), own).allowed is allowed


TOKYO = Freeze(starts=datetime(2026, 12, 25, 0, 0), ends=datetime(2027, 1, 5, 8, 0), time_zone="Asia/Tokyo")
NIGHT = WeeklyFreeze(days=("fri",), starts=time(18), ends=time(6), time_zone="Europe/Berlin")
WEEKEND = WeeklyFreeze(days=("sat", "sun"), starts=time(0), ends=time(0))
NOON = WeeklyFreeze(days=("mon",), starts=time(12), ends=time(13))


@pytest.mark.parametrize(
    ("window", "moment", "inside"),
    [
        (TOKYO, "2026-12-24T14:59:59+00:00", False),
        (TOKYO, "2026-12-24T15:00:00+00:00", True),  # midnight in Tokyo
        (TOKYO, "2027-01-04T22:59:59+00:00", True),
        (TOKYO, "2027-01-04T23:00:00+00:00", False),
        (NIGHT, "2026-07-03T15:59:00+00:00", False),
        (NIGHT, "2026-07-03T16:00:00+00:00", True),  # summer: two hours ahead
        (NIGHT, "2026-12-04T16:30:00+00:00", False),  # winter: one
        (NIGHT, "2026-12-04T17:00:00+00:00", True),
        (NIGHT, "2026-12-05T04:59:00+00:00", True),  # Saturday morning
        (NIGHT, "2026-12-05T05:00:00+00:00", False),
        (NIGHT, "2026-12-04T04:00:00+00:00", False),  # Friday morning
        (WEEKEND, "2026-11-27T23:59:59+00:00", False),
        (WEEKEND, "2026-11-28T00:00:00+00:00", True),
        (WEEKEND, "2026-11-29T23:59:59+00:00", True),
        (WEEKEND, "2026-11-30T00:00:00+00:00", False),
        (NOON, "2026-11-30T11:59:59+00:00", False),
        (NOON, "2026-11-30T12:00:00+00:00", True),
        (NOON, "2026-11-30T13:00:00+00:00", False),
        (NOON, "2026-12-01T12:30:00+00:00", False),
    ],
)
def test_a_freeze_window_goes_by_the_clocks_of_its_place(
    window: Freeze | WeeklyFreeze, moment: str, inside: bool
) -> None:
    kind = "freeze" if isinstance(window, Freeze) else "weekly_freeze"
    rules = Rules.model_validate({kind: {"quiet": window}})
    assert policy.frozen(rules, datetime.fromisoformat(moment)) == ("quiet" if inside else None)


def test_a_request_expires_when_the_policy_says_or_never() -> None:
    assert policy.expires_at(Rules(expires_after_days=3), NOW) == NOW + timedelta(days=3)
    assert policy.expires_at(Rules(expires_after_days=None), NOW) is None


def gate(outcome: str = "pass", **checks: Any) -> dict[str, Any]:
    rows = [
        {"name": name, "asked": asked, "found": found, "passed": True, "reason": ""}
        for name, (asked, found) in checks.items()
    ]
    return {"outcome": outcome, "checks": [{"name": "report", "asked": None, "found": None, "passed": True}, *rows]}


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (gate(accuracy=(0.7, 0.75)), 0.05),
        (gate(accuracy=(0.7, 0.75), drop_against_teacher=(0.05, 0.02)), 0.03),
        (gate(accuracy=(0.7, 0.75), parameters=(1e6, 9e5), latency=(0.01, 0.009)), 0.05),
        (gate(accuracy=(0.7, 0.75), device_size=(1e6, 9e5), not_worse_than_champion=(0.01, 0.02)), 0.05),
        (gate(accuracy=(0.7, 0.75), not_worse_than_champion=(0.01, None)), None),  # there is no champion yet
        (gate("fail", accuracy=(0.7, 0.75)), None),
        (gate(accuracy=(0.7, None)), None),
        (gate(accuracy=(0.7, 0.75), non_inferior_to_champion=(0.01, None)), None),  # there is no champion yet
        (gate(accuracy=(0.7, math.nan)), None),
        (gate(accuracy=(0.7, math.inf)), None),
        (gate(accuracy=(0.7, "0.9")), None),
        (gate(parameters=(1e6, 9e5)), None),
        (gate(), None),
        ({}, None),
        ({"outcome": "pass", "checks": [{"name": "accuracy", "asked": 0.7, "found": 0.9, "passed": False}]}, None),
    ],
)
def test_the_gates_margin_is_its_narrowest_rate_or_none(decision: dict[str, Any], expected: float | None) -> None:
    assert policy.margin(decision) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("margin", "found", "approved"),
    [(0.02, 0.73, True), (0.02, 0.715, False), (0.25, 0.95, False), (None, 0.99, False)],
)
def test_automatic_approval_needs_the_policys_word_and_more_than_its_margin(
    margin: float | None, found: float, approved: bool
) -> None:
    rules = Rules(automatic_margin=margin)
    assert policy.automatic(rules, gate(accuracy=(0.7, found))) is approved


@pytest.mark.parametrize(
    ("actor", "names", "same"),
    [
        (Actor("ada", "a1"), ("ada", "a1"), True),
        (Actor("ada", "a2"), ("ada", "a1"), True),
        (Actor("boss", "a1"), ("ada", "a1"), True),
        (Actor("a1", "x"), ("ada", "a1"), True),
        (Actor("bob", "b1"), ("ada", "a1"), False),
        (Actor("bob", ""), ("ada", ""), False),
        (Actor("bob", "b1"), (None, None), False),
    ],
)
def test_a_person_is_the_same_under_a_name_or_an_account(
    actor: Actor, names: tuple[str | None, ...], same: bool
) -> None:
    assert actor.is_one_of(*names) is same


def test_roles_go_by_name_then_by_account_then_as_for_others() -> None:
    rules = Policy(people={"ada": (Role.APPROVER,), "b1": (Role.ADMIN,)}, others=(Role.VIEWER,))

    assert rules.roles_of("ada", "b1") == {Role.APPROVER}
    assert rules.roles_of("bob", "b1") == {Role.ADMIN}
    assert rules.roles_of("eve", "e1") == {Role.VIEWER}


def test_a_model_has_its_own_rules_where_it_names_them_and_else_everybodys() -> None:
    rules = Policy(
        four_eyes=True, quorum=3, expires_after_days=7, models={"elpv": Rules(quorum=1, expires_after_days=None)}
    )

    elpv, other = rules.rules_for("elpv"), rules.rules_for("other")

    assert (elpv.four_eyes, elpv.quorum, elpv.expires_after_days) == (True, 1, None)
    assert (other.four_eyes, other.quorum, other.expires_after_days) == (True, 3, 7)
