"""Evaluation sets in the formats in which people have them.

mme        folder   subtasks with images and `question<TAB>Yes`       MME
mmbench    .tsv     images in base64, questions, options              MMBench, MMBench-CN, what VLMEvalKit made so
gqa        .json    questions by id, `images/ID.jpg` beside           GQA
questions  .jsonl   `question` or `text`, `image`, or plain .txt      LLaVA's conversions, lists of one's own
images     folder   nothing but images                                any
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from interleave.dedup.evaluation.folders import files_below, is_image, read_images
from interleave.dedup.evaluation.gqa import question_files, read_gqa
from interleave.dedup.evaluation.items import EvaluationItem, RefusedItem
from interleave.dedup.evaluation.mmbench import read_mmbench
from interleave.dedup.evaluation.mme import is_mme, read_mme
from interleave.dedup.evaluation.questions import QUESTION_SUFFIXES, read_questions
from interleave.errors import RecipeError
from interleave.text import printable

Kind = Literal["auto", "mme", "mmbench", "gqa", "questions", "images"]
_Items = Iterator[EvaluationItem | RefusedItem]
_READERS: dict[Kind, Callable[[Path, str], _Items]] = {
    "mme": read_mme,
    "mmbench": read_mmbench,
    "gqa": read_gqa,
    "questions": read_questions,
    "images": read_images,
}
# What files of the other kinds end in.
_SUFFIXES: dict[Kind, tuple[str, ...]] = {
    "mmbench": (".tsv", ".tsv.gz"),
    "gqa": (".json", ".json.gz"),
    "questions": QUESTION_SUFFIXES,
}


def read_evaluation(path: str | Path, kind: Kind = "auto", name: str | None = None) -> _Items:
    """Every question and image of an evaluation set, or why one cannot be read, in an order that its files decide.

    path: a file, or a folder: of MME, of images, or with one or more files of another kind at any depth.
    name: of the set; None: the file's or folder's own, without suffix.

    Raises:
        RecipeError: nothing is there, or nothing of that kind.
        TaskError: a file cannot be read to its end: a part of a set would be missed silently.
    """
    root = Path(path)
    if not root.exists():
        raise RecipeError(f"evaluation: there is no {printable(str(root))}; expected a file or a folder")
    found = guess_kind(root) if kind == "auto" else kind
    for file in _files(root, found):
        yield from _READERS[found](file, name or printable(file.name.partition(".")[0] or file.resolve().name))


def guess_kind(path: Path) -> Kind:
    """The kind that a file's name, or what lies in a folder, speaks for.

    Raises:
        RecipeError: nothing does.
    """
    if path.is_file():
        for kind, suffixes in _SUFFIXES.items():
            if path.name.endswith(suffixes):
                return kind
        raise _unknown(path)
    files = files_below(path)
    if is_mme(path, files):
        return "mme"
    if question_files(files):
        return "gqa"
    if any(file.endswith(_SUFFIXES["mmbench"]) for file in files):
        return "mmbench"
    if any(file.endswith(".jsonl") for file in files):
        return "questions"
    if any(map(is_image, files)):
        return "images"
    raise _unknown(path)


def _files(root: Path, kind: Kind) -> list[Path]:
    if kind not in _SUFFIXES:
        if not root.is_dir():
            raise RecipeError(f"evaluation: {printable(str(root))} is a file; {kind} is a folder")
        return [root]
    if root.is_file():
        return [root]
    below = files_below(root)
    files = question_files(below) if kind == "gqa" else [file for file in below if file.endswith(_SUFFIXES[kind])]
    if not files:
        expected = "*_questions.json" if kind == "gqa" else ", ".join(_SUFFIXES[kind])
        raise RecipeError(f"evaluation: {printable(str(root))} holds no file of kind {kind}: expected {expected}")
    return [root / file for file in files]


def _unknown(path: Path) -> RecipeError:
    return RecipeError(f"evaluation: cannot tell what {printable(str(path))} is; give its kind: {', '.join(_READERS)}")
