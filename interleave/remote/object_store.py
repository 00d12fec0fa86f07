"""A folder of an object store, or of anything else that fsspec writes to: whole objects under their final names.

Nothing is renamed, nothing is listed: a store may tell late what lies in it. What was answered to a write is not
believed alone: sizes are looked at afterwards.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from interleave.errors import RecipeError, ShardError
from interleave.files import PARTIAL, atomic_write, create_bytes, write_bytes
from interleave.remote.filesystems import PERMANENT, Final, open_filesystem, patiently, said

Result = TypeVar("Result")

FIRST_DELAY_S = 0.5
_NUM_TRIES, _TIMEOUT_S = 6, 60.0
# Of what stores tell of an object: what changes with its content.
_STAMPS = ("ETag", "etag", "md5Hash", "checksum", "mtime", "LastModified", "updated", "created")


class ObjectStore:
    """A folder of an object store. Safe for several threads.

    All methods raise ShardError where the store fails time after time, `Final` where it refuses.
    """

    def __init__(self, url: str, first_delay_s: float | None = None) -> None:
        """first_delay_s: before the second of several tries, which double it."""
        self.url = url.rstrip("/")
        self._first_delay_s = FIRST_DELAY_S if first_delay_s is None else first_delay_s
        self._system = open_filesystem(self.url, _TIMEOUT_S)

    def read(self, name: str) -> bytes | None:
        """The bytes of a small object; None where there is none."""
        try:
            data: bytes = self._patiently(name, lambda: self._system.cat_file(self._path(name)), FileNotFoundError)
        except FileNotFoundError:
            return None
        return data

    def read_ranges(self, ranges: Sequence[tuple[str, int, int]]) -> list[bytes]:
        """Parts of objects, all at once; a range: (name, offset, length in bytes)."""
        if not ranges:
            return []
        names, starts, ends = zip(*((self._path(name), at, at + length) for name, at, length in ranges), strict=True)

        def get() -> list[bytes]:
            found = self._system.cat_ranges(list(names), list(starts), list(ends), on_error="raise")
            for (name, at, length), data in zip(ranges, found, strict=True):
                if len(data) != length:
                    raise ShardError(f"{name} gave {len(data):,} of {length:,} bytes at {at:,}")
            return [bytes(data) for data in found]

        return self._patiently(ranges[0][0], get)

    def stamp(self, name: str) -> list[str] | None:
        """What tells one content of an object from another; None where there is no object."""
        try:
            info = self._patiently(name, lambda: self._info(name), FileNotFoundError)
        except FileNotFoundError:
            return None
        return stamp_of(info)

    def write(self, name: str, data: bytes) -> None:
        self._patiently(name, lambda: self._write(self._path(name), data))

    def create(self, name: str, data: bytes) -> bool:
        """Writes an object where there is none; False where there is one. An answer that was lost is looked up."""
        try:
            self._patiently(name, lambda: self._create(self._path(name), data), FileExistsError)
        except FileExistsError:
            return self.read(name) == data
        return True

    def remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self._patiently(name, lambda: self._system.rm_file(self._path(name)), FileNotFoundError)

    def upload(self, path: Path, name: str) -> list[str]:
        """A file as one object, whole or not at all; its stamp."""

        def put() -> list[str]:
            self._put(path, self._path(name))
            info = self._info(name)
            if int(info["size"]) != path.stat().st_size:
                raise ShardError(f"holds {info['size']:,} of {path.stat().st_size:,} bytes after it was written")
            return stamp_of(info)

        return self._patiently(name, put)

    def download(self, name: str, path: Path) -> None:
        """An object as a file, whole or not at all.

        Raises:
            FileNotFoundError: there is no object.
        """
        partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}{PARTIAL}")
        path.parent.mkdir(parents=True, exist_ok=True)

        def get() -> None:
            self._system.get_file(self._path(name), str(partial))
            num_bytes = int(self._info(name)["size"])
            if partial.stat().st_size != num_bytes:
                raise ShardError(f"gave {partial.stat().st_size:,} of {num_bytes:,} bytes")

        try:
            self._patiently(name, get, FileNotFoundError)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    def sizes(self, name: str) -> dict[str, int]:
        """Bytes of each object below a name, by what comes behind it: as the store lists them, which may be late."""

        def look() -> dict[str, Any]:
            self._system.invalidate_cache()
            found: dict[str, Any] = self._system.find(self._path(name), detail=True)
            return found

        root = str(self._system._strip_protocol(self._path(name)))
        found = self._patiently(name, look)
        return {str(path).removeprefix(root).lstrip("/"): int(info["size"]) for path, info in found.items()}

    def _info(self, name: str) -> Mapping[str, Any]:
        self._system.invalidate_cache()  # what it knows of a folder may be of before
        found: Mapping[str, Any] = self._system.info(self._path(name))
        if found.get("type") == "directory":
            raise FileNotFoundError(self._path(name))
        return found

    def _write(self, path: str, data: bytes) -> None:
        if file := self._file(path):
            write_bytes(file, data)
        else:
            self._system.pipe_file(path, data)

    def _put(self, source: Path, path: str) -> None:
        if not (file := self._file(path)):
            self._system.put_file(str(source), path)
            return
        with source.open("rb") as read, atomic_write(file) as written:
            shutil.copyfileobj(read, written)

    def _create(self, path: str, data: bytes) -> None:
        if not (file := self._file(path)):
            self._system.pipe_file(path, data, mode="create")
        elif not create_bytes(file, data):
            raise FileExistsError(path)

    def _file(self, path: str) -> Path | None:
        """Where the store is a folder: fsspec would show there what is half written, and look before it creates."""
        from fsspec.implementations.local import LocalFileSystem

        return Path(self._system._strip_protocol(path)) if isinstance(self._system, LocalFileSystem) else None

    def _path(self, name: str) -> str:
        return f"{self.url}/{name}"

    def _patiently(self, name: str, work: Callable[[], Result], *expected: type[OSError]) -> Result:
        """expected: errors that are answers to the caller, and not to be explained."""
        try:
            return patiently(self._path(name), work, num_tries=_NUM_TRIES, first_delay_s=self._first_delay_s)
        except PERMANENT as error:
            if isinstance(error, expected):
                raise
            raise Final(
                f"{self._path(name)}: {said(error)}; is the URL right, and may you read and write there?"
            ) from None


def check_names_folder(url: str) -> None:
    """
    Raises:
        RecipeError: a URL names no folder below a bucket, or below another root.
    """
    if "/" not in url.partition("://")[2].strip("/"):
        raise RecipeError(f"{url} names no folder in a bucket; expected one like s3://bucket/mmc4")


def stamp_of(info: Mapping[str, Any]) -> list[str]:
    """What a store tells of an object, as far as it changes with its content."""
    return [str(info.get("size")), *(str(info[name]) for name in _STAMPS if name in info)]
