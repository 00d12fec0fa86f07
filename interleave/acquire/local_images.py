"""Images by name from a local folder."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import PurePosixPath

from interleave.errors import Unreadable
from interleave.text import printable

# Errors that say something of the file itself.
_OF_THE_FILE = (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP, errno.ENXIO, errno.EINVAL)


def read_local_image(folder: str, name: str, max_bytes: int) -> bytes:
    """The bytes of the image `name` in `folder`.

    Raises:
        Unreadable: `unsafe_image_name`, `image_missing`, `image_not_a_file`, `too_many_bytes`, `image_unreadable`.
    """
    _check_name(name)
    # Not blocking: a FIFO or a device with an image's name must not hang the build.
    try:
        descriptor = os.open(os.path.join(folder, name), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # noqa: PTH118
    except (FileNotFoundError, NotADirectoryError):
        raise Unreadable("image_missing", printable(name)) from None
    except ValueError as error:  # a lone surrogate in the name
        raise Unreadable("image_unreadable", f"{name!r}: {error}") from None
    except OSError as error:
        if error.errno not in _OF_THE_FILE:
            raise  # a passing fault of the machine fails the task: it must not change the dataset
        raise Unreadable("image_unreadable", f"{name!r}: {error.strerror}") from None
    try:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode):
            raise Unreadable("image_not_a_file", printable(name))
        if info.st_size > max_bytes:
            raise Unreadable("too_many_bytes", f"{printable(name)}: {info.st_size:,} bytes, at most {max_bytes:,}")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(max_bytes)
    finally:
        os.close(descriptor)


def has_local_image(folder: str, name: str) -> bool:
    """Whether there is a file of that name; what it holds is found out by reading."""
    try:
        _check_name(name)
        return os.path.lexists(os.path.join(folder, name))  # noqa: PTH118
    except (Unreadable, ValueError):
        return False


def _check_name(name: str) -> None:
    """A name comes from the web: it may not lead out of the folder."""
    path = PurePosixPath(name)
    if "\0" in name or path.is_absolute() or ".." in path.parts or path.as_posix() in ("", "."):
        raise Unreadable("unsafe_image_name", repr(name[:100]))
