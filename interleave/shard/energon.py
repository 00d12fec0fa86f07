"""What Megatron-Energon needs beside the shards: as `energon prepare` of 7.4.1 writes it, the same bytes always.

    .nv-meta/.info.json        samples of each shard
    .nv-meta/split.yaml        which split the shards are; Energon's own tools ask for train, val and test
    .nv-meta/dataset.yaml      texts and images in order, as Energon's `InterleavedSample`, by
    .nv-meta/sample_loader.py  the file `energon_sample_loader.py` beside this one
    .nv-meta/crude.yaml        everything that a sample has, for `interleave.stream.energon.cook`
    shard-0000.tar.idx ...     byte where each sample begins, and where the last one ends: native uint64

For [a, b], of 2,560 and 4,096 bytes, shard-0000.tar.idx is [0, 2560, 6656]. `index.sqlite`, which random access by key
asks for, is not among them: its bytes depend on the version of SQLite. `energon prepare --tar-index-only` adds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa

from interleave.shard.index import present
from interleave.shard.manifest import ShardEntry
from interleave.shard.tar import END

FOLDER = ".nv-meta"
INFO_NAME = f"{FOLDER}/.info.json"
_SPLIT_NAME = f"{FOLDER}/split.yaml"
_DATASET_NAME = f"{FOLDER}/dataset.yaml"
_CRUDE_NAME = f"{FOLDER}/crude.yaml"
_LOADER_NAME = f"{FOLDER}/sample_loader.py"
# Those that a take-down leaves as they are.
FIXED_NAMES = (_SPLIT_NAME, _DATASET_NAME, _CRUDE_NAME, _LOADER_NAME)
# Files that Energon's own tools add, which no build determines.
FOREIGN_NAMES = (f"{FOLDER}/index.sqlite", f"{FOLDER}/index.uuid")
_TAR_INDEX = ".idx"
# Whose format this is.
_VERSION = "7.4.1"
_SPLITS = ("train", "val", "test")
_DATASET = b"""\
# Texts and images in order. With token ids: dataset_config="crude.yaml", and the cooker of interleave.stream.energon.
sample_type:
  __module__: megatron.energon
  __class__: InterleavedSample
sample_loader: sample_loader.py:sample_loader
part_filter: sample_loader.py:part_filter
"""
_CRUDE = b"""\
# Whole samples, to be cooked: megatron.energon.Cooker(interleave.stream.energon.cook)
__module__: megatron.energon
__class__: CrudeWebdataset
"""


def fixed_files(shards: Sequence[ShardEntry], split: str) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file that does not depend on what is in the shards; `FIXED_NAMES`.

    split: what the shards are, by default `train`; the others of `_SPLITS` are empty.
    """
    yield _SPLIT_NAME, _split(shards, split)
    yield _DATASET_NAME, _DATASET
    yield _CRUDE_NAME, _CRUDE
    yield _LOADER_NAME, Path(__file__).with_name("energon_sample_loader.py").read_bytes()


def info(shards: Sequence[ShardEntry]) -> bytes:
    counts = {shard.name: shard.num_samples for shard in shards}
    return orjson.dumps({"energon_version": _VERSION, "shard_counts": counts}, option=orjson.OPT_INDENT_2) + b"\n"


def tar_indexes(shards: Sequence[ShardEntry], index: pa.Table) -> Iterator[tuple[str, bytes]]:
    """Name and content of the index of each shard.

    index: all rows of the dataset, those of samples that were taken down included.
    """
    first_rows = accumulate((shard.num_rows for shard in shards), initial=0)
    columns = index.select(["offset", "num_bytes"])
    for shard, first_row in zip(shards, first_rows, strict=False):
        rows = present(columns.slice(first_row, shard.num_rows))
        yield tar_index_name(shard.name), _tar_index(rows, shard.num_bytes)


def tar_index_name(shard: str) -> str:
    return shard + _TAR_INDEX


def is_tar_index(name: str) -> bool:
    return name.endswith(".tar" + _TAR_INDEX)


def _tar_index(rows: pa.Table, num_bytes: int) -> bytes:
    """(num_samples + 1,) uint64, in the byte order of this machine, as Energon reads it."""
    offsets = np.append(rows["offset"].to_numpy(), num_bytes - len(END))
    return offsets.astype(np.uint64).tobytes()


def _split(shards: Sequence[ShardEntry], split: str) -> bytes:
    lines = ["split_parts:"]
    for name in dict.fromkeys((*_SPLITS, split)):
        if name == split:
            lines += [f"  {name}:", *(f"  - {shard.name}" for shard in shards)]
        else:
            lines.append(f"  {name}: []")
    return "\n".join([*lines, "exclude: []", ""]).encode()
