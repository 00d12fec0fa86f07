"""Computes the score tables of a recipe over the spool: what models say of images, sentences and documents.

    documents of the spool ─> keys that neither the table nor an earlier document had ─> parts ─> batches ─> model
                                                                      TABLE.parts/000000.parquet ... <─┘
    at the end: TABLE + parts, sorted by key ─> TABLE

Which keys make up a part depends on the documents alone, so an interrupted run goes on with the first part that is not
there, and the table comes out the same. A part holds its keys: one that was left by other documents is done again.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import orjson
import pyarrow as pa
from tqdm import tqdm

from interleave.align.models.scoring import Model, Pixels, Scores, Scoring
from interleave.align.models.similarity import sentence_key
from interleave.align.models.table_writer import SeenKeys, is_written, merge, read_about, read_keys, write_rows
from interleave.blobs import BlobReader
from interleave.clean.scores import document_key, document_text, made_by
from interleave.document import BlobRef, MeasuredDocument
from interleave.errors import InterleaveError, RecipeError, TaskError, Unreadable
from interleave.executors import default_workers
from interleave.images.stored import decode_rgb
from interleave.spool import read_documents
from interleave.work_folder import work_folder

Item = TypeVar("Item")
Source = BlobRef | str
# What an item is made from: the place of an image, or a text.
_AT_ONCE = 4_096  # keys that are compared with the known ones together


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What became of one table."""

    name: str
    table: str
    known: int
    # Rows that it had before.
    computed: int
    # Rows that were added, those that an interrupted run had left in parts included.


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """How models are run."""

    device: str | None
    # As torch names it; None: a GPU where there is one.
    batch_size: int
    quiet: bool


def score(scores: Sequence[Scores], work: Path, images: dict[str, Any], running: Running) -> list[Scored]:
    """Fills the tables of `scores` with everything that lies in the spool of a work folder.

    images: how the spool's images were made (plain data); kept in the tables, since it shapes what models see.

    Raises:
        RecipeError: nothing is measured yet, a model cannot be loaded, or a table was made by other settings.
        TaskError: a model failed; what it did before is kept, run again to go on.
    """
    with work_folder(work, fresh=False):
        documents = _measured(work)
        return [
            _fill(settings, scoring, documents, images, running)
            for settings in scores
            for scoring in settings.scorings()
        ]


def _measured(work: Path) -> list[Path]:
    """The spool's documents, of tasks that were completed, in order."""
    found = sorted((work / "measure").glob("*.documents.parquet"))
    done = [path for path in found if path.with_name(path.name.partition(".")[0] + ".done").is_file()]
    if not done:
        raise RecipeError(f"{work} holds no measured documents; `interleave build` measures them, run it first")
    return done


def _fill(
    settings: Scores, scoring: Scoring[Any], documents: Sequence[Path], images: dict[str, Any], running: Running
) -> Scored:
    table, name = scoring.table, settings.name
    about = _about(settings, scoring, images)
    _check_made_by(table, about, name)
    folder = table.with_name(table.name + ".parts")
    seen, known = SeenKeys(), 0
    for keys in read_keys(table):
        known += sum(seen.add_new(keys))
    model = _Model(scoring, name, running.device)
    written, computed = [], 0
    with tqdm(desc=f"{name:>8}", unit=f" {scoring.of}s", disable=running.quiet or not sys.stderr.isatty()) as bar:
        for number, part in enumerate(_parts(_items(documents, scoring.of), seen, scoring.rows_per_part)):
            path = folder / f"{number:06d}.parquet"
            if not is_written(path, list(part), about):
                rows = _score(list(part.values()), model, documents[0].parent, running.batch_size)
                write_rows(path, list(part), rows, about)
            written.append(path)
            computed += len(part)
            bar.update(len(part))
    if written:
        merge(table, written, about, folder / "sorting")
    elif not table.is_file():
        write_rows(table, [], model([]), about)
    shutil.rmtree(folder, ignore_errors=True)
    return Scored(name=name, table=str(table), known=known, computed=computed)


def _about(settings: Scores, scoring: Scoring[Any], images: dict[str, Any]) -> bytes:
    seen = {"images": images} if scoring.of == "image" else {}
    return orjson.dumps({"of": scoring.of, "made_by": made_by(settings)} | seen, option=orjson.OPT_SORT_KEYS)


def _check_made_by(table: Path, about: bytes, name: str) -> None:
    """Scores of two models, or of pictures of two sizes, must not stand in one table."""
    try:
        before = read_about(table) if table.is_file() else about
    except (OSError, pa.ArrowException):
        before = None
    if before != about:
        by = f"by {before.decode()}" if before else "elsewhere"
        raise RecipeError(
            f"scores.{name}: {table} was made {by}, the recipe says {about.decode()}; name another path, or remove it"
        )


def _items(documents: Iterable[Path], of: str) -> Iterator[tuple[str, Source]]:
    """(key, what it is made from) of everything that could be scored; many occur again."""
    for path in documents:
        for document in read_documents(path):
            yield from _items_of(document, of)


def _items_of(document: MeasuredDocument, of: str) -> Iterator[tuple[str, Source]]:
    if of == "image":
        yield from ((image.sha256, image.blob) for image in document.images)
    elif of == "sentence":
        yield from ((sentence_key(sentence), sentence) for sentence in document.sentences if sentence)
    elif text := document_text(document):
        yield document_key(document), text


def _parts(items: Iterator[tuple[str, Source]], seen: SeenKeys, size: int) -> Iterator[dict[str, Source]]:
    """Items whose keys were not seen before, `size` at a time, in order of their first occurrence."""
    new: list[tuple[str, Source]] = []
    while batch := list(islice(items, _AT_ONCE)):
        different = dict(batch)
        is_new = seen.add_new(list(different))
        new.extend(item for item, fresh in zip(different.items(), is_new, strict=True) if fresh)
        while len(new) >= size:
            yield dict(new[:size])
            new = new[size:]
    if new:
        yield dict(new)


class _Model:
    """A model that is loaded when it is first asked; what goes wrong in it becomes a sentence."""

    def __init__(self, scoring: Scoring[Any], name: str, device: str | None) -> None:
        self._scoring = scoring
        self._name = name
        self._device = device
        self._loaded: Model[Any] | None = None

    def __call__(self, items: Sequence[Pixels | str]) -> pa.Table:
        if self._loaded is None:
            try:
                self._loaded = self._scoring.open(self._device)
            except (InterleaveError, ModuleNotFoundError):
                raise
            except Exception as error:  # noqa: BLE001 - libraries of models raise what they like
                raise RecipeError(f"scores.{self._name}: the model cannot be loaded: {_line(error)}") from None
        try:
            rows = self._loaded(items)
        except Exception as error:  # noqa: BLE001
            raise TaskError(
                f"scores.{self._name}: the model failed: {_line(error)}; what is scored is kept; "
                "run again to go on, with a smaller --batch-size where memory was short"
            ) from None
        if rows.num_rows != len(items):
            raise TaskError(f"scores.{self._name}: the model gave {rows.num_rows} rows for {len(items)} items")
        return rows


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0][:300]


def _score(sources: Sequence[Source], model: _Model, spool: Path, batch_size: int) -> pa.Table:
    """One row a source, null where an image cannot be decoded."""
    with BlobReader(spool.parent) as blobs, ThreadPoolExecutor(default_workers()) as pool:
        batches = (sources[start : start + batch_size] for start in range(0, len(sources), batch_size))
        return pa.concat_tables(_rows(items, model) for items in _ahead(batches, blobs, pool))


def _rows(items: Sequence[Pixels | str | None], model: _Model) -> pa.Table:
    there = [item for item in items if item is not None]
    rows = model(there)
    if len(there) == len(items):
        return rows
    numbers = iter(range(len(there)))
    return rows.take(pa.array([None if item is None else next(numbers) for item in items], pa.int64()))


def _ahead(
    batches: Iterable[Sequence[Source]], blobs: BlobReader, pool: Executor
) -> Iterator[list[Pixels | str | None]]:
    """What sources stand for; the next batch is decoded while the model looks at this one."""

    def begin(batch: Sequence[Source]) -> list[Future[Pixels | None] | str]:
        return [source if isinstance(source, str) else pool.submit(_decode, blobs.read(source)) for source in batch]

    waiting: list[Future[Pixels | None] | str] | None = None
    for batch in batches:
        begun = begin(batch)
        if waiting is not None:
            yield _finished(waiting)
        waiting = begun
    if waiting is not None:
        yield _finished(waiting)


def _finished(waiting: Sequence[Future[Pixels | None] | str]) -> list[Pixels | str | None]:
    return [item if isinstance(item, str) else item.result() for item in waiting]


def _decode(jpeg: bytes) -> Pixels | None:
    try:
        return decode_rgb(jpeg)
    except Unreadable:
        return None
