"""The work folder and the output in an object store, for machines that share no file system.

    s3://bucket/sets/mmc4.work/measure/00007.documents.parquet     what tasks leave for each other
    s3://bucket/sets/mmc4/shard-0000.tar                           the dataset
    SCRATCH/3f2a91c0/mmc4.work/measure/00007.documents.parquet     a copy, on each machine that needs one

A task works on files of its machine, as everywhere. Before it, what it reads is brought there, unless the copy is that
of the object as it is now; after it, what it wrote goes to the store, and only then its marker. Images and shards leave
the machine when they are in the store: who needs images reads those few bytes there.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import ClassVar, NamedTuple, TypeVar

import orjson

from interleave.blobs import DEPOT
from interleave.errors import RecipeError
from interleave.files import sha256_of, write_bytes
from interleave.identity import text_digest
from interleave.remote import depot_claims
from interleave.remote.object_store import ObjectStore, check_names_folder
from interleave.remote.publish import bring_file, claim_for_build, complete_build, remove_published
from interleave.shard.manifest import MANIFEST_NAME, REPORT_NAME, SUMMARY_NAME
from interleave.shard.seal import ledger_files
from interleave.shard.sides import TRAIN
from interleave.work_folder import DATASETS, SUFFIX, Slice, work_folder

Item = TypeVar("Item")
Result = TypeVar("Result")

_NUM_AT_ONCE = 16
# Below the scratch folder: how each copy was last seen to be that of its object.
_SEEN = "seen"
# What is read in parts, or not again.
_TAR, _BLOB = ".tar", ".blob"


class _Seen(NamedTuple):
    """How a copy was last compared with its object."""

    state: list[int | str] | None = None
    # Of the copy.
    stamp: list[str] | None = None
    # Of the object.
    stage: str | None = None
    # In which it was.


@dataclass(frozen=True, slots=True)
class Depot:
    """An `ArtifactStore` in an object store."""

    is_shared: ClassVar[bool] = False

    root: str
    # URL of the folder that holds the output and its work folder.
    folder: Path
    # Stands for it on each machine.
    take_over: bool = False
    # The claim of somebody who is known to be at work no more is set aside.
    sources: tuple[tuple[str, str], ...] = ()
    # Folders of input, and the URLs where their files lie.
    stage: str | None = None
    # Names a stage in one run of a build. In it nothing that was brought changes: a file is read when it is done.

    @contextmanager
    def hold(self, work: Path, part: Slice, identity: str, *, fresh: bool) -> Iterator[None]:
        self._settle()
        store = _store(self.location(work))
        held = (
            depot_claims.hold_whole(store, work, take_over=self.take_over)
            if part.is_whole
            else depot_claims.hold_slice(store, work, part, identity, take_over=self.take_over)
        )
        with held, work_folder(work, fresh, part, identity):
            self._check_output(work)
            if fresh:
                self.each(store.remove, [name for name in store.sizes("") if name not in depot_claims.KEPT])
            yield

    def alone(self, work: Path, part: Slice, wait_s: float) -> AbstractContextManager[None]:
        return depot_claims.alone(_store(self.location(work)), part, wait_s)

    def bring(self, paths: Iterable[str | Path]) -> None:
        self._settle()
        self.each(self._bring, self._ours(paths))

    def keep(self, paths: Iterable[str | Path]) -> None:
        self.each(self._keep, self._ours(paths))

    def with_sources(self, urls: Mapping[str, str]) -> Depot:
        """The depot when files of these folders lie behind URLs, and what is there on this machine is up to date."""
        for folder in urls:
            known = replace(self, sources=((folder, urls[folder]),))
            self.each(known._see, [path for path in Path(folder).rglob("*") if path.is_file()])
        return replace(self, sources=tuple(urls.items()))

    def during_stage(self) -> Depot:
        return replace(self, stage=secrets.token_hex(8))

    def unseal(self, folder: Path, *, is_wanted: bool) -> None:
        store = _store(self.location(folder))
        if is_wanted:
            claim_for_build(store, self._word)
        else:
            remove_published(store)
            store.remove(SUMMARY_NAME)
        store.remove(REPORT_NAME)

    def read(self, path: Path) -> bytes | None:
        store, name = self._object(path)
        return store.read(name)

    def write(self, path: Path, data: bytes) -> None:
        store, name = self._object(path)
        store.write(name, data)

    def remove(self, path: Path) -> None:
        store, name = self._object(path)
        store.remove(name)

    def has(self, path: str | Path) -> bool:
        store, name = self._object(Path(path))
        return store.stamp(name) is not None

    def each(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        with ThreadPoolExecutor(_NUM_AT_ONCE, thread_name_prefix="depot") as threads:
            return list(threads.map(function, items))

    def location(self, path: Path) -> str:
        return f"{self.root}/{path.relative_to(self.folder).as_posix()}"

    @property
    def _word(self) -> str:
        """Of its builds: one at a time is at work, which the claim on the work folder sees to."""
        return f"a build in {self.root}"

    def _settle(self) -> None:
        """Whoever reads images here learns where they are."""
        note = self.folder / DEPOT
        if not note.is_file():
            write_bytes(note, self.root.encode())

    def _check_output(self, work: Path) -> None:
        """Refuses to put a dataset in the place of one that was not built here."""
        output = work.with_name(work.name.removesuffix(SUFFIX))
        if self.has(work / DATASETS):
            return
        for folder in (output, output / TRAIN):
            if self.has(folder / MANIFEST_NAME):
                raise RecipeError(
                    f"output: {self.location(folder)} holds a dataset that was not built there; give another URL"
                )

    def _ours(self, paths: Iterable[str | Path]) -> list[Path]:
        """Others are the user's, who sees to it that each machine has them."""
        return [path for path in dict.fromkeys(map(Path, paths)) if path.is_relative_to(self.folder)]

    def _object(self, path: Path) -> tuple[ObjectStore, str]:
        for folder, url in self.sources:
            if path.is_relative_to(folder):
                return _store(url), path.relative_to(folder).as_posix()
        return _store(self.root), path.relative_to(self.folder).as_posix()

    def _bring(self, path: Path) -> None:
        seen, is_as_seen = self._seen(path), self._is_as_seen(path)
        if is_as_seen and self.stage is not None and self.stage == seen.stage:
            return
        store, name = self._object(path)
        stamp = store.stamp(name)
        if stamp is None:
            path.unlink(missing_ok=True)
            return
        if not (is_as_seen and stamp == seen.stamp):
            store.download(name, path)
        self._see(path, stamp)

    def _keep(self, path: Path) -> None:
        store, name = self._object(path)
        if path.suffix == _TAR:
            bring_file(_store(self.location(path.parent)), path, path.name, sha256_of(path))
            path.unlink()
        elif path.suffix == _BLOB:
            store.upload(path, name)
            path.unlink()
        elif path.name == MANIFEST_NAME:
            complete_build(_store(self.location(path.parent)), path.parent, self._word)
            self.each(self._see, [path, *ledger_files(path.parent)])
        elif not self._is_as_seen(path) or store.stamp(name) != self._seen(path).stamp:
            self._see(path, store.upload(path, name))

    def _is_as_seen(self, path: Path) -> bool:
        return (state := _state(path)) is not None and self._seen(path).state == state

    def _seen(self, path: Path) -> _Seen:
        try:
            return _Seen(*orjson.loads(self._note(path).read_bytes()))
        except (OSError, ValueError, TypeError):
            return _Seen()

    def _see(self, path: Path, stamp: list[str] | None = None) -> None:
        """Takes down that the copy is that of the object with this stamp; None: as it is now."""
        store, name = self._object(path)
        note = self._note(path)
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_bytes(orjson.dumps([*_Seen(_state(path), stamp or store.stamp(name), self.stage)]))

    def _note(self, path: Path) -> Path:
        return self.folder / _SEEN / f"{path.relative_to(self.folder).as_posix()}.json"


def open_depot(output: str, scratch: Path, *, take_over: bool) -> tuple[Depot, Path]:
    """(the depot of an output that is a URL, where the output is in it on this machine).

    Raises:
        RecipeError: the URL has no folder above it.
    """
    check_names_folder(output)
    root, _, name = output.rstrip("/").rpartition("/")
    folder = scratch.absolute() / text_digest(root).hex()[:8]
    return Depot(root, folder, take_over), folder / name


def _state(path: Path) -> list[int | str] | None:
    """What tells a copy that was changed here, also by a power cut: after one all are brought again."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return [found.st_size, found.st_mtime_ns, found.st_ino, _boot()]


@cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


@lru_cache(maxsize=64)
def _store(url: str) -> ObjectStore:
    """One client for a process."""
    return ObjectStore(url)
