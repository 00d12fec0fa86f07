"""Columns of every type that stands for texts, bytes, lists and numbers are read as such."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from interleave.acquire.listing import Split
from interleave.acquire.tables.arrow_values import BAD_UTF8, UNKNOWN_TYPE, python_values
from interleave.acquire.tables.parquet import read_rows

TEXTS = ["a", None, "", "a text that is longer than twelve bytes", "ü"]
BYTES = [b"a", None, b"", b"bytes that are more than twelve \xff", b"\x00"]
LISTS = [[1, 2], None, [], [3, None], [4]]
PAIRS = [[1, 2], None, [3, None], [5, 6], [7, 8]]
NUMBERS = [Decimal("1.25"), None, Decimal("-3.00"), Decimal("0.50"), Decimal("99.75")]
FLOATS = [1.25, None, -3.0, 0.5, 99.75]
COLUMNS: dict[str, tuple[list[Any], pa.DataType, list[Any]]] = {
    "string_view": (TEXTS, pa.string_view(), TEXTS),
    "binary_view": (BYTES, pa.binary_view(), BYTES),
    "list_view": (LISTS, pa.list_view(pa.int32()), LISTS),
    "large_list_view": (LISTS, pa.large_list_view(pa.int64()), LISTS),
    "fixed_size_list": (PAIRS, pa.list_(pa.int64(), 2), PAIRS),
    "decimal128": (NUMBERS, pa.decimal128(6, 2), FLOATS),
    "decimal256": (NUMBERS, pa.decimal256(40, 2), FLOATS),
    "lists of views": ([TEXTS, None, [], ["b"], ["c"]], pa.list_(pa.string_view()), [TEXTS, None, [], ["b"], ["c"]]),
    "views of views": (
        [TEXTS, None, [], ["b"], ["c"]],
        pa.list_view(pa.string_view()),
        [TEXTS, None, [], ["b"], ["c"]],
    ),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_gives_its_values_whole_and_in_part(name: str) -> None:
    values, kind, expected = COLUMNS[name]
    array = pa.array(values, type=kind)
    assert python_values(array) == expected
    assert python_values(array.slice(1, 3)) == expected[1:4]
    assert python_values(array.slice(2, 0)) == []
    struct = pa.StructArray.from_arrays([array], names=["x"])
    assert python_values(struct.slice(1)) == [{"x": value} for value in expected[1:]]


def test_views_of_bytes_that_are_no_text_are_refused_one_by_one() -> None:
    array = pa.array([b"good", b"\xff\xfe", None], type=pa.binary_view()).view(pa.string_view())
    assert python_values(array) == ["good", BAD_UTF8, None]


def test_lists_of_a_view_may_lie_in_any_order_and_share_their_items() -> None:
    values = pa.array([1, 2, 3, 4])
    offsets, sizes = pa.array([2, 0, 1], pa.int32()), pa.array([2, 2, 2], pa.int32())
    array = pa.ListViewArray.from_arrays(offsets, sizes, values)
    assert python_values(array) == [[3, 4], [1, 2], [2, 3]]


@pytest.mark.parametrize(("offset", "size"), [(-1, 1), (0, -1), (3, 5), (2**31 - 1, 1)])
def test_a_list_of_a_view_beyond_its_items_is_an_error_and_no_memory(offset: int, size: int) -> None:
    parts = [pa.array([number], pa.int32()).buffers()[1] for number in (offset, size)]
    array = pa.Array.from_buffers(pa.list_view(pa.int64()), 1, [None, *parts], children=[pa.array([1, 2, 3])])
    with pytest.raises(pa.ArrowInvalid, match="out of order"):
        python_values(array)


def test_a_type_that_stands_for_none_of_these_is_refused_value_by_value() -> None:
    assert python_values(pa.array([1, 2], type=pa.duration("s"))) == [UNKNOWN_TYPE] * 2


@pytest.mark.parametrize("name", COLUMNS)
def test_a_parquet_file_with_such_a_column_is_read(tmp_path: Path, name: str) -> None:
    values, kind, expected = COLUMNS[name]
    path = tmp_path / "rows.parquet"
    try:
        pq.write_table(pa.table({"x": pa.array(values, type=kind)}), path)
    except pa.ArrowNotImplementedError as error:
        pytest.skip(f"this pyarrow cannot write such a file: {error}")
    split = Split(source="s", path=str(path), name=path.name, sha256="", start=0, end=1 << 30)
    found = [row for _, row in read_rows(split, ("x",))]
    assert [row["x"] for row in found if isinstance(row, dict)] == expected
