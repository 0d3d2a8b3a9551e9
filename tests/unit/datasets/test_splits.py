from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfpt.datasets.splits import BLOCKS, SPLITS, assign


def divided(labels: list[int], **changes: Any) -> list[str]:
    arguments: dict[str, Any] = {
        "hashes": [str(index) for index in range(len(labels))],
        "given": [None] * len(labels),
        "how": "stratified",
        "val": 0.15,
        "test": 0.25,
        "seed": 0,
    }
    return assign(labels, **(arguments | changes))


def test_every_class_is_divided_in_the_same_shares() -> None:
    labels = [0] * 200 + [1] * 40 + [2] * 20
    counts = Counter(zip(labels, divided(labels), strict=True))
    assert [counts[0, split] for split in SPLITS] == [120, 30, 50]
    assert [counts[1, split] for split in SPLITS] == [24, 6, 10]
    assert [counts[2, split] for split in SPLITS] == [12, 3, 5]


@pytest.mark.parametrize("how", ["stratified", "block"])
def test_the_seed_alone_decides(how: str) -> None:
    labels = [0, 1] * 100
    assert divided(labels, how=how, seed=3) == divided(labels, how=how, seed=3)
    assert divided(labels, how=how, seed=3) != divided(labels, how=how, seed=4)


def test_more_images_of_one_class_leave_the_others_where_they_are() -> None:
    assert divided([0] * 50 + [1] * 50)[:50] == divided([0] * 50 + [1] * 80)[:50]


def test_block_keeps_neighbouring_files_together_with_near_equal_shares_of_each_class() -> None:
    labels = [index // 10 % 2 for index in range(400)]  # classes come in runs, as in modules
    splits = divided(labels, how="block")
    changes = sum(before != after for before, after in pairwise(splits))
    assert changes < BLOCKS
    assert all(len(set(splits[start : start + 10])) == 1 for start in range(0, 400, 10))
    counts = Counter(zip(labels, splits, strict=True))
    for label in (0, 1):
        assert counts[label, "test"] == pytest.approx(50, abs=10)
        assert counts[label, "val"] == pytest.approx(30, abs=10)


@pytest.mark.parametrize("how", ["stratified", "block"])
def test_copies_of_an_image_share_a_split(how: str) -> None:
    hashes = [str(index // 2) for index in range(200)]
    splits = divided([0] * 200, hashes=hashes, how=how)
    assert splits[::2] == splits[1::2]
    assert set(splits) == set(SPLITS)
    if how == "stratified":  # a copy does not count when the shares are taken
        assert [splits.count(split) for split in SPLITS] == [120, 30, 50]


def test_a_given_split_stays_and_what_it_lacks_is_taken_from_its_train_part() -> None:
    given_splits = ["train"] * 100 + ["test"] * 30
    splits = divided([0] * 130, given=given_splits)
    assert splits[100:] == ["test"] * 30
    assert Counter(splits[:100]) == {"train": 85, "val": 15}


def test_a_complete_given_split_is_left_alone() -> None:
    given_splits = [SPLITS[index % 3] for index in range(60)]
    assert divided([0] * 60, given=given_splits) == given_splits


@settings(max_examples=30, deadline=None)
@given(
    labels=st.lists(st.integers(-1, 3), max_size=12),
    how=st.sampled_from(["stratified", "block"]),
    val=st.floats(0, 1),
    test=st.floats(0, 1),
)
def test_any_number_of_images_and_any_shares_can_be_divided(
    labels: list[int], how: str, val: float, test: float
) -> None:
    splits = divided(labels, how=how, val=val, test=test)
    assert len(splits) == len(labels)
    assert set(splits) <= set(SPLITS)
