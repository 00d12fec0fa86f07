"""The ledger without what it holds of documents and images that were taken down.

What was measured of them (hashes, perceptual hashes, URLs, language, values of rules) goes, row by row. Drops stay, for
what went in must still be what came out or was dropped; their details go: these may name files and URLs, and quote.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from interleave.shard.takedown_request import Request
from interleave.spool import write_table

_DETAIL = "detail"


def measured_documents(path: Path, request: Request) -> Iterator[str]:
    """Ids of documents that are asked for by their own URL, also of those that were dropped."""
    with pq.ParquetFile(path) as file:
        if "url" not in file.schema_arrow.names:
            return
        for batch in file.iter_batches(columns=["doc_id", "url"]):
            for row in batch.to_pylist():
                if request.by_url(row["url"]):
                    yield row["doc_id"]


def count_rows_to_forget(path: Path, request: Request, documents: Iterable[str]) -> int:
    """Rows that `forget` would remove or empty."""
    gone = _ids(documents)
    with pq.ParquetFile(path) as file:
        return sum(
            int(pc.sum(_to_forget(file.read_row_group(group), request, gone)).as_py() or 0)
            for group in range(file.num_row_groups)
        )


def forget(path: Path, to: Path, request: Request, documents: Iterable[str]) -> None:
    """Writes a file of the ledger without what must go."""
    gone = _ids(documents)
    with pq.ParquetFile(path) as file, write_table(to, file.schema_arrow) as table:
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group)
            left = _without(rows, _to_forget(rows, request, gone))
            if left.num_rows:
                table.append_table(left)


def _ids(documents: Iterable[str]) -> pa.Array:
    return pa.array(sorted(documents), pa.string())


def _to_forget(rows: pa.Table, request: Request, gone: pa.Array) -> pa.ChunkedArray:
    """(num_rows,) True where a row holds something that must go."""
    is_gone = pc.is_in(rows["doc_id"], gone)
    if _DETAIL in rows.column_names:
        named = [bool(text) and request.in_text(text) for text in rows[_DETAIL].to_pylist()]
        return pc.and_(pc.or_(is_gone, _column(named)), pc.fill_null(pc.not_equal(rows[_DETAIL], ""), False))
    if "sha256" in rows.column_names:
        return pc.or_(is_gone, pc.is_in(rows["sha256"], _ids(request.sha256)))
    return is_gone


def _without(rows: pa.Table, to_forget: pa.ChunkedArray) -> pa.Table:
    if _DETAIL not in rows.column_names:
        return rows.filter(pc.invert(to_forget))
    emptied = pc.if_else(to_forget, "", rows[_DETAIL])
    return rows.set_column(rows.column_names.index(_DETAIL), rows.schema.field(_DETAIL), emptied)


def _column(values: Sequence[bool]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, pa.bool_())])
