"""Prometheus gets the registry's figures from the service, by whatever address it comes, without an account."""

from __future__ import annotations

from dfpt.registry import metrics
from tests.approvals_service import Desk

pytest_plugins = "tests.approvals_service"


def test_a_scrape_by_a_pods_address_gets_the_figures(desk: Desk) -> None:
    desk.submit()
    desk.submit()

    answer = desk.anybody(headers={"Host": "10.1.2.3:8080"}).get("/metrics")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "dfpt_queue_length 2.0" in answer.text
    declared = {family.name for family in metrics.families(desk.registry.engine)}
    assert declared <= {line.split()[2].removesuffix("_total") for line in answer.text.splitlines() if "# TYPE" in line}


def test_no_person_and_no_reason_is_in_them(desk: Desk) -> None:
    version = desk.submit("rita").version
    wish = {"reason": "misses cracks on line 3"}
    assert desk.program("bob").post(f"/api/v1/models/elpv/versions/{version}/reject", json=wish).is_success

    shown = desk.anybody().get("/metrics").text

    assert 'dfpt_decisions_total{decision="rejected",model="elpv"} 1.0' in shown
    assert not [word for word in ("rita", "bob", "cracks") if word in shown]


def test_a_wrong_name_opens_nothing_else(desk: Desk) -> None:
    for path in ("/metrics/", "/metrics/../api/v1/me", "/api/v1/me"):
        assert desk.anybody(headers={"Host": "10.1.2.3:8080"}).get(path).status_code == 400
