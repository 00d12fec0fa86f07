"""The fingerprints of what a dataset holds: they go into it, so that a later one can be built to hold nothing of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from interleave.dedup.columns import FINGERPRINT_FILES, ROWS_PER_LARGE_GROUP, read_numbers, write_columns
from interleave.dedup.scratch import Scratch
from interleave.dedup.tables import DOCUMENTS, IMAGES, FingerprintFiles

Bools = npt.NDArray[np.bool_]
Ids = npt.NDArray[np.bytes_]


def write_sealed(
    folder: Path, parts: Sequence[FingerprintFiles], drops: Sequence[Sequence[str]], doc_ids: pa.ChunkedArray
) -> None:
    """Writes `FINGERPRINT_FILES` of a dataset: of its documents, and of their images that were not dropped.

    parts: what the dataset's documents are among; drops: for each part the drop lists that tell which images went since
    the fingerprints were taken; doc_ids: of its samples.
    """
    kept = _sorted(doc_ids, Scratch(folder=folder))
    documents_path, images_path = (folder / name for name in FINGERPRINT_FILES)
    first = 0
    with (
        write_columns(documents_path, DOCUMENTS, ROWS_PER_LARGE_GROUP) as documents,
        write_columns(images_path, IMAGES, ROWS_PER_LARGE_GROUP) as images,
    ):
        for part, lists in zip(parts, drops, strict=True):
            ids = read_numbers(part.documents, "id", "S16")
            stays = _is_in(ids, kept)
            with pq.ParquetFile(part.documents) as file:
                start = 0
                for group in range(file.num_row_groups):
                    rows = file.read_row_group(group)
                    documents.append(rows.filter(pa.array(stays[start : start + rows.num_rows])))
                    start += rows.num_rows
            new_rows = np.cumsum(stays) - 1 + first
            gone = _dropped_images(ids, lists)
            with pq.ParquetFile(part.images) as file:
                for group in range(file.num_row_groups):
                    rows = file.read_row_group(group)
                    document = rows["document"].to_numpy()
                    left = stays[document] & ~np.isin(_keys(document, rows["image"].to_numpy()), gone)
                    renumbered = pa.array(new_rows[document].astype(np.int32))
                    images.append(rows.set_column(0, "document", renumbered).filter(pa.array(left)))
            first += int(stays.sum())


def sealed_files(folder: Path) -> FingerprintFiles:
    documents, images = (str(folder / name) for name in FINGERPRINT_FILES)
    return FingerprintFiles(documents=documents, images=images, paragraphs=None)


def _dropped_images(ids: Ids, lists: Sequence[str]) -> npt.NDArray[np.int64]:
    """Keys of the images that went, of documents that are in `ids`."""
    order = np.argsort(ids)
    found = [np.empty(0, dtype=np.int64)]
    for path in lists:
        table = pq.read_table(path, columns=["doc_id", "image"])
        table = table.filter(table["image"].is_valid())
        doc_ids = _ids(table["doc_id"])
        is_known = _is_in(doc_ids, ids[order])
        rows = order[np.searchsorted(ids[order], doc_ids[is_known])]
        found.append(_keys(rows, table["image"].to_numpy()[is_known]))
    return np.concatenate(found)


def _keys(documents: npt.NDArray[np.integer], images: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """(num_images,) one number for an image of a document."""
    return documents.astype(np.int64) << 32 | images.astype(np.int64)


def _sorted(doc_ids: pa.ChunkedArray, scratch: Scratch) -> Ids:
    """Sixteen bytes a sample; those of a document with several samples are there more than once."""
    found = scratch.joined(map(_ids, doc_ids.chunks), len(doc_ids), "S16")
    found.sort()
    return found


def _ids(doc_ids: pa.ChunkedArray | pa.Array) -> Ids:
    return np.frombuffer(bytes.fromhex("".join(doc_ids.to_pylist())), dtype="S16")


def _is_in(ids: Ids, known: Ids) -> Bools:
    """known: ascending."""
    if not len(known):
        return np.zeros(len(ids), dtype=np.bool_)
    places = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    return np.asarray(known[places] == ids)
