"""GQA: `{id: {"question": ..., "imageId": ..., ...}}` in one JSON file, images as `images/ID.jpg`.

    gqa/testdev_balanced_questions.json     12,578 questions of 398 images: what LLaVA and VILA report
    gqa/images/n161313.jpg                  all of GQA's images; only those that the questions ask about are read

LLaVA's conversion (`llava_gqa_testdev_balanced.jsonl`) is read as any file of questions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path, PurePosixPath

from pydantic import JsonValue

from interleave.acquire.lines import DAMAGE, open_stream
from interleave.dedup.evaluation.folders import image_beside
from interleave.dedup.evaluation.items import EvaluationItem, RefusedItem
from interleave.dedup.evaluation.json_members import read_members
from interleave.errors import TaskError, Unreadable
from interleave.text import printable, storable


def read_gqa(path: Path, name: str) -> Iterator[EvaluationItem | RefusedItem]:
    """Questions of one of GQA's files, and each image that they ask about, once.

    Raises:
        TaskError: the file cannot be read to its end.
    """
    seen: set[str] = set()
    try:
        with ExitStack() as stack:
            for key, value in read_members(open_stream(str(path), stack)):
                yield from _items(key, value, path, name, seen)
    except (Unreadable, *DAMAGE) as error:
        raise TaskError(f"cannot read {printable(str(path))} to its end: {error}; repair or remove the file") from error


def question_files(files: list[str]) -> list[str]:
    """Those of a copy of GQA that hold questions to evaluate with: `train_*` and scene graphs are none."""
    names = ((file, PurePosixPath(file).name.lower()) for file in files)
    return [file for file, name in names if name.endswith("_questions.json") and not name.startswith("train")]


def _items(key: str, value: JsonValue, path: Path, name: str, seen: set[str]) -> Iterator[EvaluationItem | RefusedItem]:
    item = storable(key)
    record = value if isinstance(value, dict) else {}
    question, image = record.get("question"), record.get("imageId")
    if isinstance(question, str) and question.strip():
        yield EvaluationItem(set=name, item=item, question=storable(question))
    else:
        yield RefusedItem(set=name, item=item, error=Unreadable("no_question", "no text under `question`"))
    if not isinstance(image, str | int) or not str(image):
        yield RefusedItem(set=name, item=item, error=Unreadable("image_missing", "no name under `imageId`"))
    elif str(image) not in seen:
        seen.add(str(image))
        yield image_beside(name, path, f"{image}.jpg")
