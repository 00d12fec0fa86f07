"""Take-down: a sealed dataset without what somebody asked to be removed, and sealed again.

    request ─> find (every sample's JSON) ─> stage (shards, index, ledger, sidecars, record, manifest) ─> swap

Samples go whole: those of documents that are asked for, and those that hold an image that is. Taking the image alone
out of a sample would change its ids, and so the packing of other rows. The index keeps a row for each sample that went:
the order, the windows and all other rows stay what they were, and so do the states of loaders.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
from tqdm import tqdm

from interleave.dedup.columns import FINGERPRINT_FILES
from interleave.errors import RecipeError, ShardError
from interleave.executors import Executor, results
from interleave.files import sha256_of, write_bytes
from interleave.shard import energon
from interleave.shard.entries import sums
from interleave.shard.index import INDEX_NAME, read_index, write_index
from interleave.shard.manifest import MANIFEST_NAME, REPORT_NAME, Manifest, ShardEntry, read_manifest, write_manifest
from interleave.shard.sidecars import is_sidecar, sidecars
from interleave.shard.takedown_find import FindTask, Hit, ShardRows, find_hits
from interleave.shard.takedown_fingerprints import count_fingerprints, forget_fingerprints
from interleave.shard.takedown_ledger import count_rows_to_forget, forget, measured_documents
from interleave.shard.takedown_request import Request, as_record
from interleave.shard.takedown_shard import RewriteTask, rewrite
from interleave.shard.takedown_swap import RECORD_NAME, alone, complete, is_interrupted, staging

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Takedown:
    """What a take-down removed, or with `dry_run` would remove."""

    dataset: str
    dry_run: bool
    completed_earlier: bool
    # An interrupted take-down was completed first.
    num_samples: int
    num_documents: int
    # Those that lost at least one sample.
    num_images: int
    num_shards: int
    num_bytes: int
    # Of the samples that went.
    num_forgotten_rows: int
    # Of the ledger and of fingerprints, that went or were emptied.
    samples: tuple[Hit, ...]
    unmatched: tuple[str, ...]
    # Entries that mean no sample.
    digest: str
    # Of the dataset as it is now.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """Everything that goes."""

    hits: tuple[Hit, ...] = ()
    # In the order of their keys.
    documents: frozenset[str] = frozenset()
    # Ids of those that the ledger forgets.
    rows: Mapping[str, int] = field(default_factory=dict)
    # File of the ledger or of fingerprints -> rows that go or are emptied, of those in which some do.

    def __bool__(self) -> bool:
        return bool(self.hits or self.rows)

    @property
    def entries(self) -> set[str]:
        """Of the request, those that mean a sample."""
        return {entry for hit in self.hits for entry in hit.by}


def take_down(
    folder: Path, request: Request, executor: Executor, *, dry_run: bool = False, quiet: bool = False
) -> Takedown:
    """Removes from a dataset what a request means; first of all completes a take-down that was interrupted.

    Killed at any moment, it leaves the dataset as it was, or in a state that the next run completes. Needs room for a
    second copy of the shards concerned.

    Raises:
        RecipeError: nothing is asked for, and nothing was interrupted.
        ShardError: the folder is no finished dataset, or not as it was sealed; nothing was changed.
    """
    with alone(folder):
        if dry_run and is_interrupted(folder):
            raise ShardError(f"{folder}: a take-down was interrupted; `interleave takedown {folder}` completes it")
        completed = not dry_run and complete(folder)
        if not request and not completed:
            raise RecipeError("nothing to take down: give --url, --domain, --sha256 or --from")
        manifest = read_manifest(folder)
        found = _find(folder, manifest, request, executor, quiet) if request else _Found()
        if found and not dry_run:
            # It shows samples; who wants it again has it written again.
            (folder / REPORT_NAME).unlink(missing_ok=True)
            with staging(folder) as staged:
                _stage(folder, staged, manifest, request, found, executor, quiet)
            complete(folder)
    return Takedown(
        dataset=str(folder),
        dry_run=dry_run,
        completed_earlier=completed,
        **_counts(found),
        samples=found.hits,
        unmatched=tuple(sorted(set(request.entries) - found.entries)),
        digest=sha256_of(folder / MANIFEST_NAME),
    )


def _find(folder: Path, manifest: Manifest, request: Request, executor: Executor, quiet: bool) -> _Found:
    tables = [
        name
        for name in sorted(manifest.files)
        if name not in (INDEX_NAME, *energon.FIXED_NAMES) and not is_sidecar(name)
    ]
    ledger = [name for name in tables if name.startswith("ledger/")]
    if unknown := set(tables) - {*ledger, *FINGERPRINT_FILES}:
        raise ShardError(f"{folder} has files that this version cannot take down from: {', '.join(sorted(unknown))}")
    _check_sealed(folder, manifest, [INDEX_NAME, *energon.FIXED_NAMES, *tables])
    tasks = [FindTask(shard=shard, request=request) for shard in _shards(folder, manifest)]
    hits = [hit for _, found in _mapped(executor, find_hits, tasks, "search", quiet) for hit in found]
    documents = {hit.doc_id for hit in hits}
    for name in ledger:
        documents.update(measured_documents(folder / name, request))
    rows = {name: count_rows_to_forget(folder / name, request, documents) for name in ledger}
    if set(FINGERPRINT_FILES) <= set(tables):
        rows |= count_fingerprints(folder, documents)
    return _Found(
        hits=tuple(sorted(hits, key=lambda hit: hit.key)),
        documents=frozenset(documents),
        rows={name: number for name, number in rows.items() if number},
    )


def _stage(
    folder: Path,
    staged: Path,
    manifest: Manifest,
    request: Request,
    found: _Found,
    executor: Executor,
    quiet: bool,
) -> None:
    """Writes every file that changes, the manifest last."""
    shards = _shards(folder, manifest)
    written = _rewrite(shards, manifest, staged, found, executor, quiet)
    entries = [written[entry.name][0] if entry.name in written else entry for entry in manifest.shards]
    index = read_index(folder / INDEX_NAME)
    write_index(staged / INDEX_NAME, _batches(shards, index, written))
    written_index = read_index(staged / INDEX_NAME)
    for name, data in sidecars(manifest.name, entries, written_index, manifest.tokenizer, manifest.model):
        _write_if_other(folder / name, staged / name, data)
    for name in set(found.rows) - set(FINGERPRINT_FILES):
        forget(folder / name, staged / name, request, found.documents)
    if not found.rows.keys().isdisjoint(FINGERPRINT_FILES):
        forget_fingerprints(folder, staged, found.documents)
    _write_record(folder, staged, request, found)
    files = {name: sha256_of(staged / name if (staged / name).is_file() else folder / name) for name in manifest.files}
    write_manifest(staged, manifest.model_copy(update={"shards": tuple(entries), "files": files, **sums(entries)}))


def _rewrite(
    shards: Sequence[ShardRows], manifest: Manifest, staged: Path, found: _Found, executor: Executor, quiet: bool
) -> dict[str, tuple[ShardEntry, pa.RecordBatch]]:
    removed: dict[str, set[str]] = {}
    for hit in found.hits:
        removed.setdefault(hit.shard, set()).add(hit.key)
    tasks = [
        RewriteTask(shard=shard, sha256=entry.sha256, removed=frozenset(removed[shard.name]), to=str(staged))
        for shard, entry in zip(shards, manifest.shards, strict=True)
        if shard.name in removed
    ]
    return {tasks[position].shard.name: done for position, done in _mapped(executor, rewrite, tasks, "write", quiet)}


def _batches(
    shards: Sequence[ShardRows], index: pa.Table, written: Mapping[str, tuple[ShardEntry, pa.RecordBatch]]
) -> Iterator[pa.RecordBatch]:
    """The index, a batch a shard."""
    for shard in shards:
        if shard.name in written:
            yield written[shard.name][1]
        else:
            yield from index.slice(shard.first_row, shard.num_rows).combine_chunks().to_batches()


def _write_if_other(path: Path, staged: Path, data: bytes) -> None:
    """Most shards, and so their sidecars, stay what they were."""
    if not path.is_file() or path.read_bytes() != data:
        write_bytes(staged, data)


def _write_record(folder: Path, staged: Path, request: Request, found: _Found) -> None:
    counts = {name: number for name, number in _counts(found).items() if name != "num_forgotten_rows"}
    known = folder / RECORD_NAME
    before = known.read_text(encoding="utf-8") if known.is_file() else ""
    time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    write_bytes(staged / RECORD_NAME, as_record(request, time, counts, before).encode())


def _counts(found: _Found) -> dict[str, int]:
    return {
        "num_samples": len(found.hits),
        "num_documents": len({hit.doc_id for hit in found.hits}),
        "num_images": sum(hit.num_images for hit in found.hits),
        "num_shards": len({hit.shard for hit in found.hits}),
        "num_bytes": sum(hit.num_bytes for hit in found.hits),
        "num_forgotten_rows": sum(found.rows.values()),
    }


def _shards(folder: Path, manifest: Manifest) -> list[ShardRows]:
    first_rows = accumulate((entry.num_rows for entry in manifest.shards), initial=0)
    return [
        ShardRows(folder=str(folder), name=entry.name, first_row=first_row, num_rows=entry.num_rows)
        for entry, first_row in zip(manifest.shards, first_rows, strict=False)
    ]


def _check_sealed(folder: Path, manifest: Manifest, names: Sequence[str]) -> None:
    """What is damaged must not be sealed again as if it were sound."""
    for name in names:
        path = folder / name
        if not path.is_file() or sha256_of(path) != manifest.files.get(name):
            raise ShardError(f"{path} is not the file that was sealed; nothing was changed; run `interleave validate`")


def _mapped(
    executor: Executor, function: Callable[[Task], Result], tasks: Sequence[Task], name: str, quiet: bool
) -> Iterator[tuple[int, Result]]:
    silent = quiet or not sys.stderr.isatty()
    with tqdm(total=len(tasks), desc=name, unit="shard", disable=silent, leave=False) as bar:
        for found in results(executor.map(function, tasks)):
            yield found
            bar.update()
