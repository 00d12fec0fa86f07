"""The spool: what stages leave for each other in `OUTPUT.work/`, one set of files a task.

Records lie in Parquet, image bytes one after another in a blob file. A file is written as its rows come, so a task's
memory does not grow with its split.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from interleave.document import BlobRef, Image, Looks, MeasuredDocument
from interleave.files import atomic_write

_ROWS_PER_GROUP = 256
_LOOKS = pa.struct(
    [
        ("sharpness", pa.float64()),
        ("entropy", pa.float64()),
        ("flat", pa.float64()),
        ("text", pa.float64()),
        ("num_frames", pa.int64()),
    ]
)
_IMAGE = pa.struct(
    [
        ("index", pa.int32()),
        ("sha256", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("source_width", pa.int32()),
        ("source_height", pa.int32()),
        ("blob_file", pa.string()),
        ("blob_offset", pa.int64()),
        ("blob_length", pa.int64()),
        ("phash", pa.uint64()),
        ("looks", _LOOKS),
        ("url", pa.string()),
        ("matched_sentence", pa.int32()),
        ("similarities", pa.list_(pa.float32())),
        ("num_faces", pa.int32()),
    ]
)
_DOCUMENTS = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("url", pa.string()),
        ("sentences", pa.list_(pa.string())),
        ("paragraphs", pa.list_(pa.int32())),
        ("images", pa.list_(_IMAGE)),
        ("num_source_images", pa.int32()),
        ("meta", pa.map_(pa.string(), pa.string())),
    ]
)


@contextmanager
def write_parquet(path: Path, schema: pa.Schema, **options: Any) -> Iterator[pq.ParquetWriter]:
    """A Parquet file that has its final name only when all row groups are in it; options are pyarrow's."""
    with atomic_write(path) as file:
        writer = pq.ParquetWriter(file, schema, **options)
        try:
            yield writer
            writer.close()
        except BaseException:
            writer.is_open = False  # otherwise pyarrow would complete the file when the writer is collected
            raise


class TableWriter:
    """Appends rows (plain dicts of a schema) to a Parquet file, a row group at a time."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._writer = writer
        self._schema = schema
        self._rows: list[dict[str, Any]] = []

    def append(self, row: dict[str, Any]) -> None:
        self._rows.append(row)
        if len(self._rows) >= _ROWS_PER_GROUP:
            self.flush()

    def append_table(self, table: pa.Table) -> None:
        self.flush()
        self._writer.write_table(table)

    def flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
            self._rows.clear()


@contextmanager
def write_table(path: Path, schema: pa.Schema) -> Iterator[TableWriter]:
    """A Parquet file that has its final name only when all rows are in it."""
    with write_parquet(path, schema, compression="zstd") as file:
        table = TableWriter(file, schema)
        yield table
        table.flush()


class DocumentWriter:
    """Writes measured documents."""

    def __init__(self, table: TableWriter) -> None:
        self._table = table

    def append(self, document: MeasuredDocument) -> None:
        self._table.append(
            {
                "id": document.id,
                "source": document.source,
                "url": document.url,
                "sentences": document.sentences,
                "paragraphs": document.paragraphs,
                "images": [_image_row(image) for image in document.images],
                "num_source_images": document.num_source_images,
                "meta": list(document.meta.items()),
            }
        )


@contextmanager
def write_documents(path: Path) -> Iterator[DocumentWriter]:
    with write_table(path, _DOCUMENTS) as table:
        yield DocumentWriter(table)


def read_documents(path: Path) -> Iterator[MeasuredDocument]:
    """The documents of one split, in the order in which they were written."""
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            for row in file.read_row_group(group).to_pylist():
                yield MeasuredDocument(
                    id=row["id"],
                    source=row["source"],
                    url=row["url"],
                    sentences=tuple(row["sentences"]),
                    paragraphs=tuple(row["paragraphs"]),
                    images=tuple(map(_image, row["images"])),
                    num_source_images=row["num_source_images"],
                    meta=dict(row["meta"]),
                )


def _image_row(image: Image) -> dict[str, Any]:
    return {
        "index": image.index,
        "sha256": image.sha256,
        "width": image.width,
        "height": image.height,
        "source_width": image.source_width,
        "source_height": image.source_height,
        "blob_file": image.blob.file,
        "blob_offset": image.blob.offset,
        "blob_length": image.blob.length,
        "phash": image.phash,
        "looks": asdict(image.looks),
        "url": image.url,
        "matched_sentence": image.matched_sentence,
        "similarities": image.similarities,
        "num_faces": image.num_faces,
    }


def _image(row: dict[str, Any]) -> Image:
    similarities = row["similarities"]
    return Image(
        index=row["index"],
        sha256=row["sha256"],
        width=row["width"],
        height=row["height"],
        source_width=row["source_width"],
        source_height=row["source_height"],
        blob=BlobRef(file=row["blob_file"], offset=row["blob_offset"], length=row["blob_length"]),
        phash=row["phash"],
        looks=Looks(**row["looks"]),
        url=row["url"],
        matched_sentence=row["matched_sentence"],
        similarities=None if similarities is None else np.asarray(similarities, dtype=np.float32),
        num_faces=row["num_faces"],
    )
