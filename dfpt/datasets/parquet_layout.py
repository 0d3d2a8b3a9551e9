"""Which columns of a Parquet file hold images and labels, and what the labels are called."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dfpt.datasets.manifest import COLUMNS, GROUP

if TYPE_CHECKING:
    import pyarrow as pa

IMAGES = ("image", "img")
LABELS = ("label", "labels", "class", "fine_label")
ID = "id"


@dataclass(frozen=True)
class Layout:
    """The columns of a shard.

    Attributes:
        id: of the column that names the images, where there is one.
        others: plain columns that become columns of the manifest: a module, a day.
        names: of numbered labels, None where the labels name themselves.
    """

    image: str
    label: str
    id: str | None
    others: tuple[str, ...]
    names: tuple[str, ...] | None


def layout_of(schema: pa.Schema) -> Layout:
    """The layout by Hugging Face's metadata where there is any, else by the columns' names.

    Raises:
        ValueError: no column of images or labels, or one of a type that holds none; the message names the columns.
    """
    import pyarrow.types as kinds

    features = _features(schema)
    image = _first([*_of_type(features, "Image"), *IMAGES], schema)
    if image is None or not _holds_images(schema.field(image).type):
        raise ValueError(f"no column of images: its columns are {_listed(schema)}")
    numbered = _of_type(features, "ClassLabel")
    label = _first([*LABELS, *(numbered if len(numbered) == 1 else [])], schema)
    if label is None or not (kinds.is_integer(_plain(schema, label)) or _is_text(_plain(schema, label))):
        raise ValueError(f"no column of labels: its columns are {_listed(schema)}")
    taken = {image, label, ID, GROUP, *COLUMNS}
    others = tuple(name for name in schema.names if name not in taken and not kinds.is_nested(schema.field(name).type))
    names = features.get(label, {}).get("names") if label in numbered else None
    has_id = ID in schema.names and not kinds.is_nested(schema.field(ID).type)
    return Layout(image, label, ID if has_id else None, others, tuple(map(str, names)) if names else None)


def _features(schema: pa.Schema) -> dict[str, dict[str, Any]]:
    """Column -> what Hugging Face says of it; nothing where it says nothing that can be read."""
    try:
        found = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {name: feature for name, feature in found.items() if isinstance(feature, dict)}
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}


def _of_type(features: dict[str, dict[str, Any]], kind: str) -> list[str]:
    return [name for name, feature in features.items() if feature.get("_type") == kind]


def _first(names: Sequence[str], schema: pa.Schema) -> str | None:
    return next((name for name in names if name in schema.names), None)


def _plain(schema: pa.Schema, column: str) -> pa.DataType:
    """The type of the column's values, also where they are stored as numbers of a dictionary."""
    import pyarrow.types as kinds

    kind = schema.field(column).type
    return kind.value_type if kinds.is_dictionary(kind) else kind


def _holds_images(kind: pa.DataType) -> bool:
    import pyarrow.types as kinds

    if kinds.is_struct(kind):
        return bool({"bytes", "path"} & {kind.field(index).name for index in range(kind.num_fields)})
    return bool(kinds.is_binary(kind) or kinds.is_large_binary(kind)) or _is_text(kind)


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow.types as kinds

    return bool(kinds.is_string(kind) or kinds.is_large_string(kind))


def _listed(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} ({field.type})" for field in schema) or "none"
