"""The fifth stage: which sample goes into which shard, in which order. A function of (recipe, sizes) alone.

Documents are shuffled by a hash of (seed, document id) and dealt, in that order, to shards that are even in bytes. With
splits, documents that share an image or a domain go to one side together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from interleave.counts import Counts
from interleave.dedup.clusters import components, equal_pairs
from interleave.errors import TaskError
from interleave.files import write_bytes
from interleave.identity import seeded_u64
from interleave.shard.tar import END
from interleave.spool import write_table

# One row a sample, in the order of the shard: which split's file it lies in, and in which row.
PLACES = pa.schema([("split", pa.int32()), ("row", pa.int32())])
TRAIN = "train"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTask:
    """All samples, and the shards wanted."""

    samples: tuple[str, ...]
    # What `encode` wrote, split by split.
    groups: str
    # What `dedup` wrote.
    folder: str
    # Gets `plan.json`, and `DATASET-SHARD.parquet` for each shard.
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
    places: str
    # File that lists its samples.
    first_sample: int
    # Number of its first sample in the dataset: keys count on.
    num_samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Samples:
    """One entry a sample, in the order of the splits."""

    doc_ids: Sequence[str]
    domains: Sequence[str]
    split: npt.NDArray[np.int32]
    row: npt.NDArray[np.int32]
    num_bytes: npt.NDArray[np.int64]


def plan(task: PlanTask) -> Counts:
    """Writes the plan of every dataset."""
    samples = _read(task.samples)
    order = _shuffled(samples, task.seed)
    sides = _sides(samples, task)
    shards: list[dict[str, object]] = []
    for dataset in [""] if task.shares is None else [TRAIN, *sorted(task.shares)]:
        members = np.array([item for item in order if sides[item] == dataset], dtype=np.int64)
        if not len(members):
            raise TaskError(_why_empty(dataset, task))
        for number, chosen in enumerate(_deal(members, samples.num_bytes, task, dataset)):
            places = Path(task.folder) / f"{dataset or 'all'}-{number:05d}.parquet"
            with write_table(places, PLACES) as table:
                for item in chosen:
                    table.append({"split": int(samples.split[item]), "row": int(samples.row[item])})
            before = sum(int(str(shard["num_samples"])) for shard in shards if shard["dataset"] == dataset)
            shards.append(
                {
                    "dataset": dataset,
                    "number": number,
                    "places": str(places.name),
                    "first_sample": before,
                    "num_samples": len(chosen),
                }
            )
    write_bytes(Path(task.folder) / "plan.json", orjson.dumps(shards))
    return Counts(shards=len(shards))


def read_plan(folder: Path) -> list[PlannedShard]:
    """The shards that `plan` decided on."""
    return [PlannedShard(**fields) for fields in orjson.loads((folder / "plan.json").read_bytes())]


def read_places(path: Path) -> list[tuple[int, int]]:
    """(split, row) of each sample of a shard, in order."""
    table = pq.read_table(path)
    return list(zip(table["split"].to_pylist(), table["row"].to_pylist(), strict=True))


def _read(paths: Sequence[str]) -> _Samples:
    doc_ids: list[str] = []
    domains: list[str] = []
    split: list[npt.NDArray[np.int32]] = []
    rows: list[npt.NDArray[np.int32]] = []
    sizes: list[npt.NDArray[np.int64]] = []
    for number, path in enumerate(paths):
        with pa.memory_map(path) as source:
            table = pa.ipc.open_file(source).read_all().select(["doc_id", "url", "num_bytes"])
            doc_ids.extend(table["doc_id"].to_pylist())
            domains.extend(map(_domain, table["url"].to_pylist()))
            sizes.append(table["num_bytes"].to_numpy())
        rows.append(np.arange(len(sizes[-1]), dtype=np.int32))
        split.append(np.full(len(sizes[-1]), number, dtype=np.int32))
    if not doc_ids:
        raise TaskError("nothing is left to write: see the table above for the rule that took the most")
    return _Samples(
        doc_ids=doc_ids,
        domains=domains,
        split=np.concatenate(split),
        row=np.concatenate(rows),
        num_bytes=np.concatenate(sizes),
    )


def _shuffled(samples: _Samples, seed: int) -> list[int]:
    """Samples in shuffled order of their documents; the parts of one stay together, in order."""
    rank = {doc_id: seeded_u64(seed, "order", doc_id) for doc_id in set(samples.doc_ids)}
    return sorted(
        range(len(samples.doc_ids)), key=lambda item: (rank[samples.doc_ids[item]], samples.doc_ids[item], item)
    )


def _sides(samples: _Samples, task: PlanTask) -> list[str]:
    """The dataset that each sample goes to."""
    if task.shares is None:
        return [""] * len(samples.doc_ids)
    groups = _document_groups(task.groups)
    by_group = np.array([groups[doc_id] for doc_id in samples.doc_ids])
    by_domain = np.array(samples.domains)
    same_domain = equal_pairs(by_domain)
    known = same_domain[by_domain[same_domain[:, 0]] != ""]
    labels = components(len(by_group), np.concatenate([equal_pairs(by_group), known]))
    smallest: dict[int, str] = {}
    for label, doc_id in zip(labels.tolist(), samples.doc_ids, strict=True):
        smallest[label] = min(smallest.get(label, doc_id), doc_id)
    side = _side_of_groups(smallest, np.bincount(labels, minlength=len(labels)), task)
    return [side[label] for label in labels.tolist()]


def _side_of_groups(names: Mapping[int, str], num_samples: npt.NDArray[np.int64], task: PlanTask) -> dict[int, str]:
    """Deals whole groups, in seeded order: a share takes each group that it still has room for; the rest is `train`.

    A group is named by its smallest document id. Groups that are larger than a share never fall into it.
    """
    assert task.shares is not None
    sides = dict.fromkeys(names, TRAIN)
    for share in sorted(task.shares):
        room = task.shares[share] * num_samples.sum()
        for label in sorted(names, key=lambda label: (seeded_u64(task.seed, share, names[label]), names[label])):
            if sides[label] == TRAIN and num_samples[label] <= room:
                sides[label] = share
                room -= num_samples[label]
    return sides


def _document_groups(path: str) -> dict[str, str]:
    table = pq.read_table(path)
    return dict(zip(table["doc_id"].to_pylist(), table["group"].to_pylist(), strict=True))


def _deal(
    members: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64], task: PlanTask, dataset: str
) -> list[npt.NDArray[np.int64]]:
    """Cuts the order into the fewest shards that suit the recipe, each even in bytes and none above the limit."""
    num_bytes = sizes[members]
    least = -(-int(num_bytes.sum()) // (task.max_bytes - len(END)))
    num_shards = -(-least // task.multiple_of) * task.multiple_of
    while True:
        if num_shards > len(members):
            what = f"split {dataset!r} has" if dataset else "there are"
            raise TaskError(
                f"{what} {len(members):,} samples, too few for shards.multiple_of = {task.multiple_of} "
                f"and shards.max_bytes = {task.max_bytes:,}; lower the first or raise the second"
            )
        middle = np.cumsum(num_bytes) - num_bytes / 2
        shard = (middle * num_shards // num_bytes.sum()).astype(np.int64)
        per_shard = np.bincount(shard, weights=num_bytes, minlength=num_shards)
        fits = per_shard.max() + len(END) <= task.max_bytes or num_bytes.max() + len(END) > task.max_bytes
        if fits and per_shard.min() > 0:
            return np.split(members, np.searchsorted(shard, np.arange(1, num_shards)))
        num_shards += task.multiple_of


def _domain(url: str | None) -> str:
    try:
        return (urlsplit(url or "").hostname or "").lower()
    except ValueError:
        return ""


def _why_empty(dataset: str, task: PlanTask) -> str:
    return (
        f"split {dataset!r} got no document: documents of one domain or with a common image stay together, "
        f"and no such group is small enough for it (splits: {dict(task.shares or {})}); use a larger share"
    )
