"""MME: a folder a subtask, a text file of questions an image.

    existence/000000006040.jpg, .txt                                    most subtasks
    artwork/images/14777.jpg, artwork/questions_answers_YN/14777.txt    artwork, celebrity, landmark, posters, scene

A line is `question<TAB>Yes` or `No`. How deep the subtasks lie differs between copies (some have them below
`MME_Benchmark`), so files are told by what stands in them and beside them. The layout is that of the release, as
`convert_answer_to_mme.py` of LLaVA's eval.zip reads it; what the evaluation tool wrote beside it is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path, PurePosixPath

from interleave.acquire.local_images import read_local_image
from interleave.dedup.evaluation.folders import files_below, image_item, is_image
from interleave.dedup.evaluation.items import EvaluationItem, RefusedItem
from interleave.errors import Unreadable
from interleave.text import printable

# A real file has two lines.
_MAX_BYTES = 1 << 20
_MAX_FILES_TO_TELL_BY = 100


def read_mme(root: Path, name: str) -> Iterator[EvaluationItem | RefusedItem]:
    """Images and questions of a copy of MME."""
    files = files_below(root)
    stems = {_stem(file) for file in files if is_image(file)}
    for file in files:
        if is_image(file):
            yield image_item(name, root, file)
        elif file.endswith(".txt"):
            yield from _questions(root, file, name, _image_of(file) in stems)


def is_mme(root: Path, files: list[str]) -> bool:
    """Whether some text file of a folder has an image to it, and lines of questions with Yes or No."""
    stems = {_stem(file) for file in files if is_image(file)}
    texts = (file for file in files if file.endswith(".txt") and _image_of(file) in stems)
    return any(_has_question(root, file) for file in islice(texts, _MAX_FILES_TO_TELL_BY))


def _questions(root: Path, file: str, name: str, has_image: bool) -> Iterator[EvaluationItem | RefusedItem]:
    try:
        lines = _read_lines(root, file)
    except Unreadable as error:
        yield RefusedItem(set=name, item=printable(file), error=error)
        return
    if not has_image:
        if not lines or not all(map(_is_question, lines)):
            return  # a readme, or what the evaluation tool wrote
        missing = Unreadable("image_missing", f"no image for {printable(file)}")
        yield RefusedItem(set=name, item=printable(_image_of(file)), error=missing)
    for number, line in enumerate(lines, 1):
        yield _item(line, name, f"{printable(file)}:{number}")


def _item(line: str, name: str, item: str) -> EvaluationItem | RefusedItem:
    if _is_question(line):
        return EvaluationItem(set=name, item=item, question=line.rpartition("\t")[0])
    what = f"{line[:80]!r}, expected a question, a tab, and Yes or No"
    return RefusedItem(set=name, item=item, error=Unreadable("not_a_question", what))


def _has_question(root: Path, file: str) -> bool:
    try:
        return any(map(_is_question, _read_lines(root, file)))
    except Unreadable:
        return False


def _read_lines(root: Path, file: str) -> list[str]:
    try:
        text = read_local_image(str(root), file, _MAX_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable("bad_utf8", f"byte {error.start}") from None
    return [line for line in text.splitlines() if line.strip()]


def _is_question(line: str) -> bool:
    parts = line.split("\t")
    return len(parts) == 2 and parts[1].strip().lower() in ("yes", "no")


def _image_of(file: str) -> str:
    """Path of a text file's image, without the suffix."""
    path = PurePosixPath(file)
    if path.parent.name.startswith("questions_answers_YN"):
        return (path.parent.parent / "images" / path.stem).as_posix()
    return _stem(file)


def _stem(file: str) -> str:
    return PurePosixPath(file).with_suffix("").as_posix()
