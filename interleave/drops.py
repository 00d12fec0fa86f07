"""The ledger of what was left out: each stage writes its part for each split, and later stages read what is gone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from interleave.document import Drop, Image, MeasuredDocument
from interleave.spool import write_table
from interleave.text import storable

DROPS = pa.schema(
    [
        ("doc_id", pa.string()),
        ("image", pa.int32()),
        ("sentence", pa.int32()),
        ("stage", pa.string()),
        ("rule", pa.string()),
        ("value", pa.float64()),
        ("threshold", pa.float64()),
        ("detail", pa.string()),
    ]
)


def write_drops(path: Path, drops: Iterable[Drop]) -> None:
    with write_table(path, DROPS) as table:
        for drop in drops:
            row = {name: getattr(drop, name) for name in DROPS.names}
            table.append({name: storable(value) if isinstance(value, str) else value for name, value in row.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """What stages dropped from a split."""

    documents: set[str] = field(default_factory=set)
    images: dict[str, set[int]] = field(default_factory=dict)
    sentences: dict[str, set[int]] = field(default_factory=dict)
    # Indices, by document.

    def images_left(self, document: MeasuredDocument) -> list[Image]:
        gone = self.images.get(document.id, set())
        return [image for image in document.images if image.index not in gone]

    def sentences_left(self, document: MeasuredDocument) -> list[str]:
        """Those that are not empty."""
        gone = self.sentences.get(document.id, set())
        return [text for index, text in enumerate(document.sentences) if text and index not in gone]


def read_dropped(paths: Iterable[Path]) -> Dropped:
    """What the files of one or more stages hold for a split."""
    dropped = Dropped()
    for path in paths:
        table = pq.read_table(path, columns=["doc_id", "image", "sentence"])
        for doc_id, image, sentence in zip(*(column.to_pylist() for column in table.columns), strict=True):
            if image is not None:
                dropped.images.setdefault(doc_id, set()).add(image)
            elif sentence is not None:
                dropped.sentences.setdefault(doc_id, set()).add(sentence)
            else:
                dropped.documents.add(doc_id)
    return dropped
