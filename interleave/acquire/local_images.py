"""Images by name from a local folder."""

from __future__ import annotations

import os
import stat
from pathlib import PurePosixPath

from interleave.errors import Unreadable


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
        raise Unreadable("image_missing", name) from None
    except (OSError, ValueError) as error:  # ValueError: a lone surrogate in the name
        raise Unreadable("image_unreadable", f"{name!r}: {error}") from None
    try:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode):
            raise Unreadable("image_not_a_file", name)
        if info.st_size > max_bytes:
            raise Unreadable("too_many_bytes", f"{name}: {info.st_size:,} bytes, at most {max_bytes:,}")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(max_bytes)
    except OSError as error:
        raise Unreadable("image_unreadable", f"{name!r}: {error.strerror}") from None
    finally:
        os.close(descriptor)


def _check_name(name: str) -> None:
    """A name comes from the web: it may not lead out of the folder."""
    path = PurePosixPath(name)
    if "\0" in name or path.is_absolute() or ".." in path.parts or path.as_posix() in ("", "."):
        raise Unreadable("unsafe_image_name", repr(name[:100]))
