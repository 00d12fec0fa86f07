"""Questions as anybody may have them: plain text with one a line, or JSON Lines.

JSON Lines have `question`, or `text` as LLaVA's conversions do; where they have them, `options` (a list), the name
of an image under `image`, and an id under `question_id`, `id` or `index`. They may end in `.gz`, `.zst` or `.zip`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from interleave.acquire.lines import MAX_LINE_BYTES, read_lines
from interleave.acquire.listing import SUFFIXES, Split
from interleave.acquire.mmc4 import parse_json
from interleave.dedup.evaluation.folders import image_beside
from interleave.dedup.evaluation.items import EvaluationItem, RefusedItem
from interleave.errors import Unreadable
from interleave.text import storable

QUESTION_SUFFIXES = (".txt", *SUFFIXES)
_IDS = ("question_id", "id", "index")


def read_questions(path: Path, name: str) -> Iterator[EvaluationItem | RefusedItem]:
    """A question for each line, and each image that they refer to, once.

    Raises:
        TaskError: the file cannot be read to its end.
    """
    seen: set[str] = set()
    split = Split(source=name, path=str(path), name=path.name, sha256="", start=0, end=path.stat().st_size)
    for number, line in read_lines(split):
        item = f"line {number + 1:,}"
        try:
            if line is None:
                raise Unreadable("line_too_long", f"more than {MAX_LINE_BYTES:,} bytes")
            if path.suffix == ".txt":
                yield EvaluationItem(set=name, item=item, question=_text(line))
                continue
            record = parse_json(line)
            yield _question(record, name, item)
        except Unreadable as error:
            yield RefusedItem(set=name, item=item, error=error)
            continue
        image = record.get("image")
        if isinstance(image, str) and image and image not in seen:
            seen.add(image)
            yield image_beside(name, path, image)


def _question(record: Mapping[str, Any], name: str, where: str) -> EvaluationItem:
    ids = (record[key] for key in _IDS if isinstance(record.get(key), str | int))
    item = storable(str(next(ids, where)))
    texts = (record[key] for key in ("question", "text") if isinstance(record.get(key), str))
    question = next(texts, "")
    if not question.strip():
        raise Unreadable("no_question", "no text under `question` or `text`")
    options = record.get("options")
    texts_of_options = tuple(str(option) for option in options) if isinstance(options, list) else ()
    return EvaluationItem(set=name, item=item, question=question, options=texts_of_options)


def _text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise Unreadable("bad_utf8", f"byte {error.start} of the line") from None
