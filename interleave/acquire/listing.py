"""Which files a source consists of, and how they are cut into splits: the tasks of the first stage.

A split is a function of the input alone, never of the number of workers. Plain JSON Lines are cut at line ends; a
compressed file is one split, since it can only be read from its start.
"""

from __future__ import annotations

import glob
import hashlib
import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from interleave.errors import RecipeError
from interleave.files import sha256_of
from interleave.settings import is_url
from interleave.text import printable

COMPRESSED = (".jsonl.gz", ".jsonl.zip", ".jsonl.zst")
SUFFIXES = (".jsonl", *COMPRESSED)

# About 64 splits keep many workers busy; below the least a task costs more than it does, above the most a killed task
# loses too much.
NUM_SPLITS = 64
MIN_SPLIT_BYTES = 128 * 1024
MAX_SPLIT_BYTES = 64 * 1024 * 1024
_BLOCK = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One input file."""

    source: str
    path: str
    # Absolute.
    name: str
    # Relative to the source: part of its documents' ids.
    num_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A run of records of one file: the lines between two bytes, or what else its source counts."""

    source: str
    path: str
    name: str
    sha256: str
    # Of the whole file.
    start: int
    end: int
    # Bytes of a file of lines ((0, file size) for compressed files), rows or row groups of a table, pages of a folder.
    first_line: int = 0
    # 0-based number of the first line in the file.


def list_files(source: str, path: str, suffixes: Sequence[str] = SUFFIXES) -> list[SourceFile]:
    """The files of a source, sorted by name.

    suffixes: what their names may end in.

    Raises:
        RecipeError: nothing is there.
    """
    if is_url(path):
        raise RecipeError(f"source {source}: {path} is a URL: a build brings such files in; here give a path")
    location = Path(path)
    if location.is_file():
        found, root = [location], location.parent
    elif location.is_dir():
        found, root = [item for item in sorted(location.rglob("*")) if item.name.endswith(tuple(suffixes))], location
    else:
        found, root = [Path(item) for item in sorted(set(glob.glob(path, recursive=True)))], _fixed_part(location)
    files = [item for item in found if item.is_file()]
    if not files:
        what = (
            "holds no file that ends in" if location.is_dir() else "matches no file; expected a file, folder or glob of"
        )
        raise RecipeError(f"source {source}: {path} {what} {', '.join(suffixes)}")
    for file in files:
        if not file.name.endswith(tuple(suffixes)):
            raise RecipeError(f"source {source}: {printable(str(file))} is not {' or '.join(suffixes)}")
    return [
        SourceFile(
            source=source,
            path=str(file),
            name=printable(file.relative_to(root).as_posix()),
            num_bytes=file.stat().st_size,
        )
        for file in files
    ]


def split_bytes(files: Sequence[SourceFile]) -> int:
    """How many bytes a split should have, for the input as a whole."""
    total = sum(file.num_bytes for file in files)
    return min(max(total // NUM_SPLITS, MIN_SPLIT_BYTES), MAX_SPLIT_BYTES)


def cut_lines(file: SourceFile, num_bytes: int) -> list[Split]:
    """Reads a file once: its hash, and splits of about `num_bytes` that begin at lines."""
    borders, sha256 = _scan(file, num_bytes if not file.name.endswith(COMPRESSED) else sys.maxsize)
    return [
        Split(
            source=file.source,
            path=file.path,
            name=file.name,
            sha256=sha256,
            start=start,
            end=end,
            first_line=first_line,
        )
        for (start, first_line), (end, _) in itertools.pairwise(borders)
    ]


def whole(file: SourceFile, end: int = 0) -> list[Split]:
    """A file that is read from its start to its end, as one split."""
    return [
        Split(source=file.source, path=file.path, name=file.name, sha256=sha256_of(Path(file.path)), start=0, end=end)
    ]


def _scan(file: SourceFile, num_bytes: int) -> tuple[list[tuple[int, int]], str]:
    """[(byte, line)] where splits begin, with the end of the file as the last one; and the file's SHA-256."""
    digest = hashlib.sha256()
    borders = [(0, 0)]
    position = num_lines = 0
    for block in _blocks(Path(file.path)):
        digest.update(block)
        begin = 0
        # A split ends with the line in which it reaches its size; a block may hold several ends.
        while (wanted := max(borders[-1][0] + num_bytes - position, begin)) < len(block):
            end = block.find(b"\n", wanted)
            if end < 0:
                break
            num_lines += block.count(b"\n", begin, end + 1)
            begin = end + 1
            borders.append((position + begin, num_lines))
        num_lines += block.count(b"\n", begin)
        position += len(block)
    if borders[-1][0] < position or position == 0:
        borders.append((position, num_lines))
    return borders, digest.hexdigest()


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            yield block


def _fixed_part(pattern: Path) -> Path:
    """The folders of a glob before its first wildcard: names are relative to it."""
    fixed = Path(pattern.anchor)
    for part in pattern.parts[1:-1]:
        if glob.has_magic(part):
            break
        fixed /= part
    return fixed
