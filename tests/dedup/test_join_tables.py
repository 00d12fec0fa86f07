"""Files for a whole dataset are the rows of their parts, in row groups that do not grow in number with the parts."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from interleave.dedup import columns
from interleave.dedup.columns import join_tables

SCHEMA = pa.schema([("name", pa.string()), ("numbers", pa.list_(pa.int32()))])


def make_parts(folder: Path, sizes: list[int]) -> list[str]:
    """Parts of so many rows, two in a row group."""
    paths, number = [], 0
    for part, size in enumerate(sizes):
        rows = [{"name": f"row {row}", "numbers": [row] * (row % 3)} for row in range(number, number + size)]
        number += size
        paths.append(str(folder / f"{part}.parquet"))
        pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), paths[-1], row_group_size=2)
    return paths


def test_rows_of_all_parts_follow_one_another_in_few_groups(tmp_path: Path) -> None:
    parts = make_parts(tmp_path, [5, 0, 4])
    join_tables(parts, tmp_path / "whole.parquet")
    assert pq.read_table(tmp_path / "whole.parquet") == pa.concat_tables(map(pq.read_table, parts))
    assert pq.read_metadata(tmp_path / "whole.parquet").num_row_groups == 1


def test_a_group_ends_when_it_has_its_rows_or_its_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = make_parts(tmp_path, [6, 6])
    for name, value, num_groups in (("ROWS_PER_LARGE_GROUP", 4, 3), ("_BYTES_PER_GROUP", 1, 6)):
        with monkeypatch.context() as patch:
            patch.setattr(columns, name, value)
            join_tables(parts, tmp_path / "whole.parquet")
        assert pq.read_metadata(tmp_path / "whole.parquet").num_row_groups == num_groups
        assert pq.read_table(tmp_path / "whole.parquet").num_rows == 12
