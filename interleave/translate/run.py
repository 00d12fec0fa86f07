"""Runs an export: a new folder that takes its name when it is complete, and a summary."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from interleave.errors import RecipeError
from interleave.files import sync_folder
from interleave.stream.reader import DatasetReader
from interleave.translate.passages import Passages
from interleave.translate.summary import Summary, Tally

# Fills a folder with a dataset in another form.
Write: TypeAlias = Callable[[Passages, Path, Tally], None]


def export(form: str, dataset: Path, output: Path, write: Write, *, quiet: bool = False) -> Summary:
    """Writes a dataset in another form.

    Raises:
        RecipeError: there is something at `output`, or the dataset does not suit the form.
        ShardError: the dataset is not finished, or damaged.
    """
    _check_room(output)
    if output.absolute().resolve().is_relative_to(dataset.resolve()):
        raise RecipeError(f"{output} lies inside the dataset; name a folder outside of it")
    passages = Passages(DatasetReader(dataset), quiet=quiet)
    tally = Tally()
    with _new_folder(output) as folder:
        write(passages, folder, tally)
        num_files = sum(path.is_file() for path in folder.rglob("*"))
        return tally.summary(form, str(output), num_files)


def _check_room(output: Path) -> None:
    if output.is_dir() and not any(output.iterdir()):
        return
    if output.exists() or output.is_symlink():
        what = "is not empty" if output.is_dir() else "is not a folder"
        raise RecipeError(f"{output} {what}; name an output folder that does not exist yet")


@contextmanager
def _new_folder(output: Path) -> Iterator[Path]:
    """A neighbour of `output` to fill, which takes its place on success and is removed on failure."""
    output = output.absolute()
    partial = output.with_name(output.name + ".partial")
    output.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
        partial.replace(output)
        sync_folder(output.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
