"""Everything that can be said of one tar: alone, or against the manifest and the index beside it."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import pyarrow as pa

from interleave.document import Int32s
from interleave.errors import ShardError
from interleave.sample import ids_member, json_member, key_of, tar_bytes
from interleave.shard.index import INDEX_NAME, read_index
from interleave.shard.manifest import ShardEntry
from interleave.validate.findings import Findings, Found, Outcome
from interleave.validate.sample_checks import Expected, Sample
from interleave.validate.samples import RawSample, read_sample, read_samples
from interleave.validate.whole_sample import SampleChecker, SampleChecks, digest_of

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardTask:
    """A tar to validate."""

    path: str
    checks: SampleChecks
    # Of every sample in it.
    listed: Listed | None
    # What manifest and index say of it; None where the tar stands alone.
    picked: tuple[int, ...] | None
    # Rows of it to look at; None: all.


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A shard as the manifest lists it."""

    entry: ShardEntry
    first_sample: int
    # Its number in the dataset.
    num_parts: Int32s
    # (num_rows,) of the document of each sample, by the index.


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardOutcome:
    """What was found in a tar, and what only all of them together can tell."""

    outcome: Outcome
    digests: bytes
    # 8 of each sample that could be read: the same for samples that are the same.
    numbers: array[int]
    # Of these samples, by their keys.
    num_new_images: int
    # Without those that a part repeats, and without those of documents that lost a sample.


def validate_shard(task: ShardTask) -> ShardOutcome:
    """Reads a tar once and checks every sample in it. A damaged tar is a finding, not an exception."""
    shard = _Shard(task)
    try:
        with Path(task.path).open("rb") as file:
            shard.check(file, Path(task.path).stat().st_size)
    except OSError as error:
        shard.add(iter([("missing-file", f"cannot be read: {error.strerror}")]))
    return shard.outcome()


class _Shard:
    """A tar on its way through the checks."""

    def __init__(self, task: ShardTask) -> None:
        self._task = task
        self._name = Path(task.path).name
        self._findings = Findings()
        self._checker = SampleChecker(task.checks, self._findings, self._name)
        self._num_samples = self._num_images = self._num_ids = self._num_tokens = self._num_new_images = 0
        self._digests: list[bytes] = []
        self._numbers = array("q")

    def add(self, found: Found, key: str = "") -> None:
        self._findings.add(found, f"{self._name} {key}".strip())

    def check(self, file: BufferedReader, num_bytes: int) -> None:
        try:
            rows = _rows_of(self._task)
        except ShardError as error:
            self.add(iter([("index", str(error))]))
            rows = None
        if self._task.picked is not None and rows is not None:
            self._check_picked(file, num_bytes, [rows[at] for at in self._task.picked])
        else:
            self._check_all(file, num_bytes, rows)

    def outcome(self) -> ShardOutcome:
        return ShardOutcome(
            outcome=Outcome(
                num_shards=1,
                num_samples=self._num_samples,
                num_images=self._num_images,
                num_tokens=self._num_tokens,
                findings=tuple(self._findings.kept),
                counts=self._findings.counts,
            ),
            digests=b"".join(self._digests),
            numbers=self._numbers,
            num_new_images=self._num_new_images,
        )

    def _check_picked(self, file: BufferedReader, num_bytes: int, rows: Sequence[Row]) -> None:
        for row in rows:
            try:
                raw = read_sample(file, num_bytes, row["offset"], row["num_bytes"])
            except ShardError as error:
                self.add(iter([("tar-structure", str(error))]), row["key"])
                continue
            self.add(_check_key(raw, row["key"]), raw.key)
            self._check_sample(file, raw, row)

    def _check_all(self, file: BufferedReader, num_bytes: int, rows: Sequence[Row] | None) -> None:
        present = None if rows is None else [row for row in rows if row["num_bytes"]]
        removed = {row["key"] for row in rows or () if not row["num_bytes"]}
        last_key = ""
        try:
            for raw in read_samples(file, num_bytes):
                if raw.key in removed:
                    self.add(iter([("taken-down", "was taken down, and is in the tar again")]), raw.key)
                    continue
                row = present[self._num_samples] if present and self._num_samples < len(present) else None
                if present is None:
                    self.add(_check_ascends(raw, last_key), raw.key)
                elif row is None:
                    self.add(iter([("key-order", f"expected no more than {len(present):,} samples")]), raw.key)
                else:
                    self.add(_check_key(raw, row["key"]), raw.key)
                last_key = raw.key
                self._check_sample(file, raw, row)
        except ShardError as error:
            self.add(iter([("tar-structure", str(error))]))
        if rows is not None:
            self.add(self._check_manifest(file, num_bytes, len(removed)))
            self.add(_check_removed(rows))

    def _check_sample(self, file: BufferedReader, raw: RawSample, row: Row | None) -> None:
        self._num_samples += 1
        self._num_images += len(raw.images)
        if row is not None:
            self.add(_check_places(raw, row), raw.key)
        sample = self._checker.check(file, raw)
        if sample is None:
            return
        self._num_ids += len(sample.ids)
        self._num_tokens += sample.num_tokens
        self._numbers.append(int(raw.key[:18]) if raw.key.isdecimal() else -1)
        self._digests.append(digest_of(sample))
        if sample.record.doc_id not in self._task.checks.forgotten:
            self._num_new_images += sum(start >= sample.record.num_repeated for start, _ in sample.record.spans)
        if row is not None:
            self.add(self._check_row(sample, row), raw.key)

    def _check_row(self, sample: Sample, row: Row) -> Found:
        """The index describes the sample as it is."""
        record = sample.record
        found = {
            "num_ids": len(sample.ids),
            "num_tokens": sample.num_tokens,
            "num_images": len(sample.raw.images),
            "num_pixels": sum(_num_pixels(sample)),
            "num_texts": sum(text is not None for text in record.texts),
            "doc_id": record.doc_id,
            "part": record.part,
            "source": record.source,
            **_where_to_cut(sample, self._task.checks.expected),
        }
        wrong = [name for name, value in found.items() if row[name] != value]
        if wrong:
            yield "index", f"the index has another {', '.join(wrong)} than the sample"
        if not 0 <= row["num_content_tokens"] <= row["num_tokens"]:
            yield "index", f"the index says that {row['num_content_tokens']:,} of {row['num_tokens']:,} are content"
        listed = self._task.listed
        if listed is not None:
            num_parts = int(listed.num_parts[int(row["key"]) - listed.first_sample])
            if record.num_parts != num_parts:
                yield "document-parts", f"its document is said to have {record.num_parts} parts, there are {num_parts}"

    def _check_manifest(self, file: BufferedReader, num_bytes: int, num_removed: int) -> Found:
        assert self._task.listed is not None, "called where the index has rows of it"
        entry = self._task.listed.entry
        if self._task.checks.level.reads_images:
            file.seek(0)
            if hashlib.file_digest(file, "sha256").hexdigest() != entry.sha256:
                yield "checksum", "the SHA-256 is not the manifest's"
        counted = {
            "num_bytes": (num_bytes, entry.num_bytes),
            "num_samples": (self._num_samples, entry.num_samples),
            "num_images": (self._num_images, entry.num_images),
            "num_ids": (self._num_ids, entry.num_ids),
            "num_tokens": (self._num_tokens, entry.num_tokens),
            "num_removed_samples": (num_removed, entry.num_removed_samples),
        }
        for name, (found, stated) in counted.items():
            if found != stated:
                yield "manifest-counts", f"{name} is {found:,}, the manifest says {stated:,}"


def _check_key(raw: RawSample, key: str) -> Found:
    """Keys count up through the dataset, past those that were taken down."""
    if raw.key != key:
        yield "key-order", f"expected key {key}"


def _check_ascends(raw: RawSample, last_key: str) -> Found:
    """In a tar that stands alone keys ascend."""
    if raw.key <= last_key:
        yield "key-order", f"follows {last_key}: doubled or out of order"


def _check_places(raw: RawSample, row: Row) -> Found:
    """The index says where the sample and its members lie."""
    ordered = [json_member(raw.key), ids_member(raw.key), *(member.name for member in raw.images)]
    members = {member.name: member for member in raw.members}
    places = [(members[name].data, members[name].num_bytes) for name in ordered if name in members]
    if row["key"] != raw.key or row["offset"] != raw.members[0].header:
        yield "index", f"the index has sample {row['key']} at byte {row['offset']:,} here"
    elif row["num_bytes"] != sum(tar_bytes(member.num_bytes) for member in raw.members):
        yield "index", f"the index says that it takes {row['num_bytes']:,} bytes"
    elif places != list(zip(row["member_offsets"], row["member_bytes"], strict=False)):
        yield "index", "the index says that its members lie elsewhere"


def _check_removed(rows: Sequence[Row]) -> Found:
    """Rows of samples that were taken down lead nowhere."""
    for row in rows:
        if not row["num_bytes"] and (row["offset"] or row["member_offsets"] or row["member_bytes"]):
            yield "index", f"sample {row['key']} was taken down, and the index says where it lies"


def _rows_of(task: ShardTask) -> list[dict[str, Any]] | None:
    """The index's rows of this shard.

    Raises:
        ShardError: the index is damaged.
    """
    if task.listed is None:
        return None
    path = Path(task.path).with_name(INDEX_NAME)
    index = read_index(path).slice(task.listed.first_sample, task.listed.entry.num_rows)
    try:
        index.validate(full=True)
    except (pa.ArrowException, ValueError) as error:
        raise ShardError(f"{path} is damaged: {error}") from None
    rows: list[dict[str, Any]] = index.to_pylist()
    for number, row in enumerate(rows, task.listed.first_sample):
        if row["key"] != key_of(number):
            raise ShardError(f"{path} has sample {row['key']!r:.40} as number {number:,}, expected {key_of(number)}")
    return rows


def _where_to_cut(sample: Sample, expected: Expected | None) -> dict[str, list[int]]:
    """What the index tells a loader that cuts: nothing where samples were cut already."""
    whole = expected is not None and expected.model.context is None
    record = sample.record
    return {
        "cuts": list(record.cuts) if whole else [],
        "span_starts": [start for start, _ in record.spans] if whole else [],
        "span_lengths": [length for _, length in record.spans] if whole else [],
        "span_tokens": list(record.span_tokens) if whole else [],
        "span_pixels": _num_pixels(sample) if whole else [],
    }


def _num_pixels(sample: Sample) -> list[int]:
    """(num_images,) by the JSON."""
    return [info["width"] * info["height"] for info in sample.record.image_info]
