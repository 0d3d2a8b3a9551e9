from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from dfpt.distill.methods import logits
from dfpt.distill.methods.pesf_kd import StudentFriendlyTeacher
from tests.unit.distill.methods import made_up

LABELS = torch.tensor([0, 1, 2, 0, 1, 2])
STUDENT, TEACHER = made_up.answers(made_up.STUDENT, 8), made_up.answers(made_up.TEACHER, 4, seed=1)


def made() -> StudentFriendlyTeacher:
    method = made_up.method("pesf_kd")
    assert isinstance(method, StudentFriendlyTeacher)
    return method


def test_at_first_it_is_kd_and_the_teachers_own_cross_entropy() -> None:
    losses = made().losses(STUDENT, TEACHER, LABELS, LABELS, 0.0)
    kd = made_up.method("kd").losses(STUDENT, TEACHER, LABELS, LABELS, 0.0)
    assert losses["label"] == kd["label"]
    assert losses["knowledge"] == kd["knowledge"]
    assert losses["adapter"].item() == pytest.approx(made_up.label_loss(TEACHER.logits, LABELS).item())


def test_the_adapter_brings_the_teacher_nearer_to_student_and_labels() -> None:
    method = made()
    optimiser = torch.optim.Adam(method.parameters(), lr=0.05)
    before = method.losses(STUDENT, TEACHER, LABELS, LABELS, 0.0)
    for _ in range(30):
        losses = method.losses(STUDENT, TEACHER, LABELS, LABELS, 0.0)
        optimiser.zero_grad()
        (losses["knowledge"] + losses["adapter"]).backward()
        optimiser.step()
    assert losses["adapter"] < before["adapter"]
    assert (losses["knowledge"] + losses["adapter"]) < 0.7 * (before["knowledge"] + before["adapter"])


def test_the_adapted_answers_are_the_teachers_plus_what_the_adapter_makes_of_its_embedding() -> None:
    method = made()
    with torch.no_grad():
        for parameter in method.parameters():
            parameter.fill_(0.5)
    # linear: 0.5 sum + 0.5; bottleneck of 32: 0.5 * 3 of these + 0.5; out: 0.5 * 32 of those + 0.5
    total_B1 = TEACHER.embedding.sum(1, keepdim=True)
    added_B1 = 16 * (1.5 * (0.5 * total_B1 + 0.5) + 0.5).clamp(min=0) + 0.5
    torch.testing.assert_close(method.adapted(TEACHER), TEACHER.logits + added_B1)


def test_both_networks_learn_from_their_distance() -> None:
    method = made()
    method.losses(STUDENT, TEACHER, LABELS, LABELS, 0.0)["knowledge"].backward()
    last = method.adapter.layers[-1]
    assert last.bias.grad is not None
    target = TEACHER.logits.detach().requires_grad_()
    (0.9 * logits.kd(target, STUDENT.logits, LABELS, temperature=4.0)).backward()
    assert target.grad is not None
    torch.testing.assert_close(last.bias.grad, target.grad.sum(0))


def test_the_students_gradient_is_right() -> None:
    method = made().double()
    teacher = replace(TEACHER, logits=TEACHER.logits.double(), embedding=TEACHER.embedding.double())

    def knowledge(logits_BK: torch.Tensor) -> torch.Tensor:
        return method.losses(replace(STUDENT, logits=logits_BK), teacher, LABELS, LABELS, 0.5)["knowledge"]

    assert torch.autograd.gradcheck(knowledge, STUDENT.logits.detach().double().requires_grad_())
