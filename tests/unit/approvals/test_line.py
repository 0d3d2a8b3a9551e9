"""Who decides waits in line; who reads does not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.approvals_service import Desk, Open, problem

pytest_plugins = "tests.approvals_service"

REASON = {"reason": "good"}
APPROVE = "/api/v1/models/elpv/versions/{}/approve"


def test_while_somebody_decides_others_read_and_those_who_waited_too_long_are_told(open_desk: Open) -> None:
    desk = open_desk(queue_seconds=1)
    bob, version = desk.program("bob"), desk.submit().version
    service = desk.app.state.service

    with service.deciding():
        assert bob.get("/api/v1/requests").json()[0]["version"] == version
        late = bob.post(APPROVE.format(version), json=REASON)

    assert (problem(late), late.headers["retry-after"]) == ("waiting", "10")
    assert bob.get("/api/v1/requests").json()[0]["state"] == "pending"
    assert bob.post(APPROVE.format(version), json=REASON).json()["shown"]["state"] == "promoted"


def test_of_many_who_approve_and_reject_at_once_one_is_heard(desk: Desk) -> None:
    version = desk.submit().version
    paths = [APPROVE.format(version), APPROVE.format(version).replace("approve", "reject")] * 6
    with desk.anybody(headers=dict(desk.program("bob").headers)) as bob, ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda path: bob.post(path, json=REASON), paths))

    assert {answer.status_code for answer in answers} <= {200, 409}
    log = bob.get(f"/api/v1/models/elpv/versions/{version}").json()["log"]
    ends = [record["after"] for record in log if record["after"] in ("promoted", "rejected")]
    assert len(ends) == 1
