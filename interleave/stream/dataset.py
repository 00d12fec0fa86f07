"""The dataset that a trainer iterates: packed batches, sharded over ranks and workers, resumable at any batch.

    manifest + index ─> order (seed, epoch) ─> windows ─> rows (sizes only) ─> read ─> decode ─> batch

Batch n of rank r holds the rows (n * world_size + r) * batch_size and following; DataLoader workers take a rank's
batches in turn, which is also the order in which DataLoader hands them out. So the global sequence of rows is the same
for every world size and any number of workers.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import IterableDataset, get_worker_info

from interleave.errors import ShardError
from interleave.pack.group import group_short
from interleave.pack.row import Row, build_row
from interleave.stream.batch import collate
from interleave.stream.order import Order
from interleave.stream.reader import DatasetReader
from interleave.stream.rows import PlannedRow, RowPlan

STATE_VERSION = 2


class StreamingDataset(IterableDataset[dict[str, Any]]):
    """Packed training batches from a folder of sealed shards.

    Use with `DataLoader(dataset, batch_size=None, num_workers=N)`: batches come ready (`collate` has their shapes).

    folder: a dataset, as `interleave build` leaves it.
    seq_len: length of a row in expanded tokens; the dataset's context by default.
    batch_size: rows a batch. The last batch of an epoch may be smaller, and some ranks may have one batch fewer, unless
        drop_last.
    seed, shuffle: order of the samples; another one each epoch (`set_epoch`).
    window: samples that are packed together. More pad less, and reach further.
    max_images: most images of a row. Samples that have more are cut where whole documents are stored, else refused.
    group_below: samples of fewer tokens that stand side by side in a row, and have one source, become one segment and
        see each other; their keys stand in one text, with `+` between them. 0: none do.
    rank, world_size: from torch.distributed, else from RANK and WORLD_SIZE, else one rank.
    decode: False leaves images as JPEG bytes.
    tokenizer: the trainer's, as a recipe names one; another one than made the ids is refused.
    padding: id of padding positions; their label is -100 and their segment 0.

    Each batch holds the state to resume behind it under "state": with workers that read ahead it is the one to save.
    Samples that were taken down leave padding; where a row held nothing else, it is all padding.

    Raises:
        ValueError: a size is less than 1, padding is no id, or rank is not in its world.
        ShardError: the folder is no finished dataset, its samples do not fit seq_len, or their ids are another
            tokenizer's.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        seq_len: int | None = None,
        batch_size: int = 1,
        seed: int = 0,
        shuffle: bool = True,
        window: int = 1000,
        max_images: int | None = None,
        group_below: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
        drop_last: bool = False,
        decode: bool = True,
        padding: int = 0,
        tokenizer: str | Path | None = None,
    ) -> None:
        sizes = {"seq_len": seq_len, "batch_size": batch_size, "window": window, "max_images": max_images}
        for name, size in sizes.items():
            if size is not None and size < 1:
                raise ValueError(f"{name} is {size}, expected 1 or more")
        if not -(2**31) <= padding < 2**31:
            raise ValueError(f"padding is {padding}, expected an id")
        self.reader = DatasetReader(folder)
        if tokenizer is not None:
            self.reader.check_tokenizer(tokenizer)
        context = self.reader.manifest.model.context
        length = context if seq_len is None else seq_len
        if length is None:
            raise ShardError(f"{folder}: whole documents are stored; say how long a row is: seq_len=4096")
        self.seq_len = length
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self.window = window
        self.max_images = max_images
        self.group_below = group_below
        self.rank, self.world_size = _place(rank, world_size)
        self.drop_last = drop_last
        self.decode = decode
        self.padding = padding
        self.epoch = 0
        self._origin = (0, 0)  # (window, rows behind its start) where the iteration begins
        self._state = self._state_at(0, 0)
        self._plan()  # an impossible seq_len is an error now, not in a worker

    def set_epoch(self, epoch: int) -> None:
        """Begins another epoch, in another order. Call it before each one, as with DistributedSampler."""
        if epoch != self.epoch:
            self.epoch = epoch
            self._origin = (0, 0)
        self._state = self._state_at(*self._origin)

    def state_dict(self) -> dict[str, Any]:
        """The state behind the last batch of this process. With num_workers > 0 save `batch["state"]` instead."""
        return dict(self._state)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on where a state was taken, with any world size and number of workers.

        Raises:
            ShardError: the state is of another dataset, seed, length, window or limit: its place would be another one.
        """
        expected = self._state_at(0, 0)
        for name in ("version", "dataset", "seed", "shuffle", "seq_len", "window_size", "max_images"):
            if state.get(name) != expected[name]:
                raise ShardError(
                    f"the state to resume has {name} = {state.get(name)!r}, this dataset has {expected[name]!r}"
                )
        place = [state.get(name) for name in ("epoch", "window", "rows")]
        if not all(type(number) is int and number >= 0 for number in place):
            raise ShardError(f"the state to resume has epoch, window and rows {place}, expected three counts")
        self.epoch = int(state["epoch"])
        self._origin = (int(state["window"]), int(state["rows"]))
        self._state = dict(state)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        worker = get_worker_info()
        worker_id, num_workers = (worker.id, worker.num_workers) if worker else (0, 1)
        for number, (rows, state) in enumerate(self._batches()):
            if number % num_workers != worker_id:
                continue
            batch = collate([self._read(row) for row in rows], decode=self.decode)
            self._state = batch["state"] = state
            yield batch

    def _plan(self) -> RowPlan:
        order = Order(
            len(self.reader), dataset=self.reader.digest, seed=self.seed, epoch=self.epoch, shuffle=self.shuffle
        )
        return RowPlan(self.reader, order, seq_len=self.seq_len, window=self.window, max_images=self.max_images)

    def _batches(self) -> Iterator[tuple[list[PlannedRow], dict[str, Any]]]:
        """This rank's batches as planned rows, each with the state behind its round (the same on all ranks)."""
        ahead = _RowsAhead(self._plan(), *self._origin)
        per_round = self.batch_size * self.world_size
        while rows := ahead.take(per_round):
            if self.drop_last and len(rows) < per_round:
                return
            mine = rows[self.rank * self.batch_size : (self.rank + 1) * self.batch_size]
            if mine:
                yield mine, self._state_at(*ahead.place())

    def _read(self, planned: PlannedRow) -> Row:
        """A row; what was taken down leaves its room as padding, so that all other rows stay what they were."""
        segments = [self.reader.segment(*item) for item in planned.items]
        there = [segment for segment in segments if segment is not None]
        has_grid = self.reader.manifest.model.image.has_grid
        return build_row(group_short(there, self.group_below), self.seq_len, self.padding, has_grid=has_grid)

    def _state_at(self, window: int, rows: int) -> dict[str, Any]:
        return {
            "version": STATE_VERSION,
            "dataset": self.reader.digest,
            "seed": self.seed,
            "shuffle": self.shuffle,
            "seq_len": self.seq_len,
            "window_size": self.window,
            "max_images": self.max_images,
            "epoch": self.epoch,
            "window": window,
            "rows": rows,
        }


class _RowsAhead:
    """The rows of an epoch from a place on, packed window by window."""

    def __init__(self, plan: RowPlan, window: int, rows: int) -> None:
        self._plan = plan
        self._next_window = window
        self._rows: deque[PlannedRow] = deque()
        self.take(rows)

    def take(self, num_rows: int) -> list[PlannedRow]:
        """The next rows; fewer at the epoch's end."""
        while len(self._rows) < num_rows and self._next_window < self._plan.num_windows:
            self._rows.extend(self._plan.rows(self._next_window))
            self._next_window += 1
        return [self._rows.popleft() for _ in range(min(num_rows, len(self._rows)))]

    def place(self) -> tuple[int, int]:
        """(window, rows behind its start) of the next row."""
        return (self._rows[0].window, self._rows[0].row) if self._rows else (self._next_window, 0)


def _place(rank: int | None, world_size: int | None) -> tuple[int, int]:
    """Rank and world size: as given, else of torch.distributed, else of the environment."""
    if (rank is None) != (world_size is None):
        raise ValueError("give rank and world_size together")
    if rank is None or world_size is None:
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            rank, world_size = torch.distributed.get_rank(), torch.distributed.get_world_size()
        else:
            rank, world_size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if not 0 <= rank < world_size:
        raise ValueError(f"rank {rank} is not in a world of {world_size}")
    return rank, world_size
