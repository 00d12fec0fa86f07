"""Where a sample lies."""

from __future__ import annotations

from typing import NamedTuple

from interleave.shard.manifest import ShardEntry


class Range(NamedTuple):
    """Bytes of a shard."""

    shard: ShardEntry
    offset: int
    num_bytes: int
