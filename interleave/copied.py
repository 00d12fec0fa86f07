"""The images of a split beside its table of outcomes, for machines that do not see the store: written by `download`.

fetch/00007.blob              images one after another, each once
fetch/00007.images.parquet    SHA-256 -> place; or why there is no image
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from interleave.access.store import Store
from interleave.blobs import BlobReader, write_blob
from interleave.document import BlobRef
from interleave.errors import Unreadable
from interleave.spool import write_table

_PLACES = pa.schema(
    [
        ("sha256", pa.string()),
        # Of an image as it was downloaded.
        ("offset", pa.int64()),
        ("length", pa.int64()),
        ("reason", pa.string()),
        ("detail", pa.string()),
    ]
)
_PARQUET = ".images.parquet"
# Bytes that are read at once: images are asked for in about the order in which they lie there.
_AHEAD = 8 << 20


def copies_of(blob: Path) -> Path:
    """The table that goes with a blob."""
    return blob.with_suffix(_PARQUET)


def copy_images(blob: Path, hashes: Iterable[str], store: Store, form: str) -> None:
    """Writes the images with these SHA-256, in this order, and the table of their places."""
    with (
        write_blob(blob.parent.parent, f"{blob.parent.name}/{blob.name}") as images,
        write_table(copies_of(blob), _PLACES) as places,
    ):
        for sha256 in dict.fromkeys(hashes):
            try:
                ref = images.append(store.read(sha256, form))
            except Unreadable as error:
                places.append({"sha256": sha256, "reason": error.reason, "detail": error.detail})
            else:
                places.append({"sha256": sha256, "offset": ref.offset, "length": ref.length})


class CopiedImages(AbstractContextManager["CopiedImages"]):
    """Reads what `copy_images` wrote, wherever the work folder's images are."""

    def __init__(self, table: Path) -> None:
        self._rows = {row["sha256"]: row for row in pq.read_table(table).to_pylist()}
        self._file = f"{table.parent.name}/{table.name.removesuffix(_PARQUET)}.blob"
        self._blobs = BlobReader(table.parent.parent)
        self._size = sum(row["length"] or 0 for row in self._rows.values())
        self._start, self._ahead = 0, b""

    def read(self, sha256: str, form: str) -> bytes:
        row = self._rows[sha256]
        if row["offset"] is None:
            raise Unreadable(row["reason"], row["detail"])
        start, end = row["offset"], row["offset"] + row["length"]
        if not self._start <= start <= end <= self._start + len(self._ahead):
            length = min(max(_AHEAD, row["length"]), self._size - start)
            self._start, self._ahead = start, self._blobs.read(BlobRef(file=self._file, offset=start, length=length))
        return self._ahead[start - self._start : end - self._start]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._blobs.__exit__(kind, error, trace)
