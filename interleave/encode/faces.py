"""Images with their faces blurred, where the recipe says so: written beside the samples, in place of those measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from interleave.blobs import BlobReader, BlobWriter, write_blob
from interleave.counts import Counts
from interleave.document import BlobRef, Document, Image
from interleave.errors import RecipeError
from interleave.images.blur import Box, blur_boxes

_SIDES = ("left", "top", "right", "bottom")
_EXPECTED = (
    "expected one Parquet file with `key` and `boxes` (left, top, right, bottom), as `interleave score` writes it"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceBlur:
    """Where faces are, and how images are encoded again."""

    table: str
    # Of scores of kind `faces`: `key`, the image's SHA-256, and `boxes`.
    quality: int
    work: str
    blob: str
    # What is written, relative to the work folder.


@contextmanager
def open_blur(blur: FaceBlur, images: frozenset[str], counts: Counts) -> Iterator[_Blurring]:
    """What blurs the faces of documents.

    images: SHA-256 of those that may come.
    """
    with BlobReader(Path(blur.work)) as blobs, write_blob(Path(blur.work), blur.blob) as written:
        yield _Blurring(boxes_of(Path(blur.table), images), blobs, written, blur.quality, counts)


class _Blurring:
    """Blurs each image once."""

    def __init__(
        self, boxes: Mapping[str, list[Box]], blobs: BlobReader, written: BlobWriter, quality: int, counts: Counts
    ) -> None:
        self._boxes = boxes
        self._blobs = blobs
        self._written = written
        self._quality = quality
        self._counts = counts
        self._done: dict[str, BlobRef] = {}

    def document(self, document: Document) -> Document:
        """The document with images without faces."""
        return replace(
            document, parts=tuple(self._image(part) if isinstance(part, Image) else part for part in document.parts)
        )

    def _image(self, image: Image) -> Image:
        boxes = self._boxes.get(image.sha256)
        if not boxes:
            return image
        if image.sha256 not in self._done:
            self._counts["faces_blurred"] += len(boxes)
            jpeg = blur_boxes(self._blobs.read(image.blob), boxes, self._quality)
            self._done[image.sha256] = self._written.append(jpeg)
        return replace(image, blob=self._done[image.sha256])


def boxes_of(table: Path, images: frozenset[str]) -> dict[str, list[Box]]:
    """The faces of these images, of those that have any."""
    check_boxes(table)
    found: dict[str, list[Box]] = {}
    wanted = pa.array(sorted(images), pa.string())
    with pq.ParquetFile(table) as file:
        for batch in file.iter_batches(columns=["key", "boxes"]):
            for row in batch.filter(pc.is_in(batch["key"], wanted)).to_pylist():
                boxes = [tuple(box[name] for name in _SIDES) for box in row["boxes"] or ()]
                if boxes := [box for box in boxes if all(0 <= side <= 1 for side in box)]:
                    found[row["key"]] = boxes
    return found


def check_boxes(table: Path) -> None:
    """
    Raises:
        RecipeError: it is no Parquet file that says where faces are.
    """
    try:
        schema = pq.read_schema(table)
        boxes = schema.field("boxes").type.value_type
        is_right = all(pa.types.is_floating(boxes.field(name).type) for name in _SIDES) and "key" in schema.names
    except (OSError, pa.ArrowException, LookupError, AttributeError, TypeError) as error:
        raise RecipeError(f"images.blur_faces: {table}: {_EXPECTED} ({str(error)[:100]})") from None
    if not is_right:
        raise RecipeError(f"images.blur_faces: {table}: {_EXPECTED}")
