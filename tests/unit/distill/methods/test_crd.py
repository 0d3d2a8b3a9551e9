from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from dfpt.distill.methods import Seen, create
from dfpt.distill.methods.crd import Contrastive, Memory, contrast
from dfpt.errors import UsageError
from tests.unit.distill.methods import made_up

INDEX = torch.tensor([0, 1, 2, 6, 7, 8])
LABELS = made_up.LABELS_N[INDEX]


def made(**options: Any) -> Contrastive:
    method = made_up.method("crd", **options)
    assert isinstance(method, Contrastive)
    return method


def test_it_is_the_hand_computed_figure() -> None:
    # c = 2: the pair's h = 6 gives -log(6/8), the others' h = 2 and 1 give -log(2/4) and -log(2/3)
    log_scores = torch.tensor([[6.0, 2.0, 1.0]]).log()
    assert contrast(log_scores, 2.0).item() == pytest.approx(-math.log(6 / 8 * 2 / 4 * 2 / 3), rel=1e-6)
    twice = log_scores.expand(5, -1)
    assert contrast(twice, 2.0).item() == pytest.approx(contrast(log_scores, 2.0).item())


def test_its_gradient_is_that_of_finite_differences() -> None:
    torch.manual_seed(0)
    log_scores = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: contrast(x, 0.4), (log_scores,))


def test_a_likelier_pair_and_less_likely_others_lower_it() -> None:
    even = torch.zeros(2, 4)
    pair, others = even.clone(), even.clone()
    pair[:, 0], others[:, 1:] = 3, -3
    assert contrast(pair, 1.0) < contrast(even, 1.0)
    assert contrast(others, 1.0) < contrast(even, 1.0)


@pytest.mark.parametrize("far", [-1e4, 1e4])
def test_it_stays_finite_far_out(far: float) -> None:
    assert contrast(torch.full((2, 3), far), 1.0).isfinite()


def test_it_is_lower_when_the_two_embeddings_of_an_image_agree() -> None:
    """Both memories hold one direction a class; a student that points there beats one that points at another class."""
    method = made(size=3)
    directions = torch.eye(3)
    with torch.no_grad():
        for projection in (method.student_projection, method.teacher_projection):
            projection.linear.weight.copy_(F.pad(directions, (0, projection.linear.in_features - 3)))
            projection.linear.bias.zero_()
        for memory in (method.student_memory, method.teacher_memory):
            memory.rows.copy_(directions[made_up.LABELS_N])
            memory.log_normaliser.fill_(math.log(made_up.IMAGES))

    def loss(classes_B: Tensor) -> float:
        student = Seen((), F.pad(directions[classes_B], (0, 5)), torch.zeros(6, 3))
        teacher = Seen((), F.pad(directions[LABELS], (0, 6)), torch.zeros(6, 3))
        return method.losses(student, teacher, LABELS, INDEX, 0)["knowledge"].item()

    assert loss(LABELS) < loss((LABELS + 1) % 3)


def test_training_pulls_an_images_two_projections_together() -> None:
    student, teacher = made_up.answers(made_up.STUDENT, 8), made_up.answers(made_up.TEACHER, 4, seed=1)
    method = made()
    optimiser = torch.optim.Adam(method.parameters(), lr=0.01)

    def agreement() -> float:
        s, t = method.student_projection(student.embedding), method.teacher_projection(teacher.embedding)
        found: float = torch.linalg.vecdot(s, t).mean().item()
        return found

    before = agreement()
    for _ in range(40):
        optimiser.zero_grad()
        method.losses(student, teacher, LABELS, INDEX, 0)["knowledge"].backward()
        optimiser.step()
    assert agreement() > before + 0.3


def test_negatives_are_different_images_of_other_classes_and_as_many_as_there_are() -> None:
    method = made()
    drawn = method.draw(LABELS)
    assert drawn.shape == (6, 16)  # 24 images, 8 of each class
    assert (made_up.LABELS_N[drawn] != LABELS[:, None]).all()
    assert all(len(row.unique()) == 16 for row in drawn)
    assert made(negatives=5).draw(LABELS).shape == (6, 5)


def test_negatives_follow_torchs_generator() -> None:
    method = made(negatives=5)
    torch.manual_seed(1)
    first, second = method.draw(LABELS).sort(1).values, method.draw(LABELS).sort(1).values
    torch.manual_seed(1)
    assert torch.equal(method.draw(LABELS).sort(1).values, first)
    assert not torch.equal(first, second)


def test_a_memory_moves_the_rows_of_the_batch_half_way_and_no_other() -> None:
    memory = Memory(4, 2, momentum=0.5)
    memory.rows.copy_(torch.tensor([[1.0, 0.0]]).expand(4, -1))
    memory.update(torch.tensor([[0.0, 1.0], [1.0, 0.0]]), torch.tensor([2, 0]))
    half = 0.5**0.5
    torch.testing.assert_close(memory.rows, torch.tensor([[1.0, 0.0], [1.0, 0.0], [half, half], [1.0, 0.0]]))


def test_the_first_batch_sets_the_normaliser_for_good() -> None:
    """So that the mean score of that batch is one over the number of images."""
    memory = Memory(8, 4, 0.5)
    index = torch.arange(6).view(2, 3)
    first = memory.log_scores(F.normalize(torch.randn(2, 4)), index, 0.07)
    assert first.exp().mean().item() == pytest.approx(1 / 8, rel=1e-4)
    kept = memory.log_normaliser.clone()
    memory.log_scores(F.normalize(torch.randn(2, 4)), index, 0.07)
    assert torch.equal(memory.log_normaliser, kept)


def test_scores_are_similarities_to_the_rows_asked_for() -> None:
    memory = Memory(3, 2, 0.5)
    memory.rows.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]))
    memory.log_normaliser.fill_(1.0)
    found = memory.log_scores(torch.tensor([[0.6, 0.8]]), torch.tensor([[2, 0, 1]]), 0.1)
    torch.testing.assert_close(found, torch.tensor([[-7.0, 5.0, 7.0]]))


def test_one_class_alone_has_no_negatives() -> None:
    with pytest.raises(UsageError, match="one class"):
        create("crd", made_up.STUDENT, made_up.TEACHER, made_up.label_loss, torch.zeros(9, dtype=torch.int64))
