"""Pickles of dictionaries, lists, texts, numbers and NumPy arrays, read without executing anything that they name.

A pickle is a program: it names callables and calls them. Here the three names that a pickled array needs stand for
inert records, and any other name ends the reading. Not even NumPy's own functions are called by the file; the array
is made afterwards from the record, whose parts are checked. The interpreter is pickle's own in Python: the one in C
takes gigabytes on a forged memo index.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Record:
    """What the file says of an array: the arguments of a call and the state set afterwards, neither of them used."""

    __slots__ = ("arguments", "state")

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Reconstruct(Record):
    __slots__ = ()


class _Array(Record):
    __slots__ = ()


class _Kind(Record):
    __slots__ = ()


NAMES = {
    ("numpy.core.multiarray", "_reconstruct"): _Reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _Reconstruct,  # its home since NumPy 2
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Kind,
}


class _Reader(pickle._Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in NAMES:
            raise pickle.UnpicklingError(f"asks for {module}.{name}, which no data needs")
        return NAMES[module, name]


def loads(content: bytes, name: str) -> Any:
    """The value in ``content``; arrays are records for :func:`uint8_array`, Python 2's byte strings become texts.

    Raises:
        ValueError: not a pickle, a damaged one, or one that names anything but an array; ``name`` is in the message.
    """
    try:
        return _Reader(io.BytesIO(content), encoding="latin-1").load()
    except Exception as error:  # a forged program can make the interpreter fail in any way
        raise ValueError(f"{name} {str(error) or type(error).__name__}") from error


def uint8_array(record: Any) -> NDArray[np.uint8]:
    """The array that a record tells of: uint8, rows first.

    Raises:
        ValueError: it is no array of bytes, or its parts do not fit each other.
    """
    state = getattr(record, "state", None)
    if not isinstance(record, _Reconstruct) or not isinstance(state, tuple) or len(state) != 5:
        raise ValueError("its pixels are no array")
    _, shape, kind, by_columns, raw = state
    if not isinstance(kind, _Kind) or kind.arguments[:1] not in (("u1",), ("|u1",)) or by_columns:
        raise ValueError("its pixels are no bytes in rows")
    content = raw.encode("latin-1") if isinstance(raw, str) else raw  # Python 2 kept bytes in a text
    if not isinstance(content, bytes) or not isinstance(shape, tuple):
        raise ValueError("its pixels are no bytes")
    return np.frombuffer(content, np.uint8).reshape(shape)
