"""A finished dataset goes to an object store, where nothing can be renamed and everybody may look at any time.

    URL/.publish/claim               who is at work; created only where there is none
    URL/shard-0000.tar               each file whole, under its final name
    URL/.publish/shard-0000.tar      behind it, what it holds: its SHA-256
    URL/manifest.json                last, created only where there is none: before it there is no dataset

What was interrupted goes on behind the last of these marks. Nothing is listed: a store may tell late what lies in it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import orjson

from interleave.errors import RecipeError, ShardError, TaskError
from interleave.files import create_bytes, sha256_of
from interleave.remote import PERMANENT, Final, open_filesystem, patiently, said
from interleave.shard.manifest import MANIFEST_NAME, Manifest, read_manifest
from interleave.shard.takedown_swap import is_interrupted

Result = TypeVar("Result")

MARKS = ".publish"
_CLAIM, _REPLACED = f"{MARKS}/claim", f"{MARKS}/replaced"
_NUM_TRIES, _FIRST_DELAY_S, _TIMEOUT_S = 6, 0.5, 60.0


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


class _Store:
    """A folder of an object store. Safe for several threads."""

    def __init__(self, url: str, first_delay_s: float) -> None:
        self.url = url.rstrip("/")
        self._first_delay_s = first_delay_s
        self._system = open_filesystem(self.url, _TIMEOUT_S)

    def read(self, name: str) -> bytes | None:
        """The bytes of a small object; None where there is none."""
        try:
            data: bytes = self._patiently(name, lambda: self._system.cat_file(self._path(name)))
        except FileNotFoundError:
            return None
        return data

    def write(self, name: str, data: bytes) -> None:
        self._patiently(name, lambda: self._system.pipe_file(self._path(name), data))

    def create(self, name: str, data: bytes) -> bool:
        """Writes an object where there is none; False where there is one. An answer that was lost is looked up."""
        try:
            self._patiently(name, lambda: self._create(self._path(name), data))
        except FileExistsError:
            return self.read(name) == data
        return True

    def remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self._patiently(name, lambda: self._system.rm_file(self._path(name)))

    def upload(self, path: Path, name: str) -> None:
        """A file as one object, whole or not at all."""

        def put() -> None:
            self._system.put_file(str(path), self._path(name))
            num_bytes = int(self._system.info(self._path(name))["size"])
            if num_bytes != path.stat().st_size:
                raise ShardError(f"holds {num_bytes:,} of {path.stat().st_size:,} bytes after it was written")

        self._patiently(name, put)

    def _create(self, path: str, data: bytes) -> None:
        from fsspec.implementations.local import LocalFileSystem

        if not isinstance(self._system, LocalFileSystem):
            self._system.pipe_file(path, data, mode="create")
        # fsspec would look first and write then.
        elif not create_bytes(Path(self._system._strip_protocol(path)), data):
            raise FileExistsError(path)

    def _path(self, name: str) -> str:
        return f"{self.url}/{name}"

    def _patiently(self, name: str, work: Callable[[], Result]) -> Result:
        try:
            return patiently(self._path(name), work, num_tries=_NUM_TRIES, first_delay_s=self._first_delay_s)
        except PERMANENT as error:
            if isinstance(error, FileNotFoundError | FileExistsError):
                raise
            raise Final(f"{self._path(name)}: {said(error)}; is the URL right, and may you write there?") from None


def publish(
    folder: Path,
    url: str,
    *,
    num_workers: int = 8,
    replace: bool = False,
    take_over: bool = False,
    tick: Callable[[int, int], None] = lambda num_bytes, total: None,
    first_delay_s: float = _FIRST_DELAY_S,
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
    manifest = read_manifest(folder)
    data = (folder / MANIFEST_NAME).read_bytes()
    files = list(_files_of(manifest))
    sizes = {file.name: (folder / file.name).stat().st_size for file in files}
    store = _Store(url, first_delay_s)
    if store.read(MANIFEST_NAME) == data:
        return Published(url=store.url, num_files=len(files), num_there_before=len(files), num_bytes=0)
    with _claimed(store, folder, take_over=take_over):
        _make_way(store, replace=replace)
        num_before = num_bytes = 0
        with ThreadPoolExecutor(num_workers, thread_name_prefix="publish") as threads:
            waiting = {threads.submit(_bring, store, folder, file): file for file in files}
            try:
                for done in as_completed(waiting):
                    size = sizes[waiting[done].name]
                    was_there = done.result()
                    num_before += was_there
                    num_bytes += 0 if was_there else size
                    tick(size, sum(sizes.values()))
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                raise
        _remove_strangers(store, files)
        if not store.create(MANIFEST_NAME, data):
            raise TaskError(
                f"{store.url}: another dataset was finished there meanwhile; nothing was mixed, this one is not"
            )
    return Published(url=store.url, num_files=len(files), num_there_before=num_before, num_bytes=num_bytes)


def _make_way(store: _Store, *, replace: bool) -> None:
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


def _files_of(manifest: Manifest) -> Iterator[_File]:
    for shard in manifest.shards:
        yield _File(name=shard.name, sha256=shard.sha256)
    for name, sha256 in manifest.files.items():
        yield _File(name=name, sha256=sha256)


def _bring(store: _Store, folder: Path, file: _File) -> bool:
    """Uploads a file, then says so beside it; True where it was there before."""
    mark = f"{MARKS}/{file.name}"
    said_before = store.read(mark)
    if said_before == file.sha256.encode():
        return True
    if said_before is not None:
        store.remove(mark)  # a mark must never vouch for another file
    found = sha256_of(folder / file.name)
    if found != file.sha256:
        raise Final(
            f"{folder / file.name} has SHA-256 {found[:16]}..., the manifest says {file.sha256[:16]}...: see `validate`"
        )
    store.upload(folder / file.name, file.name)
    store.write(mark, file.sha256.encode())
    return False


@contextmanager
def _claimed(store: _Store, folder: Path, *, take_over: bool) -> Iterator[None]:
    """Holds the place for this folder. Interrupted, the claim stays, and the next run knows it for its own."""
    with _word(folder) as word:
        claim = {"word": word, "by": f"{socket.gethostname()}, process {os.getpid()}", "since": _now()}
        if take_over:
            store.remove(_CLAIM)
        if not store.create(_CLAIM, orjson.dumps(claim)):
            other = _read_claim(store)
            if other.get("word") != word:
                raise RecipeError(
                    f"{store.url}: {other.get('by', 'somebody')} is bringing a dataset there since "
                    f"{other.get('since', 'some time')}; wait, give another URL, or --take-over if that is over"
                )
        try:
            yield
        except RecipeError:  # nothing was changed
            store.remove(_CLAIM)
            raise
        store.remove(_CLAIM)


@contextmanager
def _word(folder: Path) -> Iterator[str]:
    """A word that this folder alone knows, kept beside it in `DATASET.publish` until all is done."""
    path = folder.with_name(f"{folder.name}.publish")
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TaskError(f"{folder} is being published already") from None
        file.seek(0)
        if not (word := file.read()):
            word = secrets.token_hex(16)
            file.write(word)
            file.flush()
        try:
            yield word
        except RecipeError:
            path.unlink()
            raise
        path.unlink()


def _read_claim(store: _Store) -> dict[str, Any]:
    try:
        found = orjson.loads(store.read(_CLAIM) or b"{}")
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _remove_strangers(store: _Store, files: list[_File]) -> None:
    """Files that the dataset of before had, and this one has not; what cannot be read is left alone."""
    manifest = store.read(_REPLACED)
    if manifest is None:
        return
    with suppress(ValueError, AttributeError):
        before = Manifest.model_validate({k: v for k, v in orjson.loads(manifest).items() if k != "sha256"})
        kept = {file.name for file in files}
        for file in _files_of(before):
            if file.name not in kept:
                store.remove(file.name)
                store.remove(f"{MARKS}/{file.name}")
    store.remove(_REPLACED)
