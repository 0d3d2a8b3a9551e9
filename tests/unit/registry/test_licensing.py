"""The policy on licences, cell by cell."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from dfpt.registry import licensing
from dfpt.registry.licensing import Licences, demanded, ruling
from dfpt.registry.policy_config import LicenceRules

OF = {"commercial": "MIT", "non_commercial": "CC-BY-NC-4.0", "unknown": "Foo-1.0"}
OUTCOMES = ("allow", "require_named_approval", "refuse")


@pytest.mark.parametrize(("data", "teacher"), list(itertools.product(OF, OF)))
@pytest.mark.parametrize(("non_commercial", "unknown"), list(itertools.product(OUTCOMES, OUTCOMES)))
def test_the_strictest_of_both_decides(data: str, teacher: str, non_commercial: str, unknown: str) -> None:
    rules = LicenceRules.model_validate({"non_commercial": non_commercial, "unknown": unknown})
    asked = {"commercial": "allow", "non_commercial": non_commercial, "unknown": unknown}
    strictest = max(asked[data], asked[teacher], key=OUTCOMES.index)
    licences = Licences(OF[data], OF[teacher])
    outcome, concerned = demanded(rules, licences)
    assert outcome == strictest
    assert set(concerned) == {OF[one] for one in (data, teacher) if asked[one] == strictest != "allow"}

    for listed, named in itertools.product((True, False), (True, False)):
        reason = f"we may: {' '.join(OF.values())}" if named else "looks good"
        allowed = strictest == "allow" or (strictest == "require_named_approval" and listed and named)
        found = ruling(rules, licences, listed=listed, reason=reason)
        assert found.allowed == allowed
        assert allowed or any(licence in str(found.refusal) for licence in concerned)


def test_before_the_reason_is_known_a_listed_person_may_go_on() -> None:
    rules = LicenceRules(non_commercial="require_named_approval")
    licences = Licences("CC-BY-NC-4.0", "MIT")
    assert ruling(rules, licences, listed=True, reason=None).allowed
    assert not ruling(rules, licences, listed=False, reason=None).allowed


@pytest.mark.parametrize("text", ["", "[]", "{", '{"data_licence": 3}', '{"data_licence": ""}', "null"])
def test_evidence_that_states_no_licence_has_unknown_ones(tmp_path: Path, text: str) -> None:
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence/report.json").write_text(text)
    assert licensing.read(tmp_path) == Licences("unknown", "unknown")
    assert licensing.read(tmp_path / "nowhere") == Licences("unknown", "unknown")
