"""The records of `pairs` in each of its formats: which files, how they are cut, and what they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interleave.acquire.listing import SUFFIXES, SourceFile, Split, cut_lines, list_files, whole
from interleave.acquire.source import Parsed
from interleave.acquire.tables import img2dataset
from interleave.acquire.tables.pair_fields import (
    ERROR,
    KNOWN,
    STATUS,
    Names,
    by_role,
    check_downloaded,
    parse_pair,
    similarity_of,
)
from interleave.acquire.tables.parquet import cut_row_groups, read_columns, read_rows
from interleave.acquire.tables.text import Dialect, csv_columns, first_keys, read_csv, read_jsonl
from interleave.acquire.tables.top_share import TopShare, top_share
from interleave.errors import RecipeError, Unreadable

if TYPE_CHECKING:
    from interleave.acquire.pairs import PairsSource

_COMPRESSED = ("", ".gz", ".zst")
_SUFFIXES: dict[str, tuple[str, ...]] = {
    "webdataset": (".tar",),
    "parquet": (".parquet",),
    "jsonl": SUFFIXES,
    "csv": tuple(f".csv{ending}" for ending in _COMPRESSED),
    "tsv": tuple(f".tsv{ending}" for ending in _COMPRESSED),
}
_NEEDED = ("url", "caption")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A row or a sample: its values by role, or why there are none."""

    where: str
    fields: dict[str, Any] | Unreadable
    load: Callable[[], bytes] | None = None
    value: float | None = None
    threshold: float | None = None
    # Where a similarity decided.

    def parse(self, doc_id: str, language: str) -> Parsed:
        """Raises:
        Unreadable: the record is no document.
        """
        if isinstance(self.fields, Unreadable):
            raise self.fields
        return parse_pair(self.fields, self.load, doc_id, language)


def list_pairs(source: PairsSource) -> list[SourceFile]:
    """Raises:
    RecipeError: nothing is there, or several formats are.
    """
    kind = source.format if source.format != "auto" else _told_by_names(source)
    if kind == "files":
        return img2dataset.list_folders(source.name, source.path)
    files = list_files(source.name, source.path, _SUFFIXES[kind])
    if kind != "webdataset":
        return files
    beside = [(file, Path(file.path).with_suffix(".parquet")) for file in files]
    # The tables beside tars are input too: a build notices when they change.
    return [
        replace(file, num_bytes=file.num_bytes + (table.stat().st_size if table.is_file() else 0))
        for file, table in beside
    ]


def check_first(source: PairsSource, file: SourceFile) -> None:
    """Raises:
    Unreadable: the first file lacks a column; it is not raised where the file cannot be read.
    """
    kind = _kind(source, file.path)
    if kind in ("webdataset", "files"):
        return
    try:
        found = _columns(source, file, kind)
    except Unreadable:
        return  # counted when it is read
    if kind != "jsonl" or found:
        _names(source).check(_roles(source), found)


def cut_pairs(source: PairsSource, file: SourceFile, num_bytes: int) -> list[Split]:
    kind = _kind(source, file.path)
    if kind == "files":
        return img2dataset.cut_folder(file)
    if kind == "webdataset":
        return img2dataset.cut_tar(file)
    if kind == "parquet":
        return cut_row_groups(file, num_bytes)
    if kind == "jsonl" and source.top_share is None:
        return cut_lines(file, num_bytes)
    # Each split of a file needs the similarities of all its rows: of lines, they would be read once a split.
    return whole(file, end=file.num_bytes)


def read_pairs(source: PairsSource, split: Split, max_image_bytes: int) -> Iterator[tuple[int, Record]]:
    """(number, record) for each record of a split, and one for the damage that ends it.

    Raises:
        TaskError: the file cannot be read on this machine.
    """
    best = None if source.top_share is None else _best(source, _whole_file(split))
    number = split.first_line - 1
    try:
        for number, record in _records(source, split, max_image_bytes):
            yield number, record if best is None else _judged(record, best, number)
    except Unreadable as error:
        yield number + 1, Record(where="file", fields=error)


def _records(source: PairsSource, split: Split, max_image_bytes: int) -> Iterator[tuple[int, Record]]:
    kind, names = _kind(source, split.path), _names(source)
    if kind in ("webdataset", "files"):
        read = img2dataset.read_tar if kind == "webdataset" else img2dataset.read_folder
        roles = [role for role in KNOWN if role != "sha256" or names.sha256]
        for number, pair in enumerate(read(split, max_image_bytes)):
            fields = pair.fields
            if isinstance(fields, dict):
                fields = by_role(fields, names, roles)
            yield number, Record(where=pair.where, fields=fields, load=pair.load)
        return
    for number, row in _table(source, split, kind):
        yield number, Record(where=f"row {number + 1}", fields=_of_row(row, names))


def _table(source: PairsSource, split: Split, kind: str) -> Iterator[tuple[int, dict[str, Any] | Unreadable]]:
    if kind == "jsonl":
        yield from read_jsonl(split)
        return
    names = _names(source)
    found = read_columns(split.path) if kind == "parquet" else csv_columns(split.path, _dialect(source, kind))
    names.check(_roles(source), found)
    if kind == "parquet":
        wanted = {names.find(role, found) for role in KNOWN}
        outcome = {STATUS, ERROR} & set(found) if {STATUS, ERROR} <= set(found) else set()
        yield from read_rows(split, sorted({name for name in wanted if name} | outcome))
    else:
        yield from read_csv(split.path, _dialect(source, kind))


def _of_row(row: dict[str, Any] | Unreadable, names: Names) -> dict[str, Any] | Unreadable:
    try:
        if isinstance(row, dict):
            check_downloaded(row)
            return by_role(row, names)
        return row
    except Unreadable as error:
        return error


@lru_cache(maxsize=4)
def _best(source: PairsSource, file: Split) -> TopShare:
    """Of the rows of the whole file; a process that reads several splits of it looks once."""
    assert source.top_share is not None
    return top_share(_ranks(source, file), source.top_share)


def _whole_file(split: Split) -> Split:
    return replace(split, start=0, end=1 << 62, first_line=0)


def _ranks(source: PairsSource, file: Split) -> Iterator[tuple[int, float]]:
    """(number, figure) of the records that have one; damage is met again when they are read."""
    try:
        for number, fields in _fields_of_file(source, file):
            try:
                figure = similarity_of(fields.get("rank")) if isinstance(fields, dict) else None
            except Unreadable:
                continue
            if figure is not None:
                yield number, figure
    except Unreadable:
        return


def _fields_of_file(source: PairsSource, file: Split) -> Iterator[tuple[int, dict[str, Any] | Unreadable]]:
    if _kind(source, file.path) != "parquet":
        for number, record in _records(source, file, 0):
            yield number, record.fields
        return
    names, found = _names(source), read_columns(file.path)
    names.check(_roles(source), found)
    outcome = [STATUS, ERROR] if {STATUS, ERROR} <= set(found) else []
    for number, row in read_rows(file, [str(names.find("rank", found)), *outcome]):
        yield number, _of_row(row, names)


def _judged(record: Record, best: TopShare, number: int) -> Record:
    """The record, or in its place that it is not among the best."""
    if isinstance(record.fields, Unreadable):
        return record
    try:
        figure = similarity_of(record.fields.get("rank"))
    except Unreadable as error:
        return replace(record, fields=error)
    if figure is None:
        return replace(record, fields=Unreadable("no_similarity", "has no figure for `top_share` to go by"))
    if best.keeps(number, figure):
        return record
    tie = ", as earlier rows of the same figure that are kept" if figure == best.threshold else ""
    below = Unreadable("below_top_share", f"{figure:g}, of the best rows the last one has {best.threshold:g}{tie}")
    return replace(record, fields=below, value=figure, threshold=best.threshold)


def _told_by_names(source: PairsSource) -> str:
    """The format that the names of files tell.

    Raises:
        RecipeError: they tell of none, or of several.
    """
    location = Path(source.path)
    if not location.is_dir():
        return _kind(source, source.path)
    found = {kind for file in location.rglob("*") if (kind := _kind_of_name(file.name)) and file.is_file()}
    tables = sorted(location.rglob("*.parquet"))
    if "webdataset" in found:
        found -= {"parquet"} if all(table.with_suffix(".tar").is_file() for table in tables) else set()
    elif (found == {"parquet"} and all(table.with_suffix("").is_dir() for table in tables)) or not found:
        return "files"
    if len(found) > 1:
        raise RecipeError(
            f"source {source.name}: {source.path} holds {' and '.join(sorted(found))}: say which one by `format`"
        )
    return found.pop()


def _kind(source: PairsSource, path: str) -> str:
    if source.format != "auto":
        return source.format
    if Path(path).is_dir():
        return "files"
    if (kind := _kind_of_name(path)) is None:
        expected = ", ".join(suffix for suffixes in _SUFFIXES.values() for suffix in suffixes)
        raise RecipeError(f"source {source.name}: {path}: expected a folder, or files that end in {expected}")
    return kind


def _kind_of_name(name: str) -> str | None:
    return next((kind for kind, suffixes in _SUFFIXES.items() if name.endswith(suffixes)), None)


def _columns(source: PairsSource, file: SourceFile, kind: str) -> list[str]:
    if kind == "parquet":
        return list(read_columns(file.path))
    if kind == "jsonl":
        lines = Split(source="", path=file.path, name="", sha256="", start=0, end=file.num_bytes)
        return list(first_keys(read_jsonl(lines)))
    return list(csv_columns(file.path, _dialect(source, kind)))


def _dialect(source: PairsSource, kind: str) -> Dialect:
    quotes = kind == "csv" if source.quotes is None else source.quotes
    return Dialect(delimiter="," if kind == "csv" else "\t", quotes=quotes, columns=source.columns)


def _names(source: PairsSource) -> Names:
    return Names(
        url=source.url_column,
        caption=source.caption_column,
        similarity=source.similarity_column,
        sha256=source.sha256_column,
        id=source.id_column,
        rank=source.by or source.similarity_column,
    )


def _roles(source: PairsSource) -> tuple[str, ...]:
    """What a table must have: a URL, a caption, and what the settings name or need."""
    named = [role for role in ("similarity", "sha256", "id") if _names(source).named(role) is not None]
    return (*_NEEDED, *named, *(("rank",) if source.top_share is not None else ()))
