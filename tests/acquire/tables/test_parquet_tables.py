import base64
import os
import random
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from interleave.acquire.listing import SourceFile, Split
from interleave.acquire.tables import parquet
from interleave.acquire.tables.parquet import cut_row_groups, read_columns, read_rows
from interleave.acquire.tables.parquet_reader import MAX_MEMORY, MAX_ROW_BYTES
from interleave.errors import TaskError, Unreadable

MB = 1 << 20


def whole(path: Path) -> Split:
    return Split(source="s", path=str(path), name=path.name, sha256="", start=0, end=1 << 30)


def rows_of(path: Path, *needed: str, optional: tuple[str, ...] = ()) -> Iterator[tuple[int, Any]]:
    """The rows; last, in place of a row, the reason why there are no more."""
    try:
        for number, row in read_rows(whole(path), needed, optional):
            yield number, row.reason if isinstance(row, Unreadable) else row
    except Unreadable as error:
        yield -1, error.reason


def repeated(value: bytes, lengths: list[int]) -> pa.Table:
    """Lists that repeat one value, which is written once: as bytes, without a hint that there is a dictionary."""
    values = pa.DictionaryArray.from_arrays(pa.array([0] * sum(lengths), pa.int32()), pa.array([value]))
    offsets = [sum(lengths[:row]) for row in range(len(lengths) + 1)]
    return pa.table({"a": pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)})


# Why pyarrow reads in a process of its own: these two fail when it is mended, and the process can go.

# A table of one text whose footer has a definition level histogram of the wrong size: 194 bytes.
DAMAGED_FOOTER = (
    b"c-l>lJr08~427MjiWpcJ9APN~3lRgLQmITV-8)3RL4=Unp@oM2aEhL}rc;M!S$=;0><*^}0X6CpB{vF{X`v8HDwZSx0J%yCt_yCc+(WA7{ybbgO2"
    b"9amsqi@*4f|S>A!ET{Ot}JL2YINSb~ft%j*?*zaK7V+CHrIWnzWI2P-K%2_vi4a`e~|s2;)0@4Pm~Fw`|we+qxmM;yx_L-+uun&>b%"
)
PLAIN_PYARROW = """
import resource, sys, pyarrow.parquet as pq
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for _ in pq.ParquetFile(sys.argv[1]).iter_batches(batch_size=1): pass
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) >> 10)
"""


def test_pyarrow_ends_the_process_when_it_is_asked_for_a_column_of_a_damaged_footer(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(zlib.decompress(base64.b85decode(DAMAGED_FOOTER)))
    code = "import sys, pyarrow.parquet as pq; pq.read_metadata(sys.argv[1]).row_group(0).column(0)"
    ran = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "a.parquet"], capture_output=True, timeout=60, check=False
    )
    assert ran.returncode == -signal.SIGABRT
    assert b"ParquetException" in ran.stderr
    assert list(rows_of(tmp_path / "a.parquet", "a")) in ([(0, {"a": "x"})], [(-1, "damaged_file")])


def test_pyarrow_takes_any_memory_for_a_list_of_repeated_values_and_here_it_is_one_refusal(tmp_path: Path) -> None:
    pq.write_table(repeated(bytes(8 * MB), [150]), tmp_path / "a.parquet", compression="zstd", store_schema=False)
    assert (tmp_path / "a.parquet").stat().st_size < 10_000
    plain = [sys.executable, "-c", PLAIN_PYARROW, str(tmp_path / "a.parquet")]
    assert int(subprocess.run(plain, capture_output=True, timeout=60, check=True).stdout) > 500
    begin = time.process_time()
    assert list(rows_of(tmp_path / "a.parquet", "a")) == [(-1, "row_group_too_large")]
    assert time.process_time() - begin < 5


# Memory


def test_rows_that_differ_much_in_size_are_read_one_by_one(tmp_path: Path) -> None:
    lengths = [0] * 400 + [20] * 50
    pq.write_table(repeated(bytes(MB), lengths), tmp_path / "a.parquet", compression="zstd", store_schema=False)
    assert sum(lengths) * MB > MAX_MEMORY
    assert [(number, len(row["a"])) for number, row in rows_of(tmp_path / "a.parquet", "a")] == list(enumerate(lengths))


def test_a_row_that_is_too_large_is_refused_in_its_place(tmp_path: Path) -> None:
    lengths = [1, MAX_ROW_BYTES // MB + 1, 1]
    pq.write_table(repeated(bytes(MB), lengths), tmp_path / "a.parquet", compression="zstd", store_schema=False)
    found = [row if row == "row_too_large" else len(row["a"]) for _, row in rows_of(tmp_path / "a.parquet", "a")]
    assert found == [1, "row_too_large", 1]


def test_more_rows_than_a_file_of_its_size_can_have_are_not_counted_out(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": pa.nulls(1_100_000, pa.string())}), tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").stat().st_size < 10_000
    assert list(rows_of(tmp_path / "a.parquet", "a")) == [(-1, "too_many_rows")]
    with pytest.raises(Unreadable, match="too_many_rows"):
        read_columns(str(tmp_path / "a.parquet"))


# What writers write


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "snappy"},
        {"compression": "zstd", "data_page_version": "2.0"},
        {"compression": "gzip", "use_dictionary": False},
        {"compression": "brotli", "write_page_index": True, "write_page_checksum": True},
        {"use_dictionary": False, "column_encoding": {"a": "DELTA_BYTE_ARRAY", "b.list.element": "DELTA_BYTE_ARRAY"}},
        {"use_dictionary": False, "column_encoding": {"a": "DELTA_LENGTH_BYTE_ARRAY", "c": "BYTE_STREAM_SPLIT"}},
        {"use_compliant_nested_type": False},
    ],
)
def test_what_was_written_is_read(tmp_path: Path, options: dict[str, Any]) -> None:
    rows = [
        {"a": f"text {number % 7}" if number % 5 else None, "b": ["x", None][: number % 3], "c": number / 8}
        for number in range(2000)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet", row_group_size=300, **options)
    assert list(rows_of(tmp_path / "a.parquet", "a", "b", "c")) == list(enumerate(rows))


def test_splits_hold_whole_row_groups_and_number_their_rows(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": list(range(1000))}), tmp_path / "a.parquet", row_group_size=90)
    size = (tmp_path / "a.parquet").stat().st_size
    file = SourceFile(source="s", path=str(tmp_path / "a.parquet"), name="a", num_bytes=size)
    for num_bytes in (1, size // 3, size * 2):
        splits = cut_row_groups(file, num_bytes)
        found = [(number, row) for split in splits for number, row in read_rows(split, ["a"])]
        assert found == [(number, {"a": number}) for number in range(1000)]
    assert len(cut_row_groups(file, 1)) == 12
    assert len(cut_row_groups(file, size * 2)) == 1
    assert len({split.sha256 for split in cut_row_groups(file, 1)}) == 1


def test_columns_are_checked_by_name_and_others_are_left_alone(tmp_path: Path) -> None:
    table = pa.table([[1], [2], [3], [4]], names=["a", "b", "b", "a.x"])
    pq.write_table(table, tmp_path / "a.parquet")
    assert read_columns(str(tmp_path / "a.parquet")) == ("a", "b", "b", "a.x")
    assert list(rows_of(tmp_path / "a.parquet", "a", "a.x", optional=("b", "c"))) == [(0, {"a": 1, "a.x": 4})]
    assert list(rows_of(tmp_path / "a.parquet", "b")) == [(-1, "duplicate_column")]
    assert list(rows_of(tmp_path / "a.parquet", "c")) == [(-1, "missing_column")]


# Damage, and faults of the machine


def test_rows_before_the_damage_are_read(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"a": [random.Random(n).randbytes(100) for n in range(90)]}), tmp_path / "a.parquet", row_group_size=30
    )
    offset = pq.read_metadata(tmp_path / "a.parquet").row_group(1).column(0).dictionary_page_offset
    data = bytearray((tmp_path / "a.parquet").read_bytes())
    data[offset : offset + 40] = bytes(40)
    (tmp_path / "a.parquet").write_bytes(data)
    found = list(rows_of(tmp_path / "a.parquet", "a"))
    assert [number for number, _ in found] == [*range(30), -1]
    assert found[-1] == (-1, "damaged_file")


def test_a_file_that_is_not_there_is_a_fault_of_the_machine(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="No such file"):
        read_columns(str(tmp_path / "a.parquet"))
    with pytest.raises(TaskError, match="No such file"):
        list(read_rows(whole(tmp_path / "a.parquet"), ["a"]))


def test_how_a_reader_ended_tells_damage_from_faults_of_the_machine() -> None:
    assert parquet._of_status(-signal.SIGSEGV, "")["reason"] == "damaged_file"
    assert parquet._of_status(-signal.SIGABRT, "")["reason"] == "damaged_file"
    assert parquet._of_status(-signal.SIGKILL, "")["reason"] == ""
    assert parquet._of_status(1, "No module named pyarrow")["reason"] == ""


def test_readers_are_used_again_and_one_that_ended_is_replaced(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1, 2]}), tmp_path / "a.parquet")
    list(rows_of(tmp_path / "a.parquet", "a"))
    (first,) = parquet._idle
    list(rows_of(tmp_path / "a.parquet", "a"))
    assert parquet._idle == [first]
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert len(list(rows_of(tmp_path / "a.parquet", "a"))) == 2
    assert first not in parquet._idle


def test_a_reader_that_is_left_in_the_middle_is_ended(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [bytes(MB)] * 200}), tmp_path / "a.parquet", use_dictionary=False)
    rows = read_rows(whole(tmp_path / "a.parquet"), ["a"])
    other = read_rows(whole(tmp_path / "a.parquet"), ["a"])
    assert next(rows)[0] == next(other)[0] == 0
    rows.close()  # type: ignore[attr-defined]
    assert len(list(other)) == 199
    assert len(list(rows_of(tmp_path / "a.parquet", "a"))) == 200
