"""Room given back: the work folder of a dataset that is finished, or of one that is not wanted any more."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import orjson

from interleave.errors import RecipeError
from interleave.shard.manifest import MANIFEST_NAME
from interleave.work_folder import DATASETS, LOCK, STORE, work_folder

_SUFFIX = ".work"


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """What went, or would go, and what stays."""

    work: Path
    removed: dict[str, int]
    kept: dict[str, int]
    # Bytes on disk, by folder or file.


def purge(path: Path, *, unfinished: bool = False, store: bool = False, dry_run: bool = False) -> Purged:
    """Removes what builds left in a work folder.

    path: a recipe's output, or its work folder.
    unfinished: also where the dataset is not finished; what was done is done again by the next build.
    store: the images that were downloaded into the work folder go, too.

    Raises:
        RecipeError: there is no work folder, or its dataset is not finished.
        TaskError: a build is at work in it.
    """
    work = path if path.name.endswith(_SUFFIX) else path.with_name(path.name + _SUFFIX)
    if work.is_symlink() or not (work / LOCK).is_file():
        raise RecipeError(f"{work} is no work folder; expected the output of a recipe, or the folder OUTPUT{_SUFFIX}")
    with work_folder(work, fresh=False):
        if not unfinished and (missing := _unsealed(work)):
            raise RecipeError(
                f"{missing} is not finished: the work folder is what a build would go on from. Finish it, or give "
                "--unfinished to lose what was done"
            )
        found = {item.name: _num_bytes(item) for item in sorted(work.iterdir()) if item.name != LOCK}
        kept = {name: size for name, size in found.items() if name == STORE and not store}
        removed = {name: size for name, size in found.items() if name not in kept}
        if not dry_run:
            for name in removed:
                _remove(work / name)
            if not kept:
                (work / LOCK).unlink()
                with suppress(OSError):  # a build that begins at this moment
                    work.rmdir()
    return Purged(work=work, removed=removed, kept=kept)


def _unsealed(work: Path) -> Path | None:
    """A dataset of this work folder that has no manifest."""
    output = work.with_name(work.name.removesuffix(_SUFFIX))
    try:
        names = orjson.loads((work / DATASETS).read_bytes())
    except (OSError, ValueError):
        names = [""]
    return next((output / name for name in names if not (output / name / MANIFEST_NAME).is_file()), None)


def _num_bytes(path: Path) -> int:
    if path.is_symlink() or path.is_file():
        return path.lstat().st_size
    return sum(os.lstat(Path(folder, name)).st_size for folder, _, names in os.walk(path) for name in names)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
