"""What a dataset holds, as far as Stage 2 asks: from its index, its ledger, and the texts of some samples."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from interleave.clean.characters import LETTER, UNSPACED_LETTERS, UPPER, classes
from interleave.errors import ShardError
from interleave.sample import Record
from interleave.shard.index import INDEX_NAME, present, read_index
from interleave.shard.manifest import read_manifest
from interleave.stream.reader import DatasetReader
from interleave.validate.explore.ledger import Ledger
from interleave.validate.readiness.copies import repeated_elsewhere, repeated_in_document
from interleave.validate.readiness.published import CORE_SIMILARITY

# Samples whose texts are looked at, spread evenly over the dataset.
MAX_READ = 1000
# Runs of images with text between them that make a sample an example with several shots.
_SHOTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Numbers of one dataset; shares are between 0 and 1, None where nothing is known."""

    num_documents: int
    num_samples: int
    num_images: int
    num_tokens: int
    # As the model sees them.
    num_text_tokens: int
    multi_image_documents: float
    multi_image_samples: float
    images_with_text_before: float | None
    images_with_text_behind: float | None
    images_side_by_side: float | None
    # Of the images of the samples that were read.
    few_shot_samples: float
    # At least three images, or groups of images, with text between.
    unspaced_text: float
    # Letters of Chinese, Japanese, Thai and the like, of all letters.
    languages: dict[str, int]
    # Documents by what the source or a rule called their language.
    similar_images: float | None
    # Above 0.25 to their sentence, of the images whose similarity is known.
    similarity_known: float
    repeated_in_document: float | None
    repeated_elsewhere: float | None
    evaluation_sets: tuple[str, ...]
    # That the build kept out.
    num_read: int
    # Samples whose texts were looked at.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Texts:
    """Sums over the samples that were read."""

    num_samples: int = 0
    num_image_tokens: int = 0
    num_images: int = 0
    num_before: int = 0
    num_behind: int = 0
    num_side_by_side: int = 0
    num_few_shot: int = 0
    num_letters: int = 0
    num_unspaced: int = 0


def check_whole(path: Path) -> None:
    """Raises:
    ShardError: it is no dataset folder, which readiness is of.
    """
    if not path.is_dir():
        raise ShardError(f"{path} is no dataset folder; readiness for Stage 2 is of whole datasets")
    read_manifest(path)


def observe(folder: Path) -> Observed:
    """Looks at a sealed dataset.

    Raises:
        ShardError: it is none, or cannot be read.
    """
    check_whole(folder)
    reader = DatasetReader(folder)
    rows = present(read_index(folder / INDEX_NAME))
    if not len(rows):
        raise ShardError(f"{folder} has no sample left: all were taken down")
    texts = _read_texts(reader)
    documents = rows.group_by("doc_id").aggregate([("num_images", "sum")])
    ledger = Ledger(folder)
    images = _kept_images(ledger)
    num_images, num_tokens = (int(pc.sum(rows[name]).as_py()) for name in ("num_images", "num_tokens"))
    image_tokens = round(num_images * texts.num_image_tokens / max(texts.num_images, 1))
    return Observed(
        num_documents=len(documents),
        num_samples=len(rows),
        num_images=num_images,
        num_tokens=num_tokens,
        num_text_tokens=num_tokens - image_tokens,
        multi_image_documents=_share(pc.greater_equal(documents["num_images_sum"], 2)),
        multi_image_samples=_share(pc.greater_equal(rows["num_images"], 2)),
        images_with_text_before=_ratio(texts.num_before, texts.num_images),
        images_with_text_behind=_ratio(texts.num_behind, texts.num_images),
        images_side_by_side=_ratio(texts.num_side_by_side, texts.num_images),
        few_shot_samples=texts.num_few_shot / texts.num_samples,
        unspaced_text=texts.num_unspaced / max(texts.num_letters, 1),
        languages=_languages(ledger, documents["doc_id"]),
        similar_images=_similar(images),
        similarity_known=_ratio(len(images) - images["matched_similarity"].null_count, len(images)) or 0.0,
        repeated_in_document=repeated_in_document(images),
        repeated_elsewhere=repeated_elsewhere(images),
        evaluation_sets=_evaluation_sets(reader),
        num_read=texts.num_samples,
    )


def _read_texts(reader: DatasetReader) -> _Texts:
    there = np.flatnonzero(~reader.removed())
    chosen = there[np.unique(np.linspace(0, len(there) - 1, MAX_READ).round().astype(np.int64))]
    total: Counter[str] = Counter()
    for sample in chosen.tolist():
        record, _, _ = reader.read(sample)
        total.update(of_texts(record))
    return _Texts(num_samples=len(chosen), **total)


def of_texts(record: Record) -> dict[str, int]:
    """What one sample adds to the sums.

    `A [1] [2] B [3]`: behind a text are 1 and 3, before a text is 2, side by side are 1 and 2; two shots.
    """
    is_image = [text is None for text in record.texts]
    before = [False, *(not each for each in is_image[:-1])]
    behind = [*(not each for each in is_image[1:]), False]
    at = [position for position, image in enumerate(is_image) if image]
    spaced, unspaced = _letters("".join(text for text in record.texts if text is not None))
    shots = sum(key for key, _ in groupby(is_image))
    return {
        "num_image_tokens": sum(record.span_tokens),
        "num_images": len(at),
        "num_before": sum(before[position] for position in at),
        "num_behind": sum(behind[position] for position in at),
        "num_side_by_side": sum(
            (position > 0 and is_image[position - 1]) or (position + 1 < len(is_image) and is_image[position + 1])
            for position in at
        ),
        "num_few_shot": int(shots >= _SHOTS),
        "num_letters": spaced + unspaced,
        "num_unspaced": unspaced,
    }


def _letters(text: str) -> tuple[int, int]:
    """Letters of scripts with spaces between words, and of those without."""
    counts = Counter(classes(text))
    return counts[UPPER] + counts[LETTER], sum(counts[name] for name in UNSPACED_LETTERS)


def _kept_images(ledger: Ledger) -> pa.Table:
    """The ledger's rows of the images that no stage dropped."""
    images = ledger.level("images")
    return images.filter(pc.is_null(ledger.reasons("images", images.select(["doc_id", "image"]))))


def _similar(images: pa.Table) -> float | None:
    known = images["matched_similarity"].drop_null()
    return _share(pc.greater_equal(known, CORE_SIMILARITY)) if len(known) else None


def _languages(ledger: Ledger, documents: pa.ChunkedArray) -> dict[str, int]:
    known = ledger.level("documents")
    here = known.filter(pc.is_in(known["doc_id"], documents.combine_chunks()))["language"].drop_null()
    return {entry["values"]: entry["counts"] for entry in pc.value_counts(here).to_pylist()}


def _evaluation_sets(reader: DatasetReader) -> tuple[str, ...]:
    sets = (reader.manifest.recipe.get("decontaminate") or {}).get("sets") or ()
    return tuple(str(item.get("name") or item.get("path") or item.get("kind")) for item in sets)


def _share(of: pa.ChunkedArray | pa.Array) -> float:
    return float(pc.mean(of.cast(pa.int8())).as_py() or 0.0) if len(of) else 0.0


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
