"""Who may work in a work folder: one build, or the slices of one.

lock           held alone by a build; shared by slices, with what they build written in it
slice-2.lock   held by slice 2
alone.lock     held by a slice while it does what only one may do at a time
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from interleave.errors import RecipeError, TaskError

# Of the output's name.
SUFFIX = ".work"
LOCK = "lock"
# What else lies beside the folders of stages: which datasets were written, and images where the recipe names no store.
DATASETS = "datasets.json"
STORE = "store"
# A slice that starts writes the lock; others that start at the same moment try again for so long.
_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Slice:
    """A share of every stage's tasks: those whose position leaves `index` when divided by `count`."""

    index: int = 0
    count: int = 1

    @property
    def is_whole(self) -> bool:
        return self.count == 1

    def owns(self, position: int) -> bool:
        return position % self.count == self.index


WHOLE = Slice()


def parse_slice(text: str) -> Slice:
    """A slice as it is given on the command line, such as "0/4".

    Raises:
        RecipeError: it is none.
    """
    found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text.strip())
    if found is None or not int(found[1]) < int(found[2]):
        raise RecipeError(f"--slice {text}: expected I/N with I from 0 to N-1, for example 0/4, 1/4, 2/4 and 3/4")
    return Slice(int(found[1]), int(found[2]))


@contextmanager
def work_folder(work: Path, fresh: bool, part: Slice = WHOLE, identity: str = "") -> Iterator[None]:
    """Holds the work folder for this process alone, or for it and the other slices of the same build.

    identity: of what is built; slices of another one are refused.

    Raises:
        TaskError: another build holds it, or it cannot be written.
    """
    try:
        work.mkdir(parents=True, exist_ok=True)
        lock = _open(work / LOCK)
    except OSError as error:
        raise TaskError(f"cannot work in {work}: {error.strerror}; give another --set output=FOLDER") from None
    try:
        if part.is_whole:
            if not _hold(lock, fcntl.LOCK_EX | fcntl.LOCK_NB):
                raise _in_use(work)
            if fresh:
                _clear(work)
            yield
        else:
            _share(lock, work, f"{part.count} slices of {identity}")
            with _slice_lock(work, part):
                yield
    finally:
        os.close(lock)


@contextmanager
def alone(work: Path, part: Slice) -> Iterator[None]:
    """Holds up the other slices while one does what only one may do at a time."""
    if part.is_whole:
        yield
        return
    lock = _open(work / "alone.lock")
    try:
        _hold(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _share(lock: int, work: Path, what: str) -> None:
    """Shares the lock with other slices of the same build."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        if _hold(lock, fcntl.LOCK_EX | fcntl.LOCK_NB):  # nobody else is at work: this one says what is built
            os.ftruncate(lock, 0)
            os.pwrite(lock, what.encode(), 0)
        if _hold(lock, fcntl.LOCK_SH | fcntl.LOCK_NB):
            break
        if time.monotonic() > deadline:
            raise _in_use(work)
        time.sleep(0.05)
    if (found := os.pread(lock, 4096, 0).decode(errors="replace")) != what:
        raise TaskError(
            f"{work}: other slices are at work on another build ({found}, this is one of {what}): all slices need one "
            "recipe, one number of slices and one version of interleave"
        )


@contextmanager
def _slice_lock(work: Path, part: Slice) -> Iterator[None]:
    lock = _open(work / f"slice-{part.index}.lock")
    try:
        if not _hold(lock, fcntl.LOCK_EX | fcntl.LOCK_NB):
            raise TaskError(f"slice {part.index}/{part.count} is at work in {work} already")
        yield
    finally:
        os.close(lock)


def _open(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)


def _hold(lock: int, how: int) -> bool:
    try:
        fcntl.flock(lock, how)
    except BlockingIOError:
        return False
    except OSError as error:
        raise TaskError(
            f"the work folder lies on a file system that locks no files ({error.strerror}): mount it so that it does "
            "(Lustre: -o flock; NFS: version 4), or give another --set output=FOLDER"
        ) from None
    return True


def _in_use(work: Path) -> TaskError:
    return TaskError(f"another build is at work in {work}; wait for it, or give another --set output=FOLDER")


def _clear(work: Path) -> None:
    """Removes everything but the lock, which this process holds."""
    for path in work.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()
