"""MMBench and MMBench-CN: one TSV a split, each row with its image in base64.

Columns: index, question, hint, A, B, C, D (more letters in newer files), answer, category, image, source, l2-category,
comment, split. Missing options are empty or `nan`. An image cell of at most 64 characters is the index of the row that
holds the image (VLMEvalKit, `vlmeval/dataset/image_base.py`); so do the rows of circular evaluation in newer files.

The hint is left out: it is a passage of a textbook, which may stand in innocent pages; question and options do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from string import ascii_uppercase

from interleave.acquire.embedded_images import decode_base64
from interleave.acquire.lines import DAMAGE, open_stream
from interleave.dedup.evaluation.items import MAX_IMAGE_BYTES, EvaluationItem, RefusedItem
from interleave.dedup.evaluation.tsv import read_tsv
from interleave.errors import RecipeError, TaskError, Unreadable
from interleave.text import printable

_MAX_REFERENCE_CHARACTERS = 64
_MISSING = ("", "nan", "none")


def read_mmbench(path: Path, name: str) -> Iterator[EvaluationItem | RefusedItem]:
    """Questions with their options, and images, of a TSV in MMBench's format.

    Raises:
        RecipeError: the columns are others.
        TaskError: the file cannot be read to its end.
    """
    try:
        with ExitStack() as stack:
            rows = read_tsv(open_stream(str(path), stack))
            columns = _columns(next(rows, (0, Unreadable("empty", "the file is empty")))[1], path)
            yield from _items(rows, columns, name)
    except DAMAGE as error:
        raise TaskError(f"cannot read {printable(str(path))} to its end: {error}; repair or remove the file") from error


def _items(
    rows: Iterator[tuple[int, list[str] | Unreadable]], columns: list[str], name: str
) -> Iterator[EvaluationItem | RefusedItem]:
    known: set[str] = set()
    references: dict[str, str] = {}
    for number, fields in rows:
        row = _row(fields, columns)
        if isinstance(row, Unreadable):
            yield RefusedItem(set=name, item=f"line {number:,}", error=row)
            continue
        index = row.get("index") or f"line {number:,}"
        yield _question(row, index, name)
        image = row.get("image", "")
        if len(image) > _MAX_REFERENCE_CHARACTERS:
            known.add(index)
            load = partial(decode_base64, image, MAX_IMAGE_BYTES)
            yield EvaluationItem(set=name, item=index, load=load)
        else:
            references[index] = image
    for index, reference in references.items():
        if reference not in known:
            yield RefusedItem(set=name, item=index, error=_missing_image(reference))


def _row(fields: list[str] | Unreadable, columns: list[str]) -> dict[str, str] | Unreadable:
    if isinstance(fields, Unreadable):
        return fields
    if len(fields) != len(columns):
        return Unreadable("wrong_number_of_fields", f"{len(fields):,} fields, there are {len(columns):,} columns")
    return dict(zip(columns, fields, strict=True))


def _question(row: dict[str, str], index: str, name: str) -> EvaluationItem | RefusedItem:
    question = row["question"].strip()
    if question.lower() in _MISSING:
        return RefusedItem(set=name, item=index, error=Unreadable("no_question", "an empty question"))
    options = (row[letter].strip() for letter in ascii_uppercase if letter in row)
    return EvaluationItem(
        set=name, item=index, question=question, options=tuple(text for text in options if text.lower() not in _MISSING)
    )


def _missing_image(reference: str) -> Unreadable:
    if reference.lower() in _MISSING:
        return Unreadable("image_missing", "the row has no image")
    return Unreadable("image_missing", f"that of row {reference!r}, which has none or is not there")


def _columns(header: list[str] | Unreadable, path: Path) -> list[str]:
    columns = header if isinstance(header, list) else []
    if "question" not in columns or "image" not in columns or len(set(columns)) < len(columns):
        found = ", ".join(repr(column[:30]) for column in columns[:20]) or str(header)
        raise RecipeError(
            f"{printable(str(path))} is not in MMBench's format: its first row is {found}; expected "
            "index, question, A, B, C, D, image and others"
        )
    return columns
