"""What only all shards together can tell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from interleave.dedup.columns import FINGERPRINT_FILES
from interleave.sample import key_of
from interleave.validate.file_checks import Placed
from interleave.validate.shard import ShardOutcome


def check_duplicates(names: Sequence[str], shards: Sequence[ShardOutcome]) -> Placed:
    """No two samples have the same ids and the same images."""
    digests = np.concatenate([np.frombuffer(shard.digests, dtype=np.uint64) for shard in shards])
    numbers = np.concatenate([np.asarray(shard.numbers, dtype=np.int64) for shard in shards])
    of_shard = np.repeat(np.arange(len(shards)), [len(shard.numbers) for shard in shards])
    order = np.argsort(digests, kind="stable")
    is_copy = digests[order][1:] == digests[order][:-1]
    for at in np.flatnonzero(is_copy):
        first, second = order[at], order[at + 1]
        message = f"has the ids and the images of {key_of(int(numbers[first]))}"
        yield f"{names[of_shard[second]]} {key_of(int(numbers[second]))}", "duplicate-sample", message


def check_images(num_measured: int, shards: Sequence[ShardOutcome]) -> Placed:
    """As many images are in the shards as were kept."""
    num_images = sum(shard.num_new_images for shard in shards)
    if num_images != num_measured:
        message = f"it has {num_measured:,} images, the shards have {num_images:,} of these documents"
        yield FINGERPRINT_FILES[1], "fingerprints", message
