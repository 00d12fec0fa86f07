"""Small records for tests, with everything filled in that a test does not care about."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from interleave.document import BlobRef, Drop, Image, Looks, MeasuredDocument
from interleave.encode.image_tokens import ImageTokens

# Of a photograph.
LOOKS = Looks(sharpness=2.5, entropy=7.4, flat=0.4, text=0.0, num_frames=1)


def make_image(
    index: int = 0,
    *,
    matched: int = 0,
    width: int = 300,
    height: int = 200,
    phash: int = 0,
    sha256: str | None = None,
    url: str | None = None,
    similarities: Sequence[float] | None = None,
    num_faces: int | None = None,
    looks: Looks = LOOKS,
) -> Image:
    return Image(
        index=index,
        sha256=sha256 or f"{index:064x}",
        width=width,
        height=height,
        source_width=width,
        source_height=height,
        blob=BlobRef(file="00000.blob", offset=10 * index, length=10),
        phash=phash,
        looks=looks,
        url=url,
        matched_sentence=matched,
        similarities=None if similarities is None else np.array(similarities, dtype=np.float32),
        num_faces=num_faces,
    )


def make_measured(
    sentences: Sequence[str] = ("A sentence.",),
    images: Sequence[Image] = (),
    *,
    doc_id: str = "00" * 16,
    language: str | None = None,
    paragraphs: Sequence[int] = (),
) -> MeasuredDocument:
    return MeasuredDocument(
        id=doc_id,
        source="mmc4",
        url="https://example.org/page",
        sentences=tuple(sentences),
        paragraphs=tuple(paragraphs),
        images=tuple(images),
        num_source_images=len(images),
        meta={} if language is None else {"language": language},
    )


def image_tokens(num_tokens: int | None = 4, profile: str = "vila-1.0") -> ImageTokens:
    """Of a model that makes so many tokens of every image, and has -200 for one."""
    return ImageTokens(
        profile=profile, form="compact", options={}, placeholder=-200, ids={}, tokens_per_image=num_tokens
    )


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Turns a loop without an end into a failure."""

    def fail(*_: object) -> None:
        raise AssertionError(f"did not end in {seconds} seconds")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def read_drops(path: Path) -> list[Drop]:
    """A table that `write_drops` wrote."""
    return [Drop(**row) for row in pq.read_table(path).to_pylist()]
