"""Rows of a dataset that Hugging Face `datasets` streams: from the hub, or a local folder that it can read.

    list_shards ─> a file a shard ─> cut_shard ─> read_shard ─> (row number, {column: value})

A dataset of the hub is pinned by its commit: the one that the recipe names, or else the one that the hub names when the
build lists its input. A folder is pinned by the SHA-256 of all its files.

`datasets` reads in this process, without the limit on memory that `parquet_reader` has: for files of strangers that are
here already, `path` is the safer way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from interleave.acquire.listing import SourceFile, Split
from interleave.acquire.tables.arrow_values import python_values
from interleave.errors import RecipeError, TaskError, Unreadable
from interleave.files import sha256_of
from interleave.identity import fingerprint

_HUB = "hf://datasets/"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_BATCH_ROWS = 64


def list_shards(source: str, dataset: str, config: str | None, split: str, revision: str | None) -> list[SourceFile]:
    """The shards of a dataset in `datasets`' order.

    Raises:
        RecipeError: there is no such dataset, or it cannot be reached.
    """
    try:
        path = dataset if Path(dataset).is_dir() else f"{_HUB}{dataset}@{_commit(dataset, revision)}"
        num_shards = _stream(path, config, split).num_shards
    except ImportError as error:
        raise RecipeError(f"source {source}: {error}; install the extra `readers`") from None
    except Exception as error:  # noqa: BLE001 - the library's own errors, and those of the network, have no common base
        what = str(error).partition("\n")[0][:300]
        raise RecipeError(f"source {source}: dataset {dataset}: {type(error).__name__}: {what}") from None
    num_bytes = sum(size for _, size, _ in _stamps(path)) if Path(path).is_dir() else 0
    return [
        SourceFile(
            source=source,
            path=path,
            name=f"{config or 'default'}/{split}-{number:05d}-of-{num_shards:05d}",
            num_bytes=num_bytes // num_shards,
        )
        for number in range(num_shards)
    ]


def columns_of(path: str, config: str | None, split: str) -> Sequence[str] | None:
    """None where `datasets` knows them from the first row only."""
    names: Sequence[str] | None = _stream(path, config, split).column_names
    return names


def cut_shard(file: SourceFile) -> list[Split]:
    """A shard is one split."""
    content = _folder_sha256(file.path, _stamps(file.path)) if Path(file.path).is_dir() else file.path
    start = int(file.name.rpartition("-of-")[0].rpartition("-")[2])
    sha256 = fingerprint([content, file.name])
    return [Split(source=file.source, path=file.path, name=file.name, sha256=sha256, start=start, end=start + 1)]


def read_shard(
    split: Split, config: str | None, name: str, needed: Sequence[str], optional: Sequence[str]
) -> Iterator[tuple[int, dict[str, Any] | Unreadable]]:
    """(row number in the shard, values of the columns) for each row. name: of the split of the dataset.

    Raises:
        Unreadable: `damaged_file`, `missing_column`, `duplicate_column`, behind the rows before the damage.
        TaskError: the shard cannot be read on this machine, or not be reached.
    """
    import pyarrow as pa

    from interleave.acquire.tables.parquet_reader import check_column

    number = 0
    try:
        rows = _stream(split.path, config, name)
        shard = rows.shard(rows.num_shards, split.start).with_format("arrow")
        for table in shard.iter(batch_size=_BATCH_ROWS):
            for column in needed:
                check_column(table.column_names, column)
            wanted = [*needed, *(column for column in optional if table.column_names.count(column) == 1)]
            values = {column: python_values(table.column(column).combine_chunks()) for column in wanted}
            for row in range(table.num_rows):
                yield number, {column: found[row] for column, found in values.items()}
                number += 1
    except Unreadable:
        raise
    except (pa.ArrowException, ArithmeticError, LookupError, TypeError, ValueError, EOFError) as error:
        raise Unreadable("damaged_file", str(error).partition("\n")[0][:300]) from None
    except Exception as error:
        if type(error) is OSError and error.errno is None:  # pyarrow's
            raise Unreadable("damaged_file", str(error).partition("\n")[0][:300]) from None
        raise TaskError(f"cannot read {split.path}: {str(error).partition(chr(10))[0][:300]}") from error


@lru_cache(maxsize=4)
def _stream(path: str, config: str | None, split: str) -> Any:
    from datasets import load_dataset

    dataset, _, commit = path.removeprefix(_HUB).rpartition("@") if path.startswith(_HUB) else (path, "", None)
    return load_dataset(dataset, config, split=split, revision=commit, streaming=True)


def _commit(dataset: str, revision: str | None) -> str:
    if revision is not None and _COMMIT.fullmatch(revision):
        return revision
    from huggingface_hub import HfApi

    return str(HfApi().dataset_info(dataset, revision=revision).sha)


def _stamps(folder: str) -> tuple[tuple[str, int, int], ...]:
    """(name, bytes, time of change) of every file."""
    found = ((file, file.stat()) for file in sorted(Path(folder).rglob("*")) if file.is_file())
    return tuple((file.relative_to(folder).as_posix(), info.st_size, info.st_mtime_ns) for file, info in found)


@lru_cache(maxsize=4)
def _folder_sha256(folder: str, stamps: tuple[tuple[str, int, int], ...]) -> str:
    return fingerprint([[name, sha256_of(Path(folder) / name)] for name, _, _ in stamps])
