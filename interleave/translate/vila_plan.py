"""Which parts of which documents become VILA's samples, so that its loader loses none of them.

A sample needs one to six images and at most the context. A document that fits is one sample. Others are cut between
units: first so that as little text as possible has no image beside it, then into few samples. Text that is left without
an image goes, in order, into samples that still have room, those of its own document first.

VILA deals whole shards to its ranks, and every rank reads as many samples as the poorest has. So samples are cut in two
until their number is a multiple of the ranks'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from interleave.errors import RecipeError
from interleave.translate.vila_units import MAX_IMAGES, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Units of a document."""

    samples: range
    # Numbers of the document's samples.
    begin: int
    end: int
    # Its units [begin, end).


@dataclass(frozen=True, slots=True, kw_only=True)
class VilaSample:
    """What becomes one document of VILA's."""

    own: Slice
    middle: int | None
    # A unit at which it can be cut in two with images on both sides.
    num_tokens: int
    num_bytes: int
    # Of its JPEGs.
    guests: tuple[Slice, ...] = ()
    # Text without images that stands behind it.


@dataclass(slots=True)
class Loose:
    """Text without an image, in the order of the dataset."""

    slice: Slice
    num_tokens: tuple[int, ...]
    # Of each unit.
    before: int
    # Samples planned before it.


@dataclass(slots=True)
class VilaPlan:
    """A plan as it grows, document by document."""

    room: int
    samples: list[VilaSample] = field(default_factory=list)
    loose: list[Loose] = field(default_factory=list)

    def add(self, numbers: range, units: Sequence[Unit], slices: Sequence[tuple[int, int]]) -> None:
        """Takes a document in, cut to these slices of its units."""
        for begin, end in slices:
            chosen = units[begin:end]
            where = Slice(samples=numbers, begin=begin, end=end)
            if not any(unit.num_images for unit in chosen):
                sizes = tuple(unit.num_tokens for unit in chosen)
                self.loose.append(Loose(slice=where, num_tokens=sizes, before=len(self.samples)))
                continue
            self.samples.append(
                VilaSample(
                    own=where,
                    middle=_middle(chosen, begin),
                    num_tokens=sum(unit.num_tokens for unit in chosen),
                    num_bytes=sum(
                        len(part.jpeg) for unit in chosen for part, _ in unit.parts if not isinstance(part, str)
                    ),
                )
            )

    def attach(self) -> list[Slice]:
        """Finds room for the loose text, going round the samples once; what found none."""
        if not self.samples:
            return [loose.slice for loose in self.loose]
        left: list[Slice] = []
        host, last = 0, 0
        for loose in self.loose:
            host = max(host, loose.before - 1)
            last = last or host + len(self.samples)
            begin = loose.slice.begin
            while begin < loose.slice.end and host < last:
                end = self._host(loose, begin, host % len(self.samples))
                host += end == begin or end < loose.slice.end
                begin = end
            if begin < loose.slice.end:
                left.append(replace(loose.slice, begin=begin))
        return left

    def even_out(self, num_ranks: int) -> None:
        """Cuts the longest samples in two until the ranks can share them evenly.

        Raises:
            RecipeError: there are too few samples with two images, or none with any.
        """
        if not self.samples:
            raise RecipeError("no document has an image: VILA's class fails on those that have none")
        num_cuts = -len(self.samples) % num_ranks
        can = [number for number, sample in enumerate(self.samples) if sample.middle is not None]
        chosen = set(sorted(can, key=lambda number: (-self.samples[number].num_tokens, number))[:num_cuts])
        if len(chosen) < num_cuts:
            raise RecipeError(
                f"{len(self.samples):,} samples cannot be dealt evenly to {num_ranks:,} ranks; "
                f"use a smaller --world-size"
            )
        self.samples = [
            half
            for number, sample in enumerate(self.samples)
            for half in (_halves(sample) if number in chosen else [sample])
        ]

    def _host(self, loose: Loose, begin: int, host: int) -> int:
        """Puts as many units as fit behind a sample; the unit behind the last of them."""
        sample = self.samples[host]
        end, num_tokens = begin, sample.num_tokens
        first = loose.slice.begin
        while end < loose.slice.end and num_tokens + loose.num_tokens[end - first] <= self.room:
            num_tokens += loose.num_tokens[end - first]
            end += 1
        if end > begin:
            guest = replace(loose.slice, begin=begin, end=end)
            self.samples[host] = replace(sample, num_tokens=num_tokens, guests=(*sample.guests, guest))
        return end


def cut(units: Sequence[Unit], room: int) -> list[tuple[int, int]]:
    """Slices [begin, end) that cover the units: within the room and six images, or text without an image.

    The least text without an image comes first, then the fewest slices, filled from the front.
    """
    # best[j]: what the first j units cost, and where their last slice begins
    best: list[tuple[int, int, int]] = [(0, 0, 0)]
    for end in range(1, len(units) + 1):
        alone = units[end - 1]
        found: list[tuple[int, int, int]] = []
        if not alone.num_images:
            loose, slices, _ = best[end - 1]
            found.append((loose + alone.num_tokens, slices, end - 1))
        num_tokens = num_images = 0
        for begin in range(end - 1, -1, -1):
            num_tokens += units[begin].num_tokens
            num_images += units[begin].num_images
            if num_tokens > room or num_images > MAX_IMAGES:
                break
            if num_images:
                loose, slices, _ = best[begin]
                found.append((loose, slices + 1, begin))
        best.append(min(found, key=lambda item: (item[0], item[1], -item[2])))
    borders: list[tuple[int, int]] = []
    end = len(units)
    while end:
        borders.append((best[end][2], end))
        end = best[end][2]
    return _merged(borders[::-1], units)


def _merged(slices: Sequence[tuple[int, int]], units: Sequence[Unit]) -> list[tuple[int, int]]:
    """Neighbours without images as one."""
    merged: list[tuple[int, int]] = []
    was_loose = False
    for begin, end in slices:
        is_loose = not any(unit.num_images for unit in units[begin:end])
        if is_loose and was_loose:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((begin, end))
        was_loose = is_loose
    return merged


def _middle(units: Sequence[Unit], begin: int) -> int | None:
    """The unit in the middle of those with images; what stands in front of it has images, too."""
    with_images = [begin + number for number, unit in enumerate(units) if unit.num_images]
    return with_images[len(with_images) // 2] if len(with_images) > 1 else None


def _halves(sample: VilaSample) -> list[VilaSample]:
    assert sample.middle is not None, "only samples with two units with images are cut"
    return [
        replace(sample, own=replace(sample.own, end=sample.middle), middle=None, guests=()),
        replace(sample, own=replace(sample.own, begin=sample.middle), middle=None),
    ]
