"""Where the tasks of a build leave files for each other: a folder that all machines see, or a `Depot`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar, Protocol, TypeVar

from interleave.files import write_bytes
from interleave.shard.manifest import MANIFEST_NAME, REPORT_NAME
from interleave.shard.seal import remove_dataset
from interleave.work_folder import Slice, alone, work_folder

Item = TypeVar("Item")
Result = TypeVar("Result")


class ArtifactStore(Protocol):
    """Paths are of this machine, and the same on all of them. Goes along with every task."""

    is_shared: ClassVar[bool]
    # Whether all machines see what one of them has written.

    def hold(self, work: Path, part: Slice, identity: str, *, fresh: bool) -> AbstractContextManager[None]:
        """Holds a work folder for this process, or for it and the other slices of the same build."""

    def alone(self, work: Path, part: Slice, wait_s: float) -> AbstractContextManager[None]:
        """For what one slice may do at a time."""

    def with_sources(self, urls: Mapping[str, str]) -> ArtifactStore:
        """The same, with folders of input whose files lie behind URLs; they are on this machine now."""

    def during_stage(self) -> ArtifactStore:
        """For the tasks of one stage: what one of them brought need not be looked at again."""

    def unseal(self, folder: Path, *, is_wanted: bool) -> None:
        """A dataset that is to be written is none until it is sealed again; one that is not wanted any more goes."""

    def bring(self, paths: Iterable[str | Path]) -> None:
        """Before a task: the files that it reads are here as they were left. What nobody left is not here."""

    def keep(self, paths: Iterable[str | Path]) -> None:
        """After a task: the files that it wrote can be had by others."""

    def read(self, path: Path) -> bytes | None:
        """A small file that any machine may have written; None where there is none."""

    def write(self, path: Path, data: bytes) -> None:
        """A small file, whole or not at all."""

    def remove(self, path: Path) -> None: ...

    def has(self, path: str | Path) -> bool: ...

    def each(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """The function's results in order, where each takes a while: several at a time, if that helps."""

    def location(self, path: Path) -> str:
        """What the recipe's author calls a file or a folder."""


class SharedFolder:
    """Every machine sees the same files: there is nothing to bring."""

    is_shared: ClassVar[bool] = True

    def hold(self, work: Path, part: Slice, identity: str, *, fresh: bool) -> AbstractContextManager[None]:
        return work_folder(work, fresh, part, identity)

    def alone(self, work: Path, part: Slice, wait_s: float) -> AbstractContextManager[None]:
        return alone(work, part)

    def with_sources(self, urls: Mapping[str, str]) -> SharedFolder:
        return self

    def during_stage(self) -> SharedFolder:
        return self

    def unseal(self, folder: Path, *, is_wanted: bool) -> None:
        if not is_wanted:
            remove_dataset(folder)
            return
        folder.mkdir(parents=True, exist_ok=True)
        for name in (MANIFEST_NAME, REPORT_NAME):
            (folder / name).unlink(missing_ok=True)

    def bring(self, paths: Iterable[str | Path]) -> None:
        return None

    def keep(self, paths: Iterable[str | Path]) -> None:
        return None

    def read(self, path: Path) -> bytes | None:
        try:
            return path.read_bytes()
        except OSError:
            return None

    def write(self, path: Path, data: bytes) -> None:
        write_bytes(path, data)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def has(self, path: str | Path) -> bool:
        return Path(path).exists()

    def each(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        return list(map(function, items))

    def location(self, path: Path) -> str:
        return str(path)
