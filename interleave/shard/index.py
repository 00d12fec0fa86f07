"""The index: where each sample lies and how large it is, so that order, packing and resuming are arithmetic.

Uncompressed Arrow IPC, sorted by key: a loader maps it and reads only the columns that it asks for.

A sample that was taken down keeps its row, and with it its place in every order and the room that it takes in a packed
row; `num_bytes` is 0, and it has no members.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from interleave.errors import ShardError
from interleave.files import atomic_write

INDEX_NAME = "index.arrow"
SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("shard", pa.int32()),
        # Number of the shard in the manifest.
        ("offset", pa.int64()),
        ("num_bytes", pa.int64()),
        # The sample's members, headers included, in the tar; both 0 where it was taken down.
        ("member_offsets", pa.list_(pa.int64())),
        ("member_bytes", pa.list_(pa.int64())),
        # Data of each member: JSON, ids, images in order.
        ("num_ids", pa.int32()),
        ("num_tokens", pa.int32()),
        # Stored, and expanded in the model.
        ("num_content_tokens", pa.int32()),
        ("num_images", pa.int32()),
        ("num_pixels", pa.int64()),
        # Of its images, as stored.
        ("num_texts", pa.int32()),
        ("source", pa.string()),
        ("doc_id", pa.string()),
        ("part", pa.int32()),
        ("cuts", pa.list_(pa.int32())),
        ("span_starts", pa.list_(pa.int32())),
        ("span_lengths", pa.list_(pa.int32())),
        ("span_tokens", pa.list_(pa.int32())),
        ("span_pixels", pa.list_(pa.int32())),
        # Where a loader may cut, and the images it must not; empty where samples were cut already.
    ]
)


def write_index(path: Path, batches: Iterable[pa.RecordBatch]) -> None:
    with atomic_write(path) as file, pa.ipc.new_file(file, SCHEMA) as writer:
        for batch in batches:
            writer.write_batch(batch)


def read_index(path: Path) -> pa.Table:
    """The index, mapped into memory rather than read.

    Raises:
        ShardError: it is missing, damaged, or of another version.
    """
    try:
        with pa.memory_map(str(path)) as source:
            table = pa.ipc.open_file(source).read_all()
        # Arrow believes a file's offsets: one that points out of the file would end the process.
        table.validate(full=True)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ShardError(f"{path} cannot be read: {str(error)[:200]}") from None
    if not table.schema.equals(SCHEMA):
        raise ShardError(f"{path} has other columns than this version of interleave writes; build the dataset again")
    return table


def present(rows: pa.Table) -> pa.Table:
    """The rows of samples that are in the shards: those that were not taken down."""
    return rows.filter(pc.not_equal(rows["num_bytes"], 0))
