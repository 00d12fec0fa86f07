"""An epoch as batches that are not read yet: arithmetic on the datasets' indexes, the same in every process.

order (seed, epoch) ─> windows ─> rows ─┐
order (seed, epoch) ─> windows ─> rows ─┴─> mixture ─> batches ─> rounds (a batch for each rank)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from interleave.stream.batches import Batching, Position, batches, rounds
from interleave.stream.mix import By, Cursor, Mixture, Part, Until
from interleave.stream.order import Order
from interleave.stream.reader import DatasetReader
from interleave.stream.rows import PlannedRow, RowPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSettings:
    """What decides which samples are where.

    Raises:
        ValueError: a size is less than 1.
    """

    seq_len: int
    batch_size: int
    batch_tokens: int | None
    batch_images: int | None
    batch_pixels: int | None
    seed: int
    shuffle: bool
    block_size: int | None
    window: int
    max_images: int | None
    packing: bool
    mix_by: By
    until: Until
    drop_last: bool

    def __post_init__(self) -> None:
        budgets = ("batch_tokens", "batch_images", "batch_pixels")
        for name in ("seq_len", "batch_size", *budgets, "block_size", "window", "max_images"):
            size = getattr(self, name)
            if size is not None and size < 1:
                raise ValueError(f"{name} is {size}, expected 1 or more")
        for name, known in {"mix_by": ("tokens", "samples"), "until": ("first", "all")}.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is {getattr(self, name)!r}, expected one of {', '.join(known)}")
        if self.batch_tokens is not None and (self.packing or self.batch_tokens < self.seq_len):
            raise ValueError(
                f"batch_tokens is {self.batch_tokens:,}: it is for packing=False, and at least seq_len={self.seq_len:,}"
            )
        for name in ("batch_images", "batch_pixels"):
            if getattr(self, name) is not None and self.packing:
                raise ValueError(f"{name} is for packing=False; packed rows have max_images each")


class EpochPlan:
    """The batches of every epoch.

    Raises:
        ShardError: the samples of a dataset do not fit rows of this length.
    """

    def __init__(self, readers: Sequence[DatasetReader], parts: Sequence[Part], settings: PlanSettings) -> None:
        self.settings = settings
        self._readers = readers
        self._parts = parts
        for source in range(len(readers)):
            self._row_plan(source, 0, 0)  # an impossible length is an error now, not in a worker

    @property
    def start(self) -> Position:
        return Position(tuple(Cursor() for _ in self._readers))

    @property
    def is_endless(self) -> bool:
        return all(part.max_epochs is None for part in self._parts)

    def rows(self, epoch: int, start: Position) -> Iterator[PlannedRow]:
        """All rows from a place between batches on, in their global order."""
        return (row for found, _ in self._batches(epoch, start) for row in found)

    def rounds(
        self, epoch: int, start: Position, rank: int, world_size: int
    ) -> Iterator[tuple[list[PlannedRow], Position]]:
        """A rank's batches, each with the place behind those of all ranks."""
        size = (self.settings.batch_size if self.settings.packing else 1) if self.settings.drop_last else None
        return rounds(self._batches(epoch, start), rank, world_size, size)

    def _batches(self, epoch: int, start: Position) -> Iterator[tuple[list[PlannedRow], Position]]:
        settings = self.settings
        batching = Batching(
            size=settings.batch_size,
            max_tokens=settings.batch_tokens,
            max_images=settings.batch_images,
            max_pixels=settings.batch_pixels,
            by_length=not settings.packing,
        )
        return batches(self._mixture(epoch), start, batching, seed=settings.seed, epoch=epoch)

    def _mixture(self, epoch: int) -> Mixture:
        return Mixture(
            [partial(self._row_plan, source, epoch) for source in range(len(self._readers))],
            weights=[part.weight for part in self._parts],
            max_epochs=[part.max_epochs for part in self._parts],
            by=self.settings.mix_by,
            until=self.settings.until,
        )

    def _row_plan(self, source: int, epoch: int, turn: int) -> RowPlan:
        reader, settings = self._readers[source], self.settings
        order = Order(
            len(reader),
            dataset=reader.digest,
            seed=settings.seed,
            epoch=f"{epoch}.{turn}" if turn else epoch,
            shuffle=settings.shuffle,
            block_size=settings.block_size,
        )
        return RowPlan(
            reader,
            order,
            seq_len=settings.seq_len,
            window=settings.window,
            max_images=settings.max_images,
            packing=settings.packing,
            source=source,
        )
