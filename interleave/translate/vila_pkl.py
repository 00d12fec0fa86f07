"""VILA's Stage-2 files, for its `LazyMMC4Dataset`: shards of pickled documents, and their numbers as text.

    shard-00000.pkl     a list of MMC4 documents with `image_info[].image_base64`
    shard-00000.count   how many

Nothing else lies in the folder: VILA takes half the number of its files for the number of shards.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from interleave.encode.tokenizer import Tokenizer
from interleave.errors import RecipeError
from interleave.files import atomic_write, write_bytes
from interleave.translate.mmc4_fields import STAND_INS, Numbered, mmc4_record
from interleave.translate.passages import Passage, Passages, Picture
from interleave.translate.summary import Tally
from interleave.translate.vila_plan import Slice, VilaPlan, VilaSample, cut
from interleave.translate.vila_units import Unit, VilaUnits

# Of what every Python that VILA ran on reads.
PICKLE_PROTOCOL = 4
MAX_SHARD_BYTES = 1 << 30
NO_ROOM = "texts without an image that no sample has room for"


@dataclass(frozen=True, slots=True, kw_only=True)
class VilaSettings:
    """Who will read the shards."""

    context: int
    # `--model_max_length`: VILA cuts off what is longer, in expanded tokens.
    num_ranks: int
    # Ranks that data is dealt to: the world size, divided by the size of sequence-parallel groups.
    num_shards: int | None
    # A multiple of the ranks; None: the fewest of at most 1 GiB.
    tokens_per_image: int | None
    # None: as many as in the dataset's own model.
    attach: bool
    # Whether text without an image goes behind the samples of others, or is left out.


def write_vila_pkl(
    passages: Passages, folder: Path, tally: Tally, *, tokenizer: Tokenizer, settings: VilaSettings
) -> None:
    """Writes the shards.

    Raises:
        RecipeError: an image does not fit into the context, or the ranks cannot share the samples evenly.
    """
    reading = VilaUnits(tokenizer, context=settings.context, tokens_per_image=settings.tokens_per_image)
    documents = _Documents(passages, reading)
    plan = _plan(documents, tally, settings)
    for number, chosen in enumerate(deal(plan.samples, settings.num_ranks, settings.num_shards)):
        records = [_record(sample, documents, tally) for sample in chosen]
        write_shard(folder, number, records)
        tally.notes["shards"] = number + 1
    tally.notes["samples a rank"] = len(plan.samples) // settings.num_ranks


def write_shard(folder: Path, number: int, records: Sequence[dict[str, Any]]) -> None:
    """A pickle of plain data and the number of its records."""
    with atomic_write(folder / f"shard-{number:05d}.pkl") as file:
        pickle.dump(list(records), file, protocol=PICKLE_PROTOCOL)
    write_bytes(folder / f"shard-{number:05d}.count", str(len(records)).encode())


def deal(samples: Sequence[VilaSample], num_ranks: int, num_shards: int | None) -> Iterator[Sequence[VilaSample]]:
    """The samples of each shard: every rank's shards lie together and hold as many as another's.

    Raises:
        RecipeError: the number of shards is no multiple of the ranks, or there are fewer samples than shards.
    """
    num_bytes = sum(sample.num_bytes for sample in samples) * 4 // 3
    shards = num_shards or num_ranks * -(-num_bytes // (num_ranks * MAX_SHARD_BYTES))
    if shards % num_ranks:
        raise RecipeError(
            f"--shards {shards:,} is no multiple of --world-size {num_ranks:,}: VILA would leave shards unread"
        )
    if shards > len(samples):
        raise RecipeError(f"{len(samples):,} samples do not fill {shards:,} shards; use fewer --shards")
    per_rank, of_rank = len(samples) // num_ranks, shards // num_ranks
    for rank in range(num_ranks):
        borders = [rank * per_rank + per_rank * shard // of_rank for shard in range(of_rank + 1)]
        for begin, end in pairwise(borders):
            yield samples[begin:end]


class _Documents:
    """Documents in VILA's units; the last few stay in memory."""

    def __init__(self, passages: Passages, reading: VilaUnits) -> None:
        self.passages = passages
        self.reading = reading
        self._last: tuple[range, Passage, list[Unit]] | None = None

    def all(self) -> Iterator[tuple[range, Passage, list[Unit]]]:
        for numbers, passage in self.passages.documents("plan"):
            yield numbers, passage, self._units(passage)

    def parts(self, where: Slice) -> tuple[Passage, list[Numbered]]:
        """What a slice stands for."""
        if self._last is None or self._last[0] != where.samples:
            passage = self.passages.joined(where.samples)
            self._last = where.samples, passage, self._units(passage)
        _, passage, units = self._last
        return passage, _parts(units[where.begin : where.end])

    def _units(self, passage: Passage) -> list[Unit]:
        return self.reading.units(passage, images_follow=self.passages.images_follow)


def _plan(documents: _Documents, tally: Tally, settings: VilaSettings) -> VilaPlan:
    plan = VilaPlan(room=documents.reading.room)
    for numbers, passage, units in documents.all():
        tally.saw(passage.parts)
        plan.add(numbers, units, _slices(units, documents.reading))
    lonely = plan.attach() if settings.attach else [loose.slice for loose in plan.loose]
    for where in lonely:
        tally.left_out(NO_ROOM if settings.attach else "texts without an image", _plain(documents.parts(where)[1]))
    plan.even_out(settings.num_ranks)
    return plan


def _slices(units: Sequence[Unit], reading: VilaUnits) -> list[tuple[int, int]]:
    """The cuts of a document. Its texts are counted one by one, and together again: that is what VILA does."""
    room = reading.room
    while True:
        slices = cut(units, room)
        most = max(
            (reading.num_tokens(_parts(units[begin:end])) for begin, end in slices if _has_image(units[begin:end])),
            default=0,
        )
        if most <= reading.room + 2:
            return slices
        room -= most - reading.room - 2


def _record(sample: VilaSample, documents: _Documents, tally: Tally) -> dict[str, Any]:
    passage, own = documents.parts(sample.own)
    guests: list[Numbered] = []
    for where in sample.guests:
        # Numbers of texts are of their own document: here their similarities are unknown.
        more: list[Numbered] = [(part, None) for part, _ in documents.parts(where)[1]]
        if documents.reading.num_tokens([*own, *guests, *more]) > documents.reading.room + 2:
            tally.left_out(NO_ROOM, _plain(more))
            continue
        guests += more
        tally.notes["texts without an image stand behind a sample with one"] += 1
    tally.wrote(_plain([*own, *guests]))
    record, num_made_up = mmc4_record(passage, [*own, *guests])
    tally.notes[STAND_INS] += num_made_up
    return record


def _parts(units: Sequence[Unit]) -> list[Numbered]:
    return [part for unit in units for part in unit.parts]


def _plain(parts: Sequence[Numbered]) -> list[str | Picture]:
    return [part for part, _ in parts]


def _has_image(units: Sequence[Unit]) -> bool:
    return any(unit.num_images for unit in units)
