"""The last stage: index, sidecars, ledger and, when all of them are in place, the manifest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from interleave.clean.decide import SIGNALS
from interleave.counts import Counts
from interleave.dedup.columns import FINGERPRINT_FILES, join_tables
from interleave.dedup.sealed import write_sealed
from interleave.dedup.tables import FingerprintFiles
from interleave.errors import TaskError
from interleave.files import PARTIAL, sha256_of, write_bytes
from interleave.identity import fingerprint
from interleave.shard import energon
from interleave.shard.entries import shard_entry, sums
from interleave.shard.index import INDEX_NAME, read_index, write_index
from interleave.shard.manifest import (
    FORMAT_VERSION,
    LEDGER,
    MANIFEST_NAME,
    REPORT_NAME,
    SUMMARY_NAME,
    InputEntry,
    Manifest,
    ModelEntry,
    ShardEntry,
    TokenizerEntry,
    write_manifest,
)
from interleave.shard.sidecars import CARD_NAME, WIDS_NAME, sidecars
from interleave.shard.sides import TRAIN
from interleave.shard.takedown_swap import forget_staged
from interleave.shard.tar import END
from interleave.shard.write import hash_file, shard_name

_LEDGER_FILES = (f"{LEDGER}/drops.parquet", *(f"{LEDGER}/{level}.parquet" for level in SIGNALS))


@dataclass(frozen=True, slots=True, kw_only=True)
class SealTask:
    """A dataset whose shards are written."""

    folder: str
    name: str
    indexes: tuple[str, ...]
    # One a shard, in order.
    drops: tuple[str, ...]
    signals: dict[str, tuple[str, ...]]
    # What stages left for the ledger, stage by stage and split by split.
    fingerprints: tuple[FingerprintFiles, ...]
    drops_since: tuple[tuple[str, ...], ...]
    # Split by split: fingerprints of what the rules left, and the lists of what was dropped afterwards.
    tokenizer: TokenizerEntry
    model: ModelEntry
    recipe: str
    # JSON of the recipe without locations.
    recipe_hash: str
    inputs: tuple[InputEntry, ...]
    made_with: tuple[tuple[str, str], ...]
    has_shards: bool = True
    # False: they went to an object store, which was asked for their sizes when they did.


def seal(task: SealTask) -> Counts:
    """Writes what makes a folder of tars a dataset."""
    folder = Path(task.folder)
    shards = [
        _written(folder, number, Path(index), is_here=task.has_shards) for number, index in enumerate(task.indexes)
    ]
    write_index(folder / INDEX_NAME, _batches(task.indexes))
    index = read_index(folder / INDEX_NAME)
    join_tables(task.drops, folder / LEDGER / "drops.parquet")
    for level, parts in task.signals.items():
        join_tables(parts, folder / LEDGER / f"{level}.parquet")
    write_sealed(folder, task.fingerprints, task.drops_since, index["doc_id"])
    _remove_strangers(folder, shards)
    forget_staged(folder)
    beside = _write_sidecars(task, shards, index)
    names = (INDEX_NAME, *beside, *_LEDGER_FILES, *FINGERPRINT_FILES)
    manifest = Manifest(
        format_version=FORMAT_VERSION,
        name=task.name,
        build_digest=fingerprint([[shard.sha256 for shard in shards], task.recipe_hash]),
        **sums(shards),
        shards=tuple(shards),
        files={name: sha256_of(folder / name) for name in names},
        tokenizer=task.tokenizer,
        model=task.model,
        recipe=orjson.loads(task.recipe),
        recipe_hash=task.recipe_hash,
        inputs=task.inputs,
        made_with=dict(task.made_with),
    )
    write_manifest(folder, manifest)
    return Counts(datasets=1)


def remove_dataset(folder: Path) -> None:
    """Removes what a dataset consists of, the manifest first, and nothing else: the record of take-downs stays."""
    names = (
        MANIFEST_NAME,
        INDEX_NAME,
        WIDS_NAME,
        CARD_NAME,
        SUMMARY_NAME,
        REPORT_NAME,
        *_LEDGER_FILES,
        *FINGERPRINT_FILES,
    )
    for_energon = (energon.INFO_NAME, *energon.FIXED_NAMES, *energon.FOREIGN_NAMES)
    shards = (*folder.glob("shard-*.tar"), *folder.glob(energon.tar_index_name("shard-*.tar")))
    for path in (*(folder / name for name in (*names, *for_energon)), *sorted(shards)):
        path.unlink(missing_ok=True)
    forget_staged(folder)
    for emptied in (folder / LEDGER, folder / energon.FOLDER, (folder / FINGERPRINT_FILES[0]).parent, folder):
        with suppress(OSError):  # somebody's own files are in it
            emptied.rmdir()


def ledger_files(folder: Path) -> list[Path]:
    """What was dropped from a dataset, and what rules measured."""
    return [folder / name for name in _LEDGER_FILES]


def dataset_digest(folder: Path) -> str:
    """One hash for a whole dataset: of the manifest, which holds the hash of every file that a build determines."""
    return sha256_of(folder / MANIFEST_NAME)


def _written(folder: Path, number: int, index: Path, *, is_here: bool) -> ShardEntry:
    """
    Raises:
        TaskError: the tar is not the one that was written, but for example one that was taken down from.
    """
    rows = read_index(index)
    path = folder / shard_name(number)
    num_bytes = pc.sum(rows["num_bytes"]).as_py() + len(END)
    if is_here and (found := path.stat().st_size) != num_bytes:
        raise TaskError(
            f"{path} has {found:,} bytes, {num_bytes:,} were written: it was changed since, perhaps by a take-down; "
            "build with --fresh (and the take-down's list among `blocklists`)"
        )
    return shard_entry(path.name, hash_file(str(index)).read_text(), num_bytes, rows)


def _batches(indexes: Sequence[str]) -> Iterator[pa.RecordBatch]:
    for index in indexes:
        yield from read_index(Path(index)).to_batches()


def _write_sidecars(task: SealTask, shards: Sequence[ShardEntry], index: pa.Table) -> list[str]:
    """Writes the small files for readers, one at a time: there is one for each shard; their names."""
    folder = Path(task.folder)
    # A dataset of a recipe with splits lies in a folder that is called by its split.
    split = folder.name if orjson.loads(task.recipe).get("splits") else TRAIN
    for foreign in energon.FOREIGN_NAMES:
        (folder / foreign).unlink(missing_ok=True)
    names = []
    files = sidecars(task.name, shards, index, task.tokenizer, task.model)
    for name, data in chain(files, energon.fixed_files(shards, split)):
        write_bytes(folder / name, data)
        names.append(name)
    return names


def _remove_strangers(folder: Path, shards: Sequence[ShardEntry]) -> None:
    """Shards that an earlier recipe wrote here, and this one did not; what lies beside any; what was not finished."""
    names = {shard.name for shard in shards}
    for path in sorted(folder.rglob(f"*{PARTIAL}")):
        path.unlink()
    for path in sorted(folder.glob("shard-*.tar*")):
        if path.name not in names:
            path.unlink()
