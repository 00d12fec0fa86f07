"""Embeddings of images and sentences in one space: CLIP, SigLIP and their kin, from which similarities come.

    scores: [{kind: clip, name: clip, model: openai/clip-vit-large-patch14, path: scores/clip}]

leaves `scores/clip/images.parquet` (key: SHA-256 of the image) and `scores/clip/sentences.parquet` (key: hash of the
sentence). Equal images and equal sentences are computed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

import pyarrow as pa

from interleave.align.models.scoring import Model, ModelName, Of, Pixels, Revision, ScoreName, Scoring
from interleave.settings import Location, Settings

IMAGES = "images.parquet"
SENTENCES = "sentences.parquet"


class ClipScores(Settings):
    """Similarity of images and sentences: the cosine of their embeddings."""

    kind: Literal["clip"]
    """Embeddings by a model of images and texts (CLIP, SigLIP)."""

    name: ScoreName = "clip"
    """What the rest of the recipe calls them."""

    library: Literal["transformers", "open_clip"] = "transformers"
    """Which library's format the model has."""

    model: ModelName
    """A folder, or a name on the Hugging Face hub."""

    revision: Revision | None = None
    """Commit or tag on the hub. null: the newest. Only with `transformers`."""

    path: Location
    """Folder of the embeddings: `images.parquet`, `sentences.parquet`."""

    @property
    def of(self) -> Of:
        return "pair"

    def scorings(self) -> tuple[Scoring[Pixels], Scoring[str]]:
        folder = Path(self.path)
        return (
            Scoring(table=folder / IMAGES, of="image", open=self._open_images, rows_per_part=2_048),
            Scoring(table=folder / SENTENCES, of="sentence", open=self._open_sentences, rows_per_part=16_384),
        )

    def _open_images(self, device: str | None) -> Model[Pixels]:
        return _open(self, device).images

    def _open_sentences(self, device: str | None) -> Model[str]:
        return _open(self, device).sentences


class Encoder(Protocol):
    """A loaded model."""

    def images(self, images: Sequence[Pixels], /) -> pa.Table: ...

    def sentences(self, sentences: Sequence[str], /) -> pa.Table: ...


def _open(settings: ClipScores, device: str | None) -> Encoder:
    if settings.library == "open_clip":
        from interleave.align.models.open_clip_encoder import open_encoder as open_by_open_clip

        return open_by_open_clip(settings.model, device)
    from interleave.align.models.transformers_encoder import open_encoder

    return open_encoder(settings.model, settings.revision, device)
