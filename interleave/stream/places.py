"""Where samples and their members lie: the index's columns as they are mapped, nothing copied, a sample at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from interleave.errors import ShardError

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a sample lies."""

    shard: int
    # Number in the manifest.
    offset: int
    num_bytes: int
    # In the tar; 0 bytes where it was taken down.
    members: tuple[slice, ...]
    # Each member's data among these bytes.


class Places:
    """The place of each sample of an index."""

    def __init__(self, index: pa.Table) -> None:
        self._batches = index.to_batches()
        # (num_batches + 1,) samples before each.
        self._borders = np.cumsum([0, *(batch.num_rows for batch in self._batches)])
        self._columns: dict[int, _Columns] = {}

    def of(self, sample: int) -> Place:
        """The place of a sample.

        Raises:
            ShardError: the index contradicts itself.
        """
        if not 0 <= sample < self._borders[-1]:
            raise IndexError(f"sample {sample} of {self._borders[-1]}")
        number = int(np.searchsorted(self._borders, sample, side="right")) - 1
        columns = self._columns.get(number)
        if columns is None:
            columns = self._columns[number] = _columns(self._batches[number])
        return columns.place(sample - int(self._borders[number]))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """One record batch of the index."""

    shards: npt.NDArray[np.int32]
    offsets: Int64s
    num_bytes: Int64s
    # (num_samples,)
    borders: npt.NDArray[np.int32]
    # (num_samples + 1,) where a sample's members begin among those of all.
    starts: Int64s
    sizes: Int64s
    # (num_members,) of their data, from the tar's begin.

    def place(self, at: int) -> Place:
        offset, num_bytes = int(self.offsets[at]), int(self.num_bytes[at])
        first, last = self.borders[at : at + 2]
        members = tuple(
            slice(start - offset, start - offset + size)
            for start, size in zip(self.starts[first:last].tolist(), self.sizes[first:last].tolist(), strict=True)
        )
        if any(not 0 <= member.start <= member.stop <= num_bytes for member in members):
            raise ShardError("the index says that a member lies outside of its sample")
        return Place(shard=int(self.shards[at]), offset=offset, num_bytes=num_bytes, members=members)


def _columns(batch: pa.RecordBatch) -> _Columns:
    try:
        # Offsets into the lists' values would lead anywhere if they were damaged.
        batch.select(["shard", "offset", "num_bytes", "member_offsets", "member_bytes"]).validate(full=True)
        starts, sizes = batch["member_offsets"], batch["member_bytes"]
        if not starts.offsets.equals(sizes.offsets):
            raise ShardError("the index has members without offset or size")
        return _Columns(
            shards=batch["shard"].to_numpy(),
            offsets=batch["offset"].to_numpy(),
            num_bytes=batch["num_bytes"].to_numpy(),
            borders=starts.offsets.to_numpy(),
            starts=starts.values.to_numpy(),
            sizes=sizes.values.to_numpy(),
        )
    except (pa.ArrowException, ValueError) as error:
        raise ShardError(f"the index is damaged: {str(error)[:200]}") from None
