"""The last stage: index, sidecars, ledger and, when all of them are in place, the manifest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from interleave.clean.decide import SIGNALS
from interleave.counts import Counts
from interleave.files import sha256_of, write_bytes
from interleave.shard.index import INDEX_NAME, read_index, write_index
from interleave.shard.manifest import (
    FORMAT_VERSION,
    MANIFEST_NAME,
    InputEntry,
    Manifest,
    ModelEntry,
    ShardEntry,
    TokenizerEntry,
    write_manifest,
)
from interleave.shard.sidecars import CARD_NAME, WIDS_NAME, dataset_card, wids_meta
from interleave.shard.write import shard_name
from interleave.spool import DROPS, write_table

LEDGER = "ledger"
_LEDGER_FILES = (f"{LEDGER}/drops.parquet", f"{LEDGER}/signals.parquet")
# The build's summary with its times lies beside a dataset, and is no part of its digest.
SUMMARY_NAME = "summary.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealTask:
    """A dataset whose shards are written."""

    folder: str
    name: str
    indexes: tuple[str, ...]
    # One a shard, in order.
    drops: tuple[str, ...]
    signals: tuple[str, ...]
    # What stages left for the ledger, stage by stage and split by split.
    tokenizer: TokenizerEntry
    model: ModelEntry
    recipe: str
    # JSON of the recipe without locations.
    recipe_hash: str
    inputs: tuple[InputEntry, ...]
    made_with: tuple[tuple[str, str], ...]


def seal(task: SealTask) -> Counts:
    """Writes what makes a folder of tars a dataset."""
    folder = Path(task.folder)
    shards = [_entry(folder, number, Path(index)) for number, index in enumerate(task.indexes)]
    write_index(folder / INDEX_NAME, _batches(task.indexes))
    index = read_index(folder / INDEX_NAME)
    most_images = pc.max(index["num_images"]).as_py()
    write_bytes(folder / WIDS_NAME, wids_meta(task.name, shards))
    write_bytes(folder / CARD_NAME, dataset_card(task.name, shards, most_images, task.tokenizer, task.model))
    _join(task.drops, folder / LEDGER / "drops.parquet", DROPS)
    _join(task.signals, folder / LEDGER / "signals.parquet", SIGNALS)
    _remove_strangers(folder, shards)
    names = (INDEX_NAME, WIDS_NAME, CARD_NAME, *_LEDGER_FILES)
    manifest = Manifest(
        format_version=FORMAT_VERSION,
        name=task.name,
        num_samples=sum(shard.num_samples for shard in shards),
        num_images=sum(shard.num_images for shard in shards),
        num_ids=sum(shard.num_ids for shard in shards),
        num_tokens=sum(shard.num_tokens for shard in shards),
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
    """Removes what a dataset consists of, the manifest first, and nothing else."""
    names = (MANIFEST_NAME, INDEX_NAME, WIDS_NAME, CARD_NAME, SUMMARY_NAME, *_LEDGER_FILES)
    for path in (*(folder / name for name in names), *sorted(folder.glob("shard-*.tar"))):
        path.unlink(missing_ok=True)
    for emptied in (folder / LEDGER, folder):
        with suppress(OSError):  # somebody's own files are in it
            emptied.rmdir()


def dataset_digest(folder: Path) -> str:
    """One hash for a whole dataset: of the manifest, which holds the hash of every file that a build determines."""
    return sha256_of(folder / MANIFEST_NAME)


def _entry(folder: Path, number: int, index: Path) -> ShardEntry:
    table = read_index(index)
    totals: dict[str, Any] = {name: pc.sum(table[name]).as_py() for name in ("num_images", "num_ids", "num_tokens")}
    name = shard_name(number)
    return ShardEntry(
        name=name,
        sha256=index.with_suffix(".sha256").read_text(),
        num_bytes=(folder / name).stat().st_size,
        num_samples=table.num_rows,
        **totals,
    )


def _batches(indexes: Sequence[str]) -> Iterator[pa.RecordBatch]:
    for index in indexes:
        yield from read_index(Path(index)).to_batches()


def _join(parts: Sequence[str], path: Path, schema: pa.Schema) -> None:
    """One Parquet file out of many, a row group at a time."""
    with write_table(path, schema) as table:
        for part in parts:
            with pq.ParquetFile(part) as file:
                for group in range(file.num_row_groups):
                    table.append_table(file.read_row_group(group))


def _remove_strangers(folder: Path, shards: Sequence[ShardEntry]) -> None:
    """Shards that an earlier recipe wrote here, and this one did not."""
    names = {shard.name for shard in shards}
    for path in sorted(folder.glob("shard-*.tar*")):
        if path.name not in names:
            path.unlink()
