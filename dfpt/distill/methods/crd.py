"""Contrastive representation distillation: an image's two embeddings belong together, those of other classes do not."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dfpt.distill.methods.info import MethodInfo, Source
from dfpt.distill.methods.method import Method, Seen, Setting
from dfpt.distill.wide import wide
from dfpt.errors import UsageError
from dfpt.method_options import Crd as Options


def contrast(log_scores_BM: Tensor, negatives_per_image: float) -> Tensor:
    """Noise-contrastive loss, a scalar: the first column is the pair's score, the others those of noise.

    -log h/(h + c) for the pair and -log c/(h + c) for each of the others, with h = exp(log score) and c the number of
    negatives over the number of images; summed over the columns, averaged over the batch.

    Source: Tian et al. 2020, arXiv 1910.10699, equation 18.
    """
    odds = log_scores_BM - math.log(negatives_per_image)
    return (F.softplus(-odds[:, 0]) + F.softplus(odds[:, 1:]).sum(1)).mean()


class Projection(nn.Module):
    """(B, D) -> (B, size), of length 1 each."""

    def __init__(self, width: int, size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, size)

    def forward(self, embedding_BD: Tensor) -> Tensor:
        return F.normalize(self.linear(wide(embedding_BD)))


class Memory(nn.Module):
    """The latest projections of all images of the training split, (N, size); random at first."""

    def __init__(self, count: int, size: int, momentum: float) -> None:
        super().__init__()
        self.momentum = momentum
        self.rows: Tensor
        self.log_normaliser: Tensor
        edge = math.sqrt(3 / size)
        self.register_buffer("rows", torch.empty(count, size).uniform_(-edge, edge))
        self.register_buffer("log_normaliser", torch.tensor(math.nan))  # set by the first batch, then kept

    def log_scores(self, projected_BD: Tensor, index_BM: Tensor, temperature: float) -> Tensor:
        """log of exp(similarity / temperature) over the normaliser, for the rows of ``index_BM``: (B, M)."""
        scores = (projected_BD @ self.rows.T).gather(1, index_BM) / temperature
        if self.log_normaliser.isnan():
            mean = scores.detach().logsumexp((0, 1)) - math.log(scores.numel())
            self.log_normaliser.copy_(mean + math.log(len(self.rows)))
        return scores - self.log_normaliser

    @torch.no_grad()
    def update(self, projected_BD: Tensor, index_B: Tensor) -> None:
        mixed = self.momentum * self.rows[index_B] + (1 - self.momentum) * projected_BD.detach()
        self.rows = self.rows.index_copy(0, index_B, F.normalize(mixed))  # not in place: the backward pass needs them


class Contrastive(Method):
    """CE + the contrast of the student with the teacher's memory and of the teacher with the student's.

    Negatives are drawn from torch's generator, for each image without repetition and from the other classes.
    """

    def __init__(self, options: Options, setting: Setting) -> None:
        super().__init__(setting.label_loss)
        self.options = options
        count = len(setting.labels_N)
        largest = int(setting.labels_N.bincount().max()) if count else 0
        self.negatives = min(options.negatives, count - largest)
        if self.negatives < 1:
            raise UsageError("crd: all training images are of one class.", "It needs images of other classes.")
        self.labels_N: Tensor
        self.register_buffer("labels_N", setting.labels_N.clone(), persistent=False)
        self.student_projection = Projection(setting.student.widths[-1], options.size)
        self.teacher_projection = Projection(setting.teacher.widths[-1], options.size)
        self.student_memory = Memory(count, options.size, options.momentum)
        self.teacher_memory = Memory(count, options.size, options.momentum)

    def _losses(
        self, student: Seen, teacher: Seen, labels_B: Tensor, index_B: Tensor, progress: float
    ) -> dict[str, Tensor]:
        index_BM = torch.cat((index_B[:, None], self.draw(labels_B)), 1)
        ours, theirs = self.student_projection(student.embedding), self.teacher_projection(teacher.embedding)
        noise, temperature = self.negatives / len(self.labels_N), self.options.temperature
        found = contrast(self.teacher_memory.log_scores(ours, index_BM, temperature), noise) + contrast(
            self.student_memory.log_scores(theirs, index_BM, temperature), noise
        )
        self.student_memory.update(ours, index_B)
        self.teacher_memory.update(theirs, index_B)
        return {
            "label": self.options.label * self._label(student, labels_B),
            "knowledge": self.options.knowledge * found,
        }

    def draw(self, labels_B: Tensor) -> Tensor:
        """Positions of images of other classes, (B, negatives), for each image all different."""
        lots_BN = torch.rand(len(labels_B), len(self.labels_N), device=labels_B.device)
        lots_BN.masked_fill_(labels_B[:, None] == self.labels_N, -1)
        return lots_BN.topk(self.negatives, sorted=False).indices


INFO = MethodInfo(
    "crd",
    "Contrastive representation distillation",
    Source("Tian, Krishnan, Isola", 2020, "arXiv 1910.10699"),
    Options,
    frozenset({"embedding", "memory", "adapter"}),
    Contrastive,
)
