"""A shard's entry in the manifest, and the manifest's sums, from the rows of the index."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from interleave.shard.index import present
from interleave.shard.manifest import ShardEntry

_COUNTED = ("num_images", "num_ids", "num_tokens")


def shard_entry(name: str, sha256: str, num_bytes: int, rows: pa.Table) -> ShardEntry:
    """A shard by its rows of the index."""
    rows = rows.select(["num_bytes", *_COUNTED])
    left = present(rows)
    counts: dict[str, int] = {count: pc.sum(left[count]).as_py() or 0 for count in _COUNTED}
    return ShardEntry(
        name=name,
        sha256=sha256,
        num_bytes=num_bytes,
        num_samples=left.num_rows,
        num_removed_samples=rows.num_rows - left.num_rows,
        num_removed_images=(pc.sum(rows["num_images"]).as_py() or 0) - counts["num_images"],
        **counts,
    )


def sums(shards: Sequence[ShardEntry]) -> dict[str, int]:
    """What the manifest says of all shards together."""
    names = ("num_samples", *_COUNTED, "num_removed_samples", "num_removed_images")
    return {name: sum(getattr(shard, name) for shard in shards) for name in names}
