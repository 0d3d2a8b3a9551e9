"""What the table says of a method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from dfpt.distill.methods.method import Method, Setting
from dfpt.settings import Section

Need = Literal[
    "logits",  # of the teacher
    "maps",  # of the teacher, after each stage
    "embedding",  # of the teacher
    "memory",  # a bank with a row for each image of the training split
    "adapter",  # parameters of its own, trained with the student's
    "assistant",  # the teacher is a network of middle size that was itself distilled from the teacher
    "early_teacher",  # the teacher's training was stopped early
]


@dataclass(frozen=True)
class Source:
    authors: str
    year: int
    where: str  # arXiv number or venue


@dataclass(frozen=True)
class MethodInfo:
    """A method's entry.

    Attributes:
        source: None where there is nothing to cite.
        options: type of its hyper-parameters; their defaults are the published ones unless a comment says otherwise.
        needs: beyond the student and the labels; who trains provides it.
        build: (options, setting) -> the method.
        least_classes: with fewer its knowledge says nothing.
    """

    name: str
    title: str
    source: Source | None
    options: type[Section]
    needs: frozenset[Need]
    build: Callable[[Any, Setting], Method]
    least_classes: int = 2
