"""Room given back: the work folder of a dataset that is finished, or of one that is not wanted any more."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import orjson

from interleave.errors import RecipeError
from interleave.remote.depot_claims import KEPT, hold_whole
from interleave.remote.object_store import ObjectStore, check_names_folder
from interleave.settings import is_url
from interleave.shard.manifest import MANIFEST_NAME
from interleave.work_folder import DATASETS, LOCK, STORE, SUFFIX, work_folder

_NUM_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """What went, or would go, and what stays."""

    work: str
    removed: dict[str, int]
    kept: dict[str, int]
    # Bytes on disk, by folder or file.


def purge(place: str | Path, *, unfinished: bool = False, store: bool = False, dry_run: bool = False) -> Purged:
    """Removes what builds left in a work folder.

    place: a recipe's output, or its work folder; a folder or a URL.
    unfinished: also where the dataset is not finished; what was done is done again by the next build.
    store: the images that were downloaded into the work folder go, too.

    Raises:
        RecipeError: there is no work folder, or its dataset is not finished.
        TaskError: a build is at work in it.
    """
    if is_url(place):
        return _purge_there(str(place), unfinished=unfinished, dry_run=dry_run)
    path = Path(place)
    work = path if path.name.endswith(SUFFIX) else path.with_name(path.name + SUFFIX)
    if work.is_symlink() or not (work / LOCK).is_file():
        raise RecipeError(f"{work} is no work folder; expected the output of a recipe, or the folder OUTPUT{SUFFIX}")
    with work_folder(work, fresh=False):
        output = work.with_name(work.name.removesuffix(SUFFIX))
        known = work / DATASETS
        for name in () if unfinished else _names(known.read_bytes() if known.is_file() else None):
            if not (output / name / MANIFEST_NAME).is_file():
                raise _not_finished(output / name)
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
    return Purged(work=str(work), removed=removed, kept=kept)


def _purge_there(output: str, *, unfinished: bool, dry_run: bool) -> Purged:
    """The same in an object store, which holds no store of downloaded images."""
    check_names_folder(output)
    output = output.rstrip("/").removesuffix(SUFFIX)
    work = ObjectStore(output + SUFFIX)
    if not work.sizes(""):
        raise RecipeError(f"{work.url} is no work folder; expected the output of a recipe, or OUTPUT{SUFFIX}")
    with tempfile.TemporaryDirectory() as word, hold_whole(work, Path(word) / "work", take_over=False):
        sizes = {name: size for name, size in work.sizes("").items() if name not in KEPT}
        dataset = ObjectStore(output)
        names = _names(work.read(DATASETS))
        for name in names if not unfinished else ():
            if dataset.stamp(f"{name}/{MANIFEST_NAME}".lstrip("/")) is None:
                raise _not_finished(f"{output}/{name}".rstrip("/"))
        removed: Counter[str] = Counter()
        for name, size in sizes.items():
            removed[name.partition("/")[0]] += size
        if not dry_run:
            with ThreadPoolExecutor(_NUM_AT_ONCE) as threads:
                # Marks of done tasks first: they vouch for what goes.
                list(threads.map(work.remove, [name for name in sizes if name.endswith(".done")]))
                list(threads.map(work.remove, sizes))
    return Purged(work=work.url, removed=dict(sorted(removed.items())), kept={})


def _names(datasets: bytes | None) -> list[str]:
    """The datasets of a work folder, below its output."""
    try:
        names = orjson.loads(datasets or b"")
    except ValueError:
        return [""]
    return names if isinstance(names, list) else [""]


def _not_finished(what: str | Path) -> RecipeError:
    return RecipeError(
        f"{what} is not finished: the work folder is what a build would go on from. Finish it, or give --unfinished to "
        "lose what was done"
    )


def _num_bytes(path: Path) -> int:
    if path.is_symlink() or path.is_file():
        return path.lstat().st_size
    return sum(os.lstat(Path(folder, name)).st_size for folder, _, names in os.walk(path) for name in names)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
