"""The rows of an epoch by number, for trainers that hand out numbers themselves.

HF Trainer's accelerate shards an iterable dataset a second time, whatever that does by itself: of two ranks each would
see half of its half. A dataset with numbers it shards once, by them, and on resuming it skips numbers, not batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from interleave.stream.dataset import StreamingDataset
from interleave.stream.rows import Item, PlannedRow

# Seconds after which planning shows how far it is.
_PATIENCE_S = 1.0


class PackedRows(torch.utils.data.Dataset[PlannedRow]):
    """The rows of a `StreamingDataset` in their global order, all ranks' together.

    rows = PackedRows(data)
    loader = DataLoader(rows, batch_size=8, collate_fn=rows.collate, sampler=...)

    `rows[number]` says what is in a row, `collate` reads rows and makes the batch that `data` would make of them. All
    sizes are packed once (about 10 us a sample); it holds about 30 bytes a sample.
    """

    def __init__(self, data: StreamingDataset) -> None:
        self._data = data
        self._plan()

    def __len__(self) -> int:
        return len(self._heads)

    def __getitem__(self, number: int) -> PlannedRow:
        if not -len(self) <= number < len(self):
            raise IndexError(f"row {number} of {len(self)}")
        number %= len(self)
        source, window, row, num_tokens, num_images, num_pixels = self._heads[number].tolist()
        items = self._items[self._borders[number] : self._borders[number + 1]].tolist()
        return PlannedRow(
            source=source,
            window=window,
            row=row,
            items=tuple(_item(*item) for item in items),
            num_tokens=num_tokens,
            num_images=num_images,
            num_pixels=num_pixels,
        )

    def set_epoch(self, epoch: int) -> None:
        """Other rows, in another order; as many only by chance."""
        if epoch != self._data.epoch:
            self._data.set_epoch(epoch)
            self._plan()

    def collate(self, rows: Sequence[PlannedRow]) -> dict[str, Any]:
        """Reads and decodes rows into one batch."""
        return self._data.read_batch(rows)

    def inputs(self, rows: Sequence[PlannedRow]) -> dict[str, Any]:
        """The same of a form that is a model's arguments, and nothing else: what HF Trainer takes."""
        inputs: dict[str, Any] = self.collate(rows)["inputs"]
        return inputs

    def _plan(self) -> None:
        heads: list[tuple[int, ...]] = []
        items: list[tuple[int, int, int]] = []
        borders = [0]
        for row in tqdm(self._data.planned_rows(), desc="packing", unit="row", delay=_PATIENCE_S):
            heads.append((row.source, row.window, row.row, row.num_tokens, row.num_images, row.num_pixels))
            items += [(sample, start, -1 if stop is None else stop) for sample, start, stop in row.items]
            borders.append(len(items))
        self._heads = np.array(heads, dtype=np.int64).reshape(-1, 6)
        # (num_rows, 6) source, window, row, tokens, images, pixels
        self._items = np.array(items, dtype=np.int32).reshape(-1, 3)
        # (num_items, 3) sample, first id, past the last or -1
        self._borders = np.array(borders, dtype=np.int64)


def _item(sample: int, start: int, stop: int) -> Item:
    return sample, start, None if stop < 0 else stop
