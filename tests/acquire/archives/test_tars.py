import io
import random
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interleave.acquire.archives.tars import MAX_EXTENSION_BYTES, Member, NotFollowed, read_members, read_range
from interleave.errors import TaskError, Unreadable

CONTENT = {
    "0001.json": b'{"a": 1}',
    "0001.0.jpg": b"picture" * 300,
    "folder/0002.json": b"",
    "folder/0002.1.png": b"x" * 512,
}


def written(path: Path, format_: int, members: dict[str, bytes] = CONTENT) -> Path:
    with tarfile.open(path, "w", format=format_) as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def header(name: str = "a.json", size: int = 0, type_: bytes = b"0", **changes: bytes) -> bytes:
    """A header whose fields can be anything, with a right checksum."""
    info = tarfile.TarInfo(name)
    info.type = type_
    block = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    block[124:136] = changes.get("size_field", b"%011o\0" % size)
    for field, begin, end in (("name_field", 0, 100), ("magic", 257, 263), ("prefix", 345, 500)):
        if field in changes:
            block[begin:end] = changes[field].ljust(end - begin, b"\0")
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


def pax(*records: bytes, type_: bytes = b"x") -> bytes:
    data = b"".join(records)
    return header("pax", len(data), type_) + padded(data)


def record(key: bytes, value: bytes) -> bytes:
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest) + 1
    while len(b"%d" % length) + len(rest) != length:
        length += 1
    return b"%d" % length + rest


FIRST = header("first.json", 3) + padded(b"{ }")
END = bytes(1024)


def members_before(path: Path) -> tuple[list[Member | NotFollowed], Unreadable | None]:
    found = []
    members = read_members(str(path))
    while True:
        try:
            found.append(next(members))
        except StopIteration:
            return found, None
        except Unreadable as error:
            return found, error


def stored(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "some.tar"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("format_", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_the_members_of_a_tar_come_back_in_order_with_their_bytes(tmp_path: Path, format_: int) -> None:
    content = CONTENT | {"long/" + "é" * 60 + "/" + "n" * 90 + ".json": b"long name"} if format_ else CONTENT
    path = written(tmp_path / "a.tar", format_, content)
    found = list(read_members(str(path)))
    assert [item.name for item in found] == list(content)
    assert all(isinstance(item, Member) for item in found)
    assert [read_range(str(path), item.offset, item.size) for item in found if isinstance(item, Member)] == list(
        content.values()
    )


def test_folders_are_left_out_and_a_leading_dot_slash_is_taken_off(tmp_path: Path) -> None:
    data = header("./", 0, b"5") + header("./a.json", 2) + padded(b"{}") + header("old/", 0, b"\0") + END
    assert [item.name for item in read_members(str(stored(tmp_path, data)))] == ["a.json"]


def test_a_posix_prefix_is_part_of_the_name_and_gnu_times_in_its_place_are_not(tmp_path: Path) -> None:
    data = header("a", prefix=b"dir", magic=b"ustar\0") + header("b", prefix=b"14000000000", magic=b"ustar ") + END
    assert [item.name for item in read_members(str(stored(tmp_path, data)))] == ["dir/a", "b"]


def test_sizes_in_base_256_are_read(tmp_path: Path) -> None:
    data = header("a", size_field=b"\x80" + (3).to_bytes(11, "big")) + padded(b"abc") + END
    (member,) = read_members(str(stored(tmp_path, data)))
    assert isinstance(member, Member)
    assert (member.offset, member.size) == (512, 3)


@pytest.mark.parametrize(
    ("reason", "data"),
    [
        ("not_a_regular_file", header("a", 5, b"1")),
        ("not_a_regular_file", header("a", 0, b"2")),
        ("not_a_regular_file", header("a", 0, b"3")),
        ("not_a_regular_file", header("a", 0, b"4")),
        ("not_a_regular_file", header("a", 0, b"6")),
        ("not_a_regular_file", header("a", 5, b"V") + bytes(512)),
        ("not_a_regular_file", pax(record(b"linkpath", b"/etc/passwd")) + header("a", 0, b"2")),
        ("sparse_member", header("a", 0, b"S")),
        ("sparse_member", pax(record(b"GNU.sparse.major", b"1")) + header("a", 5) + bytes(512)),
        ("unsafe_member_name", header("../a")),
        ("unsafe_member_name", header("a/../../b")),
        ("unsafe_member_name", header("/etc/passwd")),
        ("unsafe_member_name", pax(record(b"path", b"/etc/passwd")) + header("a")),
        ("unsafe_member_name", header("long", 10, b"L") + padded(b"../../../b") + header("a")),
        ("bad_member_name", pax(record(b"path", b"a\0b")) + header("a")),
        ("bad_member_name", header(name_field=b"caf\xe9.json")),
        ("bad_member_name", header(name_field=b"")),
        ("bad_member_name", pax(record(b"path", b"n" * 5000)) + header("a")),
    ],
)
def test_what_is_not_followed_is_named_and_the_members_around_it_are_read(
    tmp_path: Path, reason: str, data: bytes
) -> None:
    path = stored(tmp_path, FIRST + data + header("last.json") + END)
    first, refused, last = read_members(str(path))
    assert (first.name, last.name) == ("first.json", "last.json")
    assert isinstance(refused, NotFollowed)
    assert refused.error.reason == reason
    assert refused.name.isprintable()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01" * 512,
        header("a")[:300],
        header("a", 1000),
        header("a", 0o77777777777),
        header("a", size_field=b"\xff" * 12) + END,
        header("a", size_field=b"\x80" + b"\xff" * 11) + END,
        header("a", size_field=b"-0000000100\0") + END,
        header("a", size_field=b"12x") + END,
        header("a") + bytes(512) + b"more" + bytes(508),
        FIRST + END + FIRST + END,
        header("a"),
        pax(record(b"size", b"-512")) + header("a") + END,
        pax(record(b"size", b"9" * 4000)) + header("a") + END,
        pax(record(b"size", b"999999")) + header("a") + END,
        pax(b"-5 path=a\n") + header("a") + END,
        pax(b"0 path=a\n") + header("a") + END,
        pax(b"999 path=a\n") + header("a") + END,
        pax(b"8 patha\n") + header("a") + END,
        pax(b"99999999999999999999 path=a\n") + header("a") + END,
        pax(record(b"path", b"a")) + END,
        pax(record(b"path", b"a"), type_=b"g") + header("a") + END,
        header("pax", MAX_EXTENSION_BYTES + 1, b"x") + bytes(MAX_EXTENSION_BYTES + 512) + header("a") + END,
        header("long", 4000, b"L"),
        bytearray(header("a"))[:148] + b"0000000\0" + header("a")[156:] + END,
    ],
)
def test_damage_is_one_error_behind_the_members_before_it(tmp_path: Path, data: bytes) -> None:
    begin = time.process_time()
    path = stored(tmp_path, FIRST + bytes(data) if data else data)
    found, error = members_before(path)
    assert error is not None
    assert error.reason == "damaged_file"
    assert error.detail
    assert [item.name for item in found][:1] == ([] if not data else ["first.json"])
    assert time.process_time() - begin < 5


@pytest.mark.parametrize(
    ("magic", "word"), [(b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"PK\x03\x04", "zip")]
)
def test_a_compressed_file_is_called_by_its_name(tmp_path: Path, magic: bytes, word: str) -> None:
    with pytest.raises(Unreadable, match=word):
        list(read_members(str(stored(tmp_path, magic + bytes(600)))))


def test_a_comment_for_all_members_is_passed_over(tmp_path: Path) -> None:
    data = pax(record(b"comment", b"0123456789abcdef"), type_=b"g") + header("a.json") + END
    assert [item.name for item in read_members(str(stored(tmp_path, data)))] == ["a.json"]


def test_a_range_that_is_gone_and_a_file_that_is_gone_are_told_apart(tmp_path: Path) -> None:
    path = stored(tmp_path, b"abc")
    with pytest.raises(Unreadable, match="damaged_file"):
        read_range(str(path), 1, 5)
    with pytest.raises(TaskError):
        read_range(str(tmp_path / "gone"), 0, 1)
    with pytest.raises(TaskError):
        list(read_members(str(tmp_path / "gone")))


def mutated(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        position = chance.randrange(len(changed))
        changed[position] = chance.choice((0, 0xFF, 0x80, ord("7"), ord("-"), chance.randrange(256)))
    if chance.random() < 0.2:
        del changed[chance.randrange(len(changed)) :]
    return bytes(changed)


def with_right_checksums(data: bytes) -> bytes:
    """So that what a mutation did to a header is looked at, and not the checksum alone."""
    changed = bytearray(data)
    for begin in range(0, len(changed) - 511, 512):
        if changed[begin + 257 : begin + 262] == b"ustar":
            changed[begin + 148 : begin + 156] = b" " * 8
            changed[begin + 148 : begin + 156] = b"%06o\0 " % sum(changed[begin : begin + 512])
    return bytes(changed)


@pytest.mark.parametrize("mend", [bytes, with_right_checksums])
@pytest.mark.parametrize("format_", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_mutated_tars_give_members_and_at_most_one_error(
    tmp_path: Path, format_: int, mend: Callable[[Any], bytes]
) -> None:
    long_names = {"n" * 120 + ".json": b"{}", "0001.json": b"{}", "0001.é.jpg": b"x" * 600}
    whole = written(tmp_path / "whole.tar", format_, long_names).read_bytes().rstrip(b"\0") + bytes(1500)
    chance = random.Random(7)
    for _ in range(600):
        data = mend(mutated(whole, chance))
        begin = time.process_time()
        found, error = members_before(stored(tmp_path, data))
        assert time.process_time() - begin < 5
        assert error is None or error.reason == "damaged_file"
        assert all(item.offset + item.size <= len(data) for item in found if isinstance(item, Member))
