import io
import tarfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.errors import ShardError
from interleave.sample import tar_bytes
from interleave.shard.tar import END, Member, read_members, write_member

names = st.from_regex(r"[0-9a-z][0-9a-z._-]{0,98}", fullmatch=True).filter(lambda name: ".." not in name)
contents = st.lists(st.tuples(names, st.binary(max_size=1100)), max_size=5)


def write(members: list[tuple[str, bytes]]) -> bytes:
    file = io.BytesIO()
    for name, data in members:
        assert write_member(file, name, data) == tar_bytes(len(data))
    file.write(END)
    return file.getvalue()


def read(data: bytes) -> list[Member]:
    return list(read_members(io.BytesIO(data), len(data)))


def made_with(data: bytes = b"data", **fields: Any) -> bytes:
    """A tar of one member that Python's tarfile writes."""
    file = io.BytesIO()
    kind = fields.pop("format", tarfile.USTAR_FORMAT)
    info = tarfile.TarInfo(fields.pop("name", "a.json"))
    for name, value in fields.items():
        setattr(info, name, value)
    if info.isreg():
        info.size = len(data)
    with tarfile.open(fileobj=file, mode="w", format=kind) as archive:
        archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def with_header(tar: bytes, at: int, value: bytes) -> bytes:
    """The tar with bytes of its first header replaced, and a checksum that fits."""
    header = bytearray(tar[:512])
    header[at : at + len(value)] = value
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    return bytes(header) + tar[512:]


@given(contents)
def test_what_was_written_is_read_at_the_places_that_are_told(members: list[tuple[str, bytes]]) -> None:
    tar = write(members)
    found = read(tar)
    assert [(member.name, tar[member.data : member.data + member.num_bytes]) for member in found] == members
    assert [member.header for member in found] == [
        sum(tar_bytes(len(data)) for _, data in members[:number]) for number in range(len(members))
    ]
    assert len(tar) == sum(tar_bytes(len(data)) for _, data in members) + 1024


@given(contents)
def test_pythons_tarfile_reads_what_was_written(members: list[tuple[str, bytes]]) -> None:
    with tarfile.open(fileobj=io.BytesIO(write(members))) as archive:
        infos = archive.getmembers()
        assert [info.name for info in infos] == [name for name, _ in members]
        assert [archive.extractfile(info).read() for info in infos] == [data for _, data in members]
    assert {(info.mtime, info.uid, info.gid, info.mode, info.uname, info.gname) for info in infos} <= {
        (0, 0, 0, 0o644, "", "")
    }


def test_the_bytes_of_a_member_are_known() -> None:
    header = bytearray(512)
    for at, value in (
        (0, b"a.json"),
        (100, b"0000644\0"),
        (108, b"0000000\0"),
        (116, b"0000000\0"),
        (124, b"00000000002\0"),
        (136, b"00000000000\0"),
        (156, b"0"),
        (257, b"ustar\x0000"),
    ):
        header[at : at + len(value)] = value
    for at in (329, 337):  # devmajor, devminor: Python's tarfile writes them for every member
        header[at : at + 8] = write([("a.json", b"{}")])[at : at + 8]
    expected = with_header(bytes(header), 0, b"") + b"{}" + bytes(510) + bytes(1024)
    assert write([("a.json", b"{}")]) == expected


@pytest.mark.parametrize("tool", ["python", "padded"])
def test_tars_of_other_writers_are_read_with_their_padding(tool: str) -> None:
    tar = made_with(mtime=5, uid=7) if tool == "python" else write([("a.json", b"data")]) + bytes(20 * 512)
    (member,) = read(tar)
    assert (member.name, tar[member.data :][: member.num_bytes]) == ("a.json", b"data")


@pytest.mark.parametrize(
    ("tar", "message"),
    [
        (made_with(type=tarfile.SYMTYPE, linkname="/etc/passwd"), "is a link"),
        (made_with(type=tarfile.LNKTYPE, linkname="b"), "is a link"),
        (made_with(type=tarfile.DIRTYPE), "expected plain files only"),
        (made_with(type=tarfile.FIFOTYPE), "expected plain files only"),
        (made_with(type=tarfile.CHRTYPE), "expected plain files only"),
        (with_header(made_with(), 156, b"S"), "expected plain files only"),
        (with_header(made_with(), 156, b"7"), "expected plain files only"),
        (made_with(name="n" * 200, format=tarfile.GNU_FORMAT), "a GNU long name"),
        (made_with(name="é" * 80, format=tarfile.PAX_FORMAT), "a PAX header"),
        (made_with(name="/etc/passwd"), "leads out of the tar"),
        (made_with(name="a/../../b"), "leads out of the tar"),
        (with_header(made_with(), 124, b"\xff" * 11 + b"\xfe"), "negative size"),
        (with_header(made_with(), 124, b"\x80" + b"\x00" * 7 + b"\x7f" * 4), "cut off"),
        (with_header(made_with(), 124, b"77777777777\0"), "cut off"),
        (with_header(made_with(), 124, b"zzzzzzzzzzz\0"), "no tar header at byte 0"),
        (b"\x01" + made_with()[1:], "no tar header at byte 0"),
    ],
)
def test_a_tar_that_is_not_plain_or_contradicts_itself_is_refused(tar: bytes, message: str) -> None:
    with pytest.raises(ShardError, match=message):
        read(tar)


def test_a_tar_that_is_cut_off_anywhere_is_refused() -> None:
    tar = write([("a.json", b"x" * 600), ("b.json", b"y")])
    assert len(read(tar)) == 2
    for length in (*range(0, len(tar), 100), len(tar) - 1):
        with pytest.raises(ShardError, match="cut off"):
            read(tar[:length])


def test_data_behind_the_end_mark_is_refused() -> None:
    hidden = write([("a.json", b"x")]) + write([("b.json", b"y")])
    with pytest.raises(ShardError, match="data behind the end mark"):
        read(hidden)


@given(contents.filter(bool), st.data())
def test_a_damaged_tar_is_read_or_refused_and_never_more_than_it_holds(
    members: list[tuple[str, bytes]], data: st.DataObject
) -> None:
    tar = bytearray(write(members))
    for _ in range(data.draw(st.integers(1, 4))):
        tar[data.draw(st.integers(0, len(tar) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = read(bytes(tar))
    except ShardError:
        return
    assert all(0 <= member.data <= member.data + member.num_bytes <= len(tar) for member in found)
