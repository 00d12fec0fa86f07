"""What the build measured of each image that a dataset holds, as a table that every process maps.

    fingerprints/documents.parquet   id               \\
    fingerprints/images.parquet      document, image,  > three rows of numbers, sorted by the first:
                                     sha256, phash    /  a key of (document, image), 8 bytes of the SHA-256, the phash
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from interleave.dedup.columns import FINGERPRINT_FILES, read_numbers
from interleave.errors import ShardError
from interleave.sample import Record
from interleave.validate.findings import Found

UInt64s = npt.NDArray[np.uint64]

# Odd, so that a document's images have keys of their own.
_STEP = 0x9E3779B97F4A7C15


def write_measured(dataset: Path, path: Path) -> int:
    """Writes the table of a dataset's fingerprints, 24 bytes an image; the number of images.

    Raises:
        ShardError: the fingerprints cannot be read.
    """
    documents, images = (dataset / name for name in FINGERPRINT_FILES)
    try:
        ids = read_numbers(str(documents), "id", "S16")
        heads = np.frombuffer(ids.tobytes(), dtype=">u8")[::2].astype(np.uint64)
        table = np.concatenate([np.empty((3, 0), dtype=np.uint64), *_columns(images, heads)], axis=1)
    except (OSError, pa.ArrowException, IndexError, ValueError) as error:
        raise ShardError(f"{documents.parent} cannot be read: {str(error)[:200]}") from None
    np.save(path, table[:, np.argsort(table[0], kind="stable")])
    return int(table.shape[1])


def _columns(path: Path, heads: UInt64s) -> list[UInt64s]:
    """(3, num_images) of each row group; heads: (num_documents,) of the ids."""
    found = []
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group, columns=["document", "image", "sha256", "phash"])
            sha256 = np.array(rows["sha256"].to_pylist(), dtype="S32")
            keys = heads[rows["document"].to_numpy()] + rows["image"].to_numpy().astype(np.uint64) * np.uint64(_STEP)
            found.append(np.stack([keys, _first_8_bytes(sha256, 32), rows["phash"].to_numpy()]))
    return found


def _first_8_bytes(values: npt.NDArray[np.bytes_], width: int) -> UInt64s:
    """(num_values,)"""
    table = np.frombuffer(values.tobytes(), dtype=np.uint8).reshape(-1, width)
    return np.ascontiguousarray(table[:, :8]).view(">u8").astype(np.uint64).reshape(-1)


@lru_cache(maxsize=2)
def open_measured(path: str) -> MeasuredImages:
    return MeasuredImages(np.load(path, mmap_mode="r"))


class MeasuredImages:
    """The table, mapped."""

    def __init__(self, table: UInt64s) -> None:
        self._keys, self._sha256, self._phashes = table

    def find(self, doc_id: str, image: int) -> tuple[int, int] | None:
        """(first 8 bytes of the source's SHA-256, perceptual hash) of an image of a document, by its index there."""
        key = np.uint64((int(doc_id[:16], 16) + image * _STEP) % 2**64)
        row = int(np.searchsorted(self._keys, key))
        if row == len(self._keys) or self._keys[row] != key:
            return None
        return int(self._sha256[row]), int(self._phashes[row])


def check_source(record: Record, measured: MeasuredImages) -> Found:
    """Every image is one that was measured and kept, with the bytes that its source had."""
    for position, info in enumerate(record.image_info):
        found = measured.find(record.doc_id, info["index"])
        if found is None:
            yield "image-source", f"image {position} is number {info['index']} of its document, which was not kept"
        elif found[0] != int(info["sha256"][:16], 16):
            yield (
                "image-source",
                f"image {position} is said to have the SHA-256 {info['sha256'][:16]}..., it had another",
            )
