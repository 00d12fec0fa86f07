"""The fingerprints of a dataset without those of documents that were taken down.

They lie in two tables: one of documents, and one of their images, each of which names the row of its document.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from interleave.dedup.columns import FINGERPRINT_FILES
from interleave.spool import write_table

Bools = npt.NDArray[np.bool_]


def count_fingerprints(folder: Path, documents: Iterable[str]) -> dict[str, int]:
    """File -> rows that `forget_fingerprints` would leave out."""
    of_documents, of_images = FINGERPRINT_FILES
    stays = _stays(folder / of_documents, documents)
    num_images = sum(int((~stays[owners]).sum()) for _, owners in _images(folder / of_images))
    return {of_documents: int((~stays).sum()), of_images: num_images}


def forget_fingerprints(folder: Path, to: Path, documents: Iterable[str]) -> None:
    """Writes both tables without these documents (by id); images name the rows that their documents have then."""
    of_documents, of_images = FINGERPRINT_FILES
    stays = _stays(folder / of_documents, documents)
    new_rows = np.cumsum(stays, dtype=np.int32) - np.int32(1)
    with pq.ParquetFile(folder / of_documents) as file, write_table(to / of_documents, file.schema_arrow) as table:
        start = 0
        for rows in _groups(file):
            if (left := rows.filter(pa.array(stays[start : start + rows.num_rows]))).num_rows:
                table.append_table(left)
            start += rows.num_rows
    with write_table(to / of_images, pq.read_schema(folder / of_images)) as table:
        for rows, owners in _images(folder / of_images):
            renumbered = rows.set_column(0, rows.schema.field(0), pa.array(new_rows[owners], pa.int32()))
            if (left := renumbered.filter(pa.array(stays[owners]))).num_rows:
                table.append_table(left)


def _stays(path: Path, documents: Iterable[str]) -> Bools:
    """(num_documents,) False where a document goes."""
    gone = pa.array([bytes.fromhex(doc_id) for doc_id in sorted(documents)], pa.binary(16))
    ids = pq.read_table(path, columns=["id"])["id"]
    return ~np.asarray(pc.is_in(ids, gone), dtype=np.bool_)


def _images(path: Path) -> Iterator[tuple[pa.Table, npt.NDArray[np.int32]]]:
    """Row groups, and for each image in them the row of its document."""
    with pq.ParquetFile(path) as file:
        for rows in _groups(file):
            assert rows.column_names[0] == "document"
            yield rows, rows["document"].to_numpy()


def _groups(file: pq.ParquetFile) -> Iterator[pa.Table]:
    for group in range(file.num_row_groups):
        yield file.read_row_group(group)
