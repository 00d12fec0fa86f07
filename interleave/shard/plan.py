"""The fifth stage: which sample goes into which shard, in which order. A function of (recipe, sizes) alone.

Documents are shuffled by a hash of (seed, document id) and dealt, in that order, to shards that are even in bytes. What
is known of all samples lies in scratch files, a few numbers a sample, and is gone through in parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from interleave.counts import Counts
from interleave.dedup.clusters import Ints
from interleave.dedup.scratch import Scratch, give_back_freed_memory
from interleave.dedup.word_hashes import UInt64s
from interleave.errors import TaskError
from interleave.files import atomic_write, write_bytes
from interleave.identity import seeded_u64
from interleave.shard.sides import Sides, deal_groups
from interleave.shard.tar import END

# One row a sample, shard by shard: which split's file it lies in, and in which row.
PLACES = pa.schema([("split", pa.int32()), ("row", pa.int32())])
# Samples that are handled at once.
_AT_ONCE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTask:
    """All samples, and the shards wanted."""

    samples: tuple[str, ...]
    groups: tuple[str, ...]
    # What `encode` and `dedup` wrote, split by split.
    folder: str
    # Gets `plan.json` and `places.arrow`.
    seed: int
    max_bytes: int
    multiple_of: int
    shares: Mapping[str, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedShard:
    """A shard to write."""

    dataset: str
    # Name of the split of the dataset; empty where there are none.
    number: int
    first_place: int
    # Where its samples begin among the places of all datasets.
    first_sample: int
    # Number of its first sample in the dataset: keys count on.
    num_samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Samples:
    """All samples, split by split."""

    starts: Ints
    # (num_splits + 1,) first sample of each split.
    num_bytes: Ints
    # (num_samples,)
    order: Ints
    # (num_samples,) shuffled: documents by a hash, the parts of one together and in order.


def plan(task: PlanTask) -> Counts:
    """Writes the plan of every dataset."""
    give_back_freed_memory()
    scratch = Scratch(folder=Path(task.folder))
    samples = _read(task, scratch)
    shards: list[PlannedShard] = []
    num_places = 0
    with atomic_write(places_file(task.folder)) as file, pa.ipc.new_file(file, PLACES) as places:
        for dataset, members in _datasets(task, samples, scratch):
            if not len(members):
                raise TaskError(_why_empty(dataset, task))
            sizes = _deal(members, samples.num_bytes, task, dataset)
            for number, (start, end) in enumerate(pairwise(accumulate(sizes, initial=0))):
                places.write_batch(_places(members[start:end], samples.starts))
                shards.append(
                    PlannedShard(
                        dataset=dataset,
                        number=number,
                        first_place=num_places + start,
                        first_sample=start,
                        num_samples=end - start,
                    )
                )
            num_places += len(members)
    write_bytes(plan_file(task.folder), orjson.dumps(list(map(asdict, shards))))
    return Counts(shards=len(shards))


def read_plan(folder: Path) -> list[PlannedShard]:
    """The shards that `plan` decided on."""
    return [PlannedShard(**fields) for fields in orjson.loads(plan_file(folder).read_bytes())]


def plan_file(folder: str | Path) -> Path:
    return Path(folder) / "plan.json"


def places_file(folder: str | Path) -> Path:
    """All samples in order, shard by shard."""
    return Path(folder) / "places.arrow"


def read_places(folder: str | Path, shard: PlannedShard) -> list[tuple[int, int]]:
    """(split, row) of each sample of a shard, in order."""
    with pa.memory_map(str(places_file(folder))) as file:
        table = pa.ipc.open_file(file).read_all().slice(shard.first_place, shard.num_samples)
        return list(zip(table["split"].to_pylist(), table["row"].to_pylist(), strict=True))


def _places(items: Ints, starts: Ints) -> pa.RecordBatch:
    splits = np.searchsorted(starts, items, side="right") - 1
    columns = {"split": splits.astype(np.int32), "row": (items - starts[splits]).astype(np.int32)}
    return pa.RecordBatch.from_pydict(columns, schema=PLACES)


def _read(task: PlanTask, scratch: Scratch) -> _Samples:
    counts = [_num_rows(path) for path in task.samples]
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    if not starts[-1]:
        raise TaskError("nothing is left to write: see the table above for the rule that took the most")
    sizes = (_column(path, "num_bytes").to_numpy() for path in task.samples)
    return _Samples(
        starts=starts,
        num_bytes=scratch.joined(sizes, int(starts[-1]), np.int64),
        order=scratch.joined(_shuffled(task, starts, scratch), int(starts[-1]), np.int64),
    )


def _shuffled(task: PlanTask, starts: Ints, scratch: Scratch) -> Iterator[Ints]:
    """All samples in shuffled order, part by part."""

    def records() -> Iterator[tuple[UInt64s, Ints]]:
        for path, (start, end) in zip(task.samples, pairwise(starts.tolist()), strict=True):
            doc_ids = _column(path, "doc_id").to_pylist()
            hashes = {doc_id: seeded_u64(task.seed, "order", doc_id) for doc_id in doc_ids}
            yield np.array([hashes[doc_id] for doc_id in doc_ids], dtype=np.uint64), np.arange(start, end)

    for hashes, items in scratch.by_key(records()):
        yield items[np.lexsort((items, hashes))]


def _datasets(task: PlanTask, samples: _Samples, scratch: Scratch) -> Iterator[tuple[str, Ints]]:
    """(name, its samples in order) of each dataset; the name is empty where there is but one."""
    if task.shares is None:
        yield "", samples.order
        return
    sides = deal_groups(_groups(task), len(samples.order), task.shares, task.seed, scratch)
    for number, name in enumerate(sides.names):
        yield name, _members(samples.order, sides, number, scratch)


def _groups(task: PlanTask) -> Iterator[UInt64s]:
    """(num_samples_of_split,) the group of each sample's document, split by split."""
    for path, groups in zip(task.samples, task.groups, strict=True):
        table = pq.read_table(groups)
        known = dict(zip(table["doc_id"].to_pylist(), table["group"].to_pylist(), strict=True))
        yield np.array([known[doc_id] for doc_id in _column(path, "doc_id").to_pylist()], dtype=np.uint64)


def _members(order: Ints, sides: Sides, side: int, scratch: Scratch) -> Ints:
    found, filled = scratch.empty(sides.num_samples[side], np.int64), 0
    for start in range(0, len(order), _AT_ONCE):
        some = order[start : start + _AT_ONCE]
        some = some[sides.of_sample[some] == side]
        found[filled : filled + len(some)] = some
        filled += len(some)
    return found


def _deal(members: Ints, num_bytes: Ints, task: PlanTask, dataset: str) -> list[int]:
    """Cuts the order into the fewest shards that suit the recipe, each even in bytes and none above the limit.

    Numbers of samples, shard by shard.
    """
    parts = range(0, len(members), _AT_ONCE)
    total = sum(int(num_bytes[members[start : start + _AT_ONCE]].sum()) for start in parts)
    largest = max(int(num_bytes[members[start : start + _AT_ONCE]].max()) for start in parts)
    least = -(-total // (task.max_bytes - len(END)))
    num_shards = -(-least // task.multiple_of) * task.multiple_of
    while True:
        if num_shards > len(members):
            what = f"split {dataset!r} has" if dataset else "there are"
            raise TaskError(
                f"{what} {len(members):,} samples, too few for shards.multiple_of = {task.multiple_of} "
                f"and shards.max_bytes = {task.max_bytes:,}; lower the first or raise the second"
            )
        num_samples, per_shard = _cut(members, num_bytes, total, num_shards)
        fits = per_shard.max() + len(END) <= task.max_bytes or largest + len(END) > task.max_bytes
        if fits and per_shard.min() > 0:
            return [int(number) for number in num_samples]
        num_shards += task.multiple_of


def _cut(members: Ints, num_bytes: Ints, total: int, num_shards: int) -> tuple[Ints, npt.NDArray[np.float64]]:
    """(samples, bytes) of each shard, where a sample falls into the one in which its middle lies."""
    num_samples, per_shard, before = np.zeros(num_shards, dtype=np.int64), np.zeros(num_shards), 0
    for start in range(0, len(members), _AT_ONCE):
        sizes = num_bytes[members[start : start + _AT_ONCE]]
        middle = np.cumsum(sizes) + before - sizes / 2
        shard = (middle * num_shards // total).astype(np.int64)
        num_samples += np.bincount(shard, minlength=num_shards)
        per_shard += np.bincount(shard, weights=sizes, minlength=num_shards)
        before += int(sizes.sum())
    return num_samples, per_shard


def _num_rows(path: str) -> int:
    with pa.memory_map(path) as source:
        file = pa.ipc.open_file(source)
        return sum(file.get_batch(number).num_rows for number in range(file.num_record_batches))


def _column(path: str, name: str) -> pa.ChunkedArray:
    return pa.ipc.open_file(pa.memory_map(path)).read_all()[name]


def _why_empty(dataset: str, task: PlanTask) -> str:
    return (
        f"split {dataset!r} got no document: documents of one domain or with a common image stay together, "
        f"and no such group is small enough for it (splits: {dict(task.shares or {})}); use a larger share"
    )
