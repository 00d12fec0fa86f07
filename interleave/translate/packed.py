"""Packed rows as samples of plain tars, for trainers that read tars and pack nothing: the rows of `StreamingDataset`.

0000000007.json                what is in the row
0000000007.input_ids.npy       (length,) int32, images as all that they are in the model
0000000007.labels.npy          (length,) int32: the ids, -100 on images, padding and what is not learned
0000000007.position_ids.npy    (length,) int32, from 0 in each segment; mRoPE: `mrope_position_ids`, (3, length)
0000000007.segment_ids.npy     (length,) int32: 1, 2, ...; 0 is padding
0000000007.00.jpg ...          the images of all segments, in order
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
from tqdm import tqdm

from interleave.errors import RecipeError
from interleave.pack.group import group_short
from interleave.pack.row import IGNORED, Row, build_row
from interleave.sample import image_member, json_member, key_of
from interleave.shard.manifest import Manifest
from interleave.stream.order import Order
from interleave.stream.rows import Item, RowPlan
from interleave.translate.passages import Passages
from interleave.translate.summary import Tally
from interleave.translate.tars import Members, write_tars


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedSettings:
    """How rows are packed."""

    seq_len: int | None
    # Length of a row in expanded tokens; None: the dataset's context.
    window: int
    # Samples that are packed together.
    seed: int
    # Of the order of samples, as the loader shuffles them in its first epoch.
    max_images: int | None
    # A row.
    group_below: int
    # Samples of fewer tokens side by side in a row share a segment.
    padding: int
    # Id of padding positions.
    max_shard_bytes: int


def write_packed(passages: Passages, folder: Path, tally: Tally, *, settings: PackedSettings) -> None:
    """Writes the tars.

    Raises:
        RecipeError: the dataset stores whole documents and no length of rows is given.
        ShardError: samples do not fit into rows.
    """
    reader = passages.reader
    length = settings.seq_len or reader.manifest.model.context
    if length is None:
        raise RecipeError(f"{reader.folder}: whole documents are stored; say how long a row is: --seq-len 4096")
    write_tars(folder, _samples(passages, length, settings, tally), max_bytes=settings.max_shard_bytes)


def _samples(passages: Passages, length: int, settings: PackedSettings, tally: Tally) -> Iterator[Members]:
    reader, present = passages.reader, ~passages.removed
    tally.saw_ids(int(passages.num_images[present].sum()), int(reader.num_tokens()[present].sum()))
    number = 0
    for items in _rows(passages, length, settings):
        segments = [segment for item in items if (segment := reader.segment(*item)) is not None]
        if not segments:
            continue
        grouped = group_short(segments, settings.group_below)
        row = build_row(grouped, length, settings.padding, has_grid=reader.manifest.model.image.has_grid)
        yield _members(key_of(number), row, reader.manifest)
        number += 1
        tally.wrote_ids(len(row.images), int(row.cu_seqlens[-1]))
        tally.notes["positions of padding"] += length - int(row.cu_seqlens[-1])


def _rows(passages: Passages, length: int, settings: PackedSettings) -> Iterator[tuple[Item, ...]]:
    """What stands in each row."""
    reader = passages.reader
    order = Order(len(reader), dataset=reader.digest, seed=settings.seed, epoch=0)
    plan = RowPlan(reader, order, seq_len=length, window=settings.window, max_images=settings.max_images)
    windows = tqdm(range(plan.num_windows), desc="     write", unit="", disable=passages.no_bar(), leave=False)
    for window in windows:
        yield from (row.items for row in plan.rows(window))


def _members(key: str, row: Row, manifest: Manifest) -> Members:
    arrays = {
        "input_ids": row.token_ids,
        "labels": np.where(row.loss_mask, row.token_ids, IGNORED).astype(np.int32),
        "position_ids": row.positions,
        "segment_ids": row.segment_ids,
    }
    if row.mrope_positions is not None:
        arrays["mrope_position_ids"] = row.mrope_positions
    return [
        (json_member(key), orjson.dumps(_described(key, row, manifest))),
        *((f"{key}.{name}.npy", _npy(array)) for name, array in arrays.items()),
        *((image_member(key, number), jpeg) for number, jpeg in enumerate(row.images)),
    ]


def _described(key: str, row: Row, manifest: Manifest) -> dict[str, Any]:
    return {
        "key": key,
        "keys": row.keys,
        "doc_ids": row.doc_ids,
        "sources": row.sources,
        "cu_seqlens": row.cu_seqlens.tolist(),
        "segment_weights": row.segment_weights.tolist(),
        "images": [image_member(key, number) for number in range(len(row.images))],
        "image_starts": row.image_starts.tolist(),
        "image_tokens": row.image_tokens.tolist(),
        "profile": manifest.model.profile,
        "placeholder": manifest.model.placeholder,
        "tokenizer": manifest.tokenizer.name,
        "tokenizer_sha256": manifest.tokenizer.sha256,
    }


def _npy(array: npt.NDArray[np.int32]) -> bytes:
    buffer = io.BytesIO()
    little = np.ascontiguousarray(array, dtype="<i4")
    np.lib.format.write_array(buffer, little, version=(1, 0), allow_pickle=False)
    return buffer.getvalue()
