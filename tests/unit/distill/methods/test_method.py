from __future__ import annotations

import pytest
import torch

from dfpt.distill.methods import seen
from dfpt.distill.methods.schedule import cosine_rise, linear_rise
from dfpt.distill.wide import wide
from tests.unit.distill.methods import made_up


@pytest.mark.parametrize("name", ["tiny_20k", "resnet8"])
def test_one_pass_gives_every_stages_map_their_pooled_last_one_and_the_logits(name: str) -> None:
    model = made_up.network(name, 0).eval()
    images = torch.randn(5, 1, made_up.SIZE, made_up.SIZE)
    passes: list[int] = []
    model.stem.register_forward_hook(lambda *_: passes.append(1))
    found = seen(model, images)
    assert len(passes) == 1
    assert torch.equal(found.logits, model(images))
    assert tuple(x.shape[1] for x in found.maps) == model.widths
    for count, x in enumerate(found.maps, 1):
        assert torch.equal(x, model.to_stage(images, count))
    torch.testing.assert_close(found.embedding, found.maps[-1].flatten(2).mean(2))


@pytest.mark.parametrize(
    ("progress", "linear", "cosine"), [(0, 0, 0), (0.05, 0.25, 0.1464466), (0.1, 0.5, 0.5), (0.2, 1, 1), (1, 1, 1)]
)
def test_a_rise_ends_with_its_share_of_the_training(progress: float, linear: float, cosine: float) -> None:
    assert linear_rise(progress, 0.2) == pytest.approx(linear)
    assert cosine_rise(progress, 0.2) == pytest.approx(cosine, abs=1e-7)


def test_no_rise_is_full_strength_from_the_start() -> None:
    assert linear_rise(0.0, 0.0) == 1
    assert cosine_rise(0.0, 0.0) == 1


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (torch.bfloat16, torch.float32),
        (torch.float16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_only_half_types_are_widened(given: torch.dtype, kept: torch.dtype) -> None:
    assert wide(torch.ones(1, dtype=given)).dtype == kept
