"""Images by name, and folders of them, as evaluation sets have them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from interleave.acquire.local_images import has_local_image, read_local_image
from interleave.dedup.evaluation.items import IMAGE_SUFFIXES, MAX_IMAGE_BYTES, EvaluationItem, RefusedItem
from interleave.errors import TaskError, Unreadable
from interleave.text import printable

# Where a file of questions has its images, relative to the file: beside it, GQA's `images`, LLaVA's `data/images`.
_IMAGE_FOLDERS = ("", "images", "data/images", "../images", "MME_Benchmark_release_version")


def read_images(root: Path, name: str) -> Iterator[EvaluationItem | RefusedItem]:
    """Every image below a folder, at any depth, in order of its path."""
    for file in files_below(root):
        if is_image(file):
            yield image_item(name, root, file)


def files_below(root: Path) -> list[str]:
    """Files below a folder, relative to it, sorted; links to folders are followed, each folder once.

    Raises:
        TaskError: a folder cannot be listed: what is in it would be missed silently.
    """
    found: list[str] = []
    seen: set[tuple[int, int]] = set()
    for folder, subfolders, files in os.walk(root, onerror=_cannot_list, followlinks=True):
        info = os.stat(folder)  # noqa: PTH116
        if (info.st_dev, info.st_ino) in seen:
            subfolders.clear()
            continue
        seen.add((info.st_dev, info.st_ino))
        subfolders.sort()
        found += [Path(folder, file).relative_to(root).as_posix() for file in files]
    return sorted(found)


def is_image(file: str) -> bool:
    """Whether a file's name says that it is an image; hidden files, such as macOS's `._1.jpg`, are none."""
    return file.lower().endswith(IMAGE_SUFFIXES) and not PurePosixPath(file).name.startswith(".")


def image_item(name: str, root: Path, file: str) -> EvaluationItem:
    """The image `file`, relative to `root`, which is read when it is asked for."""
    return EvaluationItem(
        set=name, item=printable(file), load=partial(read_local_image, str(root), file, MAX_IMAGE_BYTES)
    )


def image_beside(name: str, questions: Path, file: str) -> EvaluationItem | RefusedItem:
    """The image that a file of questions refers to by name."""
    for folder in _IMAGE_FOLDERS:
        if has_local_image(str(questions.parent / folder), file):
            return image_item(name, questions.parent / folder, file)
    where = ", ".join(folder or "." for folder in _IMAGE_FOLDERS)
    error = Unreadable("image_missing", f"not in {where} of {printable(str(questions.parent))}")
    return RefusedItem(set=name, item=printable(file), error=error)


def _cannot_list(error: OSError) -> None:
    raise TaskError(f"cannot list {printable(str(error.filename))}: {error.strerror}") from error
