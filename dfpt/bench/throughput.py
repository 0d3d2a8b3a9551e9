"""How fast is a training step? The product's own tasks on random images, all variants in one run, in turns.

In turns, because a machine's speed changes with what else it does: a ratio is the median of every round's ratio.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from dfpt import models
from dfpt.bench import machine
from dfpt.config import Distillation, Prompt, Recipe
from dfpt.distill.dual_forward import DualForwardTeacher, PathSpec, PromptPath
from dfpt.distill.dual_task import DualTask
from dfpt.distill.method_task import MethodTask
from dfpt.distill.methods import NetworkShape, create
from dfpt.models import Backbone
from dfpt.models.backbone import laid_out
from dfpt.models.folded import folded
from dfpt.training import precision
from dfpt.training.label_loss import LabelLoss
from dfpt.training.loop import Task, optimiser_of, update

CONTIGUOUS = "kd_fp32_contiguous"
CACHED = "kd_cached"  # the teacher's last map is given, as for exact views; in all others the teacher runs
# Variant -> method. All but the first are in the chosen precision and channels last.
VARIANTS = {
    CONTIGUOUS: "kd",
    "kd": "kd",
    CACHED: "kd",
    "dkd": "dkd",
    "dfpt_kd": "dfpt-kd",
    "dfpt_kd_plus": "dfpt-kd+",
}
_RATIOS = (("dkd", "kd"), ("dfpt_kd", "kd"), ("dfpt_kd_plus", "kd"), (CACHED, "kd"), ("kd", CONTIGUOUS))
_MATMUL = (256, 512, 1024, 2048)
_ENOUGH = 0.1  # seconds of one product, after which no larger one is tried
_WARM_UP = 2


@dataclass(frozen=True)
class Pair:
    """What is measured. The prompt path has a block after every stage of the teacher."""

    teacher: str
    student: str
    classes: int
    image_size: int  # pixels, 3 channels
    batch_size: int


def run(pairs: Sequence[Pair], rounds: int, home: Path, told: Callable[[int, int], None]) -> dict[str, Any]:
    """Measure every pair. ``ratios`` and ``mac_ratios`` at the top are those of the first.

    Args:
        rounds: how often every variant makes a step, at least 2.
        home: keeps the choice of precision.
        told: (rounds done, of how many).

    Raises:
        UsageError: a model that does not exist or does not take such images.
    """
    peaks = {dtype: _matmul_peak(dtype) for dtype in (torch.float32, torch.bfloat16)}
    results = []
    for number, pair in enumerate(pairs):
        tell = partial(_tell, told, number * rounds, len(pairs) * rounds)
        results.append(_measure(pair, rounds, home, peaks, tell))
    return {
        "machine": machine.describe(),
        "matmul_flops_per_second": {_name(dtype): peak for dtype, peak in peaks.items()},
        "rounds": rounds,
        "ratios": results[0]["ratios"],
        "mac_ratios": results[0]["mac_ratios"],
        "results": results,
    }


def _tell(told: Callable[[int, int], None], before: int, total: int, done: int) -> None:
    told(before + done, total)


def _measure(
    pair: Pair, rounds: int, home: Path, peaks: dict[torch.dtype, float], told: Callable[[int], None]
) -> dict[str, Any]:
    chosen = precision.choose("auto", _loss_of(pair, "kd"), f"throughput {pair}", home)
    types = {variant: torch.float32 if variant == CONTIGUOUS else chosen for variant in VARIANTS}
    macs = {variant: _macs(pair, variant) for variant in VARIANTS}
    memory = {variant: _peak_memory(pair, variant, dtype) for variant, dtype in types.items()}
    steps = {variant: _step(pair, variant, dtype) for variant, dtype in types.items()}
    for step in steps.values():
        for _ in range(_WARM_UP):
            step()
    seconds: dict[str, list[float]] = {variant: [] for variant in steps}
    for number in range(rounds):
        for variant, step in steps.items():
            start = time.perf_counter()
            step()
            seconds[variant].append(time.perf_counter() - start)
        told(number + 1)
    rates = {variant: pair.batch_size / statistics.median(found) for variant, found in seconds.items()}
    return {
        "pair": asdict(pair),
        "variants": {
            variant: {
                "precision": _name(types[variant]),
                "memory_format": "contiguous" if variant == CONTIGUOUS else "channels_last",
                "seconds": seconds[variant],
                "images_per_second": rates[variant],
                "macs_per_image": macs[variant] / pair.batch_size,
                "share_of_matmul_peak": 2 * macs[variant] / pair.batch_size * rates[variant] / peaks[types[variant]],
                "peak_memory": memory[variant],
            }
            for variant in VARIANTS
        },
        "ratios": {f"{a}/{b}": _ratio(seconds[a], seconds[b]) for a, b in _RATIOS},
        "ratio_quartiles": {f"{a}/{b}": _quartiles(seconds[a], seconds[b]) for a, b in _RATIOS},
        "mac_ratios": {f"{a}/{b}": macs[a] / macs[b] for a, b in _RATIOS if b != CONTIGUOUS},
    }


def _step(pair: Pair, variant: str, dtype: torch.dtype) -> Callable[[], None]:
    """A whole training step: forward passes of student and teacher, losses, backward pass, update."""
    task, labels, inputs = _task(pair, variant)
    optimiser = optimiser_of(task, Recipe())

    def step() -> None:
        with precision.autocast(dtype):
            losses = task.losses(labels, *inputs(), progress=1.0)
        update(optimiser, losses)

    return step


def _loss_of(pair: Pair, variant: str) -> Callable[[], Tensor]:
    task, labels, inputs = _task(pair, variant)
    return lambda: torch.stack(list(task.losses(labels, *inputs(), progress=1.0).values())).sum()


def _task(pair: Pair, variant: str) -> tuple[Task, Tensor, Callable[[], tuple[Tensor, ...]]]:
    """The product's task, labels (B,) and what computes the task's inputs of a batch."""
    torch.manual_seed(0)
    layout = torch.contiguous_format if variant == CONTIGUOUS else torch.channels_last
    teacher, student = (_network(name, pair, layout) for name in (pair.teacher, pair.student))
    images = torch.randn(pair.batch_size, 3, pair.image_size, pair.image_size).contiguous(memory_format=layout)
    labels = torch.randint(pair.classes, (pair.batch_size,))
    method = VARIANTS[variant]
    # A frozen teacher that runs in every step is folded by the product; the reference is as plain as can be.
    frozen = teacher if variant == CONTIGUOUS else laid_out(folded(teacher, 3, pair.image_size), layout)
    if method.startswith("dfpt"):
        stages = tuple(range(len(teacher.stages)))
        path = PromptPath(teacher, PathSpec(stages=stages, own_stages=method == "dfpt-kd+"))
        dual = DualForwardTeacher(frozen, laid_out(path, layout))
        label_loss = LabelLoss(torch.ones(pair.classes))
        task: Task = DualTask(variant, student, dual, Distillation(), Prompt(), True, label_loss)
        task.trained.train()
        return task, labels, lambda: (images, shared := dual.shared(images), dual.original(shared))
    student_shape, teacher_shape = (NetworkShape(network.widths, pair.classes) for network in (student, teacher))
    rival = create(method, student_shape, teacher_shape, F.cross_entropy, labels)
    task = MethodTask(variant, student, frozen, rival, from_last=variant == CACHED)
    task.trained.train()
    with torch.no_grad():
        given = frozen.eval().features(images) if variant == CACHED else images
    return task, labels, lambda: (images, given, torch.arange(pair.batch_size))


def _network(name: str, pair: Pair, layout: torch.memory_format) -> Backbone:
    return laid_out(models.create(name, pair.classes, 3, pair.image_size), layout)


def _macs(pair: Pair, variant: str) -> int:
    """Multiply-accumulates of a step's convolutions and matrix products, forward and backward."""
    counter = FlopCounterMode(display=False)
    step = _step(pair, variant, torch.float32)
    with counter:
        step()
    return counter.get_total_flops() // 2


def _peak_memory(pair: Pair, variant: str, dtype: torch.dtype) -> int:
    """Bytes that a process of its own holds at most, Python and torch included (Linux)."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(_resident, pair, variant, dtype, torch.get_num_threads()).result()


def _resident(pair: Pair, variant: str, dtype: torch.dtype, threads: int) -> int:
    torch.set_num_threads(threads)
    step = _step(pair, variant, dtype)
    for _ in range(_WARM_UP):
        step()
    # Not getrusage: across the start of a program it keeps what the parent had.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) * 1024


def _matmul_peak(dtype: torch.dtype) -> float:
    """Floating-point operations a second of a square matrix product: the most that this machine shows.

    A CPU without instructions for a type would take minutes for the largest one, and show no more by it.
    """
    best = 0.0
    for size in _MATMUL:
        a = torch.randn(size, size).to(dtype)
        taken = min(_product_seconds(a) for _ in range(5))
        best = max(best, 2 * size**3 / taken)
        if taken > _ENOUGH:
            break
    return best


def _product_seconds(a: Tensor) -> float:
    start = time.perf_counter()
    torch.mm(a, a)
    return time.perf_counter() - start


def _ratio(a: Sequence[float], b: Sequence[float]) -> float:
    return statistics.median(x / y for x, y in zip(a, b, strict=True))


def _quartiles(a: Sequence[float], b: Sequence[float]) -> list[float]:
    low, _, high = statistics.quantiles((x / y for x, y in zip(a, b, strict=True)), n=4, method="inclusive")
    return [low, high]


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
