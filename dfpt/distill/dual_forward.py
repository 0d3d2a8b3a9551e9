"""The teacher with two forward paths: the original one, frozen for ever, and the prompt-based one."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Literal, cast

import torch
from torch import Tensor, nn

from dfpt.distill.control import Recalibrated
from dfpt.distill.prompt import FusionBlock, PromptBlock
from dfpt.errors import UsageError
from dfpt.models.backbone import Backbone, count_parameters

Form = Literal["blocks", "affine", "temperature"]


class PromptPath(nn.Module):
    """phi: what is trained of the teacher, {P_i, F_i, H_phi}; for DFPT-KD+ also a copy of the stages that it changes.

    At its start it computes exactly what the teacher does ("neutral start", ours): P_i adds zero, F_i is the
    identity, H_phi a copy of the head. That holds in eval mode: in training H_phi's dropout draws, and its BatchNorm
    goes by the batch, while the original path stays in eval mode.

    Args:
        teacher: read, never kept.
        positions: stages (from 0, ascending) whose output gets a prompt.
        ratio, partial, kernels: of :class:`dfpt.distill.prompt.PromptBlock`.
        own_stages: DFPT-KD+ (ours: stages before the first prompt stay shared with the original path).
        form: ``blocks`` is the method; the others are its controls, :mod:`dfpt.distill.control`, which have no prompts.
        neutral: otherwise P_i, F_i and H_phi start as their layers are drawn (the ablation of the neutral start).
    """

    def __init__(
        self,
        teacher: Backbone,
        positions: Sequence[int],
        ratio: float,
        partial: float,
        kernels: Sequence[int],
        own_stages: bool,
        form: Form = "blocks",
        neutral: bool = True,
    ) -> None:
        super().__init__()
        self.positions = tuple(positions)
        prompted = self.positions if form == "blocks" else ()
        self.prompts = nn.ModuleDict(
            {str(i): PromptBlock(teacher.widths[i], ratio, partial, kernels) for i in prompted}
        )
        self.fusions = nn.ModuleDict({str(i): FusionBlock(teacher.widths[i]) for i in prompted})
        head = copy.deepcopy(teacher.head)
        self.head = head if form == "blocks" else Recalibrated(head, form)
        later = list(teacher.stages)[self.positions[0] + 1 :] if own_stages else []
        self.stages = nn.ModuleList(copy.deepcopy(stage) for stage in later)
        if not neutral:
            drawn = self.head.map if isinstance(self.head, Recalibrated) else self.head
            _draw(*(cast(PromptBlock, prompt).up for prompt in self.prompts.values()), self.fusions, drawn)
        self.requires_grad_(True)

    @property
    def learnt(self) -> int:
        """How many parameters of phi are trained; a control keeps the teacher's head."""
        kept = count_parameters(self.head.head) if isinstance(self.head, Recalibrated) else 0
        return count_parameters(self) - kept

    def requires_grad_(self, requires_grad: bool = True) -> PromptPath:
        super().requires_grad_(requires_grad)
        if isinstance(self.head, Recalibrated):
            self.head.head.requires_grad_(False)
        return self


class DualForwardTeacher(nn.Module):
    """Both paths over one teacher.

    Up to the first prompted stage they are the same: :meth:`shared` computes that once, and its result may come from
    a cache. The teacher is in eval mode, whatever mode this module is in, and none of its parameters takes a gradient.

    Args:
        teacher: frozen here.
        path: phi.
    """

    def __init__(self, teacher: Backbone, path: PromptPath) -> None:
        super().__init__()
        self.teacher = teacher.requires_grad_(False)
        self.path = path
        self.depth = path.positions[0] + 1  # stages that both paths share
        self.train(self.training)

    def train(self, mode: bool = True) -> DualForwardTeacher:
        super().train(mode)
        self.teacher.eval()
        return self

    @torch.no_grad()
    def shared(self, images_BCHW: Tensor) -> Tensor:
        """Features after the first prompted stage, before its prompt: (B, C', H', W')."""
        return self.teacher.to_stage(images_BCHW, self.depth)

    @torch.no_grad()
    def original(self, shared: Tensor) -> Tensor:
        """z_o (B, K): the accurate knowledge. It never takes a gradient."""
        return cast(Tensor, self.teacher.head(self.original_features(shared)))

    @torch.no_grad()
    def original_features(self, shared: Tensor) -> Tensor:
        """What the teacher's head is given on the original path: (B, C, H, W)."""
        return self.teacher.between(shared, self.depth, len(self.teacher.stages))

    def prompted(self, shared: Tensor) -> Tensor:
        """z_p (B, K): the compatible knowledge."""
        return cast(Tensor, self.path.head(self.prompted_features(shared)))

    def prompted_features(self, shared: Tensor) -> Tensor:
        """What H_phi is given, (B, C, H, W): F_i(h_i + P_i(h_i)) after each prompted stage."""
        x = shared
        for index in range(self.depth - 1, len(self.teacher.stages)):
            if index >= self.depth:
                x = self._stage(index)(x)
            if str(index) in self.path.prompts:
                x = self.path.fusions[str(index)](x + self.path.prompts[str(index)](x))
        return x

    def forward(self, images_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        """(z_o, z_p), both (B, K)."""
        shared = self.shared(images_BCHW)
        return self.original(shared), self.prompted(shared)

    def _stage(self, index: int) -> nn.Module:
        return self.path.stages[index - self.depth] if self.path.stages else self.teacher.stages[index]


def _draw(*modules: nn.Module) -> None:
    """Give the layers new weights, from torch's generator."""
    for module in modules:
        for layer in module.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear | nn.BatchNorm2d):
                layer.reset_parameters()


def positions(stages: Sequence[int], count: int) -> tuple[int, ...]:
    """Stage numbers as configured (negative ones count from the last) as ascending numbers from 0.

    Raises:
        UsageError: none given, or one that a teacher of ``count`` stages does not have.
    """
    outside = [stage for stage in stages if not -count <= stage < count]
    if outside or not stages:
        raise UsageError(
            f"prompt.stages = {list(stages)}: the teacher has {count} stages.",
            f"Give numbers from {-count} to {count - 1}.",
        )
    return tuple(sorted({stage % count for stage in stages}))
