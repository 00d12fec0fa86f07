"""What is kept of an evaluation set: hashes of its images and questions, in one file that can be handed around.

    items -> normalise -> thumbnail -> perceptual hash ┐
          -> words -> runs of words -> hashes          ┴> FILE.parquet, a row an image, a row or two a question

Neither pictures nor questions can be had back from it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from interleave.dedup.clusters import Hashes, Ints
from interleave.dedup.evaluation.grams import SPACED_LENGTHS, UNSPACED_LENGTHS, Grams, question_grams
from interleave.dedup.evaluation.items import EvaluationItem, RefusedItem
from interleave.dedup.fingerprints import perceptual_hash
from interleave.errors import RecipeError, Unreadable
from interleave.images.normalise import ImageTarget, normalise
from interleave.spool import TableWriter, write_table
from interleave.text import printable, storable

# Of the hashes: what is computed otherwise does not match what a file holds.
_VERSION = b"1"
_SCHEMA = pa.schema(
    [
        ("set", pa.string()),
        ("item", pa.string()),
        ("kind", pa.string()),
        ("sha256", pa.string()),
        ("phash", pa.uint64()),
        ("num_words", pa.int32()),
        ("grams", pa.list_(pa.uint64())),
    ],
    metadata={b"interleave.evaluation": _VERSION},
)
_MAX_NAMED = 1000
# A thumbnail with so much of one shade, give or take 4 of 256, is plain: 0.4 % of photographs, drawings and charts.
_PLAIN_SHARE = 0.75
_SHADES_OF_ONE = 9
# Of the 64 coefficients 32 are above their median, unless many are equal, as in gradients and blank pages.
_MIN_BITS = 28
_MAX_RUN = max(SPACED_LENGTHS[1], UNSPACED_LENGTHS[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationReport:
    """What became of the items of evaluation sets."""

    num_images: int
    num_plain_images: int
    # Of them: known by their bytes alone.
    num_questions: int
    num_short_questions: int
    # Ordinary language: their images decide alone.
    num_refused: Mapping[tuple[str, str], int]
    # By set and reason.
    refused: tuple[RefusedItem, ...]
    # The first 1,000 of them.


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprints:
    """Evaluation sets as columns."""

    image_names: list[tuple[str, str]]
    # (set, item) of each image.
    image_sha256: npt.NDArray[np.bytes_]
    image_phash: Hashes
    # (num_images,) 0 where an image is known by its bytes alone (`telling_hash`).
    question_names: list[tuple[str, str]]
    # (set, item) of each way in which a question may stand.
    num_words: Ints
    # (num_ways,) length of its runs.
    grams: Grams
    borders: Ints
    # (num_ways + 1,): grams[borders[i] : borders[i + 1]] are those of way i.


def write_fingerprints(
    items: Iterable[EvaluationItem | RefusedItem], path: Path, target: ImageTarget | None = None
) -> EvaluationReport:
    """Reads every image once; the bytes of the file depend on the items alone.

    target: what images are normalised to; best what the corpus's are.
    """
    tally = _Tally()
    with write_table(path, _SCHEMA) as table:
        for item in items:
            try:
                if isinstance(item, RefusedItem):
                    raise item.error
                if item.question is not None:
                    _write_question(table, item, tally)
                if item.load is not None:
                    _write_image(table, item, item.load(), target or ImageTarget(), tally)
            except Unreadable as error:
                tally.refuse(RefusedItem(set=item.set, item=item.item, error=_without_traceback(error)))
    return tally.report()


def read_fingerprints(path: Path) -> Fingerprints:
    """Raises:
    RecipeError: the file is not one that `write_fingerprints` wrote, or that another version of it wrote.
    """
    try:
        with pq.ParquetFile(path) as file:
            _check_schema(file.schema_arrow, path)
            return _columns(file.read())
    except (OSError, ValueError, pa.ArrowException) as error:
        raise RecipeError(f"evaluation: cannot read {printable(str(path))}: {error}") from error


def join_fingerprints(parts: Iterable[Fingerprints]) -> Fingerprints:
    """Several files as one."""
    found = list(parts)
    starts = np.cumsum([0, *(len(part.grams) for part in found)])
    return Fingerprints(
        image_names=[name for part in found for name in part.image_names],
        image_sha256=np.concatenate([np.empty(0, "S64"), *(part.image_sha256 for part in found)]),
        image_phash=np.concatenate([np.empty(0, np.uint64), *(part.image_phash for part in found)]),
        question_names=[name for part in found for name in part.question_names],
        num_words=np.concatenate([np.empty(0, np.int64), *(part.num_words for part in found)]),
        grams=np.concatenate([np.empty(0, np.uint64), *(part.grams for part in found)]),
        borders=np.concatenate(
            [[0], *(part.borders[1:] + start for part, start in zip(found, starts[:-1], strict=True))]
        ).astype(np.int64),
    )


@dataclass(slots=True, kw_only=True)
class _Tally:
    num_images: int = 0
    num_plain_images: int = 0
    num_questions: int = 0
    num_short_questions: int = 0
    num_refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: list[RefusedItem] = field(default_factory=list)

    def refuse(self, item: RefusedItem) -> None:
        self.num_refused[item.set, item.error.reason] += 1
        if len(self.refused) < _MAX_NAMED:
            self.refused.append(item)

    def report(self) -> EvaluationReport:
        return EvaluationReport(
            num_images=self.num_images,
            num_plain_images=self.num_plain_images,
            num_questions=self.num_questions,
            num_short_questions=self.num_short_questions,
            num_refused=dict(sorted(self.num_refused.items())),
            refused=tuple(self.refused),
        )


def _write_question(table: TableWriter, item: EvaluationItem, tally: _Tally) -> None:
    ways = question_grams(item.question or "", item.options)
    for num_words, grams in ways:
        row = {"set": storable(item.set), "item": storable(item.item), "kind": "question"}
        table.append({**row, "num_words": num_words, "grams": grams})
    tally.num_questions += bool(ways)
    tally.num_short_questions += not ways


def _write_image(table: TableWriter, item: EvaluationItem, data: bytes, target: ImageTarget, tally: _Tally) -> None:
    phash = telling_hash(normalise(data, target).thumbnail)
    sha256 = hashlib.sha256(data).hexdigest()
    row = {"set": storable(item.set), "item": storable(item.item), "kind": "image"}
    table.append({**row, "sha256": sha256, "phash": phash})
    tally.num_images += 1
    tally.num_plain_images += phash is None


def telling_hash(thumbnail: npt.NDArray[np.uint8]) -> int | None:
    """The perceptual hash of a (32, 32) luma thumbnail; None where unlike pictures would have nearly the same one.

    That is so of a line or two of text on white: among 200 sums such as "12 + 7 = ?" 1 pair in 12 differs in at most 4
    bits; of 856,000 pairs of photographs, drawings and charts none does but copies.
    """
    shades = np.convolve(np.bincount(thumbnail.ravel(), minlength=256), np.ones(_SHADES_OF_ONE, dtype=np.int64))
    phash = perceptual_hash(thumbnail)
    is_plain = shades.max() >= _PLAIN_SHARE * thumbnail.size or phash.bit_count() < _MIN_BITS
    return None if is_plain else phash


def _without_traceback(error: Unreadable) -> Unreadable:
    """A new one: the caught one's traceback would keep the image's bytes alive."""
    return Unreadable(error.reason, error.detail)


def _check_schema(schema: pa.Schema, path: Path) -> None:
    if not schema.equals(_SCHEMA, check_metadata=False):
        what = f"columns {', '.join(schema.names[:20])}; expected {', '.join(_SCHEMA.names)}"
        raise RecipeError(f"evaluation: {printable(str(path))} is no file of fingerprints: {what}")
    version = (schema.metadata or {}).get(b"interleave.evaluation", b"none")
    if version != _VERSION:
        raise RecipeError(
            f"evaluation: {printable(str(path))} has fingerprints of version {version.decode(errors='replace')}, this "
            f"release makes {_VERSION.decode()}: write them again"
        )


def _columns(table: pa.Table) -> Fingerprints:
    images = table.filter(pa.compute.equal(table["kind"], "image"))
    questions = table.filter(pa.compute.equal(table["kind"], "question"))
    empty = sum(column.null_count for column in (*images.columns[:4], *questions.columns[:3], *questions.columns[5:]))
    num_words = questions["num_words"].to_numpy()
    if empty or len(images) + len(questions) < len(table) or not ((num_words >= 1) & (num_words <= _MAX_RUN)).all():
        raise ValueError("rows that no fingerprints have")
    grams = questions["grams"].combine_chunks()
    return Fingerprints(
        image_names=list(_names(images)),
        image_sha256=np.array(images["sha256"].to_pylist(), dtype="S64"),
        image_phash=images["phash"].combine_chunks().fill_null(0).to_numpy().astype(np.uint64),
        question_names=list(_names(questions)),
        num_words=num_words.astype(np.int64),
        grams=grams.flatten().to_numpy().astype(np.uint64),
        borders=np.concatenate([[0], np.cumsum(grams.value_lengths().to_numpy())]).astype(np.int64),
    )


def _names(table: pa.Table) -> Iterator[tuple[str, str]]:
    return zip(table["set"].to_pylist(), table["item"].to_pylist(), strict=True)
