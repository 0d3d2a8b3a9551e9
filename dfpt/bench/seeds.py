"""How sure is a result? The whole configuration over several seeds: splits, initial weights and batches all change.

Each seed's cell is stored as it ends; a second call computes only what is missing. The summary is computed from the
stored cells alone.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from scipy import stats

from dfpt import config as configuration
from dfpt import files, runtime
from dfpt.bench import machine, steps
from dfpt.config import Config
from dfpt.errors import UsageError
from dfpt.graph import STEPS

_STEPS = [name for name, step in STEPS.items() if step.cacheable]
_COMPARED = ("accuracy", "macro_f1", "binary_accuracy", "defect_recall", "ece")
_SHARED = ("data", "augmentation", "teacher", "student")  # what a comparison of students must have in common
_MODELS = ("teacher", "baseline", "student")


def run(config: Config, seeds: int, out: Path, home: Path) -> dict[str, Any]:
    """Compute the cells of seeds 0 to ``seeds`` - 1 that ``out`` lacks, then the summary.

    Raises:
        UsageError: ``out`` holds cells of another configuration, or there is nothing to compare.
    """
    if config.student.recipe.epochs == 0:
        raise UsageError("The student is trained for no epoch.", "Set student.recipe.epochs.")
    for seed in range(seeds):
        path = out / f"seed-{seed}.json"
        seeded = config.model_copy(update={"seed": seed})
        if path.exists():
            if _config(steps.read(path)) != seeded:
                raise UsageError(f"{path} was measured with another configuration.", "Name another --out folder.")
            continue
        described = hashlib.sha256(configuration.dump(seeded).encode()).hexdigest()[:16]
        files.write_json(path, _cell(seeded, home / "bench" / "seeds" / described))
    return summarise(out)


def summarise(out: Path) -> dict[str, Any]:
    """The summary of the stored cells, also written beside them as ``summary.json``.

    Raises:
        UsageError: ``out`` has no cells.
    """
    cells = [steps.read(path) for path in sorted(out.glob("seed-*.json"))]
    if not cells:
        raise UsageError(f"{out} holds no cells (seed-*.json).", "Run the benchmark without --summarise.")
    reports = [cell["report"]["models"] for cell in cells]
    figures = {
        model: {
            figure: _spread([r[model][figure] for r in reports]) for figure in _COMPARED if figure in reports[0][model]
        }
        for model in _MODELS
    }
    gains = _spread([r["student"]["accuracy"] - r["baseline"]["accuracy"] for r in reports])
    headroom = [r["teacher"]["accuracy"] - r["baseline"]["accuracy"] for r in reports]
    summary = {
        "seeds": [cell["seed"] for cell in cells],
        "models": figures,
        "teacher_minus_baseline": _spread(headroom),
        "student_minus_baseline": gains
        | {
            "interval": _interval(gains),
            "seeds_with_gain": sum(gain > 0 for gain in gains["values"]),
            "seeds_with_a_point": sum(gain >= 0.01 for gain in gains["values"]),
        },
        "gap": {
            path: _spread([cell["metrics"]["distil"][f"val_{path}_gap"] for cell in cells])
            for path in ("original", "prompt")
            if f"val_{path}_gap" in cells[0]["metrics"]["distil"]  # a method without a second path has none
        },
        "teacher_to_student_parameters": reports[0]["teacher"]["parameters"] / reports[0]["student"]["parameters"],
    }
    files.write_json(out / "summary.json", summary)
    return summary


def compare(out: Path, other: Path) -> dict[str, Any]:
    """The students of ``out`` less those of ``other``, seed by seed; also written as ``against-<other>.json``.

    Raises:
        UsageError: the two differ in more than how the student was taught, or share no seed.
    """
    ours, theirs = _cells(out), _cells(other)
    seeds = sorted(ours.keys() & theirs.keys())
    if not seeds:
        raise UsageError(f"{out} and {other} share no seed.", "Run both benchmarks.")
    for seed in seeds:
        different = [
            part for part in _SHARED if getattr(_config(ours[seed]), part) != getattr(_config(theirs[seed]), part)
        ]
        if different:
            raise UsageError(
                f"Seed {seed} of {out} and of {other} differ in {', '.join(different)}.",
                "Compare runs on the same data, with the same teacher and student.",
            )
    pairs = [tuple(cells[seed]["report"]["models"]["student"] for cells in (ours, theirs)) for seed in seeds]
    differences = {
        figure: _spread([mine[figure] - other[figure] for mine, other in pairs])
        for figure in _COMPARED
        if figure in pairs[0][0]
    }
    found = {
        "seeds": seeds,
        "against": other.name,
        "differences": {figure: spread | {"interval": _interval(spread)} for figure, spread in differences.items()},
    }
    files.write_json(out / f"against-{other.name}.json", found)
    return found


def _cells(folder: Path) -> dict[int, dict[str, Any]]:
    return {cell["seed"]: cell for cell in map(steps.read, sorted(folder.glob("seed-*.json")))}


def _config(cell: dict[str, Any]) -> Config:
    """What the cell was measured with; a key that is newer than the cell has its default, which means as before."""
    return Config.model_validate(cell["config"])


def _cell(config: Config, folder: Path) -> dict[str, Any]:
    metrics = steps.execute(config, _STEPS, folder)
    return {
        "seed": config.seed,
        "config": config.model_dump(mode="json"),
        "code_revision": runtime.code_revision(),
        "machine": machine.describe(),
        "metrics": metrics,
        "report": steps.read(folder / "evaluation" / "report.json"),
    }


def _interval(spread: dict[str, Any]) -> list[float] | None:
    """The mean's 95 % interval by Student's t; None for one seed. Seeds share images, so it is rather too narrow."""
    count = len(spread["values"])
    if count == 1:
        return None
    half = float(stats.t.ppf(0.975, count - 1)) * spread["std"] / count**0.5
    return [spread["mean"] - half, spread["mean"] + half]


def _spread(values: list[float]) -> dict[str, Any]:
    """Mean, standard deviation over seeds (n - 1) and the values themselves."""
    mean = sum(values) / len(values)
    squares = sum((value - mean) ** 2 for value in values)
    return {"mean": mean, "std": (squares / (len(values) - 1)) ** 0.5 if len(values) > 1 else None, "values": values}
