"""One way to write a record as bytes, so that everybody computes the same hash from it.

JSON with sorted keys, no spaces, every character outside ASCII escaped. Floating-point numbers are refused: languages
write them differently. Give a figure as text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

GENESIS = "0" * 64  # what the first record names as the one before it


def encode(value: Any) -> str:
    """``value`` as canonical JSON."""
    _refuse_floats(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def record_hash(record: Mapping[str, Any]) -> str:
    """SHA-256 of a record's fields, all but ``hash`` itself; ``previous_hash`` among them is what makes a chain."""
    content = {key: value for key, value in record.items() if key != "hash"}
    return hashlib.sha256(encode(content).encode()).hexdigest()


def _refuse_floats(value: Any) -> None:
    if isinstance(value, float):
        raise TypeError(f"{value!r} in a record: write figures as text.")
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"{key!r} is no key of JSON.")
            _refuse_floats(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_floats(item)
