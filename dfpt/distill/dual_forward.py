"""The teacher with two forward paths: the original one, frozen for ever, and the prompt-based one."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from dfpt.config import Blocks
from dfpt.distill.control import Recalibrated
from dfpt.distill.prompt import FusionBlock, PromptBlock
from dfpt.errors import UsageError
from dfpt.models.backbone import Backbone, count_parameters


class PathSpec(Blocks):
    """What a prompt path is built by; its ``stages`` are counted from 0, ascending.

    Attributes:
        own_stages: DFPT-KD+ (ours: stages before the first prompt stay shared with the original path).
    """

    own_stages: bool = False

    @classmethod
    def of(cls, blocks: Blocks, stages: Sequence[int], own_stages: bool) -> PathSpec:
        """The configured layers behind these stages."""
        configured = {name: getattr(blocks, name) for name in Blocks.model_fields}
        return cls.model_validate(configured | {"stages": tuple(stages), "own_stages": own_stages})

    @property
    def own_statistics(self) -> bool:
        """Whether the later stages' BatchNorm goes by what the prompt path shows them (ours)."""
        return self.own_stages if self.statistics is None else self.statistics == "own"


class PromptPath(nn.Module):
    """phi: what is trained of the teacher, {P_i, F_i, H_phi}; for DFPT-KD+ also a copy of the stages that it changes.

    At its start it computes exactly what the teacher does ("neutral start", ours): P_i adds zero, F_i is the
    identity, H_phi a copy of the head. That holds in eval mode: in training H_phi's dropout draws, and BatchNorm of
    its own goes by the batch, while the original path stays in eval mode.

    Args:
        teacher: read, never kept.
        spec: its form ``blocks`` is the method; the others are its controls, :mod:`dfpt.distill.control`, which have
            no prompts. Without its neutral start P_i, F_i and H_phi start as their layers are drawn (the ablation).
    """

    def __init__(self, teacher: Backbone, spec: PathSpec) -> None:
        super().__init__()
        self.spec = spec
        prompted = spec.stages if spec.form == "blocks" else ()
        self.prompts = nn.ModuleDict({str(i): PromptBlock(teacher.widths[i], spec) for i in prompted})
        self.fusions = nn.ModuleDict({str(i): FusionBlock(teacher.widths[i]) for i in prompted})
        head = copy.deepcopy(teacher.head)
        self.head = head if spec.form == "blocks" else Recalibrated(head, spec.form)
        later = list(teacher.stages)[spec.stages[0] + 1 :] if spec.own_stages or spec.own_statistics else []
        self.stages = nn.ModuleList(copy.deepcopy(stage) for stage in later)
        if not spec.neutral_start:
            drawn = self.head.map if isinstance(self.head, Recalibrated) else self.head
            _draw(*(cast(PromptBlock, prompt).up for prompt in self.prompts.values()), self.fusions, drawn)
        self.requires_grad_(True)

    @property
    def learnt(self) -> int:
        """How many parameters of phi are trained."""
        return count_parameters(self) - sum(count_parameters(kept) for kept in self._kept())

    def requires_grad_(self, requires_grad: bool = True) -> PromptPath:
        super().requires_grad_(requires_grad)
        for kept in self._kept():
            kept.requires_grad_(False)
        return self

    def train(self, mode: bool = True) -> PromptPath:
        super().train(mode)
        if not self.spec.own_statistics:
            for layer in self.stages.modules():
                if isinstance(layer, nn.BatchNorm2d):
                    layer.eval()
        return self

    def _kept(self) -> list[nn.Module]:
        """What is the teacher's and stays so: a control's head, and stages that have but statistics of their own."""
        head = [self.head.head] if isinstance(self.head, Recalibrated) else []
        return head if self.spec.own_stages else [*head, self.stages]


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
        self.depth = path.spec.stages[0] + 1  # stages that both paths share
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
