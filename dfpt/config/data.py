"""The sections about images: where they come from, how they are split, when they are fit to train on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from dfpt.dvc_file import Pointer, Revision
from dfpt.settings import Positive, Section, Share

FILES = ("folder", "parquet", "cifar10", "cifar100")  # the kinds of source that name a path


class Fold(Section):
    """One fold of a stratified k-fold partition. Its seed is its own: training may vary while the folds stay."""

    count: Annotated[int, Field(ge=2)] = 4
    index: Annotated[int, Field(ge=0)] = 0  # this fold is the test split
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Fold:
        if self.index >= self.count:
            raise ValueError(f"fold {self.index} of {self.count}: the folds are counted from 0 to {self.count - 1}")
        return self


class Group(Section):
    """What ties images together, so that they never lie in two splits: a module, a batch, a day."""

    column: str | None = None  # of the manifest
    file: str | None = None  # CSV with the columns id and group

    @model_validator(mode="after")
    def _comes_from_one_place(self) -> Group:
        if (self.column is None) == (self.file is None):
            raise ValueError("name either group.column or group.file")
        return self


class Data(Section):
    """Where the images come from and how they are split."""

    source: str = "elpv"
    revision: Revision | None = None  # of git: its images are fetched from DVC's remote; null: those that lie at source
    remote: str | None = None  # DVC's name of it; null: its default
    stored: Pointer | None = None  # what the revision comes to; looked up where a run starts, or by dfpt data pin
    image_size: Positive = 128  # working size, pixels: a model gains nothing by reading a larger one
    split: Literal["stratified", "block", "group", "fold", "ids"] = "stratified"
    val: Share = 0.15  # of all images; with split fold, of those outside the fold
    test: Share = 0.25  # not read with split fold
    fold: Fold | None = None
    group: Group | None = None
    ids: str | None = None  # CSV with the columns id and split
    near_copies_together: bool | None = None  # true: nearly the same share a split of ours, as equal ones do
    licence: str | None = None  # SPDX, of images whose source does not declare its own

    @model_validator(mode="after")
    def _fetches_what_dvc_can_track(self) -> Data:
        if self.revision is None and (self.remote or self.stored):
            raise ValueError(f"data.{'remote' if self.remote else 'stored'} is read only with data.revision")
        if self.revision and self.source.partition(":")[0] not in FILES:
            raise ValueError(f"data.revision needs a source of files ({', '.join(FILES)}), not {self.source}")
        return self

    @model_validator(mode="after")
    def _has_what_the_split_reads(self) -> Data:
        for name in ("fold", "group", "ids"):
            if self.split == name and getattr(self, name) is None:
                raise ValueError(f"split {name} needs data.{name}")
        if self.fold and self.split != "fold":
            raise ValueError(f"split {self.split} does not read data.fold")
        if self.ids and self.split != "ids":
            raise ValueError(f"split {self.split} does not read data.ids")
        if self.group and self.split in ("stratified", "block"):
            raise ValueError(f"split {self.split} takes groups apart: with data.group use group, fold or ids")
        if self.ids and self.near_copies_together:
            raise ValueError("the list of data.ids decides alone: near_copies_together has nothing to divide")
        return self

    @property
    def path(self) -> str:
        """Where a source of files says that they are."""
        return self.source.partition(":")[2]

    @property
    def lists(self) -> tuple[Path, ...]:
        """The files besides the images that decide the split."""
        named = (self.ids, self.group.file if self.group else None)
        return tuple(Path(name).expanduser() for name in named if name)


class Validation(Section):
    """When data is not fit to train on."""

    max_rejected: Share = 0.01  # share of all images that may be rejected
    min_per_class: Positive = 5  # in every split
    suite: str | None = None  # file of expectations; else the one of the source in data/expectations
    expectations: str | None = None  # the suite itself, as JSON: what a runner hands to the step, which has no file
    label_errors: bool = True  # look for labels that a simple model contradicts
    data_docs: bool = False  # Great Expectations' own pages as well; they load their styles from outside
