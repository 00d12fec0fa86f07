"""Tables of fingerprints: small records about documents, their images and their paragraphs.

A set of three files for each split of the input, and one of two for a sealed dataset. Images and paragraphs say which
row of the documents they belong to.

    documents   id, url, domain, date, digests, bands, shingles ...      row 0, 1, 2 ...
    images      document (a row), image (its index there), sha256, phash
    paragraphs  document (a row), hash, num_words, sentences
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from interleave.dedup.text_fingerprints import NUM_BANDS, TEXT_VERSION

BANDS = tuple(f"band_{number:02d}" for number in range(NUM_BANDS))
# A document without a date.
NO_DATE = np.iinfo(np.int64).min
_VERSION = {b"fingerprints": TEXT_VERSION.encode()}

DOCUMENTS = pa.schema(
    [
        ("id", pa.binary(16)),
        ("url", pa.uint64()),
        # Hash of its canonical spelling; 0: none.
        ("domain", pa.uint64()),
        # Hash of the host; 0: none.
        ("date", pa.int64()),
        # Seconds since 1970; NO_DATE where none is known.
        ("num_characters", pa.int64()),
        ("digest_0", pa.uint64()),
        ("digest_1", pa.uint64()),
        ("image_set", pa.uint64()),
        ("num_images", pa.int32()),
        # Hash and number of its different images.
        ("num_shingles", pa.int32()),
        *((name, pa.uint64()) for name in BANDS),
        ("shingles", pa.binary()),
        # uint32, little-endian, ascending.
        ("host", pa.string()),
    ],
    metadata=_VERSION,
)
IMAGES = pa.schema(
    [("document", pa.int32()), ("image", pa.int32()), ("sha256", pa.binary(32)), ("phash", pa.uint64())],
    metadata=_VERSION,
)
PARAGRAPHS = pa.schema(
    [
        ("document", pa.int32()),
        ("hash", pa.uint64()),
        ("num_words", pa.int32()),
        ("sentences", pa.list_(pa.int32())),
        # Indices of those that the rules left.
    ],
    metadata=_VERSION,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FingerprintFiles:
    """Where the fingerprints of a split, or of a sealed dataset, lie."""

    documents: str
    images: str
    paragraphs: str | None
    # None: of a dataset that is sealed.
