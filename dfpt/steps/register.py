"""register: make the student that passed the gate a candidate, and ask for its approval."""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfpt import files
from dfpt.config import RegisterConfig
from dfpt.context import Context, Inputs, Metrics, Outputs
from dfpt.errors import GateRefused, StepFailed

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

    from dfpt.registry.handle import Models

LARGEST_DIFFERENCE = 1e-3  # between the logits of the network and of its ONNX form
_PARITY_IMAGES = 8


def run(inputs: Inputs, outputs: Outputs, config: RegisterConfig, context: Context) -> Metrics:
    """Write ``registration.json``. Weights that are registered already are not registered again.

    Raises:
        GateRefused: the gate said no, or what it judged is not this student.
        StepFailed: the exported model does not answer as the network does, or the approvals service is away.
    """
    from dfpt.registry import candidates, filing
    from dfpt.registry.database import State

    weights_sha256 = files.sha256(inputs["student"] / "model.safetensors")
    report = _passed(inputs["decision"], inputs["evaluation"], weights_sha256)
    name = config.registration.name
    office = filing.open_office(context.home, context.tracking_uri)
    metrics: Metrics = {}
    version = candidates.find(office.models, name, weights_sha256)
    created = version is None
    if version is None:
        version, metrics["onnx_difference"] = _register(office.models, name, report, inputs, config, context)
    context.reporter.progress(2, 3, "filing the request")
    filed = office.file(version)
    folder = outputs["registration"]
    folder.mkdir(parents=True, exist_ok=True)
    files.write_json(
        folder / "registration.json",
        {
            "name": name,
            "version": int(version.version),
            # Approved and not promoted yet: someone was cut off, and approves again.
            "status": State.PENDING if filed.state == State.APPROVED else filed.state,
            "request": filed.request,
            "asked_again_after": filed.asked_again_after,
            "created": created,
            "weights_sha256": weights_sha256,
        },
    )
    context.reporter.progress(3, 3, f"{name}/{version.version} is {filed.state}")
    return metrics | {"version": float(version.version), "created": float(created)}


def _passed(decision: Path, evaluation: Path, weights_sha256: str) -> dict[str, Any]:
    """evaluate's report, if the gate passed it and both are about these weights. What cannot be read is a "no"."""
    try:
        gate = json.loads((decision / "gate.json").read_text(encoding="utf-8"))
        outcome, checks, judged = gate["outcome"], gate["checks"], gate["weights_sha256"]
        report: dict[str, Any] = json.loads((evaluation / "report.json").read_text(encoding="utf-8"))
        evaluated = report["weights_sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GateRefused(f"The gate's decision or its evidence cannot be read: {error}") from error
    if outcome != "pass":
        reasons = " ".join(check["reason"] for check in checks if not check["passed"])
        raise GateRefused(f"The gate said {outcome}: {reasons}", "dfpt run shows the figures.")
    for what, about in (("evaluation", evaluated), ("gate's decision", judged)):
        if about != weights_sha256:
            raise GateRefused(
                f"The {what} is about the weights {str(about)[:12]}..., this student has {weights_sha256[:12]}...",
                "Run again from evaluate: dfpt run --from evaluate.",
            )
    return report


def _register(
    models: Models, name: str, report: dict[str, Any], inputs: Inputs, config: RegisterConfig, context: Context
) -> tuple[ModelVersion, float]:
    """Export, compare, register. Returns the version and the largest difference between the two forms' logits."""
    import numpy as np

    from dfpt.export import onnx
    from dfpt.models import load
    from dfpt.registry import candidates
    from dfpt.tracking import run, store

    context.reporter.progress(0, 3, "exporting the student")
    spec = load(inputs["student"])[1]
    size = (_PARITY_IMAGES, spec.in_channels, spec.image_size, spec.image_size)
    images = np.random.default_rng(0).integers(0, 256, size).astype(np.float32)
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        exported = Path(scratch) / "model.onnx"
        onnx.export(inputs["student"], exported)
        difference = onnx.parity(inputs["student"], exported, images)
        if not difference <= LARGEST_DIFFERENCE:  # NaN is no parity either
            raise StepFailed(
                f"The ONNX model's logits differ from the network's by {difference:.2g}, "
                f"more than {LARGEST_DIFFERENCE:g}.",
                "This is a fault in dfpt or in the exporter; please report it with the student's model.json.",
            )
        context.reporter.progress(1, 3, "registering the candidate")
        run_id = context.run_id
        if run_id is None:
            experiment = store.ensure(context.home, name)
            run_id = stack.enter_context(run.step_run(None, "register", config, models.uri, experiment, {})).run_id
        bundle = candidates.Bundle(
            onnx=exported,
            student=inputs["student"],
            evidence=[
                path
                for folder in (inputs["evaluation"], inputs["decision"])
                for path in sorted(folder.iterdir())
                if path.suffix in {".json", ".html", ".md"} or path.is_dir()
            ],
            report=report,
            example=(images[:1], onnx.answers(exported, images[:1])),
        )
        return candidates.register(models, name, bundle, run_id), difference
