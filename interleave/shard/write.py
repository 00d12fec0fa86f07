"""The sixth stage: one shard a task, its samples' members one after another in a tar."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from interleave.blobs import BlobReader
from interleave.counts import Counts
from interleave.document import BlobRef
from interleave.files import atomic_write, write_bytes
from interleave.sample import ids_member, image_member, json_member, key_of, write_json
from interleave.shard.index import SCHEMA, write_index
from interleave.shard.plan import PlannedShard, read_places
from interleave.shard.tar import BLOCK, END, HashingFile, write_member

_OPEN_FILES = 64
# Samples whose images are read at once.
_AT_ONCE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteTask:
    """A shard to write."""

    shard: PlannedShard
    plan: str
    samples: tuple[str, ...]
    # What `encode` wrote, split by split.
    work: str
    tar: str
    index: str
    # What this stage writes.


def shard_name(number: int) -> str:
    return f"shard-{number:04d}.tar"


def hash_file(index: str) -> Path:
    """Where the SHA-256 of a shard is written, beside its part of the index."""
    return Path(index).with_suffix(".sha256")


def write(task: WriteTask) -> Counts:
    """Writes a tar, and its part of the index with the tar's hash beside it."""
    read_row = _row_reader(task.samples)
    rows: list[dict[str, Any]] = []
    with atomic_write(Path(task.tar)) as file, BlobReader(Path(task.work)) as blobs:
        hashing = HashingFile(file)
        samples = (read_row(split, row) for split, row in read_places(task.plan, task.shard))
        for row, images in _with_images(samples, blobs):
            key = key_of(task.shard.first_sample + len(rows))
            rows.append(_write_sample(hashing, key, task.shard.number, row, images))
        hashing.write(END)
    batch = pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
    write_index(Path(task.index), [batch])
    write_bytes(hash_file(task.index), hashing.digest.hexdigest().encode())
    return Counts(samples=len(rows), bytes=hashing.position, images=sum(row["num_images"] for row in rows))


def _with_images(rows: Iterable[dict[str, Any]], blobs: BlobReader) -> Iterator[tuple[dict[str, Any], list[bytes]]]:
    """(row, the bytes of its images), those of some rows read at once."""
    waiting = iter(rows)
    while some := list(islice(waiting, _AT_ONCE)):
        images = iter(blobs.read_all([ref for row in some for ref in _images(row)]))
        for row in some:
            yield row, list(islice(images, row["num_images"]))


def _images(row: dict[str, Any]) -> list[BlobRef]:
    places = zip(row["blob_files"], row["blob_offsets"], row["blob_lengths"], strict=True)
    return [BlobRef(file=name, offset=offset, length=length) for name, offset, length in places]


def _write_sample(
    file: HashingFile, key: str, shard: int, row: dict[str, Any], images: Sequence[bytes]
) -> dict[str, Any]:
    begin = file.position
    members = [(json_member(key), write_json(key, row["body"], row["is_image"])), (ids_member(key), row["ids"])]
    members += [(image_member(key, position), data) for position, data in enumerate(images)]
    offsets = [_write_one(file, name, data) for name, data in members]
    assert file.position - begin == row["num_bytes"], "the plan knew the size of every sample"
    return {
        "key": key,
        "shard": shard,
        "offset": begin,
        "num_bytes": file.position - begin,
        "member_offsets": offsets,
        "member_bytes": [len(data) for _, data in members],
        **{name: row[name] for name in ("num_ids", "num_tokens", "num_content_tokens")},
        **{name: row[name] for name in ("num_images", "num_pixels", "num_texts", "source", "doc_id", "part")},
        **{name: row[name] for name in ("cuts", "span_starts", "span_lengths", "span_tokens", "span_pixels")},
    }


def _write_one(file: HashingFile, name: str, data: bytes) -> int:
    offset = file.position + BLOCK
    write_member(file, name, data)
    return offset


def _row_reader(paths: Sequence[str]) -> Callable[[int, int], dict[str, Any]]:
    """Takes single rows out of mapped files; a bounded number of them is mapped at a time."""

    @lru_cache(maxsize=_OPEN_FILES)
    def table(split: int) -> pa.Table:
        return pa.ipc.open_file(pa.memory_map(paths[split])).read_all()

    def read(split: int, row: int) -> dict[str, Any]:
        found: dict[str, Any] = table(split).slice(row, 1).to_pylist()[0]
        return found

    return read
