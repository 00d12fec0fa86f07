"""A passage in MMC4's fields, so that a reader of them puts every image where it stands, whatever its sort does.

Each image has a sentence of its own, in front of which it stands; an image with no sentence directly behind it gets an
empty one:

    x y "A cat." z   ->   text_list ["", "A cat.", ""]    matched_text_index x 0, y 1, z 2

VILA and OpenFlamingo join sentences with one space and take the spaces at `<image>` away, so that the empty ones leave
no trace.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from interleave.translate.passages import Part, Passage, Picture

# A part, and of a text its number among the texts of its passage: similarities are looked up with it. None for images
# and for text of another passage.
Numbered: TypeAlias = tuple[Part, int | None]
STAND_INS = "images have made-up similarities: 1 where they stand, 0 elsewhere"
# Of a cosine, the least: no reader takes a sentence by it.
_LEAST = -1.0


def numbered(parts: Iterable[Part]) -> list[Numbered]:
    """The parts of a passage with the numbers of its texts."""
    found: list[Numbered] = []
    number = 0
    for part in parts:
        found.append((part, number if isinstance(part, str) else None))
        number += isinstance(part, str)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Sentences, and images in front of them."""

    sentences: tuple[str, ...]
    numbers: tuple[int | None, ...]
    # (num_sentences,) among the texts of the passage; None for empty sentences and those of another passage.
    pictures: tuple[Picture, ...]
    matched: tuple[int, ...]
    # (num_images,) index of the sentence, ascending, no two alike.


def place(parts: Sequence[Numbered]) -> Placed:
    """Every image in front of a sentence of its own."""
    sentences: list[str] = []
    numbers: list[int | None] = []
    pictures: list[Picture] = []
    matched: list[int] = []
    for (part, number), behind in zip(parts, [*(part for part, _ in parts[1:]), None], strict=True):
        if isinstance(part, Picture):
            pictures.append(part)
            matched.append(len(sentences))
        if isinstance(part, str) or not isinstance(behind, str):
            sentences.append(part if isinstance(part, str) else "")
            numbers.append(number)
    return Placed(sentences=tuple(sentences), numbers=tuple(numbers), pictures=tuple(pictures), matched=tuple(matched))


def mmc4_record(passage: Passage, parts: Sequence[Numbered], *, as_placed: bool = False) -> tuple[dict[str, Any], int]:
    """A document of MMC4's schema with its images in it as base64, and how many rows of its matrix are made up.

    parts: of the passage, perhaps not all of them. An image of whose similarities none is known, or every one with
    `as_placed`, gets 1 for the sentence that it stands at and 0 for all others.
    """
    placed = place(parts)
    known = [
        None if as_placed else _known_row(picture.similarities, placed.numbers, at)
        for picture, at in zip(placed.pictures, placed.matched, strict=True)
    ]
    rows = [
        [float(position == at) for position in range(len(placed.sentences))] if row is None else row
        for row, at in zip(known, placed.matched, strict=True)
    ]
    record = {
        "url": passage.url,
        "doc_id": passage.doc_id,
        "text_list": list(placed.sentences),
        "image_info": [
            {
                "image_name": picture.name,
                "raw_url": picture.url,
                "matched_text_index": at,
                "matched_sim": row[at],
                "image_base64": base64.b64encode(picture.jpeg).decode("ascii"),
            }
            for picture, at, row in zip(placed.pictures, placed.matched, rows, strict=True)
        ],
        "similarity_matrix": rows,
        "could_have_url_duplicate": 0,
    }
    return record, sum(row is None for row in known)


def _known_row(
    similarities: Sequence[float | None] | None, numbers: Sequence[int | None], at: int
) -> list[float] | None:
    """Similarities to the sentences. The empty sentence of an image has what the next text has; others the least."""
    row = [None if similarities is None or number is None else similarities[number] for number in numbers]
    if all(value is None for value in row):
        return None
    if numbers[at] is None:
        row[at] = next(value for value in [*row[at:], *reversed(row[:at])] if value is not None)
    return [_LEAST if value is None else float(value) for value in row]
