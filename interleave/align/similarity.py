"""Where the similarities of a document's images come from: its source, its page, or a model's table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from interleave.align.models.similarity import EmbeddingTable, open_embeddings, similarity_matrix
from interleave.align.settings import POSITION, SOURCE
from interleave.document import MeasuredDocument

Floats = npt.NDArray[np.float32]
WithSimilarities = Callable[[MeasuredDocument], MeasuredDocument]


@dataclass(frozen=True, slots=True, kw_only=True)
class Similarity:
    """What the recipe asks for, small enough to go along with every task."""

    name: str = SOURCE
    # `source`, `position`, or that of a table.
    indexes: tuple[str, ...] = ()
    # Where the table's embeddings of images and of sentences are looked up.

    def open(self) -> WithSimilarities:
        """Gives documents the similarities asked for, in place of their source's."""
        if self.name == SOURCE:
            return _as_it_is
        if self.name == POSITION:
            return _by_position
        return partial(_by_model, open_embeddings(self.indexes))


def _as_it_is(document: MeasuredDocument) -> MeasuredDocument:
    return document


def _by_position(document: MeasuredDocument) -> MeasuredDocument:
    """1 for the sentence that an image stands at, 1/2 for its neighbours, 1/3 for theirs ..."""
    places = np.arange(len(document.sentences))
    rows = [1 / (1 + np.abs(places - image.matched_sentence)) for image in document.images]
    return _with_rows(document, [row.astype(np.float32) for row in rows])


def _by_model(table: EmbeddingTable, document: MeasuredDocument) -> MeasuredDocument:
    """Unknown where the table lacks one of the document's images or sentences."""
    matrix = similarity_matrix(document, table)
    return _with_rows(document, [None] * len(document.images) if matrix is None else list(matrix))


def _with_rows(document: MeasuredDocument, rows: list[Floats] | list[None]) -> MeasuredDocument:
    images = tuple(replace(image, similarities=row) for image, row in zip(document.images, rows, strict=True))
    return replace(document, images=images)
