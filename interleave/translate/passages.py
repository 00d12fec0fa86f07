"""The samples of a sealed dataset as text and images in order again: one by one, or joined to documents.

    sample 7   "A cat." x "It sle"            part 0 of 2, cut inside a sentence
    sample 8   "eps." y                       part 1
    joined     "A cat." x "It sleeps." y

The parts of a document stand behind one another in the index, so joining needs no search.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from tqdm import tqdm

from interleave.shard.index import INDEX_NAME, read_index
from interleave.stream.reader import DatasetReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An image of a passage."""

    name: str
    # Of its member in the shard; unique in the dataset.
    jpeg: bytes
    width: int
    height: int
    # px
    url: str | None
    sha256: str | None
    # Of the bytes as the source had them.
    num_tokens: int
    # What it becomes in the dataset's model.
    similarities: tuple[float | None, ...] | None
    # (num_texts,) to each text of the passage, None where that is unknown; None where all are.


Part: TypeAlias = str | Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A sample, or the samples of a document joined."""

    key: str
    # Of its first sample.
    doc_id: str
    source: str
    url: str | None
    parts: tuple[Part, ...]
    # In reading order.

    @property
    def pictures(self) -> tuple[Picture, ...]:
        return tuple(part for part in self.parts if isinstance(part, Picture))

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(part for part in self.parts if isinstance(part, str))


class Passages:
    """A dataset, passage by passage. What was taken down is not there."""

    def __init__(self, reader: DatasetReader, *, quiet: bool = False) -> None:
        self.reader = reader
        self.quiet = quiet
        self.removed = reader.removed()
        # (num_samples,)
        self._index = read_index(Path(reader.folder) / INDEX_NAME)

    @property
    def separator(self) -> str:
        """What the dataset joins sentences with."""
        return str(self.reader.manifest.recipe.get("encode", {}).get("separator", " "))

    @property
    def images_follow(self) -> bool:
        """Whether images stand after the sentence that they belong to."""
        return bool(self.reader.manifest.recipe.get("align", {}).get("place") == "after")

    @property
    def num_images(self) -> npt.NDArray[np.int32]:
        """(num_samples,)"""
        return self.reader.num_images()

    def samples(self, what: str) -> Iterator[Passage]:
        """Every sample, with a progress bar of this name."""
        for number in tqdm(range(len(self.reader)), desc=f"{what:>10}", unit="", disable=self.no_bar(), leave=False):
            if not self.removed[number]:
                yield self.joined(range(number, number + 1))

    def documents(self, what: str) -> Iterator[tuple[range, Passage]]:
        """Every document, with the numbers of its samples."""
        bar = tqdm(total=len(self.reader), desc=f"{what:>10}", unit="", disable=self.no_bar(), leave=False)
        with bar:
            for numbers in self._runs():
                if not self.removed[numbers.start : numbers.stop].all():
                    yield numbers, self.joined(numbers)
                bar.update(len(numbers))

    def joined(self, numbers: Sequence[int]) -> Passage:
        """Samples of one document as one passage: a sentence that was cut between two of them is whole again."""
        return join([self._sample(number) for number in numbers if not self.removed[number]])

    def _runs(self) -> Iterator[range]:
        """The numbers of each document's samples."""
        begin, current = 0, None
        for number, doc_id in enumerate(_values(self._index["doc_id"])):
            if doc_id != current and number:
                yield range(begin, number)
                begin = number
            current = doc_id
        if len(self.reader):
            yield range(begin, len(self.reader))

    def _sample(self, number: int) -> tuple[bool, Passage]:
        """A sample, and whether it begins inside a sentence with its images."""
        record, _, jpegs = self.reader.read(number)
        # What the part before has, too, is written once; unless that was taken down.
        repeated = 0 if number and self.removed[number - 1] else record.num_repeated_parts
        num_repeated_texts = sum(text is not None for text in record.texts[:repeated])
        images = iter(
            Picture(
                name=name,
                jpeg=jpeg,
                width=info["width"],
                height=info["height"],
                url=_text(info.get("url")),
                sha256=_text(info.get("sha256")),
                num_tokens=num_tokens,
                similarities=None if row is None else row[num_repeated_texts:],
            )
            for name, jpeg, info, num_tokens, row in zip(
                record.image_members, jpegs, record.image_info, record.span_tokens, record.similarity, strict=True
            )
        )
        parts = tuple(next(images) if text is None else text for text in record.texts)[repeated:]
        passage = Passage(key=record.key, doc_id=record.doc_id, source=record.source, url=record.url, parts=parts)
        return record.part > 0 and 0 not in record.cuts, passage

    def no_bar(self) -> bool | None:
        """`disable` of a progress bar: where nobody looks there is none anyway."""
        return True if self.quiet else None


def join(pieces: Sequence[tuple[bool, Passage]]) -> Passage:
    """Passages of one document as one; with each, whether it begins inside a sentence."""
    if len(pieces) == 1:
        return pieces[0][1]
    parts: list[Part] = []
    columns: list[int] = []
    # Of each picture, the number of the text that its first similarity is to.
    num_texts = 0
    for begins_inside, piece in pieces:
        rest = list(piece.parts)
        continues = (
            begins_inside and bool(parts and rest) and all(isinstance(part, str) for part in (*parts[-1:], *rest[:1]))
        )
        columns.extend([num_texts - continues] * len(piece.pictures))
        num_texts += len(piece.texts) - continues
        if continues:
            parts[-1] = f"{parts[-1]}{rest.pop(0)}"
        parts.extend(rest)
    return replace(pieces[0][1], parts=tuple(_widened(parts, columns, num_texts)))


def _widened(parts: Sequence[Part], columns: Sequence[int], num_texts: int) -> Iterator[Part]:
    """The parts, similarities of each picture spread over the texts of all."""
    begins = iter(columns)
    for part in parts:
        if isinstance(part, str):
            yield part
            continue
        begin = next(begins)
        if part.similarities is None:
            yield part
            continue
        row: list[float | None] = [None] * num_texts
        row[begin : begin + len(part.similarities)] = part.similarities
        yield replace(part, similarities=tuple(row))


def _values(column: pa.ChunkedArray) -> Iterator[Any]:
    for chunk in column.chunks:
        for begin in range(0, len(chunk), 4096):
            yield from chunk.slice(begin, 4096).to_pylist()


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
