"""One cell: one student, taught by one method, and what it says of the images that its tier is judged by."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from pydantic import ValidationError

from dfpt import config as configuration
from dfpt import datasets, files, runtime
from dfpt.bench import machine, steps
from dfpt.bench.distill import answers
from dfpt.bench.distill.answers import Answers
from dfpt.bench.distill.methods import ABLATIONS, METHODS, row
from dfpt.bench.distill.suites import Suite
from dfpt.config import Config, Distillation, Prompt
from dfpt.datasets import ImageSet, corruptions
from dfpt.errors import UsageError
from dfpt.evaluation import predict
from dfpt.evaluation.predictions import softmax
from dfpt.runtime.progress import Progress
from dfpt.steps import evaluate

BLOCK = "block"  # in place of a partition's seed: the split by file order
SCREENED, CONFIRMED, ABLATED, GAP = "screened", "confirmed", "ablated", "gap"  # the tiers
TEACHER = "teacher"  # in place of a method: what the students' teacher says
_ON_VALIDATION = (SCREENED, ABLATED)
_SHARED = ("prepare", "validate", "train-teacher")
_OWN = ("tune-prompt", "distil")
_OF_TEACHER = ("prepare", "train-teacher")  # whose configuration makes a teacher another one
_OF_STUDENT = (*_OF_TEACHER, *_OWN)
_KEPT = ("training_seconds", "best_epoch")

Pixels = NDArray[np.uint8]

_KINDS = {"noise": "noise", "blur": "blur", "dark": "darkness", "bright": "brightness", "rotation": "rotation"}
CORRUPTIONS: Mapping[str, Callable[[Pixels], Pixels]] = {
    name: partial(corruptions.corrupt, kind=kind, strength=3) for name, kind in _KINDS.items()
}


@dataclass(frozen=True)
class Cell:
    """``partition``: a seed, or ``block``. ``fold``: the one that is tested. ``seed``: the student's."""

    method: str
    partition: int | str
    fold: int
    seed: int

    def __str__(self) -> str:
        return f"{self.method}:{self.partition}:{self.fold}:{self.seed}"

    @property
    def name(self) -> str:
        """Of its files."""
        return str(self).replace(":", "-")


def locks(suite: Suite, tier: str, home: Path) -> Path:
    """Folder of the locks by which processes share a tier's work."""
    return home / "bench" / "distill" / "locks" / suite.name / tier


def parse(text: str, suite: Suite) -> Cell:
    """The cell of ``METHOD:PARTITION:FOLD:SEED``. Raises UsageError where the suite has no such cell."""
    parts = text.split(":")
    try:
        method, partition, fold, seed = parts
        cell = Cell(method, partition if partition == BLOCK else int(partition), int(fold), int(seed))
    except ValueError as error:
        raise UsageError(f"{text}: no cell.", "Write METHOD:PARTITION:FOLD:SEED, as kd:4201:0:1.") from error
    known, partitions = (*METHODS, *ABLATIONS), (*suite.partitions, BLOCK, suite.development)
    if cell.method not in known or cell.partition not in partitions:
        raise UsageError(
            f"{text}: the suite {suite.name} has no such cell.",
            f"Methods: {', '.join(known)}. Partitions: {', '.join(map(str, partitions))}.",
        )
    return cell


def configured(suite: Suite, cell: Cell, setting: Mapping[str, float], epochs: int, val: float | None = None) -> Config:
    """The configuration of a cell whose searched numbers are ``setting``."""
    values = {**row(cell.method).fixed, **setting, "student.recipe.epochs": epochs, "seed": cell.seed}
    if values["distillation.method"] == "takd":
        values |= {f"distillation.options.{option}": value for option, value in suite.assistant.items()}
    if cell.partition == BLOCK:
        values["data.split"] = "block"
    else:
        values |= {
            "data.split": "fold",
            "data.fold.count": max(suite.folds, 4),
            "data.fold.index": cell.fold,
            "data.fold.seed": cell.partition,
        }
    if val is not None:
        values["data.val"] = val
    assignments = [*suite.assignments, *(f"{key}={value}" for key, value in values.items())]
    return configuration.resolve(None, suite.profile, assignments, environment={})


@dataclass(frozen=True)
class Trained:
    """Where a cell's results lie.

    Attributes:
        shared: folder of data and teacher.
        own: folder of the student and its prompt path.
        metrics: of tune-prompt and distil.
    """

    shared: Path
    own: Path
    metrics: Mapping[str, Any]


def compute(suite: Suite, cell: Cell, setting: Mapping[str, float], tier: str, folder: Path, home: Path) -> None:
    """Train a cell and store it in ``folder``, unless it is stored already."""
    if not is_stored(suite, cell, setting, tier, folder):
        config = _of_tier(suite, cell, setting, tier)
        store(folder, cell, tier, config, train(config, home, cell.method))


def is_stored(suite: Suite, cell: Cell, setting: Mapping[str, float], tier: str, folder: Path) -> bool:
    """Whether ``folder`` has the cell's record and answers, as it would be trained now."""
    record = folder / f"{cell.name}.json"
    whole = record.exists() and (folder / f"{cell.name}.jsonl.gz").exists()
    return whole and is_current(suite, steps.read(record), setting, tier)


def is_current(suite: Suite, record: Mapping[str, Any], setting: Mapping[str, float], tier: str) -> bool:
    """Whether a recorded cell would be trained now as it was then: one of an older suite or setting is another cell."""
    cell = Cell(*(record[field.name] for field in dataclasses.fields(Cell)))
    of_teacher = cell.method == TEACHER  # recorded with the student that needed it first
    try:
        then = Config.model_validate(record["config"])
        now = _of_tier(suite, dataclasses.replace(cell, method="plain") if of_teacher else cell, setting, tier)
    except (ValidationError, UsageError):  # a key that there is no more
        return False
    if of_teacher:
        then = then.model_copy(update={"seed": now.seed})
    then, now = _as_read(then), _as_read(now)
    deciding = _OF_TEACHER if of_teacher else _OF_STUDENT
    return all(configuration.for_step(then, name) == configuration.for_step(now, name) for name in deciding)


def _as_read(config: Config) -> Config:
    """Without what the method does not read: a rival's student is the same whatever the prompt path's defaults are."""
    taught = config.distillation
    if taught.by_both_paths:
        return config
    read = Distillation(method=taught.method, options=taught.options, teacher_cache=taught.teacher_cache)
    return config.model_copy(update={"distillation": read, "prompt": Prompt()})


def _of_tier(suite: Suite, cell: Cell, setting: Mapping[str, float], tier: str) -> Config:
    val = suite.development_val if tier in _ON_VALIDATION else None
    return configured(suite, cell, setting, suite.rungs[-1] if tier == SCREENED else suite.epochs, val)


def train(config: Config, home: Path, place: str) -> Trained:
    """Train the student.

    Data and teacher are shared by all cells whose configuration of them is the same; they lie under its hash and the
    code's, so that nothing is taken from another version, and a second process waits for the first one's.
    """
    of_teacher = config.model_copy(update={"seed": 0})  # the students' seeds have one teacher
    described = [configuration.for_step(of_teacher, name).model_dump_json() for name in _SHARED]
    described.append(runtime.code_revision())
    shared = home / "bench" / "distill" / hashlib.sha256("\n".join(described).encode()).hexdigest()[:16]
    shared.mkdir(parents=True, exist_ok=True)
    own = shared / place / hashlib.sha256(configuration.dump(config).encode()).hexdigest()[:16]
    with contextlib.redirect_stdout(sys.stderr):  # the steps' progress
        with _alone(shared):
            steps.execute(of_teacher, _SHARED, shared)
        metrics = steps.execute(config, _OWN, own, shared)
    return Trained(shared, own, metrics)


@contextlib.contextmanager
def _alone(shared: Path) -> Iterator[None]:
    """Wait, and say so, while another process is at the same data and teacher."""
    lock = FileLock(shared / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        Progress("train-teacher").say("another process is at it; waiting")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def images(shared: Path) -> ImageSet:
    """The data of a cell."""
    return datasets.load(shared / "dataset", shared / "validation")


def ask(images: ImageSet, student: Path, split: str) -> Answers:
    """What the student says of the images of a split, as they are and corrupted."""
    rows = images.rows(split)
    corrupted = {}
    for kind, corrupt in CORRUPTIONS.items():
        pixels = corrupt(np.asarray(images.images[rows]))
        logits, _ = predict.embedded(student, pixels, np.arange(len(rows)), lambda done, total: None)
        corrupted[kind] = logits.argmax(1).astype(np.int64)
    manifest = images.manifest[images.manifest["split"] == split]
    probabilities = softmax(predict.logits(student, images, rows)).astype(np.float64)
    return Answers(tuple(manifest["id"]), images.labels(split), probabilities, corrupted)


def store(folder: Path, cell: Cell, tier: str, config: Config, trained: Trained) -> None:
    """Ask the student, and of test images its teacher too, where nobody has yet, and write what they said.

    The teacher is everybody's; of a method that trains one of its own the student alone is asked.
    """
    split = "val" if tier in _ON_VALIDATION else "test"
    shared, own = trained.shared, trained.own
    about = images(shared)
    said = ask(about, own / "student", split)
    paths = evaluate.taught(shared / "teacher", own / "path", about, split, said.probabilities) or {}
    figures = {name: trained.metrics["distil"][name] for name in _KEPT}
    figures["tuning_seconds"] = trained.metrics["tune-prompt"].get("training_seconds", 0.0)  # without a path: no epoch
    figures |= {f"{path}_path_{figure}": value for path, found in paths.items() for figure, value in found.items()}
    of_teacher = steps.read(shared / "train-teacher.json")
    record = {
        "tier": tier,
        "positive": about.task.positive,
        "data_hash": about.task.data_hash,
        "teacher_sha256": files.sha256(shared / "teacher" / "model.safetensors"),
        "teacher_val_accuracy": of_teacher["val_accuracy"],
        "config": config.model_dump(mode="json"),
        "code_revision": runtime.code_revision(),
        "machine": machine.describe(),
    }
    teacher = Cell(TEACHER, cell.partition, cell.fold, 0)
    if split == "test" and shares_teacher(cell.method) and not _knows(folder, teacher, record["teacher_sha256"]):
        costs = {name: of_teacher[name] for name in _KEPT}
        _write(folder, teacher, ask(about, shared / "teacher", split), record | {"metrics": costs})
    _write(folder, cell, said, record | {"metrics": figures})


def shares_teacher(method: str) -> bool:
    """Whether the method is taught by the teacher that all have; ESKD trains one of its own."""
    return method == TEACHER or not any(key.startswith("teacher.") for key in row(method).fixed)


def _knows(folder: Path, teacher: Cell, sha256: str) -> bool:
    path = folder / f"{teacher.name}.json"
    whole = path.exists() and (folder / f"{teacher.name}.jsonl.gz").exists()
    return whole and bool(steps.read(path)["teacher_sha256"] == sha256)


def _write(folder: Path, cell: Cell, said: Answers, record: Mapping[str, Any]) -> None:
    """A cell's two files; the record is written last: where it is, the answers are."""
    answers.write(folder / f"{cell.name}.jsonl.gz", said)
    files.write_json(folder / f"{cell.name}.json", {**dataclasses.asdict(cell), **record})


def curve(student: Path) -> list[float]:
    """Validation accuracy after each epoch."""
    with (student / "history.csv").open(newline="", encoding="utf-8") as stream:
        return [float(row["val_accuracy"]) for row in csv.DictReader(stream)]
