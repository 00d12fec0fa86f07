"""Scores of images and documents that models gave: read from tables, never computed while a dataset is built.

A model's scores differ between machines and batch sizes in their last digits. So they are computed once
(`interleave score`), rounded, and kept; from there on a table is input, and its SHA-256 is part of a recipe's identity.

    main process                          worker
    index_scores(recipe.scores, folder)   table = open_scores(indexed["nsfw"])
      -> {"nsfw": IndexedScores}     ─>   table.of_images(document.images) -> [0.0312, None, ...]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from interleave.align.models.clip import IMAGES, SENTENCES, ClipScores
from interleave.align.models.scoring import Of, ScoreName, Scores, Scoring, is_folder
from interleave.align.models.tables import EMBEDDING, SCORE, KeyedTable, open_index, table_sha256, write_index
from interleave.clean.models.faces import FaceScores
from interleave.clean.models.nsfw import NsfwScores
from interleave.clean.models.perplexity import PerplexityScores
from interleave.clean.models.qr import QrScores
from interleave.document import Image, MeasuredDocument
from interleave.identity import text_digest
from interleave.settings import Location, Settings, identity


class TableScores(Settings):
    """Scores that were made elsewhere: Parquet with the columns `key` (text) and `score` (a number)."""

    kind: Literal["table"]
    """Scores from a table. What it does not know, or has as null, is unknown."""

    name: ScoreName
    """What the rest of the recipe calls them."""

    of: Literal["image", "document"]
    """What the keys name: images by SHA-256 or URL; documents by id or URL."""

    path: Location
    """A Parquet file, or a folder of them. A key may occur again only with the same score."""

    def scorings(self) -> tuple[Scoring[Any], ...]:
        return ()


# The kinds that come with the project; installed packages add theirs by an entry point of this group.
BUILT_IN = (TableScores, NsfwScores, FaceScores, QrScores, PerplexityScores, ClipScores)
GROUP = "interleave.scores"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedScores:
    """Where the scores of one name can be looked up: small enough to go along with every task."""

    of: Of
    indexes: tuple[str, ...]
    # One folder of an index; of pairs two: images, sentences.


class ScoreTable:
    """Scores by key."""

    def __init__(self, table: KeyedTable) -> None:
        self._table = table

    def get(self, keys: Sequence[str]) -> list[float | None]:
        """The score of each key; None where it is unknown."""
        rows = self._table.find(keys)
        return [None if row < 0 else float(self._table.values[row]) for row in rows]

    def of_images(self, images: Sequence[Image]) -> list[float | None]:
        """By SHA-256, else by URL."""
        by_hash, by_url = self.get([image.sha256 for image in images]), self.get([image.url or "" for image in images])
        return [url if score is None else score for score, url in zip(by_hash, by_url, strict=True)]

    def of_document(self, document: MeasuredDocument) -> float | None:
        """By the key of its text, else by its id, else by its URL."""
        keys = [document_key(document), document.id, document.url or ""]
        return next((score for score in self.get(keys) if score is not None), None)


def document_text(document: MeasuredDocument) -> str:
    """What models read of a document: a sentence a line."""
    return "\n".join(filter(None, document.sentences))


def document_key(document: MeasuredDocument) -> str:
    """The key of a document's text: equal texts have one."""
    return text_digest(document_text(document)).hex()


def index_scores(scores: Sequence[Scores], folder: Path) -> dict[str, IndexedScores]:
    """Makes the indexes of all tables that are not there yet.

    Raises:
        RecipeError: a table is missing, unreadable, or contradicts itself.
    """
    return {settings.name: _index(settings, folder) for settings in scores}


def _index(settings: Scores, folder: Path) -> IndexedScores:
    path, name = Path(settings.path), settings.name
    parts = [(path / part, EMBEDDING) for part in (IMAGES, SENTENCES)] if settings.of == "pair" else [(path, SCORE)]
    indexes = [
        write_index(part, column, f"{name}-{part.stem}", folder, table_sha256(part, name)) for part, column in parts
    ]
    return IndexedScores(of=settings.of, indexes=tuple(map(str, indexes)))


def index_files(scores: Mapping[str, IndexedScores]) -> list[str]:
    """What `open_scores` and others read of all of them."""
    folders = (Path(index) for indexed in scores.values() for index in indexed.indexes)
    return sorted(str(path) for folder in folders for path in folder.rglob("*") if path.is_file())


def open_scores(indexed: IndexedScores) -> ScoreTable:
    """Opens scores of images or documents."""
    (index,) = indexed.indexes
    return ScoreTable(open_index(Path(index)))


def scores_identity(settings: Scores) -> dict[str, Any]:
    """Scores as plain data for a recipe's hash and a manifest: the settings without locations, and the table's SHA-256.

    Raises:
        RecipeError: the table is not there.
    """
    return made_by(settings) | {"name": settings.name, "sha256": table_sha256(Path(settings.path), settings.name)}


def made_by(settings: Scores) -> dict[str, Any]:
    """What shapes a table: the settings without their name and without locations."""
    assert isinstance(settings, BaseModel), "scores are their own settings"
    plain = identity(settings)
    plain.pop("name")
    if is_folder(str(plain.get("model", ""))):
        plain["model"] = Path(plain["model"]).name
    return plain
