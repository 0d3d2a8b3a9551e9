"""What holds for every method: one row each of the same matrix."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from dfpt import models
from dfpt.distill.methods import METHODS, NetworkShape, Seen, names, page, seen, takd
from dfpt.errors import UsageError
from tests.unit.distill.methods import made_up

INDEX = torch.tensor([0, 1, 2, 6, 7, 8])
LABELS = made_up.LABELS_N[INDEX]
each = pytest.mark.parametrize("name", names())


def test_the_table_has_every_rival() -> None:
    assert " ".join(names()) == "plain kd kd_ls dkd dkd_ls dist ctkd dtkd takd eskd pesf_kd fitnet at crd"


@each
def test_its_entry_says_where_it_is_from_and_what_it_needs(name: str) -> None:
    info = METHODS[name]
    assert info.name == name
    assert info.title
    assert (info.source is None) == (name == "plain")
    if info.source:
        assert info.source.year >= 2015
        assert info.source.where.startswith("arXiv ")
    method = made_up.method(name)
    assert ("adapter" in info.needs) == bool(list(method.parameters()))
    assert ("memory" in info.needs) == any(made_up.IMAGES in tensor.shape for tensor in method.state_dict().values())
    assert info.options() == info.options.model_validate(info.options().model_dump())


@each
def test_it_looks_at_nothing_of_the_teacher_that_it_does_not_say(name: str) -> None:
    """A runner may hand over cached answers, and only those."""
    needs = METHODS[name].needs
    student, teacher = made_up.answers(made_up.STUDENT, 8), made_up.answers(made_up.TEACHER, 4, seed=1)
    lost = torch.full((1,), torch.nan)
    poor = Seen(
        teacher.maps if "maps" in needs else (),
        teacher.embedding if "embedding" in needs else lost,
        teacher.logits if "logits" in needs else lost,
    )
    found = []
    for given in (teacher, poor):
        method = made_up.method(name)
        torch.manual_seed(3)
        found.append(method.losses(student, given, LABELS, INDEX, 0.5))
    assert found[0] == found[1]


@each
@pytest.mark.parametrize(("student", "teacher"), [("tiny_20k", "resnet8"), ("resnet8", "tiny_20k")])
def test_a_few_steps_lower_the_loss_move_the_student_and_reach_all_that_the_method_learns(
    name: str, student: str, teacher: str
) -> None:
    """A few, since an adapter that starts as zero lets no gradient through to its first layers in the first step."""
    model, taught_by = made_up.network(student, 0).train(), made_up.network(teacher, 1).eval()
    method = made_up.method(name, made_up.shape_of(model), made_up.shape_of(taught_by))
    before = copy.deepcopy(model)
    frozen = copy.deepcopy(taught_by.state_dict())
    optimiser = torch.optim.SGD([*model.parameters(), *method.parameters()], lr=2e-4)
    images = torch.randn(len(INDEX), 1, made_up.SIZE, made_up.SIZE)
    totals: list[float] = []
    reached: set[str] = set()
    for _ in range(4):
        losses = method.losses(seen(model, images), seen(taught_by, images), LABELS, INDEX, 0.5)
        assert all(loss.dim() == 0 and loss.isfinite() for loss in losses.values())
        total = torch.stack(list(losses.values())).sum()
        totals.append(total.item())
        optimiser.zero_grad()
        total.backward()
        reached |= {what for what, own in method.named_parameters() if own.grad is not None and own.grad.any()}
        optimiser.step()
        if len(totals) == 1:
            assert any(not torch.equal(a, b) for a, b in zip(model.parameters(), before.parameters(), strict=True))
    assert totals[-1] < totals[0] or name == "crd"  # whose negatives and memory change from step to step
    assert reached == {what for what, _ in method.named_parameters()}
    assert all(parameter.grad is None for parameter in taught_by.parameters())
    assert all(torch.equal(now, frozen[what]) for what, now in taught_by.state_dict().items())


@each
def test_the_teacher_never_takes_a_gradient(name: str) -> None:
    student, teacher = made_up.answers(made_up.STUDENT, 8), made_up.answers(made_up.TEACHER, 4, seed=1)
    losses = made_up.method(name).losses(student, teacher, LABELS, INDEX, 0.5)
    torch.stack(list(losses.values())).sum().backward()
    assert all(leaf.grad is None for leaf in made_up.leaves(teacher))
    assert any(leaf.grad is not None and leaf.grad.any() for leaf in made_up.leaves(student))


@each
def test_half_precision_answers_are_judged_in_float32_autocast_or_not(name: str) -> None:
    student = made_up.answers(made_up.STUDENT, 8, dtype=torch.bfloat16)
    teacher = made_up.answers(made_up.TEACHER, 4, seed=1, dtype=torch.bfloat16)
    found = []
    for autocast in (False, True):
        method = made_up.method(name)
        torch.manual_seed(3)
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            found.append(method.losses(student, teacher, LABELS, INDEX, 0.5))
    assert all(loss.dtype == torch.float32 and loss.isfinite() for loss in found[0].values())
    assert found[0] == found[1]
    torch.stack(list(found[0].values())).sum().backward()
    assert student.logits.grad is not None
    assert all(leaf.grad is None or leaf.grad.isfinite().all() for leaf in made_up.leaves(student))


@each
def test_the_cross_entropy_is_the_callers(name: str) -> None:
    student, teacher = made_up.answers(made_up.STUDENT, 8), made_up.answers(made_up.TEACHER, 4, seed=1)
    method = made_up.method(name)
    weight = method.losses(student, teacher, LABELS, INDEX, 0.5)["label"] / made_up.label_loss(student.logits, LABELS)
    method.label_loss = lambda logits_BK, labels_B: logits_BK.sum() * 0 + 7
    found = method.losses(student, teacher, LABELS, INDEX, 0.5)["label"]
    assert found.item() == pytest.approx(7 * weight.item(), rel=1e-5)


@each
def test_its_state_can_be_kept_and_restored(name: str) -> None:
    student, teacher = made_up.answers(made_up.STUDENT, 8), made_up.answers(made_up.TEACHER, 4, seed=1)
    used, fresh = made_up.method(name), made_up.method(name)
    used.losses(student, teacher, LABELS, INDEX, 0.5)
    fresh.load_state_dict(used.state_dict())
    found = []
    for method in (used, fresh):
        torch.manual_seed(5)
        found.append(method.losses(student, teacher, LABELS, INDEX, 0.6))
    assert found[0] == found[1]


def test_the_page_shows_the_table_of_the_code(root: Path) -> None:
    page_text = (root / "docs" / "methods.md").read_text(encoding="utf-8")
    assert page.table() in page_text, "python -m dfpt.distill.methods.page"
    assert "| kd | Knowledge distillation | Hinton et al. 2015, arXiv 1503.02531 | logits | label 0.1, " in page_text


def test_the_assistant_is_a_model_that_exists() -> None:
    assert takd.Options().assistant in models.names()


def test_an_unknown_method_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"Did you mean 'dkd_ls'\?"):
        made_up.method("dkdls")


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("kd", {"temperature": 0}, r"kd: temperature = 0 .*greater than 0"),
        ("kd", {"tau": 3}, r"'tau' in the options of kd.*\n.*There are label, knowledge, temperature"),
        ("plain", {"label": 1}, r"There are none"),
        ("crd", {"negatives": 20000}, "crd: negatives = 20000"),
        ("fitnet", {"stage": 3}, "stage = 3, but the student has 3 stages"),
    ],
)
def test_an_option_that_is_not_the_methods_is_refused(name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        made_up.method(name, **options)


@pytest.mark.parametrize("name", ["kd_ls", "dkd_ls"])
def test_standardised_logits_of_two_classes_are_refused(name: str) -> None:
    two = NetworkShape((4, 6, 8), 2)
    with pytest.raises(UsageError, match=f"{name} teaches nothing with 2 classes"):
        made_up.method(name, student=two, teacher=two)


@each
def test_networks_of_unequal_classes_are_refused_before_training(name: str) -> None:
    with pytest.raises(UsageError, match="student has 3 classes, the teacher 5"):
        made_up.method(name, teacher=NetworkShape((5, 7, 9), 5))
