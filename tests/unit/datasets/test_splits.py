from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfpt.config import Fold
from dfpt.datasets.splits import BLOCKS, BLOCKS_OF_A_CLASS, SPLITS, assign
from dfpt.errors import UsageError


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


def test_block_gives_every_class_its_shares_where_files_come_class_after_class() -> None:
    labels = [label for label in range(10) for _ in range(60)]  # ten class folders
    splits = divided(labels, how="block")
    counts = Counter(zip(labels, splits, strict=True))
    for label in range(10):
        assert [counts[label, split] for split in SPLITS] == [36, 9, 15]
        own = splits[60 * label : 60 * label + 60]
        assert sum(before != after for before, after in pairwise(own)) < BLOCKS_OF_A_CLASS


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


def test_a_group_is_never_taken_apart_and_shares_of_each_class_come_near() -> None:
    groups = [f"module-{index // 30}" for index in range(1200)]
    labels = [index % 3 for index in range(1200)]
    splits = divided(labels, how="group", groups=groups)
    assert all(len({splits[i] for i in range(start, start + 30)}) == 1 for start in range(0, 1200, 30))
    counts = Counter(zip(labels, splits, strict=True))
    for label in range(3):
        assert counts[label, "test"] == pytest.approx(100, abs=20)
        assert counts[label, "val"] == pytest.approx(60, abs=20)


def test_groups_of_unlike_sizes_still_come_near_the_shares() -> None:
    sizes = [400, 200, 100, 100, 50, 50, 40, 30, 20, 10]
    groups = [str(number) for number, size in enumerate(sizes) for _ in range(size)]
    splits = divided([0] * 1000, how="group", groups=groups)
    assert splits.count("test") == pytest.approx(250, abs=30)
    assert splits.count("val") == pytest.approx(150, abs=30)


def test_three_groups_fill_three_splits() -> None:
    splits = divided([0] * 30, how="group", groups=[str(index // 10) for index in range(30)])
    assert set(splits) == set(SPLITS)


def test_a_copy_in_another_group_ties_the_groups_together() -> None:
    groups = [str(index // 10) for index in range(200)]
    hashes = [str(index) for index in range(200)]
    hashes[15] = hashes[0]  # groups 0 and 1
    for seed in range(20):
        splits = divided([0] * 200, how="group", groups=groups, hashes=hashes, seed=seed)
        assert len(set(splits[:20])) == 1


def test_over_all_folds_every_image_is_tested_once_and_the_folds_are_stratified() -> None:
    labels = [0] * 50 + [1] * 31 + [2] * 9
    found = [divided(labels, how="fold", fold=Fold(index=index, seed=5), val=0.2) for index in range(4)]
    tested = Counter(row for splits in found for row, split in enumerate(splits) if split == "test")
    assert tested == dict.fromkeys(range(90), 1)
    assert {splits.count("test") for splits in found} == {22, 23}
    for splits in found:
        counts = Counter(zip(labels, splits, strict=True))
        assert counts[0, "test"] in (12, 13)
        assert counts[1, "test"] in (7, 8)
        assert counts[2, "test"] in (2, 3)
        rest = [50 - counts[0, "test"], 31 - counts[1, "test"], 9 - counts[2, "test"]]
        assert [counts[label, "val"] for label in range(3)] == [round(0.2 * size) for size in rest]


def test_the_folds_follow_their_own_seed_and_not_that_of_training() -> None:
    labels = [0, 1] * 50
    first = divided(labels, how="fold", fold=Fold(index=1), seed=0)
    assert divided(labels, how="fold", fold=Fold(index=1), seed=7) == first
    assert divided(labels, how="fold", fold=Fold(index=1, seed=1)) != first


def test_copies_share_a_fold_and_groups_are_kept_whole_in_folds_and_in_validation() -> None:
    hashes = [str(index // 2) for index in range(80)]
    groups = [str(index // 5) for index in range(80)]
    for index in range(4):
        splits = divided([0] * 80, how="fold", fold=Fold(index=index), hashes=hashes)
        assert splits[::2] == splits[1::2]
        splits = divided([0] * 80, how="fold", fold=Fold(index=index), groups=groups)
        assert all(len(set(splits[start : start + 5])) == 1 for start in range(0, 80, 5))
        assert splits.count("test") == 20
        assert splits.count("val") > 0


def test_folds_of_a_source_that_has_a_split_are_refused() -> None:
    with pytest.raises(UsageError, match="a split of its own"):
        divided([0, 0], given=["train", "test"], how="fold", fold=Fold())


@settings(max_examples=50, deadline=None)
@given(
    labels=st.lists(st.integers(-1, 3), max_size=15),
    number=st.integers(1, 5),
    fold=st.none() | st.builds(Fold, count=st.just(3), index=st.integers(0, 2)),
    val=st.floats(0, 1),
)
def test_any_groups_can_be_divided_and_stay_whole(
    labels: list[int], number: int, fold: Fold | None, val: float
) -> None:
    groups = [str(index % number) for index in range(len(labels))]
    splits = divided(labels, how="fold" if fold else "group", fold=fold, groups=groups, val=val)
    assert len(splits) == len(labels)
    for group in set(groups):
        assert len({split for split, of in zip(splits, groups, strict=True) if of == group}) == 1
