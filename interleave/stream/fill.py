"""Planned rows become a batch: read, decoded, built, in the shape that the trainer wants.

What cannot be read leaves its room as padding, as what was taken down does, so that all other rows stay what they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import torch

from interleave.encode.image_tokens import ImageTokens
from interleave.errors import ShardError
from interleave.identity import seeded_u64
from interleave.pack.group import group_short
from interleave.pack.row import Row, Segment, build_row
from interleave.stream.batch import collate
from interleave.stream.dummy import dummy_segment
from interleave.stream.forms.wanted import Processor
from interleave.stream.pixels import Layout, decode_all
from interleave.stream.reader import DatasetReader
from interleave.stream.rows import PlannedRow

Images = Literal["nchw", "nhwc", "bytes"]
# (image, its own random numbers) -> image
Augment: TypeAlias = Callable[[torch.Tensor, np.random.Generator], torch.Tensor]
# Of the length of rows that are not packed: what tensor cores like.
_MULTIPLE = 8


@dataclass(frozen=True, slots=True)
class _Slot:
    """A segment, and where it goes."""

    row: int
    # In the batch.
    place: tuple[int, int, int]
    # Dataset, sample, first id.
    segment: Segment


@dataclass(kw_only=True)
class BatchFiller:
    """Makes batches; safe for several threads at once."""

    readers: Sequence[DatasetReader]
    seq_len: int
    packing: bool
    # Rows are all `seq_len` long; else as long as the longest of their batch, in whole multiples of 8.
    padding: int
    group_below: int
    images: Images
    augment: Augment | None
    seed: int
    processor: Processor | None
    form: str
    dummy_images: bool
    epoch: int = 0

    def for_epoch(self, epoch: int) -> BatchFiller:
        """The same, for another epoch's augmentation."""
        return replace(self, epoch=epoch)

    def fill(self, planned: Sequence[PlannedRow]) -> dict[str, Any]:
        """A batch; under "skipped" it names what could not be read. Without a row it is one of padding.

        Raises:
            ShardError: samples are not what the index says of them.
        """
        skipped: list[str] = []
        slots = list(self._read(planned, skipped))
        num_dummies = int(self.dummy_images and not any(slot.segment.images for slot in slots))
        if num_dummies:
            slots.append(self._dummy(planned))
            slots.sort(key=lambda slot: slot.row)
        jpegs = [jpeg for slot in slots for jpeg in slot.segment.images]
        images: Sequence[torch.Tensor | bytes] = jpegs
        if self.images != "bytes":
            slots, images = self._decoded(slots, jpegs, self.images, skipped)
        rows = self._rows(planned, slots)
        batch = collate(rows, images=images, form=self.form, processor=self.processor, tokens=self.tokens)
        return batch | {"skipped": skipped, "num_dummy_images": num_dummies}

    @property
    def tokens(self) -> ImageTokens:
        """Of the model that all datasets are for."""
        return self.readers[0].manifest.model.image

    def _read(self, planned: Sequence[PlannedRow], skipped: list[str]) -> Iterator[_Slot]:
        fetched = self._fetched(planned)
        for number, row in enumerate(planned):
            for sample, start, stop in row.items:
                try:
                    data = fetched.get((row.source, sample))
                    segment = self.readers[row.source].segment(sample, start, stop, fetched=data)
                except ShardError as error:
                    skipped.append(str(error))
                    continue
                if segment is not None:
                    yield _Slot(number, (row.source, sample, start), segment)

    def _fetched(self, planned: Sequence[PlannedRow]) -> dict[tuple[int, int], bytes]:
        """By dataset and sample, what is quicker to ask for all at once."""
        wanted: dict[int, list[int]] = {}
        for row in planned:
            wanted.setdefault(row.source, []).extend(sample for sample, _, _ in row.items)
        return {
            (source, sample): data
            for source, samples in wanted.items()
            for sample, data in self.readers[source].fetch(samples).items()
        }

    def _dummy(self, planned: Sequence[PlannedRow]) -> _Slot:
        """An image that nothing is learned of, where most room is left, or in one row more."""
        segment = dummy_segment(self.tokens)
        room = [self._length(planned) - row.num_tokens for row in planned]
        most = max(room, default=0)
        row = room.index(most) if most >= len(segment.token_ids) else len(planned)
        return _Slot(row, (0, 0, 0), segment)

    def _decoded(
        self, slots: Sequence[_Slot], jpegs: Sequence[bytes], layout: Layout, skipped: list[str]
    ) -> tuple[list[_Slot], list[torch.Tensor]]:
        """Slots whose images can all be decoded, and these images."""
        pixels, wrong = decode_all(jpegs, layout)
        kept: list[_Slot] = []
        images: list[torch.Tensor] = []
        at = good = 0
        for slot in slots:
            numbers = range(at, at + len(slot.segment.images))
            at = numbers.stop
            bad = [number for number in numbers if number in wrong]
            found = pixels[good : good + len(numbers) - len(bad)]
            good += len(found)
            if bad:
                where = (
                    f"{self.readers[slot.place[0]].folder}: sample {slot.segment.key}: image {bad[0] - numbers.start}"
                )
                skipped.append(f"{where}: {wrong[bad[0]]}")
            else:
                kept.append(slot)
                images += found if self.augment is None else self._augmented(slot, found)
        return kept, images if wrong or self.augment else pixels

    def _augmented(self, slot: _Slot, images: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        assert self.augment is not None
        seeds = (seeded_u64(self.seed, "augment", self.epoch, *slot.place, at) for at in range(len(images)))
        return [self.augment(image, np.random.default_rng(seed)) for image, seed in zip(images, seeds, strict=True)]

    def _rows(self, planned: Sequence[PlannedRow], slots: Sequence[_Slot]) -> list[Row]:
        num_rows = max(1, len(planned), *(slot.row + 1 for slot in slots))
        segments: list[list[Segment]] = [[] for _ in range(num_rows)]
        for slot in slots:
            segments[slot.row].append(slot.segment)
        length = self._length(planned)
        try:
            return [
                build_row(group_short(row, self.group_below), length, self.padding, has_grid=self.tokens.has_grid)
                for row in segments
            ]
        except ValueError as error:
            keys = ", ".join(slot.segment.key for slot in slots)
            raise ShardError(
                f"the samples {keys} are not what the index says: {error}; run `interleave validate`"
            ) from None

    def _length(self, planned: Sequence[PlannedRow]) -> int:
        if self.packing:
            return self.seq_len
        longest = max((row.num_tokens for row in planned), default=1)
        if self.dummy_images:
            longest = max(longest, len(dummy_segment(self.tokens).token_ids))
        return min(self.seq_len, -(-longest // _MULTIPLE) * _MULTIPLE)
