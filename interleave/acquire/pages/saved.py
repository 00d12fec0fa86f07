"""Where saved pages and their images lie: a folder, or a `.zip` of one. Nothing is ever unpacked to disk.

A name is a path relative to the folder or archive, with `/`. It comes from a page or from an archive, so it is checked.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
import weakref
import zipfile
import zlib
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from interleave.acquire.local_images import has_local_image, read_local_image
from interleave.errors import TaskError, Unreadable

PAGES = (".html", ".htm", ".xhtml")
# A directory of an archive takes some ten times as much memory as it has bytes.
_MAX_DIRECTORY_BYTES = 16 * 1024 * 1024
_END_OF_ZIP = b"PK\x05\x06"
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others may unpack a few bytes to hundreds of megabytes
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    struct.error,
    LookupError,
)


@dataclass(frozen=True, slots=True)
class Member:
    """A page, or the reason why it is none."""

    name: str
    copy: int = 0
    # How many members of this name stand before it in the archive.
    error: Unreadable | None = None


class Files(Protocol):
    """A folder or an archive."""

    def pages(self) -> list[Member]: ...

    def has(self, name: str) -> bool: ...

    def read(self, name: str, max_bytes: int) -> bytes:
        """Raises Unreadable as `read_local_image` does."""
        ...


@dataclass(frozen=True, slots=True)
class Folder:
    path: str

    def pages(self) -> list[Member]:
        return [Member(name) for name in list_pages(self.path)]

    def has(self, name: str) -> bool:
        return has_local_image(self.path, name)

    def read(self, name: str, max_bytes: int) -> bytes:
        return read_local_image(self.path, name, max_bytes)


def list_pages(folder: str) -> list[str]:
    """The names of a folder's pages, sorted; without those that browsers save beside a page, in its `_files`."""
    names: list[str] = []
    for parent, folders, files in os.walk(folder):
        pages = [name for name in files if name.lower().endswith(PAGES)]
        stems = {name.rpartition(".")[0] for name in pages}
        folders[:] = [name for name in folders if _page_of(name) not in stems]
        relative = os.path.relpath(parent, folder)
        names += [PurePosixPath(relative, name).as_posix() for name in pages]
    return sorted(name for name in names if Path(folder, name).is_file())


def _page_of(folder: str) -> str | None:
    for ending in ("_files", "_file", ".files", "-Dateien", "_fichiers", "_archivos"):
        if folder.endswith(ending):
            return folder[: -len(ending)]
    return None


class Zip:
    """A `.zip` that is open."""

    def __init__(self, path: str) -> None:
        """
        Raises:
            TaskError: the file cannot be read.
            Unreadable: `damaged_file`.
        """
        with ExitStack() as if_damaged:
            try:
                file = if_damaged.enter_context(Path(path).open("rb"))
                _check_directory(file)
                self._zip = zipfile.ZipFile(file)
            except _DAMAGE as error:
                raise Unreadable("damaged_file", str(error)[:200]) from None
            except OSError as error:
                if error.errno is None or error.errno == errno.EINVAL:  # a directory that begins before the file
                    raise Unreadable("damaged_file", str(error)[:200]) from None
                raise TaskError(f"cannot read {path}: {error.strerror or error}") from error
            # Open as long as a document refers to an image in it.
            weakref.finalize(self, if_damaged.pop_all().close)
        self._members: dict[str, zipfile.ZipInfo] = {}
        for info in self._zip.infolist():
            self._members.setdefault(info.filename, info)

    def pages(self) -> list[Member]:
        """In the order of their names; of several with one name, the first is the page."""
        found: list[Member] = []
        copies: dict[str, int] = {}
        folders = {str(PurePosixPath(name).with_suffix("")) for name in self._members if name.lower().endswith(PAGES)}
        for info in self._zip.infolist():
            name = info.filename
            if not name.lower().endswith(PAGES) or name.startswith("__MACOSX/") or info.is_dir():
                continue
            if any(_page_of(str(parent)) in folders for parent in PurePosixPath(name).parents):
                continue
            copy = copies[name] = copies.get(name, -1) + 1
            found.append(Member(name, copy, _fault(info) or (_duplicate(name) if copy else None)))
        return sorted(found, key=lambda member: (member.name, member.copy))

    def has(self, name: str) -> bool:
        return name in self._members

    def read(self, name: str, max_bytes: int) -> bytes:
        info = self._members.get(name)
        if info is None:
            raise Unreadable("image_missing", name[:200])
        if (error := _fault(info)) is not None:
            raise error
        try:
            with self._zip.open(info) as stream:
                data = stream.read(max_bytes + 1)
        except _DAMAGE as error:
            raise Unreadable("damaged_member", f"{name[:200]!a}: {error}") from None
        except OSError as error:
            if error.errno is not None and error.errno != errno.EINVAL:
                raise
            raise Unreadable("damaged_member", f"{name[:200]!a}: {error}") from None
        if len(data) > max_bytes:
            raise Unreadable("too_many_bytes", f"{name[:200]!a}: more than {max_bytes:,} bytes")
        return data


def _fault(info: zipfile.ZipInfo) -> Unreadable | None:
    path = PurePosixPath(info.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in info.filename:
        return Unreadable("unsafe_name", f"{info.filename[:200]!a}")
    if info.flag_bits & 0x1:
        return Unreadable("encrypted", f"{info.filename[:200]!a}")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return Unreadable("not_a_file", f"{info.filename[:200]!a}")
    if info.compress_type not in _METHODS:
        return Unreadable("unsupported_compression", f"method {info.compress_type}, expected stored or deflated")
    return None


def _duplicate(name: str) -> Unreadable:
    return Unreadable("duplicate_name", f"{name[:200]!a} stands in the archive before")


def _check_directory(file: IO[bytes]) -> None:
    num_bytes = file.seek(0, os.SEEK_END)
    file.seek(max(num_bytes - 65_557, 0))
    tail = file.read()
    end = tail.rfind(_END_OF_ZIP)
    if end >= 0 and len(tail) >= end + 16:
        (size,) = struct.unpack_from("<I", tail, end + 12)
        if size > _MAX_DIRECTORY_BYTES:
            raise zipfile.BadZipFile(f"a directory of {size:,} bytes, at most {_MAX_DIRECTORY_BYTES:,}")
    file.seek(0)
