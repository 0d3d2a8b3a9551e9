"""Networks as people name them, for a comparison: by run, by registered version, by folder; and the test images."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dfpt import files, models
from dfpt.datasets import ImageSet, Task, load
from dfpt.errors import UsageError
from dfpt.evaluation.side_by_side import Network
from dfpt.evaluation.svg import MARKS
from dfpt.models.saved import SPEC, WEIGHTS
from dfpt.registry import newest
from dfpt.runtime import made

TEACHER, BASELINE = "teacher", "baseline"  # what every run has beside its student

_REGISTERED = re.compile(r"(?P<name>[^/]+)/(?P<version>\d+)")
_NAMED = re.compile(r"(?P<name>[^/=]+)=(?P<which>.+)", re.DOTALL)


@dataclass(frozen=True)
class Contest:
    """What is compared.

    Attributes:
        networks: the students first; a run's teacher and baseline once, where all runs have the same.
        reference: the name of the one that the others are held against.
        images: of the data version of the first run named, else of the newest run of the first network's.
    """

    networks: list[Network]
    reference: str
    images: ImageSet


def gather(named: Sequence[str], home: Path) -> Contest:
    """Find what was named.

    Args:
        named: [NAME=]WHICH each: a run (its folder, or its name in ``home``), a registered NAME/VERSION, or a folder
            that a training step has written.

    Raises:
        UsageError: one of them is nothing of this, a name is there twice, there are too many or too few of them, or the
            test images are not in ``home``.
    """
    runs: list[tuple[str, made.Made]] = []
    students: list[Network] = []
    for text in named:
        name, found = _find(text, home)
        if isinstance(found, made.Made):
            runs.append((name, found))
            students.append(_of_run(name, "student", found))
        else:
            students.append(found)
    networks = [*students, *_beside(runs, BASELINE), *_beside(runs, TEACHER)]
    _check_names(networks)
    reference = next((one.name for one in networks[len(students) :] if one.name.startswith(BASELINE)), networks[0].name)
    return Contest(networks, reference, _images([run for _, run in runs], networks[0], home))


def _find(text: str, home: Path) -> tuple[str, made.Made | Network]:
    split = None if Path(text).exists() else _NAMED.fullmatch(text)
    name, which = (split["name"], split["which"]) if split else (None, text)
    for folder in (Path(which).expanduser(), home / made.FOLDER / which):
        if made.is_run(folder.absolute()):
            run = made.of(folder.absolute())
            return name or run.method, run
    folder = Path(which).expanduser()
    if (folder / SPEC).is_file():
        spec = models.load(folder)[1]
        return name or folder.name, Network(
            name or folder.name, str(folder), folder, files.sha256(folder / WEIGHTS), spec.data_hash
        )
    if version := _REGISTERED.fullmatch(which):
        found = newest.named(home, version["name"], int(version["version"]))
        weights = files.sha256(found.folder / WEIGHTS)
        return name or which, Network(
            name or which, f"registered as {which}", found.folder, weights, found.data_hash or None
        )
    runs = ", ".join(run.run.name for run in made.newest_first(home)) or "none"
    raise UsageError(
        f"{which} is no run, no registered NAME/VERSION and no folder with {SPEC}.", f"Runs in {home}: {runs}."
    )


def _of_run(name: str, what: str, run: made.Made) -> Network:
    folder = run.folders[what]
    here = what in run.trained
    data_hash = Task.load(run.folders["dataset"]).data_hash if here else models.load(folder)[1].data_hash
    return Network(name, f"{what} of run {run.run.name}", folder, files.sha256(folder / WEIGHTS), data_hash)


def _beside(runs: Sequence[tuple[str, made.Made]], what: str) -> Iterator[Network]:
    """The teachers or baselines of the runs, equal ones once."""
    found = {network.weights_sha256: network for name, run in reversed(runs) for network in [_of_run(name, what, run)]}
    for network in reversed(found.values()):
        name = what if len(found) == 1 else f"{what} of {network.name}"
        yield Network(name, network.origin, network.folder, network.weights_sha256, network.data_hash)


def _check_names(networks: Sequence[Network]) -> None:
    names = [one.name for one in networks]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"Two networks are named {', '.join(twice)}.", "Name them apart: NAME=WHICH.")
    if not 2 <= len(networks) <= MARKS:
        raise UsageError(f"{len(networks)} networks cannot be compared: {', '.join(names)}.", f"Name 2 to {MARKS}.")


def _images(runs: Sequence[made.Made], first: Network, home: Path) -> ImageSet:
    """The accepted images of the first run, or of the newest run in ``home`` on the data of the first network.

    Raises:
        UsageError: no run is on them; or another run named has accepted other images of the same data version.
    """
    run = (
        runs[0]
        if runs
        else next(
            (one for one in made.newest_first(home) if Task.load(one.folders["dataset"]).data_hash == first.data_hash),
            None,
        )
    )
    if run is None:
        raise UsageError(
            f"No run in {home} has the data of {first.name} ({first.origin}), and so the test images.",
            "Name a run, or the state folder of one with --home.",
        )
    images = load(run.folders["dataset"], run.folders["validation"])
    for other in runs[1:]:
        theirs = load(other.folders["dataset"], other.folders["validation"])
        same = images.manifest[["id", "split"]].equals(theirs.manifest[["id", "split"]])
        if theirs.task.data_hash == images.task.data_hash and not same:
            raise UsageError(
                f"The runs {run.run.name} and {other.run.name} accepted other images of the same data version: "
                f"{len(images.manifest)} and {len(theirs.manifest)}; one may have learnt from what the other lacks.",
                "Run both with one suite and the same releases from quarantine.",
            )
    return images
