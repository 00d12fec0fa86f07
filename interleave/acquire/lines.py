"""The lines of a split, whatever the compression, in bounded memory."""

from __future__ import annotations

import codecs
import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import pyarrow as pa

from interleave.acquire.listing import Split
from interleave.acquire.source import Parsed, Refused
from interleave.errors import TaskError, Unreadable
from interleave.identity import document_id

# MMC4's longest lines are a few MB; a longer one is an attack or another kind of file.
MAX_LINE_BYTES = 64 * 1024 * 1024

# What the readers raise where a file is cut off, damaged, or encrypted.
DAMAGE = (
    OSError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    UnicodeDecodeError,  # of a name in a zip
    struct.error,
    NotImplementedError,
    RuntimeError,
    pa.ArrowException,
)


def read_records(split: Split, parse: Callable[[bytes, str], Parsed]) -> Iterator[Parsed | Refused]:
    """Every line of a split as a document, or as the reason why it is none.

    parse: from a line and the document's id; raises Unreadable.
    """
    for number, line in read_lines(split):
        doc_id = document_id(split.source, split.name, number)
        try:
            if line is None:
                raise Unreadable("line_too_long", f"more than {MAX_LINE_BYTES:,} bytes")
            yield parse(line, doc_id)
        except Unreadable as error:
            yield Refused(doc_id=doc_id, where=f"{split.name}:{number + 1}", error=error)


def read_lines(split: Split) -> Iterator[tuple[int, bytes | None]]:
    """(line number, line without its end); None in place of a line longer than MAX_LINE_BYTES.

    Lines of white space are not documents, and are left out.

    Raises:
        TaskError: the file cannot be read or decompressed to its end.
    """
    try:
        with ExitStack() as stack:
            yield from _lines(open_stream(split.path, stack, split.start), split)
    except DAMAGE as error:
        # Lines before the damage are not used either: half a file taken for a whole one is silent loss.
        raise TaskError(f"cannot read {split.path} to its end: {error}; repair or remove the file") from error


def _lines(stream: IO[bytes], split: Split) -> Iterator[tuple[int, bytes | None]]:
    plain = split.path.endswith(".jsonl")
    number, position = split.first_line, split.start
    while not plain or position < split.end:
        line = stream.readline(MAX_LINE_BYTES + 1)
        if not line:
            return
        position += len(line)
        if len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
            position += _skip_line(stream)
            yield number, None
        elif stripped := line.removeprefix(codecs.BOM_UTF8 if number == 0 else b"").strip():
            yield number, stripped
        number += 1


def _skip_line(stream: IO[bytes]) -> int:
    """Reads on to the end of the line; the number of bytes passed over."""
    num_bytes = 0
    while piece := stream.readline(MAX_LINE_BYTES):
        num_bytes += len(piece)
        if piece.endswith(b"\n"):
            break
    return num_bytes


def open_stream(name: str, stack: ExitStack, start: int = 0) -> IO[bytes]:
    """A file as its bytes are without compression; only one without any can be read from elsewhere than its start."""
    path = Path(name)
    if path.suffix == ".gz":
        return stack.enter_context(io.BufferedReader(gzip.open(path, "rb")))
    if path.suffix == ".zst":
        # Of the readers of zstd this one notices a file that is cut off.
        file = stack.enter_context(path.open("rb"))
        return stack.enter_context(io.BufferedReader(pa.CompressedInputStream(file, "zstd")))
    if path.suffix == ".zip":
        archive = stack.enter_context(zipfile.ZipFile(path))
        members = [name for name in archive.namelist() if name.endswith(".jsonl") and not name.startswith("__MACOSX/")]
        if len(members) != 1:
            raise TaskError(f"{path} holds {len(members)} .jsonl files, expected one")
        return stack.enter_context(archive.open(members[0]))
    stream = stack.enter_context(path.open("rb"))
    stream.seek(start)
    return stream
