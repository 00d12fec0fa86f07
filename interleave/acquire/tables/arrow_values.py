"""From Arrow arrays to plain Python values: equal texts are one object, and nothing raises.

What is no plain value stands there as a `Strange`, which is no text, number or list: it is refused where it is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

MAX_ITEMS = 1_000_000
_MAX_DEPTH = 6


@dataclass(frozen=True, slots=True)
class Strange:
    """A value that is none: of a type that no source has, no UTF-8, a list that is too long."""

    reason: str
    # Snake case, for the ledger.


BAD_UTF8 = Strange("bad_utf8")
TOO_LONG = Strange("list_too_long")
UNKNOWN_TYPE = Strange("unknown_type")


def python_values(array: pa.Array, depth: int = 0) -> list[Any]:
    """The values of an array: None, bool, int, float, str, bytes, lists, dicts, and `Strange` ones."""
    kind = array.type
    if depth > _MAX_DEPTH:
        return [UNKNOWN_TYPE] * len(array)
    if isinstance(array, pa.ExtensionArray):
        return python_values(array.storage, depth + 1)
    if pa.types.is_decimal(kind):
        return [None if value is None else float(value) for value in array.to_pylist()]
    if pa.types.is_binary_view(kind) or pa.types.is_fixed_size_list(kind):
        return python_values(array.cast(_usual_type(kind)), depth + 1)
    if pa.types.is_string_view(kind):
        binary = array.cast(pa.binary_view()).cast(pa.large_binary())
        return [value if value is None else _decoded(value) for value in binary.to_pylist()]
    if pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind):
        return _list_views(array, depth)
    if pa.types.is_dictionary(kind):
        return _from_dictionary(array, depth)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _texts(array)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _lists(array, depth)
    if pa.types.is_struct(kind):
        return _structs(array, depth)
    if _is_plain(kind):
        values: list[Any] = array.to_pylist()
        return values
    return [UNKNOWN_TYPE] * len(array)


def _usual_type(kind: pa.DataType) -> pa.DataType:
    return pa.large_binary() if pa.types.is_binary_view(kind) else pa.large_list(kind.value_type)


def _is_plain(kind: pa.DataType) -> bool:
    tests = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_integer, pa.types.is_floating)
    return pa.types.is_null(kind) or pa.types.is_boolean(kind) or any(test(kind) for test in tests)


def _texts(array: pa.Array) -> list[Any]:
    try:
        values: list[Any] = array.to_pylist()
        return values
    except UnicodeDecodeError:
        binary = pa.large_binary() if pa.types.is_large_string(array.type) else pa.binary()
        return [value if value is None else _decoded(value) for value in array.cast(binary).to_pylist()]


def _decoded(value: bytes) -> str | Strange:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return BAD_UTF8


def _from_dictionary(array: pa.DictionaryArray, depth: int) -> list[Any]:
    # Only the entries that are used: a batch comes with the dictionary of its whole row group.
    is_set = np.asarray(array.indices.is_valid())
    used, places = np.unique(np.asarray(array.indices.fill_null(0))[is_set], return_inverse=True)
    if len(used) and not 0 <= used[0] <= used[-1] < len(array.dictionary):
        raise pa.ArrowInvalid("an index beyond its dictionary")
    entries = python_values(array.dictionary.take(pa.array(used)), depth + 1)
    values: list[Any] = [None] * len(array)
    for position, place in zip(np.flatnonzero(is_set).tolist(), places.tolist(), strict=True):
        values[position] = entries[place]
    return values


def _lists(array: pa.ListArray, depth: int) -> list[Any]:
    is_set = np.asarray(array.is_valid())
    offsets = np.asarray(array.offsets).astype(np.int64)
    # (len + 1,)
    lengths = np.diff(offsets)
    if len(lengths) and (lengths.min() < 0 or offsets[0] < 0 or offsets[-1] > len(array.values)):
        raise pa.ArrowInvalid("a list that is out of order")
    if (too_long := is_set & (lengths > MAX_ITEMS)).any():
        rest = iter(_lists(array.filter(pa.array(~too_long)), depth))
        return [TOO_LONG if long else next(rest) for long in too_long.tolist()]
    if not len(array):
        return []
    begin = int(offsets[0])
    items = python_values(array.values.slice(begin, int(offsets[-1]) - begin), depth + 1)
    borders = (offsets - begin).tolist()
    return [items[borders[row] : borders[row + 1]] if valid else None for row, valid in enumerate(is_set.tolist())]


def _list_views(array: pa.Array, depth: int) -> list[Any]:
    """Lists that may lie in any order, and share their items."""
    starts, sizes = (np.asarray(part).astype(np.int64) for part in (array.offsets, array.sizes))
    is_set = np.asarray(array.is_valid())
    if len(array) and (
        starts.min() < 0 or sizes.min() < 0 or (starts + sizes)[is_set].max(initial=0) > len(array.values)
    ):
        raise pa.ArrowInvalid("a list that is out of order")
    items = python_values(array.values, depth + 1)
    rows = zip(starts.tolist(), sizes.tolist(), is_set.tolist(), strict=True)
    return [
        None if not valid else TOO_LONG if size > MAX_ITEMS else items[start : start + size]
        for start, size, valid in rows
    ]


def _structs(array: pa.StructArray, depth: int) -> list[Any]:
    names = [array.type.field(index).name for index in range(array.type.num_fields)]
    columns = [python_values(column, depth + 1) for column in array.flatten()]
    is_set = np.asarray(array.is_valid()).tolist()
    return [
        {name: column[row] for name, column in zip(names, columns, strict=True)} if valid else None
        for row, valid in enumerate(is_set)
    ]
