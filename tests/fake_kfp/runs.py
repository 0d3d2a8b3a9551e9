"""What a run looks like while it runs, as Kubeflow's task details tell it."""

from __future__ import annotations

from typing import Any

from dfpt.graph import STEPS


def looks(state: str, **steps: str) -> dict[str, Any]:
    """A run in ``state`` whose steps (underscores for hyphens) are in theirs; drivers and executors stand beside them,
    as in the real answer.
    """
    details: list[dict[str, Any]] = []
    for number, (step, how) in enumerate(steps.items()):
        how, _, message = how.partition(":")
        name = step.replace("_", "-")
        began = f"2026-11-24T01:{number:02}:00Z"
        task = {"display_name": name, "state": how, "create_time": began, "start_time": began}
        if how in ("SUCCEEDED", "FAILED", "SKIPPED"):
            task["end_time"] = f"2026-11-24T01:{number:02}:30Z"
        if message:
            task["error"] = {"code": 2, "message": message}
        details += [{"display_name": f"{name}-driver", "state": "SUCCEEDED"}, task]
        details.append({"display_name": "executor", "state": how})
    return {"state": state, "run_details": {"task_details": details}}


def ended(state: str = "SUCCEEDED", **instead: str) -> dict[str, Any]:
    """A run whose steps have all succeeded, except for those named."""
    steps = {step.module: "SUCCEEDED" for step in STEPS.values()} | instead
    return looks(state, **{step: how for step, how in steps.items() if how})
