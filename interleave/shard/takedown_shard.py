"""A shard without what was taken down. That it is the one that was sealed is checked while it is copied."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from interleave.errors import ShardError
from interleave.files import atomic_write
from interleave.shard.entries import shard_entry
from interleave.shard.index import SCHEMA
from interleave.shard.manifest import ShardEntry
from interleave.shard.takedown_find import ShardRows
from interleave.shard.tar import END, HashingFile


@dataclass(frozen=True, slots=True, kw_only=True)
class RewriteTask:
    """A shard to write again."""

    shard: ShardRows
    sha256: str
    # As sealed.
    removed: frozenset[str]
    # Keys of samples that go.
    to: str
    # Folder of the new tar.


def rewrite(task: RewriteTask) -> tuple[ShardEntry, pa.RecordBatch]:
    """Writes a tar without some of its samples; its entry, and its rows of the index.

    Raises:
        ShardError: the tar is not the one that was sealed.
    """
    rows: list[dict[str, Any]] = task.shard.read().to_pylist()
    with task.shard.path.open("rb") as source, atomic_write(Path(task.to) / task.shard.name) as file:
        sealed, written = hashlib.sha256(), HashingFile(file)
        for row in rows:
            sample = source.read(row["num_bytes"])
            sealed.update(sample)
            if row["key"] in task.removed:
                row |= {"offset": 0, "num_bytes": 0, "member_offsets": [], "member_bytes": []}
            elif row["num_bytes"]:
                moved = written.position - row["offset"]
                row["offset"] += moved
                row["member_offsets"] = [offset + moved for offset in row["member_offsets"]]
                written.write(sample)
        sealed.update(source.read())
        written.write(END)
        if sealed.hexdigest() != task.sha256:
            raise ShardError(f"{task.shard.path} is not the file that was sealed; fetch it again, nothing was changed")
    batch = pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
    table = pa.Table.from_batches([batch])
    return shard_entry(task.shard.name, written.digest.hexdigest(), written.position, table), batch
