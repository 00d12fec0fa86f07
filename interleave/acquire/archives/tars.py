"""The members of a tar from anywhere, by its headers alone: nothing is extracted, nothing is followed.

    read_members ─> Member | NotFollowed, in the file's order ─> read_range when the bytes are wanted

Plain, uncompressed tars: USTAR, what came before it (V7), PAX, and GNU's long names. Python's `tarfile` is not used: it
loops for ever on crafted sizes (CVE-2025-8194) and reads extension headers of any length into memory.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from interleave.errors import TaskError, Unreadable

BLOCK = 512
# A PAX header or a GNU long name beyond this is an attack: names have at most some thousand bytes.
MAX_EXTENSION_BYTES = 1 << 20
MAX_NAME_BYTES = 4096

_FILES = (b"0", b"\0", b"7")
# Header types that have no data behind them, whatever their size field says (GNU tar and tarfile do the same).
_WITHOUT_DATA = {b"1": "a hard link", b"2": "a symbolic link", b"3": "a device", b"4": "a device", b"6": "a FIFO"}
_FOLDER, _SPARSE, _PAX, _PAX_OF_ALL, _LONG_NAME, _LONG_LINK = b"5", b"S", (b"x", b"X"), b"g", b"L", b"K"
_RECORD_LENGTH = re.compile(rb"([1-9][0-9]{0,6}) ")
_OTHER_FORMATS = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"BZh", "bzip2"), (b"PK\x03\x04", "zip"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A regular file in a tar."""

    name: str
    # Relative, without a leading "./".
    offset: int
    # Byte where its data begins.
    size: int
    # Bytes.


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFollowed:
    """A member that is no regular file, or whose name leads out of the tar or is no text."""

    name: str
    # Printable, for a person.
    offset: int
    # Byte where its header begins.
    error: Unreadable
    # `not_a_regular_file`, `sparse_member`, `unsafe_member_name`, `bad_member_name`.


def read_members(path: str) -> Iterator[Member | NotFollowed]:
    """The members of a tar in order; folders are left out, since they hold nothing.

    Raises:
        Unreadable: `damaged_file`, behind the members before the damage: no tar, cut off (also: no end mark), a header
            that contradicts itself or the file, data behind the end mark.
        TaskError: the file cannot be read on this machine.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            yield from _members(file, os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise TaskError(f"cannot read {path}: {error.strerror}") from error


def read_range(path: str, offset: int, size: int) -> bytes:
    """The bytes [offset, offset + size) of a file.

    Raises:
        Unreadable: `damaged_file`: the file is shorter by now.
        TaskError: the file cannot be read on this machine.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            file.seek(offset)
            data = file.read(size)
    except OSError as error:
        raise TaskError(f"cannot read {path}: {error.strerror}") from error
    if len(data) < size:
        raise Unreadable("damaged_file", f"ends at byte {offset + len(data):,}, expected {offset + size:,}")
    return data


@dataclass(slots=True)
class _Extensions:
    """What the headers in front of a member say of it."""

    name: bytes | None = None
    size: int | None = None
    is_sparse: bool = False
    is_there: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    position: int
    name: bytes
    type: bytes
    size: int
    has_more: bool = field(default=False)
    # Of a sparse member: its map goes on in another block.


def _members(file: IO[bytes], num_bytes: int) -> Iterator[Member | NotFollowed]:
    position = 0
    extensions = _Extensions()
    while (block := _block(file, position, num_bytes)) is not None:
        header = _header(block, position)
        position += BLOCK
        if header.type in (*_PAX, _PAX_OF_ALL, _LONG_NAME, _LONG_LINK):
            _extend(extensions, header, _extension_data(file, header, num_bytes))
            position += _padded(header.size)
            continue
        if header.has_more:
            position = _behind_sparse_map(file, position, num_bytes)
        size = _size(header, extensions)
        if size > num_bytes - position:
            raise _damage(header.position, f"says {size:,} bytes, the file ends at {num_bytes:,}")
        if (found := _found(header, extensions, position, size)) is not None:
            yield found
        position += _padded(size)
        extensions = _Extensions()
    if extensions.is_there:
        raise _damage(position, "an extension header without a member behind it")
    _check_end(file, position, num_bytes)


def _block(file: IO[bytes], position: int, num_bytes: int) -> bytes | None:
    """The block at a position; None at the end mark."""
    file.seek(position)
    block = file.read(BLOCK)
    if len(block) < BLOCK:
        what = "the file is empty" if num_bytes == 0 else "the tar is cut off: no end mark"
        raise _damage(num_bytes, what)
    return block if any(block) else None


def _header(block: bytes, position: int) -> _Header:
    stored = _octal(block[148:156])
    # The checksum counts its own field as spaces.
    if stored != sum(block) - sum(block[148:156]) + 8 * ord(" "):
        raise _damage(position, _what_else(block) if position == 0 else "no tar header: the checksum is wrong")
    name = block[:100].split(b"\0", 1)[0]
    # Old GNU tars keep times where POSIX has the prefix.
    if block[257:263] == b"ustar\0" and (prefix := block[345:500].split(b"\0", 1)[0]):
        name = prefix + b"/" + name
    type_ = block[156:157]
    size = _number(block[124:136])
    if size is None:
        raise _damage(position, f"the size is {block[124:136]!r}, expected a number from 0")
    return _Header(position=position, name=name, type=type_, size=size, has_more=type_ == _SPARSE and block[482] != 0)


def _what_else(block: bytes) -> str:
    for magic, format_ in _OTHER_FORMATS:
        if block.startswith(magic):
            return f"is {format_}, expected a tar without compression: unpack it first"
    return "is no tar: the checksum of its first header is wrong"


def _number(digits: bytes) -> int | None:
    """A size in octal or, from 8 GiB on, in base 256; None where it is neither, or negative."""
    if digits[0] & 0x80:
        # 0x80 marks a positive number, 0xff a negative one.
        return int.from_bytes(digits[1:], "big") if digits[0] == 0x80 else None
    return _octal(digits)


def _octal(digits: bytes) -> int | None:
    text = digits.split(b"\0", 1)[0].strip(b" ")
    if not re.fullmatch(rb"[0-7]*", text):
        return None
    return int(text or b"0", 8)


def _extension_data(file: IO[bytes], header: _Header, num_bytes: int) -> bytes:
    if header.size > MAX_EXTENSION_BYTES:
        raise _damage(header.position, f"an extension header of {header.size:,} bytes, at most {MAX_EXTENSION_BYTES:,}")
    data = file.read(header.size)
    if len(data) < header.size:
        raise _damage(header.position, f"says {header.size:,} bytes, the file ends at {num_bytes:,}")
    return data


def _extend(extensions: _Extensions, header: _Header, data: bytes) -> None:
    if header.type == _LONG_NAME:
        extensions.name = data.split(b"\0", 1)[0]
    elif header.type in _PAX:
        _read_pax(extensions, data, header.position)
    elif header.type == _PAX_OF_ALL:
        # Those of `git archive` hold a comment. One that names or sizes every member is no archive of files.
        of_all = _Extensions()
        _read_pax(of_all, data, header.position)
        if of_all.name is not None or of_all.size is not None or of_all.is_sparse:
            raise _damage(header.position, "a PAX header for all members sets their name or size")
        return
    extensions.is_there = True


def _read_pax(extensions: _Extensions, data: bytes, position: int) -> None:
    """Records `LENGTH KEY=VALUE\\n`; LENGTH counts the whole record."""
    begin = 0
    while begin < len(data) and data[begin] != 0:
        length = _RECORD_LENGTH.match(data, begin)
        end = begin + int(length[1]) if length else 0
        if length is None or not length.end() < end <= len(data) or data[end - 1] != ord("\n"):
            raise _damage(position, "a PAX record has a wrong length")
        key, equals, value = data[length.end() : end - 1].partition(b"=")
        if not equals:
            raise _damage(position, "a PAX record without `=`")
        if key == b"path":
            extensions.name = value
        elif key == b"size":
            if not re.fullmatch(rb"[0-9]{1,18}", value):
                raise _damage(position, f"the PAX size is {value[:40]!r}, expected a number from 0")
            extensions.size = int(value)
        elif key.startswith(b"GNU.sparse."):
            extensions.is_sparse = True
        begin = end


def _behind_sparse_map(file: IO[bytes], position: int, num_bytes: int) -> int:
    more = True
    while more:
        block = _block(file, position, num_bytes)
        more = block is not None and block[504] != 0
        position += BLOCK
    return position


def _size(header: _Header, extensions: _Extensions) -> int:
    """Bytes of data behind a header."""
    if header.type == _FOLDER or header.type in _WITHOUT_DATA:
        return 0
    return header.size if extensions.size is None else extensions.size


def _found(header: _Header, extensions: _Extensions, position: int, size: int) -> Member | NotFollowed | None:
    raw = header.name if extensions.name is None else extensions.name
    if header.type == _FOLDER or (header.type in _FILES and raw.endswith(b"/") and size == 0):
        return None
    try:
        _check_type(header, extensions)
        return Member(name=_checked_name(raw), offset=position, size=size)
    except Unreadable as error:
        return NotFollowed(name=repr(raw[:100])[2:-1], offset=header.position, error=error)


def _check_type(header: _Header, extensions: _Extensions) -> None:
    if header.type == _SPARSE or extensions.is_sparse:
        raise Unreadable("sparse_member", "a sparse file, expected one stored as it is")
    if header.type not in _FILES:
        raise Unreadable("not_a_regular_file", _WITHOUT_DATA.get(header.type, f"of type {header.type!r}"))


def _checked_name(raw: bytes) -> str:
    if len(raw) > MAX_NAME_BYTES:
        raise Unreadable("bad_member_name", f"{len(raw):,} bytes, at most {MAX_NAME_BYTES:,}")
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable("bad_member_name", f"{raw[:100]!r} is not UTF-8") from None
    while name.startswith("./"):
        name = name[2:]
    if not name or "\0" in name:
        raise Unreadable("bad_member_name", f"{raw[:100]!r}, expected a name")
    if name.startswith("/") or ".." in name.split("/"):
        raise Unreadable("unsafe_member_name", f"{raw[:100]!r} leads out of the tar")
    return name


def _check_end(file: IO[bytes], position: int, num_bytes: int) -> None:
    """Behind the end mark there may be padding, but no data: another tar appended to this one would be lost."""
    file.seek(position)
    while block := file.read(1 << 20):
        if any(block):
            raise _damage(position, f"there is data behind the end mark, up to byte {num_bytes:,}")


def _padded(num_bytes: int) -> int:
    return -(-num_bytes // BLOCK) * BLOCK


def _damage(position: int, what: str) -> Unreadable:
    return Unreadable("damaged_file", f"at byte {position:,}: {what}")
