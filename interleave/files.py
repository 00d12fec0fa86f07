"""Durable files: a file under its final name is complete, and stays so after a crash."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

PARTIAL = ".partial"
# Part of the temporary names of this process.
_writer = ""


def call_writer(name: str) -> None:
    """Gives this process temporary names of its own, with the name in them.

    A cluster may take a worker for dead that is alive, and do its task elsewhere: neither may write into the other's
    file. Which of them ends last does not matter, since both write the same bytes.
    """
    global _writer  # noqa: PLW0603 - of the process, as its id is
    _writer = f".{name}"


def sweep(targets: Iterable[Path]) -> None:
    """Removes what interrupted writers left of these files."""
    wanted = set(targets)
    for folder in {target.parent for target in wanted}:
        for found in folder.glob(f"*{PARTIAL}"):
            target = found.with_suffix("")  # of "x.arrow.partial"; "x.arrow.1f0c.partial" names its writer
            if target in wanted or target.with_suffix("") in wanted:
                found.unlink(missing_ok=True)


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Opens a temporary neighbour for writing; on success syncs it and renames it to `path`, else removes it.

    The temporary name is fixed per target and writer: what an interrupted run left is written over.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}{_writer}{PARTIAL}")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        sync_folder(path.parent)
    except BaseException as error:
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)  # writing to an open file, a full disk does not say which
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def write_bytes(path: Path, data: bytes) -> None:
    """Writes a small file durably."""
    with atomic_write(path) as file:
        file.write(data)


def create_bytes(path: Path, data: bytes) -> bool:
    """Writes a small file durably where there is none, whole or not at all; False where there is one.

    The link to a finished neighbour is the one step that fails where something lies: a rename would replace it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{secrets.token_hex(8)}{PARTIAL}")
    try:
        write_bytes(partial, data)
        path.hardlink_to(partial)
    except FileExistsError:
        return False
    finally:
        partial.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """A rename is durable only when its folder is: without this a power cut may bring the old name back."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
