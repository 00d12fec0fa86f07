"""A finished dataset goes to an object store, where nothing can be renamed and everybody may look at any time.

    URL/.publish/claim               who is at work; created only where there is none
    URL/shard-0000.tar               each file whole, under its final name
    URL/.publish/shard-0000.tar      behind it, what it holds: its SHA-256
    URL/manifest.json                last, created only where there is none: before it there is no dataset

What was interrupted goes on behind the last of these marks. Nothing is listed: a store may tell late what lies in it.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import orjson

from interleave.errors import RecipeError, TaskError
from interleave.files import sha256_of
from interleave.remote.claims import claim, claimed, kept_word
from interleave.remote.filesystems import Final
from interleave.remote.object_store import ObjectStore
from interleave.shard.manifest import MANIFEST_NAME, Manifest, read_manifest
from interleave.shard.takedown_swap import is_interrupted

MARKS = ".publish"
_CLAIM, _REPLACED = f"{MARKS}/claim", f"{MARKS}/replaced"
_TO = "bringing a dataset there"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a store holds now, and what of it was there before."""

    url: str
    num_files: int
    num_there_before: int
    num_bytes: int
    # That went over the wire.


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    name: str
    sha256: str
    num_bytes: int


def publish(
    folder: Path,
    url: str,
    *,
    num_workers: int = 8,
    replace: bool = False,
    take_over: bool = False,
    tick: Callable[[int, int], None] = lambda num_bytes, total: None,
    first_delay_s: float | None = None,
) -> Published:
    """Copies a finished dataset to a URL of fsspec's (s3://, gs://, file:// ...), several files at a time.

    replace: another dataset that lies there gives way; while its files are exchanged there is none.
    take_over: a claim of somebody who is known to be at work no more is set aside.
    tick: called with the bytes of each file that was dealt with, and those of all.
    first_delay_s: before the second of several tries, which double it.

    Raises:
        RecipeError: another dataset lies there, or somebody else is at work; nothing was changed.
        ShardError: the dataset is not sound, or the store failed; run again to go on.
    """
    if "://" not in url:
        raise RecipeError(f"{url} is no URL; expected one like s3://bucket/{folder.name}")
    if is_interrupted(folder):
        raise RecipeError(f"a take-down is under way in {folder}; `interleave takedown {folder}` completes it")
    files = list(_files_of(folder, read_manifest(folder)))
    store = ObjectStore(url, first_delay_s)
    if store.read(MANIFEST_NAME) == (folder / MANIFEST_NAME).read_bytes():
        return Published(url=store.url, num_files=len(files), num_there_before=len(files), num_bytes=0)
    with _claimed(store, folder, take_over=take_over):
        make_way(store, replace=replace)
        return complete(store, folder, num_workers=num_workers, tick=tick)


def complete(
    store: ObjectStore,
    folder: Path,
    *,
    num_workers: int = 8,
    tick: Callable[[int, int], None] = lambda num_bytes, total: None,
) -> Published:
    """Brings, under a claim, what is not marked as being there, and then the manifest.

    folder: of the dataset; of shards that are marked nothing is asked.
    """
    files = list(_files_of(folder, read_manifest(folder)))
    total = sum(file.num_bytes for file in files)
    num_before = num_bytes = 0
    with ThreadPoolExecutor(num_workers, thread_name_prefix="publish") as threads:
        waiting = {threads.submit(_bring, store, folder, file): file for file in files}
        try:
            for done in as_completed(waiting):
                size = waiting[done].num_bytes
                was_there = done.result()
                num_before += was_there
                num_bytes += 0 if was_there else size
                tick(size, total)
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
    _remove_strangers(store, {file.name for file in files})
    if not store.create(MANIFEST_NAME, (folder / MANIFEST_NAME).read_bytes()):
        raise TaskError(
            f"{store.url}: another dataset was finished there meanwhile; nothing was mixed, this one is not"
        )
    return Published(url=store.url, num_files=len(files), num_there_before=num_before, num_bytes=num_bytes)


def claim_for_build(store: ObjectStore, word: str) -> None:
    """Takes a place for a build that brings one shard after another, until `complete_build`; a dataset there ends.

    Raises:
        RecipeError: somebody else is at work.
    """
    claim(store, _CLAIM, word, to=_TO)
    make_way(store, replace=True)


def complete_build(store: ObjectStore, folder: Path, word: str) -> None:
    """Brings what is left of a dataset whose shards are there."""
    with claimed(store, _CLAIM, word, to=_TO, take_over=False, stays=True):
        complete(store, folder)


def make_way(store: ObjectStore, *, replace: bool) -> None:
    """Ends a dataset that lies there, if that is asked for, and notes what it consisted of.

    Looked at under the claim: before it somebody else may still have finished one.
    """
    there = store.read(MANIFEST_NAME)
    if there is None:
        return
    if not replace:
        raise RecipeError(f"{store.url} holds another dataset; give another URL, or --replace to put this one there")
    store.write(_REPLACED, there)
    store.remove(MANIFEST_NAME)


def _files_of(folder: Path, manifest: Manifest) -> Iterator[_File]:
    for shard in manifest.shards:
        yield _File(name=shard.name, sha256=shard.sha256, num_bytes=shard.num_bytes)
    for name, sha256 in manifest.files.items():
        yield _File(name=name, sha256=sha256, num_bytes=(folder / name).stat().st_size)


def _names_of(manifest: Manifest) -> list[str]:
    return [*(shard.name for shard in manifest.shards), *manifest.files]


def remove_published(store: ObjectStore) -> None:
    """Removes a dataset, its manifest first."""
    make_way(store, replace=True)
    _remove_strangers(store, ())


def bring_file(store: ObjectStore, path: Path, name: str, sha256: str) -> None:
    """Uploads a file, then says so beside it."""
    store.remove(_mark(name))  # it must never vouch for another file
    store.upload(path, name)
    store.write(_mark(name), sha256.encode())


def _bring(store: ObjectStore, folder: Path, file: _File) -> bool:
    """Uploads a file unless its mark is there; True where it was."""
    if store.read(_mark(file.name)) == file.sha256.encode():
        return True
    found = sha256_of(folder / file.name)
    if found != file.sha256:
        raise Final(
            f"{folder / file.name} has SHA-256 {found[:16]}..., the manifest says {file.sha256[:16]}...: see `validate`"
        )
    bring_file(store, folder / file.name, file.name, file.sha256)
    return False


def _mark(name: str) -> str:
    return f"{MARKS}/{name}"


@contextmanager
def _claimed(store: ObjectStore, folder: Path, *, take_over: bool) -> Iterator[None]:
    """Holds the place for this folder. Interrupted, the claim stays, and the next run knows it for its own."""
    with (
        kept_word(folder.with_name(f"{folder.name}.publish"), f"{folder} is being published already") as word,
        claimed(store, _CLAIM, word, to=_TO, take_over=take_over, stays=True),
    ):
        yield


def _remove_strangers(store: ObjectStore, kept: Container[str]) -> None:
    """Files that the dataset of before had, and this one has not; what cannot be read is left alone."""
    manifest = store.read(_REPLACED)
    if manifest is None:
        return
    with suppress(ValueError, AttributeError):
        before = Manifest.model_validate({k: v for k, v in orjson.loads(manifest).items() if k != "sha256"})
        for name in _names_of(before):
            if name not in kept:
                store.remove(name)
                store.remove(_mark(name))
    store.remove(_REPLACED)
