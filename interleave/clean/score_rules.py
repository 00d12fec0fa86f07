"""The rule on scores that came from outside: quality classifiers, NSFW, faces, perplexity ..."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from interleave.align.models.scoring import ScoreName
from interleave.clean.bounds import Bounds, Verdict, outside
from interleave.clean.scores import IndexedScores, ScoreTable, open_scores
from interleave.document import MeasuredDocument

Scores = Mapping[str, float | None]


class ScoreBounds(Bounds):
    """A score of images or documents, from a table in `scores`. What has no score is kept."""

    kind: Literal["score"]
    """Removes images or documents by a score."""

    name: ScoreName
    """Of the table in `scores`."""

    of: Literal["image", "document"] = "image"
    """What the table has scores of, and what is removed."""

    min: Annotated[float, Field(strict=False)] | None = None
    """Least that is kept."""

    max: Annotated[float, Field(strict=False)] | None = None
    """Most that is kept."""

    def measure(self, scores: Scores) -> float | None:
        return scores.get(self.name)

    def judge(self, value: float | None, scores: Scores) -> Verdict | None:
        return outside(value, self.min, self.max)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentScores:
    """The scores of one document and its images, by the names of their tables."""

    document: Scores = field(default_factory=dict)
    images: Mapping[int, Scores] = field(default_factory=dict)
    # By index.


NO_SCORES = DocumentScores()


class ScoreTables:
    """The tables of images' and documents' scores, opened once a task."""

    def __init__(self, indexed: Mapping[str, IndexedScores]) -> None:
        opened = {name: (index.of, open_scores(index)) for name, index in indexed.items() if index.of != "pair"}
        self._of_images: dict[str, ScoreTable] = {name: table for name, (of, table) in opened.items() if of == "image"}
        self._of_documents = {name: table for name, (of, table) in opened.items() if of == "document"}

    def of(self, document: MeasuredDocument) -> DocumentScores:
        """The scores of a document."""
        if not (self._of_images or self._of_documents):
            return NO_SCORES
        by_table = {name: table.of_images(document.images) for name, table in self._of_images.items()}
        return DocumentScores(
            document={name: table.of_document(document) for name, table in self._of_documents.items()},
            images={
                image.index: {name: scores[position] for name, scores in by_table.items()}
                for position, image in enumerate(document.images)
            },
        )
