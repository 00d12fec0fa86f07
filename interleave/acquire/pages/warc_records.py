"""The records of a WARC file, damage and all, and one record again by where it lies.

`fastwarc` reads what is whole and stops where a file is damaged; here reading goes on at the next record that can be
recognised. A `.warc.gz` has one gzip member a record, so that each can be read alone; one that was compressed as a
whole is unpacked into a temporary file first.
"""

from __future__ import annotations

import io
import os
import tempfile
import weakref
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interleave.errors import Unreadable

GZIP = b"\x1f\x8b\x08"
# More places in a row that look like a record and are none: this is no WARC.
_MAX_FAILURES = 100
_MAX_UNPACKED_BYTES = 64 * 1024**3
_MAX_HEADER_BYTES = 64 * 1024
_BLOCK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Damage:
    """A place where reading could not go on."""

    offset: int
    detail: str
    of_record: bool
    # Whether the record before it is the damaged one: its length is wrong, or the file ends inside of it.
    is_end: bool = False
    # Whether nothing behind it can be read.


class Archive:
    """A WARC file that is open for reading records anywhere in it."""

    def __init__(self, path: str) -> None:
        """Raises OSError."""
        self.unpacking_error = ""
        with Path(path).open("rb") as file:
            self.is_gzip = file.read(3) == GZIP
            if self.is_gzip and not _is_one_record_a_member(file.fileno()):
                file.seek(0)
                with tempfile.TemporaryFile() as unpacked:
                    self.unpacking_error = _unpack(file, unpacked)
                    self._descriptor = os.dup(unpacked.fileno())
                self.is_gzip = False
            else:
                self._descriptor = os.dup(file.fileno())
        # Open as long as a document refers to an image in it.
        weakref.finalize(self, os.close, self._descriptor)
        self.num_bytes = os.fstat(self._descriptor).st_size

    def stream(self, offset: int) -> io.BufferedReader:
        return io.BufferedReader(_At(self._descriptor, offset, self))

    def records(self) -> Iterator[tuple[int, Any] | Damage]:
        """(offset, fastwarc's record, good until the next one is asked for), or a damage."""
        begin = failures = 0
        while begin < self.num_bytes:
            last: int | None = None
            try:
                for position, record in self._from(begin):
                    last, failures = position, 0
                    yield position, record
                if last is not None or not self.num_bytes:
                    return
                detail = "no record"
            except (OSError, ValueError) as error:
                _raise_if_of_machine(error)
                detail = str(error)[:200]
            end = self._end_of(last) if last is not None else None
            failures += 1
            searched = begin + 1 if last is None else last + 1 if end is None else end
            begin = self._next_record(searched) if failures < _MAX_FAILURES else self.num_bytes
            of_record = last is not None and end is None
            if of_record or begin != searched:  # else the next record is the damaged one, and is found to be so
                yield Damage(searched, detail, of_record, begin >= self.num_bytes)

    def record(self, offset: int) -> Any:
        """One record, HTTP not yet parsed.

        Raises:
            Unreadable: `damaged_record`.
        """
        try:
            for _, record in self._from(offset):
                return record
        except (OSError, ValueError) as error:
            _raise_if_of_machine(error)
            raise Unreadable("damaged_record", str(error)[:200]) from None
        raise Unreadable("damaged_record", f"no record at byte {offset:,}")

    def payload(self, offset: int, max_bytes: int) -> bytes:
        """What a response or resource carries, without the encodings of its transfer.

        Raises:
            Unreadable: `damaged_record`, `bad_http`, `too_many_bytes`.
        """
        data = b""
        # Crawlers store bodies decoded and leave the header as it was: what does not decode is taken as it is.
        for decode in ("all", "transfer", "none"):
            record = self.record(offset)
            try:
                record.parse_http(auto_decode=decode)
                headers = record.http_headers
                data = record.reader.read(max_bytes + 1)
                break
            except (OSError, ValueError) as error:
                _raise_if_of_machine(error)
                if decode == "none":
                    raise Unreadable("bad_http", str(error)[:200]) from None
        encoding = (headers.get("Content-Encoding") or "").strip().lower() if headers is not None else ""
        if decode != "all" and encoding == "deflate":
            data = _inflated(data, max_bytes + 1, -15)
        elif data.startswith(GZIP):  # labelled "x-gzip", or chunked by a header that was left behind
            data = _inflated(data, max_bytes + 1, 31)
        if len(data) > max_bytes:
            raise Unreadable("too_many_bytes", f"more than {max_bytes:,} bytes")
        return bytes(data)

    def _from(self, offset: int) -> Iterator[tuple[int, Any]]:
        from fastwarc.warc import ArchiveIterator

        # The position is counted by the stream: fastwarc's own is relative to where it began.
        for record in ArchiveIterator(self.stream(offset), parse_http=False):
            yield offset + record.stream_pos, record

    def _end_of(self, offset: int) -> int | None:
        """Where a record ends that is as long as it says; None where it is not."""
        if self.is_gzip:
            return _end_of_member(self._descriptor, offset)
        head = os.pread(self._descriptor, _MAX_HEADER_BYTES, offset)
        length = _declared_length(head)
        if length is None:
            return None
        end = offset + length
        return end if os.pread(self._descriptor, 4, end - 4) == b"\r\n\r\n" else None

    def _next_record(self, begin: int) -> int:
        """The next place that looks like the beginning of a record, or the end of the file."""
        wanted = GZIP if self.is_gzip else b"WARC/1."
        position = begin
        while position < self.num_bytes:
            block = os.pread(self._descriptor, _BLOCK, position)
            found = block.find(wanted)
            while found >= 0:
                if self._looks_like_record(position + found):
                    return position + found
                found = block.find(wanted, found + 1)
            position += max(len(block) - len(wanted) + 1, 1)
        return self.num_bytes

    def _looks_like_record(self, offset: int) -> bool:
        if not self.is_gzip:
            return offset == 0 or os.pread(self._descriptor, 1, offset - 1) == b"\n"
        try:
            head = zlib.decompressobj(31).decompress(os.pread(self._descriptor, 1024, offset), 16)
        except zlib.error:
            return False
        return head.startswith(b"WARC/1.")


class _At(io.RawIOBase):
    """A file from some byte on, with a position of its own: many may read one open file."""

    def __init__(self, descriptor: int, offset: int, owner: Archive) -> None:
        self._descriptor, self._offset, self._position = descriptor, offset, 0
        self._owner = owner  # which keeps the file open

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = os.pread(self._descriptor, len(buffer), self._offset + self._position)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def seekable(self) -> bool:
        return True

    def seek(self, position: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_CUR:
            position += self._position
        elif whence == os.SEEK_END:
            position += os.fstat(self._descriptor).st_size - self._offset
        self._position = max(position, 0)
        return self._position


def _raise_if_of_machine(error: Exception) -> None:
    """What fastwarc says of a file has no errno; what the system says of a disk has one."""
    if isinstance(error, OSError) and error.errno is not None:
        raise error


def _declared_length(head: bytes) -> int | None:
    """Bytes of a record with its header and the empty lines behind it."""
    end = head.find(b"\r\n\r\n")
    if end < 0:
        return None
    for line in head[:end].split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit() and len(value) < 20:
            return end + 4 + int(value) + 4
    return None


def _is_one_record_a_member(descriptor: int) -> bool:
    """Whether the first gzip member holds one record, as the standard asks for."""
    return _end_of_member(descriptor, 0, if_damaged=0) is not None


def _end_of_member(descriptor: int, offset: int, if_damaged: int | None = None) -> int | None:
    """The end of a gzip member that holds one record and no more."""
    unpacker = zlib.decompressobj(31)
    head, num_bytes, position = b"", 0, offset
    try:
        while not unpacker.eof:
            block = unpacker.unconsumed_tail or os.pread(descriptor, _BLOCK, position)
            if not block:
                return if_damaged
            position += 0 if unpacker.unconsumed_tail else len(block)
            piece = unpacker.decompress(block, _BLOCK)
            head += piece[: max(_MAX_HEADER_BYTES - len(head), 0)]
            num_bytes += len(piece)
            length = _declared_length(head)
            if length is not None and num_bytes > length + 16:
                return None  # more than one record: what is behind it is not read
    except zlib.error:
        return if_damaged
    return position - len(unpacker.unused_data) if _declared_length(head) == num_bytes else None


def _unpack(packed: Any, to: Any) -> str:
    """Unpacks all gzip members of a file; what ended it early, or an empty text."""
    unpacker, total, data = zlib.decompressobj(31), 0, b""
    try:
        while data := unpacker.unconsumed_tail or unpacker.unused_data or packed.read(_BLOCK):
            unpacker = zlib.decompressobj(31) if unpacker.eof else unpacker
            piece = unpacker.decompress(data, _BLOCK)
            total += len(piece)
            if total > _MAX_UNPACKED_BYTES:
                return f"more than {_MAX_UNPACKED_BYTES:,} bytes when unpacked"
            to.write(piece)
    except zlib.error as error:
        return str(error)
    finally:
        to.flush()
    return "" if unpacker.eof else "the file ends inside of a gzip member"


def _inflated(data: bytes, max_bytes: int, window_bits: int) -> bytes:
    """What is still compressed: gzip, or `deflate` as some servers send it, without zlib's header."""
    try:
        return zlib.decompressobj(window_bits).decompress(data, max_bytes) or data
    except zlib.error:
        return data
