"""How the files of a take-down take the old ones' places, all of them or none, whenever the process is killed.

    .takedown.partial/    is being filled: the dataset says the old state; a next run begins again
    .takedown/            is complete, by one rename: from now on any run completes it
    manifest.json goes, the files of .takedown/ take their places, its manifest.json comes last

So a manifest never speaks of files of another state. Between the last two lines lie renames alone, a few milliseconds.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from interleave.errors import ShardError
from interleave.files import sync_folder
from interleave.shard.energon import FOREIGN_NAMES
from interleave.shard.manifest import MANIFEST_NAME, STAGED, Manifest, read_manifest

# What was asked to go, in the form of a blocklist. It has times, and is no part of the digest.
RECORD_NAME = "takedowns.txt"
_PARTIAL = STAGED + ".partial"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keeps other take-downs off a dataset.

    Raises:
        ShardError: another one is at work, or the folder is none.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise ShardError(f"{folder} is no finished dataset: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise ShardError(f"another take-down is at work in {folder}; wait for it") from None
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """A folder for new files of a dataset; at the end they are to take the old ones' places."""
    partial = folder / _PARTIAL
    _remove(partial)
    try:
        partial.mkdir()
        yield partial
        sync_folder(partial)
        partial.rename(folder / STAGED)
    except BaseException:
        _remove(partial)
        raise
    sync_folder(folder)


def is_interrupted(folder: Path) -> bool:
    """Whether a take-down is complete in all but its files' places."""
    return (folder / STAGED / MANIFEST_NAME).is_file()


def complete(folder: Path) -> bool:
    """Puts the staged files in their places; whether there were any.

    Raises:
        ShardError: they belong to another build.
    """
    staged = folder / STAGED
    found = is_interrupted(folder)
    if found:
        manifest = read_manifest(staged)
        _check_same_build(folder, manifest)
        for name in FOREIGN_NAMES:  # they lead to samples that go
            (folder / name).unlink(missing_ok=True)
        (folder / MANIFEST_NAME).unlink(missing_ok=True)
        sync_folder(folder)
        for path in sorted(path for path in staged.rglob("*") if path.is_file() and path.name != MANIFEST_NAME):
            place = folder / path.relative_to(staged)
            path.replace(place)
            sync_folder(place.parent)
        (staged / MANIFEST_NAME).replace(folder / MANIFEST_NAME)
        sync_folder(folder)
    forget_staged(folder)
    return found


def forget_staged(folder: Path) -> None:
    """Removes what an interrupted take-down left: its files lie in their places, or belong to another build."""
    _remove(folder / STAGED)
    _remove(folder / _PARTIAL)


def _check_same_build(folder: Path, manifest: Manifest) -> None:
    """By the manifest, or where that is gone already, by the sizes of all shards."""
    staged = folder / STAGED
    if (folder / MANIFEST_NAME).is_file():
        same = read_manifest(folder).build_digest == manifest.build_digest
    else:
        same = all(
            any(_has_size(at / shard.name, shard.num_bytes) for at in (staged, folder)) for shard in manifest.shards
        )
    if not same:
        raise ShardError(f"{staged} was left by a take-down from another build; remove it, then build again")


def _has_size(path: Path, num_bytes: int) -> bool:
    return path.is_file() and path.stat().st_size == num_bytes


def _remove(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink()
    elif folder.is_dir():
        shutil.rmtree(folder)
