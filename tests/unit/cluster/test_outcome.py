"""What a run has come to is read from what it did, not from Kubeflow's word for it."""

from __future__ import annotations

from typing import Any

import kfp_server_api
import pytest

from dfpt.cluster import outcome
from tests.fake_kfp import runs


def read(answer: dict[str, Any]) -> Any:
    """The answer as the published client reads it."""

    class Response:
        def __init__(self) -> None:
            import json

            self.data = json.dumps(answer)

    return kfp_server_api.ApiClient().deserialize(Response(), "V2beta1Run")


def test_a_closed_gate_is_a_refusal_although_kubeflow_says_succeeded() -> None:
    found = outcome.outcome(read(runs.ended(register="")))
    assert (found.status, found.exit_code, found.step) == ("refused", 3, "gate")
    skipped = outcome.outcome(read(runs.ended(register="SKIPPED")))
    assert skipped.exit_code == 3


def test_a_registered_student_waits_for_approval() -> None:
    found = outcome.outcome(read(runs.ended()))
    assert (found.status, found.exit_code) == ("waiting", 4)


def test_a_success_without_a_gate_is_none() -> None:
    assert outcome.outcome(read(runs.looks("SUCCEEDED", prepare="SUCCEEDED"))).exit_code == 1


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "CANCELING", "PAUSED"])
def test_what_runs_has_no_exit_code(state: str) -> None:
    assert outcome.outcome(read(runs.looks(state, prepare="RUNNING"))).exit_code is None


@pytest.mark.parametrize(
    ("message", "code", "status"),
    [
        ("main: Error (exit code 1)", 1, "failed"),
        ("failed to execute component: exit status 2", 2, "failed"),
        ("failed to execute component: exit status 3", 3, "refused"),
        ("OOMKilled (exit code 137)", 1, "failed"),
        ("pod deleted", 1, "failed"),
    ],
)
def test_a_failed_step_has_its_reason_and_its_exit_code(message: str, code: int, status: str) -> None:
    answer = runs.looks("FAILED", prepare="SUCCEEDED", validate=f"FAILED:{message}")
    found = outcome.outcome(read(answer))
    assert (found.step, found.exit_code, found.status) == ("validate", code, status)
    assert message in found.reason


def test_a_cancelled_run_has_failed() -> None:
    assert outcome.outcome(read(runs.looks("CANCELED"))).exit_code == 1


def test_steps_are_in_the_graphs_order_and_drivers_are_none() -> None:
    found = outcome.steps(read(runs.looks("RUNNING", train_teacher="RUNNING", prepare="SKIPPED", validate="SUCCEEDED")))
    assert [(step.name, step.state, step.seconds) for step in found] == [
        ("prepare", "SKIPPED", 30.0),
        ("validate", "SUCCEEDED", 30.0),
        ("train-teacher", "RUNNING", None),
    ]


def test_of_several_attempts_the_newest_counts() -> None:
    answer = runs.looks("RUNNING", distil="FAILED")
    details = answer["run_details"]["task_details"]
    details.append({"display_name": "distil(1)", "state": "RUNNING", "create_time": "2026-11-24T02:00:00Z"})
    details.append({"display_name": "distil(0)", "state": "FAILED", "create_time": "2026-11-24T01:00:00Z"})
    assert [step.state for step in outcome.steps(read(answer))] == ["RUNNING"]


def test_only_what_moved_is_told() -> None:
    before = outcome.steps(read(runs.looks("RUNNING", prepare="SUCCEEDED", validate="RUNNING")))
    now = outcome.steps(read(runs.looks("RUNNING", prepare="SUCCEEDED", validate="SUCCEEDED", distil="PENDING")))
    assert [step.name for step in outcome.moved(before, now)] == ["validate", "distil"]
