"""How much of a picture is QR codes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from interleave.align.models.scoring import Model, Of, Pixels, ScoreName, Scoring, score_rows
from interleave.settings import Location, Settings

if TYPE_CHECKING:
    import zxingcpp


class QrScores(Settings):
    """Share of the picture, 0 to 1, that QR codes cover. NeMo Curator keeps less than 0.05."""

    kind: Literal["qr"]
    """Scores of images by zxing-cpp: codes that it finds, whether or not it can read them."""

    name: ScoreName = "qr"
    """What the rest of the recipe calls them."""

    path: Location
    """The table, a Parquet file."""

    @property
    def of(self) -> Of:
        return "image"

    def scorings(self) -> tuple[Scoring[Pixels]]:
        return (Scoring(table=Path(self.path), of="image", open=_open, rows_per_part=4_096),)


def _open(device: str | None) -> Model[Pixels]:
    import zxingcpp

    formats = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])

    def score(images: Sequence[Pixels]) -> pa.Table:
        found = (zxingcpp.read_barcodes(image, formats=formats, return_errors=True) for image in images)
        return score_rows([_share(codes, image) for codes, image in zip(found, images, strict=True)])

    return score


def _share(codes: Sequence[zxingcpp.Barcode], image: Pixels) -> float:
    """Areas of the codes' outlines over that of the picture; at most 1."""
    return min(1.0, sum(_area(code.position) for code in codes) / float(image.shape[0] * image.shape[1]))


def _area(outline: zxingcpp.Position) -> float:
    """Of a quadrilateral, by the shoelace formula."""
    found = (outline.top_left, outline.top_right, outline.bottom_right, outline.bottom_left)
    corners: list[tuple[int, int]] = [(corner.x, corner.y) for corner in found]
    following = corners[1:] + corners[:1]
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(corners, following, strict=True))) / 2
