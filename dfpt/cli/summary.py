"""What ``dfpt run`` says at its end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.local import Run

MODELS = ("teacher", "baseline", "student")
IMAGES = ("images", "accepted", "quarantined", "refused")  # the first is the sum of the others
# Figure of the report -> its name on the screen, and how it is written there. Those that a task lacks are left out.
_FIGURES = {
    "accuracy": ("accuracy", "{:.1%}"),
    "macro_f1": ("macro F1", "{:.1%}"),
    "binary_accuracy": ("binary accuracy", "{:.1%}"),
    "defect_recall": ("defect recall", "{:.1%}"),
    "worst_slice": ("worst slice", "{:.1%}"),
    "ece": ("calibration error", "{:.1%}"),
    "parameters": ("parameters", "{:,}"),
    "latency_seconds": ("latency, seconds", "{:.4f}"),
}
# How the request before this one ended -> in words.
_ASKED_AGAIN = {
    "expired": "nobody decided about the request before in time",
    "withdrawn": "the request before was withdrawn",
    "superseded": "the request before was closed when a newer version was promoted",
}


def result(done: Run, seconds: float) -> dict[str, Any]:
    """The run as JSON: rates as fractions, times in seconds, memory in bytes.

    ``status`` is that of the candidate's request (pending, promoted, rejected), or ``refused`` by the gate; a request
    that ended undecided (expired, withdrawn, superseded) was filed again, and ``asked_again_after`` says which it was.
    """
    report = _read(done.outputs["evaluation"] / "report.json")
    decision = _read(done.outputs["decision"] / "gate.json")
    registration = _read(done.outputs["registration"] / "registration.json") if "registration" in done.outputs else {}
    data = _read(done.outputs["validation"] / "validation.json") if "validation" in done.outputs else {}
    return {
        "status": registration.get("status", "refused"),
        "name": registration.get("name"),
        "version": registration.get("version"),
        "created": registration.get("created", False),
        "asked_again_after": registration.get("asked_again_after"),
        "weights_sha256": report.get("weights_sha256"),
        "images": {name: data[name] for name in IMAGES if name in data},
        "reasons": [check["reason"] for check in decision.get("checks", []) if not check["passed"]],
        "models": report.get("models", {}),
        "evaluation": str(done.outputs["evaluation"] / "evaluation.html"),
        "decision": str(done.outputs["decision"] / "gate.html"),
        "executed": done.seconds,
        "peak_memory": done.peak_memory,
        "cached": done.cached,
        "seconds": seconds,
        "folder": str(done.folder),
    }


def show(result: dict[str, Any]) -> None:
    """Print the result for a person."""
    from rich.console import Console

    from dfpt.runtime.progress import duration

    console = Console(highlight=False, soft_wrap=True)
    console.print()
    if models := result["models"]:
        console.print(_table(models))
    if found := result["images"]:
        console.print(
            f"{found['images']} images found: {found['accepted']} accepted, {found['quarantined']} in quarantine "
            f"(dfpt data quarantine list), {found['refused']} refused."
        )
    own = sum(result["executed"].values())
    console.print(
        f"{len(result['executed'])} steps executed, {len(result['cached'])} taken from earlier runs; "
        f"{duration(result['seconds'])}, of which {duration(own)} in the steps; "
        f"at most {max(result['peak_memory'].values(), default=0) / 2**30:.1f} GiB of memory in one."
    )
    console.print(f"The evidence: {result['evaluation']}\n              {result['decision']}")
    candidate = f"{result['name']} version {result['version']}"
    match result["status"]:
        case "pending":
            registered = "is registered" if result["created"] else "was registered before"
            console.print(f"\n{candidate} {registered} and waits for approval.")
            if why := _ASKED_AGAIN.get(result["asked_again_after"]):
                console.print(f"It was asked for again: {why}.")
            console.print(
                f"  look      dfpt up\n"
                f"  approve   dfpt model approve {result['name']} {result['version']} --reason '...'\n"
                f"  reject    dfpt model reject {result['name']} {result['version']} --reason '...'"
            )
        case "promoted":
            console.print(f"\n{candidate} is in production; nothing to do.")
        case "rejected":
            console.print(f"\n{candidate} was rejected before; nothing was registered.")
        case _:
            console.print("\nThe gate said no; nothing was registered.")
            for reason in result["reasons"]:
                console.print(f"  - {reason}")


def _table(models: dict[str, dict[str, Any]]) -> Any:
    from rich.table import Table

    table = Table(title="On the test split", title_justify="left")
    table.add_column("")
    for model in MODELS:
        table.add_column(model, justify="right")
    for figure, (name, form) in _FIGURES.items():
        values = [models.get(model, {}).get(figure) for model in MODELS]
        if any(value is not None for value in values):
            table.add_row(name, *("-" if value is None else form.format(value) for value in values))
    return table


def _read(path: Path) -> dict[str, Any]:
    """A JSON file of a step; empty where it cannot be read: the gate has then said so already."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
