"""What every configuration file of ours has in common: typed sections, read from YAML, with one clear message."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dfpt.errors import UsageError

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]


class Section(BaseModel):
    """Closed and frozen: an unknown key is an error, and so are infinity and NaN."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


SectionType = TypeVar("SectionType", bound=Section)


def read(path: Path, remedy: str) -> dict[str, Any]:
    """A YAML file that is a mapping; an empty file is an empty one.

    Args:
        remedy: what to do where there is no such file.

    Raises:
        UsageError: unreadable, not YAML, or something else than a mapping.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"Cannot read the configuration {path}: {error.strerror}.", remedy) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid YAML: {error}.", "Mend it there, or name another file.") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UsageError(
            f"{path} must be a mapping of sections, not a {type(values).__name__}.",
            "Write its keys as name: value, or name another file.",
        )
    return values


def validated(
    model: type[SectionType], values: Mapping[str, Any], where: str, elsewhere: Mapping[str, str] | None = None
) -> SectionType:
    """The values as ``model``.

    Args:
        where: they come from.
        elsewhere: dotted keys whose values, and all below them, come from somewhere else -> where.

    Raises:
        UsageError: an unknown key or a value that is not valid; the message says which, and ``where``.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        location = [str(part) for part in first["loc"]]
        key = ".".join(location)
        for end in range(1, len(location) + 1):  # the nearest one wins
            where = (elsewhere or {}).get(".".join(location[:end]), where)
        below = [place for given, place in (elsewhere or {}).items() if not key or given.startswith(f"{key}.")]
        if first["type"] == "extra_forbidden":
            valid = _fields_at(model, location[:-1])
            where = below[0] if below else where
            raise UsageError(f"Unknown key {key!r} in {where}.", nearest(location[-1], valid)) from error
        given = first.get("input")
        if below and (not key or isinstance(given, Mapping)):  # what does not go together may be of both
            where = f"{where} with {', '.join(below)}"
        if not key:  # of several keys together
            raise UsageError(f"{where}: {_said(first['msg'])}", "Correct one of them.") from error
        shown = key if isinstance(given, Mapping) else f"{key} = {given!r}"  # of a whole section the name is enough
        raise UsageError(f"{where}: {shown} is not valid: {_said(first['msg'])}", f"Correct {key}.") from error


def _said(message: str) -> str:
    """pydantic's message as the end of a sentence."""
    said = message.removeprefix("Value error, ").lower()
    return said if said.endswith((".", "?")) else f"{said}."


def _fields_at(model: type[BaseModel], location: list[str]) -> list[str]:
    """The keys that are valid below ``location``."""
    for key in location:
        field = model.model_fields.get(key)
        annotation = field.annotation if field else None
        if typing.get_origin(annotation) is types.UnionType:  # a section that may be left out
            annotation = typing.get_args(annotation)[0]
        if annotation is not None and typing.get_origin(annotation) is dict:
            annotation = typing.get_args(annotation)[1]
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
    return list(model.model_fields)


def nearest(word: str, words: Iterable[str]) -> str:
    """ "Did you mean ...?" for a misspelt word; where none is near, all that there are."""
    known = list(words)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"There {'is' if len(known) == 1 else 'are'} {', '.join(known) or 'none'}."
