"""The screen tier: the same number of trials for every method, by successive halving, on one development partition.

A trial's score is its student's validation accuracy, averaged over the last fifth of the epochs (ours): the mean of
epochs is steadier than the best of them, and no method is helped by having one lucky epoch. A rung is a whole training
with its own schedule, since a schedule that is cut off says little about where it would have ended. The halving waits
for all trials of a rung, so that every method costs the same; its defaults reach the last rung in any case.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from dfpt import files
from dfpt.bench import steps
from dfpt.bench.distill import cells, sharing
from dfpt.bench.distill.cells import SCREENED, TEACHER, Cell
from dfpt.bench.distill.methods import BASE, METHODS, Range
from dfpt.bench.distill.sharing import Told
from dfpt.bench.distill.suites import Suite
from dfpt.errors import UsageError

_LAST = 0.2  # share of the epochs that a score is the mean of
_EDGE = 0.05  # share of a range, on its scale, that counts as its edge


def screen(suite: Suite, out: Path, home: Path, told: Told) -> None:
    """Find the setting of every method that ``out`` lacks."""
    work = {method: partial(search, suite, method, out, home) for method in suite.methods}
    sharing.each(work, cells.locks(suite, SCREENED, home), told)


def search(suite: Suite, method: str, out: Path, home: Path) -> dict[str, Any]:
    """Find the method's setting; also written as ``screened/METHOD.json``. What is stored is not computed again."""
    if (known := _known(suite, method, out)) is not None:
        return known
    path, cell = out / SCREENED / f"{method}.json", _cell(suite, method)
    trials: list[dict[str, Any]] = [{"setting": setting, "rungs": []} for setting in settings(suite, method)]
    going = finished = trials
    for epochs in suite.rungs:
        for trial in going:
            trial["rungs"].append(_rung(suite, method, trial["setting"], epochs, home))
        finished, going = going, surviving(going, suite.reduction)
    best = ranked(finished)[0]
    cells.compute(suite, cell, best["setting"], SCREENED, path.parent, home)
    found = {
        "method": method,
        "setting": best["setting"],
        "score": best["rungs"][-1]["score"],
        "defaults_score": trials[0]["rungs"][-1]["score"],
        "at_edge": [key for key, value in best["setting"].items() if at_edge(value, METHODS[method].searched[key])],
        "trials": trials,
    }
    files.write_json(path, found)
    return found


def _known(suite: Suite, method: str, out: Path) -> dict[str, Any] | None:
    """What is stored of the search, if it is the one that would be made now: its trials, the schedules of those that
    went on, and the best student."""
    path = out / SCREENED / f"{method}.json"
    if not path.exists():
        return None
    known = steps.read(path)
    trials = known["trials"]
    longest: list[dict[str, Any]] = max((trial["rungs"] for trial in trials), key=len, default=[])
    same = [trial["setting"] for trial in trials] == settings(suite, method) and (
        tuple(rung["epochs"] for rung in longest) == suite.rungs
    )
    stored = same and cells.is_stored(suite, _cell(suite, method), known["setting"], SCREENED, path.parent)
    return known if stored else None


def screened(suite: Suite, method: str, out: Path) -> dict[str, Any]:
    """What :func:`search` has found. Raises UsageError where it has not been called yet, or was another search."""
    known = _known(suite, method, out)
    if known is None:
        raise UsageError(f"{method} has not been screened as it is now.", "Run the tier screen first.")
    return known


def setting_of(name: str, out: Path) -> dict[str, float] | None:
    """The searched numbers of a method; of an ablation ours has them, a teacher has none.

    None: not screened yet, or other numbers were searched.
    """
    if name == TEACHER:
        return {}
    method = name if name in METHODS else BASE
    path = out / SCREENED / f"{method}.json"
    setting = dict(steps.read(path)["setting"]) if path.exists() else {}
    return setting if setting.keys() == METHODS[method].searched.keys() else None


def settings(suite: Suite, method: str) -> list[dict[str, float]]:
    """The method's defaults, then points that fill its ranges evenly (scrambled Sobol'), the same in every call."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # its sampler has been so since 2022
        study = optuna.create_study(sampler=optuna.samplers.QMCSampler(seed=0, scramble=True))
    space: dict[str, optuna.distributions.BaseDistribution] = {
        key: optuna.distributions.FloatDistribution(found.low, found.high, log=True)
        for key, found in METHODS[method].searched.items()
    }
    drawn = [study.ask(space).params for _ in range(suite.trials)]
    return [METHODS[method].defaults, *drawn[1:]]  # its first point is drawn without a space


def surviving(trials: list[dict[str, Any]], reduction: int) -> list[dict[str, Any]]:
    """The first, which has the defaults, and of the others the best one of every ``reduction``, but one at least."""
    defaults, *others = trials
    return [defaults, *ranked(others)[: max(1, len(trials) // reduction)]]


def ranked(trials: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By the score of the last rung, the best first."""
    return sorted(trials, key=lambda trial: trial["rungs"][-1]["score"], reverse=True)


def at_edge(value: float, searched: Range) -> bool:
    """Whether a better value may lie beyond the range."""
    place = math.log(value / searched.low) / math.log(searched.high / searched.low)
    return not _EDGE <= place <= 1 - _EDGE


def _rung(suite: Suite, method: str, setting: Mapping[str, float], epochs: int, home: Path) -> dict[str, Any]:
    config = cells.configured(suite, _cell(suite, method), setting, epochs, val=suite.development_val)
    trained = cells.train(config, home, method)
    curve = cells.curve(trained.own / "student")
    last = curve[-max(1, round(_LAST * len(curve))) :]
    return {
        "epochs": epochs,
        "score": sum(last) / len(last),
        "seconds": trained.metrics["distil"]["training_seconds"],
        "curve": curve,
    }


def _cell(suite: Suite, method: str) -> Cell:
    return Cell(method, suite.development, 0, 0)
