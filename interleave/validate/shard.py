"""Everything that can be said of one tar: alone, or against the manifest and the index beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from interleave.errors import ShardError
from interleave.sample import ids_member, json_member, key_of, read_ids, read_record, tar_bytes
from interleave.shard.index import INDEX_NAME, present, read_index
from interleave.shard.manifest import ShardEntry
from interleave.shard.takedown_request import Request
from interleave.validate import checks
from interleave.validate.checks import Expectation, Found, Sample
from interleave.validate.findings import MAX_FINDINGS, Finding, Outcome
from interleave.validate.samples import RawSample, read_member, read_samples


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardTask:
    """A tar to validate."""

    path: str
    number: int
    first_sample: int | None
    # Number of its first sample in the dataset; None where the tar stands alone.
    entry: ShardEntry | None
    expected: Expectation | None
    taken_down: Request
    # What the dataset's record of take-downs names.
    decode: bool


class _Checking:
    """Findings and sums of one shard."""

    def __init__(self, task: ShardTask) -> None:
        self.task = task
        self.name = Path(task.path).name
        self.findings: list[Finding] = []
        self.num_findings = 0
        self.num_samples = self.num_images = self.num_ids = self.num_tokens = 0
        self.last_key = ""

    def add(self, found: Found, where: str = "") -> None:
        for code, message in found:
            self.num_findings += 1
            if len(self.findings) < MAX_FINDINGS:
                place = f"{self.name} {where}".strip()
                self.findings.append(Finding(code=code, where=place, message=message))

    def outcome(self) -> Outcome:
        return Outcome(
            num_shards=1,
            num_samples=self.num_samples,
            num_images=self.num_images,
            num_tokens=self.num_tokens,
            findings=tuple(self.findings),
            num_findings=self.num_findings,
        )


def validate_shard(task: ShardTask) -> Outcome:
    """Reads a tar once and checks every sample in it. A damaged tar is a finding, not an exception."""
    checking = _Checking(task)
    try:
        with Path(task.path).open("rb") as file:
            num_bytes = Path(task.path).stat().st_size
            rows = _index_of(task)
            _check_samples(checking, file, num_bytes, rows)
            checking.add(_check_manifest(checking, file, num_bytes, rows))
    except OSError as error:
        checking.add(iter([("missing-file", f"cannot be read: {error.strerror}")]))
    except ShardError as error:
        checking.add(iter([("index", str(error))]))
    return checking.outcome()


def _check_samples(checking: _Checking, file: BufferedReader, num_bytes: int, rows: pa.Table | None) -> None:
    keys, removed = _keys(checking.task, rows)
    index = None if rows is None else present(rows)
    if rows is not None:
        checking.add(_check_removed(rows))
    try:
        for raw in read_samples(file, num_bytes):
            if raw.key in removed:
                checking.add(iter([("taken-down", "was taken down, and is in the tar again")]), raw.key)
                continue
            checking.add(_check_key(checking, raw, keys), raw.key)
            if index is not None:
                checking.add(_check_index(raw, index, checking.num_samples), raw.key)
            checking.num_samples += 1
            checking.num_images += len(raw.images)
            _check_sample(checking, file, raw, index)
    except ShardError as error:
        checking.add(iter([("tar-structure", str(error))]))


def _check_sample(checking: _Checking, file: BufferedReader, raw: RawSample, index: pa.Table | None) -> None:
    checking.add(checks.check_members(raw), raw.key)
    if raw.json is None or raw.ids is None:
        return
    try:
        sample = Sample(
            raw=raw, record=read_record(read_member(file, raw.json)), ids=read_ids(read_member(file, raw.ids))
        )
    except ShardError as error:
        checking.add(iter([("sample-json", str(error))]), raw.key)
        return
    checking.num_ids += len(sample.ids)
    checking.num_tokens += checks.expanded_tokens(sample)
    if index is not None:
        checking.add(_check_sizes(checking, sample, index, checking.num_samples - 1), raw.key)
    checking.add(checks.check_taken_down(sample, checking.task.taken_down), raw.key)
    for found in _checks_of(sample, checking.task.expected):
        checking.add(found, raw.key)
    if checking.task.decode:
        for member, info in zip(raw.images, sample.record.image_info, strict=False):
            found = checks.check_image(read_member(file, member), info.get("width", 0), info.get("height", 0))
            checking.add(found, member.name)


def _checks_of(sample: Sample, expected: Expectation | None) -> Iterator[Found]:
    yield checks.check_record(sample)
    yield checks.check_spans(sample, expected)
    yield checks.check_loss(sample, expected)
    yield checks.check_texts(sample)
    if expected is not None:
        yield checks.check_ids(sample, expected)
        yield checks.check_context(sample, expected)


def _check_key(checking: _Checking, raw: RawSample, keys: Sequence[str] | None) -> Found:
    """Keys count up through the dataset, past those that were taken down; in a tar that stands alone they ascend."""
    if keys is not None and checking.num_samples >= len(keys):
        yield "key-order", f"expected no more than {len(keys):,} samples"
    elif keys is not None and raw.key != keys[checking.num_samples]:
        yield "key-order", f"expected key {keys[checking.num_samples]}"
    elif keys is None and raw.key <= checking.last_key:
        yield "key-order", f"follows {checking.last_key}: doubled or out of order"
    checking.last_key = raw.key


def _check_index(raw: RawSample, index: pa.Table, row: int) -> Found:
    if row >= index.num_rows:
        yield "index", "the index has no such sample"
        return
    entry = index.slice(row, 1).to_pylist()[0]
    ordered = [json_member(raw.key), ids_member(raw.key), *(member.name for member in raw.images)]
    members = {member.name: member for member in raw.members}
    places = [(members[name].data, members[name].num_bytes) for name in ordered if name in members]
    if entry["key"] != raw.key or entry["offset"] != raw.members[0].header:
        yield "index", f"the index has sample {entry['key']} at byte {entry['offset']:,} here"
    elif entry["num_bytes"] != sum(tar_bytes(member.num_bytes) for member in raw.members):
        yield "index", f"the index says that it takes {entry['num_bytes']:,} bytes"
    elif places != list(zip(entry["member_offsets"], entry["member_bytes"], strict=False)):
        yield "index", "the index says that its members lie elsewhere"


def _check_removed(rows: pa.Table) -> Found:
    """Rows of samples that were taken down lead nowhere."""
    removed = rows.filter(pc.equal(rows["num_bytes"], 0)).select(["key", "offset", "member_offsets", "member_bytes"])
    for row in removed.to_pylist():
        if row["offset"] or row["member_offsets"] or row["member_bytes"]:
            yield "index", f"sample {row['key']} was taken down, and the index says where it lies"


def _check_sizes(checking: _Checking, sample: Sample, index: pa.Table, row: int) -> Found:
    if row >= index.num_rows:
        return
    entry = index.slice(row, 1).to_pylist()[0]
    where_to_cut = _where_to_cut(sample, checking.task.expected)
    if any(entry[name] != found for name, found in where_to_cut.items()):
        yield "index", "the index says that the sample is to be cut elsewhere"
    sizes = (len(sample.ids), checks.expanded_tokens(sample), len(sample.raw.images), sum(_num_pixels(sample)))
    if sizes != (entry["num_ids"], entry["num_tokens"], entry["num_images"], entry["num_pixels"]):
        yield "index", "the index gives other numbers of ids, tokens, images or pixels"
    if sample.record.doc_id != entry["doc_id"] or sample.record.part != entry["part"]:
        yield "index", "the index says that the sample is of another document"


def _check_manifest(checking: _Checking, file: BufferedReader, num_bytes: int, rows: pa.Table | None) -> Found:
    entry = checking.task.entry
    if entry is None or rows is None:
        return
    file.seek(0)
    if hashlib.file_digest(file, "sha256").hexdigest() != entry.sha256:
        yield "checksum", "the SHA-256 is not the manifest's"
    counted = {
        "num_bytes": (num_bytes, entry.num_bytes),
        "num_samples": (checking.num_samples, entry.num_samples),
        "num_images": (checking.num_images, entry.num_images),
        "num_ids": (checking.num_ids, entry.num_ids),
        "num_tokens": (checking.num_tokens, entry.num_tokens),
        "num_removed_samples": (rows.num_rows - present(rows).num_rows, entry.num_removed_samples),
    }
    for name, (found, stated) in counted.items():
        if found != stated:
            yield "manifest-counts", f"{name} is {found:,}, the manifest says {stated:,}"


def _keys(task: ShardTask, rows: pa.Table | None) -> tuple[list[str] | None, set[str]]:
    """(the keys that a shard has, those that were taken down), by their number alone; (None, {}) of a tar alone."""
    if rows is None or task.first_sample is None:
        return None, set()
    left, removed = [], set()
    for number, num_bytes in enumerate(rows["num_bytes"].to_pylist(), task.first_sample):
        if num_bytes:
            left.append(key_of(number))
        else:
            removed.add(key_of(number))
    return left, removed


def _index_of(task: ShardTask) -> pa.Table | None:
    """The index's rows of this shard."""
    if task.entry is None or task.first_sample is None:
        return None
    path = Path(task.path).with_name(INDEX_NAME)
    index = read_index(path).slice(task.first_sample, task.entry.num_rows)
    try:
        index.validate(full=True)
    except (pa.ArrowException, ValueError) as error:
        raise ShardError(f"{path} is damaged: {error}") from None
    return index


def _where_to_cut(sample: Sample, expected: Expectation | None) -> dict[str, list[int]]:
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
