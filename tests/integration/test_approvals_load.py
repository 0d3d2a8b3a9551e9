"""64 clients decide at once on a real service process: one champion each, one record for each deed, no 5xx."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfpt.bench.approvals.run import CLIENTS, run
from tests.counts import Count

pytest_plugins = "tests.unit.registry.databases"

SECONDS = 10.0


@pytest.mark.slow
def test_what_a_rush_leaves_is_one_story(database: str, tmp_path: Path, counted: Count) -> None:
    found = run(tmp_path / "home", SECONDS)

    print(found)
    counted(decisions_asked_for=found["rush"]["requests"], records=found["rush"]["records"], **found["rush"]["done"])
    assert found["database"] == database
    assert found["rush"]["contradictions"] == []
    assert found["rush"]["clients"] == CLIENTS
    assert found["rush"]["done"]["approve"] > 0
    assert found["rush"]["done"]["rollback"] > 0
    assert found["pace"]["broken"] == 0
    assert not [status for status in found["pace"]["statuses"] if int(status) >= 500]
