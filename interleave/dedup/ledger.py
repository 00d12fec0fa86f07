"""What `dedup` drops, kept as columns until it is written, split by split, in the form of the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from interleave.counts import Counts
from interleave.dedup.clusters import Ints
from interleave.dedup.columns import num_rows, read_numbers, read_rows
from interleave.dedup.corpus import Corpus
from interleave.dedup.images import ImageColumns
from interleave.drops import DROPS
from interleave.spool import write_table

STAGE = "dedup"
Unit = Literal["document", "image", "paragraph"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """What one rule took."""

    unit: Unit
    rule: str
    rows: Ints
    # Of the unit's table, over all files; in the ledger in ascending order.
    values: npt.NDArray[np.float64] | None = None
    threshold: float | None = None
    keepers: Ints | None = None
    # Documents that are kept in place of them.
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Everything that was dropped."""

    corpus: Corpus
    images: ImageColumns
    dropped: list[Dropped] = field(default_factory=list)

    def add(self, one: Dropped) -> None:
        """Keeps what a rule took in the order of rows, on disk where it is much."""
        order = np.argsort(one.rows, kind="stable")

        def kept(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return self.corpus.scratch.joined([column[order]], len(order), column.dtype)

        values = None if one.values is None else kept(one.values)
        keepers = None if one.keepers is None else kept(one.keepers)
        self.dropped.append(replace(one, rows=kept(one.rows), values=values, keepers=keepers))

    def write(self, drops: tuple[str, ...]) -> Counts:
        """Writes the drops of each split in the order of documents, and counts them."""
        counts = Counts()
        starts = {"document": self.corpus.starts, "image": self.images.starts, "paragraph": self._paragraph_starts()}
        for number, path in enumerate(drops, len(self.corpus.earlier)):
            tables = [DROPS.empty_table()]
            for one in self.dropped:
                start, end = starts[one.unit][number : number + 2].tolist()
                inside = slice(*np.searchsorted(one.rows, [start, end]).tolist())
                if inside.start < inside.stop:
                    table = self._table(one, inside, number, start)
                    counts[f"drop/{_unit(one.unit)}/{STAGE}/{one.rule}"] += table.num_rows
                    tables.append(table)
            _write(Path(path), pa.concat_tables(tables))
        return counts

    def _paragraph_starts(self) -> Ints:
        sizes = [0 if one.paragraphs is None else num_rows(one.paragraphs) for one in self.corpus.files]
        return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)

    def _table(self, one: Dropped, inside: slice, number: int, start: int) -> pa.Table:
        rows = one.rows[inside] - start
        times = np.ones(len(rows), dtype=np.int64)
        image, sentence = pa.nulls(len(rows), pa.int32()), pa.nulls(len(rows), pa.int32())
        document = rows
        files = self.corpus.files[number]
        if one.unit == "image":
            document = read_numbers(files.images, "document", np.int32)[rows]
            image = pa.array(read_numbers(files.images, "image", np.int32)[rows])
        elif one.unit == "paragraph":
            assert files.paragraphs is not None
            document = read_numbers(files.paragraphs, "document", np.int32)[rows]
            lists = pa.concat_arrays([values for _, values in read_rows(files.paragraphs, "sentences", rows)])
            sentence, times = lists.flatten(), np.diff(lists.offsets.to_numpy())
            image = pa.nulls(len(sentence), pa.int32())
        ids = self.corpus.ids[document + self.corpus.starts[number]]
        num_drops = int(times.sum())
        columns: dict[str, Any] = {
            "doc_id": pa.array(np.repeat(_hex(ids), times)),
            "image": image,
            "sentence": sentence,
            "stage": pa.repeat(pa.scalar(STAGE), num_drops),
            "rule": pa.repeat(pa.scalar(one.rule), num_drops),
            "value": pa.nulls(num_drops, pa.float64()),
            "threshold": pa.repeat(pa.scalar(one.threshold, pa.float64()), num_drops),
            "detail": pa.repeat(pa.scalar(one.detail), num_drops),
        }
        if one.values is not None:
            columns["value"] = pa.array(np.repeat(one.values[inside], times))
        if one.keepers is not None:
            columns["detail"] = pa.array(np.repeat(self._names(one.keepers[inside]), times))
        return pa.table(columns, schema=DROPS)

    def _names(self, keepers: Ints) -> npt.NDArray[np.object_]:
        """The ids of documents; of those of an earlier dataset with its name."""
        names = _hex(self.corpus.ids[keepers])
        for place in np.flatnonzero(keepers < self.corpus.num_earlier):
            dataset = self.corpus.earlier[self.corpus.file_of(int(keepers[place]))]
            names[place] = f"{names[place]} of {dataset.name}"
        return names


def _unit(unit: Unit) -> str:
    return "sentence" if unit == "paragraph" else unit


def _hex(ids: npt.NDArray[np.void]) -> npt.NDArray[np.object_]:
    return np.array([doc_id.hex() for doc_id in map(bytes, ids)], dtype=object)


def _write(path: Path, table: pa.Table) -> None:
    """By document, first itself, then its sentences, then its images."""
    keys = table.select(["doc_id"])
    for name in ("image", "sentence"):
        keys = keys.append_column(name, pc.fill_null(table[name], -1))
    order = pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in ("doc_id", "image", "sentence")])
    with write_table(path, DROPS) as writer:
        for piece in _pieces(table.take(order)):
            writer.append_table(piece)


def _pieces(table: pa.Table, size: int = 65536) -> Iterator[pa.Table]:
    for start in range(0, table.num_rows, size):
        yield table.slice(start, size)
