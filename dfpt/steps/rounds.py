"""DFPT-KD in rounds (ours): what the prompt path says is computed once for a round, and the student learns from that.

``adapt: frozen`` is one round as long as the training. With ``alternate`` the path adapts to the student before every
round: for ``adapt_epochs`` epochs by tune-prompt's recipe and the prompt path's loss, in which the student answers and
stays as it is.

What is kept is (1 + places) * classes float32 numbers of each path for each image and view, in every process's memory.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from dfpt.config import Recipe
from dfpt.context import Context, Silent
from dfpt.distill.adapting_task import AdaptingTask
from dfpt.distill.cached_task import CachedTask
from dfpt.distill.dual_forward import DualForwardTeacher
from dfpt.distill.dual_task import DualTask
from dfpt.distill.places import at_places, averaged, common_grid
from dfpt.models.backbone import laid_out
from dfpt.training import device, precision
from dfpt.training.arithmetic import Arithmetic
from dfpt.training.loop import Progress, drawn_views, fit
from dfpt.training.views import FeatureViews, LogitViews, Split

_BATCH = 128


def train(
    dual: DualTask, train: Split, val: Split, recipe: Recipe, views: int, seed: int, context: Context
) -> Progress:
    """Train ``dual``'s student, and between rounds its prompt path where that adapts.

    Args:
        dual: not trained itself; with its splits it says what is taught and by whom.
    """
    path = dual.teacher.path if dual.adapt else None
    length = dual.distillation.round if dual.adapt else recipe.epochs
    with device.holding([dual.teacher, dual.student]):  # through all rounds, the path with the teacher
        grid = _grid(dual, train)
        task = CachedTask(dual.name, dual.student, path, dual.distillation, dual.label_loss, grid)
        told = Told.of(train, grid), Told.of(val, grid)
        rounds = Rounds(dual, (train, val), told, grid, length, recipe, views, seed, context)
        return fit(task, told[0].split, told[1].split, recipe, views, seed, context, before=rounds)


@dataclass(frozen=True)
class Told:
    """What the prompt path says of a split; only what was filled is true.

    Attributes:
        split: what :class:`CachedTask` reads; two of its sources are the next two.
        logits_VNK: z_p of every view of every image.
        places_VNKHW: its logits at every place, where these are taught too.
        shared: what the path is computed from.
    """

    split: Split
    logits_VNK: Tensor
    places_VNKHW: Tensor | None
    shared: FeatureViews

    @classmethod
    def of(cls, dual: Split, grid: tuple[int, int]) -> Told:
        """Nothing yet, for a split of the dual task."""
        images, shared, original, *places = dual.sources
        assert isinstance(shared, FeatureViews)
        assert isinstance(original, LogitViews)
        z_p = torch.zeros_like(original.logits_VNK)
        sources = [images, original, LogitViews(z_p)]
        places_p = None
        for source in places:
            assert isinstance(source, LogitViews)
            shape = source.logits_VNK.shape[:2]
            places_o = averaged(source.logits_VNK.flatten(0, 1), grid).unflatten(0, shape)
            places_p = torch.zeros_like(places_o)
            sources += [LogitViews(places_o), LogitViews(places_p)]
        return cls(replace(dual, sources=tuple(sources)), z_p, places_p, shared)

    @torch.no_grad()
    def fill(self, teacher: DualForwardTeacher, wanted_VN: Tensor, grid: tuple[int, int], way: Arithmetic) -> None:
        """Ask the path, as it is now, about the wanted views of images; always in the same batches."""
        teacher.eval()
        head = teacher.path.head
        with precision.autocast(way.dtype):
            for pairs_B2 in torch.split(wanted_VN.nonzero(), _BATCH):
                views, index = pairs_B2.unbind(1)
                (shared,) = way.arranged((self.shared(index, views).to(device.chosen()),))
                features = teacher.prompted_features(shared)
                self.logits_VNK[views, index] = head(features).float().cpu()
                if self.places_VNKHW is not None:
                    self.places_VNKHW[views, index] = averaged(at_places(head, features), grid).float().cpu()


@dataclass
class Rounds:
    """Called before every epoch: begins a round where one begins, and knows again what was said where it was lost.

    Attributes:
        parts, told: the training and the validation split, as ``dual`` and as the student reads them.
        length: epochs of a round.
        known: first epoch of the round that ``told`` is of.
    """

    dual: DualTask
    parts: tuple[Split, Split]
    told: tuple[Told, Told]
    grid: tuple[int, int]
    length: int
    recipe: Recipe
    views: int
    seed: int
    context: Context
    known: int = -1

    def __call__(self, epoch: int, way: Arithmetic) -> None:
        first = epoch - epoch % self.length
        if first == self.known:
            return
        laid_out(self.dual.teacher, way.layout)  # also where a training is taken up within a round
        if self.dual.adapt and epoch == first:
            self._adapt(epoch, way)
        train, val = self.told
        train.fill(self.dual.teacher, self._drawn(first), self.grid, way)
        as_it_is_VN = torch.zeros(val.logits_VNK.shape[:2], dtype=torch.bool)
        as_it_is_VN[0] = True
        val.fill(self.dual.teacher, as_it_is_VN, self.grid, way)
        self.known = first

    def _adapt(self, epoch: int, way: Arithmetic) -> None:
        """A training of its own, short enough to begin again where it was interrupted; its seed is the epoch's."""
        recipe = self.recipe.model_copy(
            update={
                "epochs": self.dual.distillation.adapt_epochs,
                "stop_after": 1.0,
                "ema": 0.0,
                "precision": way.precision,
                "memory_format": way.memory_format,
                "compile": False,
            }
        )
        with _still(self.dual.student), tempfile.TemporaryDirectory() as folder:
            context = dataclasses.replace(self.context, checkpoints=Path(folder), reporter=Silent())
            seed = self.seed * 1009 + epoch + 1
            fit(AdaptingTask(self.dual), *self.parts, recipe, self.views, seed, context, keep_last=True)

    def _drawn(self, first: int) -> Tensor:
        """(V, N) which views of which images the round shows: with few epochs by far not all."""
        count = len(self.parts[0].labels)
        wanted_VN = torch.zeros(self.views, count, dtype=torch.bool)
        until = math.ceil(self.recipe.stop_after * self.recipe.epochs)
        for epoch in range(first, min(first + self.length, until)):
            wanted_VN[drawn_views(self.seed, epoch, self.views, count), torch.arange(count)] = True
        return wanted_VN


@contextlib.contextmanager
def _still(network: nn.Module) -> Iterator[None]:
    """Inside, the network answers and does not change."""
    network.eval().requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)


@torch.no_grad()
def _grid(dual: DualTask, train: Split) -> tuple[int, int]:
    """The places that both paths and the student are compared at; one, where places are not taught."""
    images, _, _, *places = (source(torch.arange(1), torch.zeros(1, dtype=torch.int64)) for source in train.sources)
    return common_grid(places[0], dual.student.eval().features(images)) if places else (1, 1)
