"""Which samples a request means: the JSON of every sample is read, by the index, and no image."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from interleave.errors import ShardError
from interleave.sample import Record, read_record
from interleave.shard.index import INDEX_NAME, present, read_index
from interleave.shard.takedown_request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardRows:
    """A shard, and its rows of the index."""

    folder: str
    name: str
    first_row: int
    num_rows: int

    @property
    def path(self) -> Path:
        return Path(self.folder) / self.name

    def read(self) -> pa.Table:
        return read_index(Path(self.folder) / INDEX_NAME).slice(self.first_row, self.num_rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class FindTask:
    """A shard to search."""

    shard: ShardRows
    request: Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A sample that goes."""

    key: str
    shard: str
    doc_id: str
    url: str | None
    # Of its document.
    num_images: int
    num_bytes: int
    by: tuple[str, ...]
    # The entries that mean it.
    is_document: bool
    # Its document is meant, not only an image in it: all its parts go, for each has the document's URL.


def find_hits(task: FindTask) -> list[Hit]:
    """The samples of one shard whose document or whose images are asked for.

    Raises:
        ShardError: a sample is not what the index says.
    """
    return [hit for row, record in _records(task.shard) if (hit := _judge(task, row, record)) is not None]


def _judge(task: FindTask, row: dict[str, int], record: Record) -> Hit | None:
    document, images = task.request.by_record(record)
    if not document and not images:
        return None
    return Hit(
        key=record.key,
        shard=task.shard.name,
        doc_id=record.doc_id,
        url=record.url,
        num_images=row["num_images"],
        num_bytes=row["num_bytes"],
        by=tuple(sorted(document | images)),
        is_document=bool(document),
    )


def _records(shard: ShardRows) -> Iterator[tuple[dict[str, int], Record]]:
    columns = ["key", "doc_id", "num_bytes", "num_images", "member_offsets", "member_bytes"]
    rows = present(shard.read().select(columns))
    try:
        descriptor = os.open(shard.path, os.O_RDONLY)
    except OSError as error:
        raise ShardError(f"{shard.path}: {error.strerror}; fetch it again") from None
    try:
        for batch in rows.to_batches(max_chunksize=1000):
            for row in batch.to_pylist():
                record = read_record(os.pread(descriptor, row["member_bytes"][0], row["member_offsets"][0]))
                if (record.key, record.doc_id) != (row["key"], row["doc_id"]):
                    raise ShardError(f"found sample {record.key} in place of {row['key']}")
                yield row, record
    except (ShardError, IndexError) as error:
        raise ShardError(f"{shard.path}: {error}; nothing was changed; run `interleave validate`") from None
    finally:
        os.close(descriptor)
