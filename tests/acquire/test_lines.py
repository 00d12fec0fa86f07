import gzip
import zipfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from interleave.acquire.lines import read_lines
from interleave.acquire.listing import cut_lines, list_files
from interleave.errors import TaskError

CONTENT = b'{"a": 1}\n\n  \n{"b": 2}\r\n{"c": 3}'
LINES = [(0, b'{"a": 1}'), (3, b'{"b": 2}'), (4, b'{"c": 3}')]
# Incompressible, so that cutting the file off cuts the data off.
LONG = b"".join(bytes([33 + (number * number * 7919 >> 5) % 90]) for number in range(200_000)) + b"\n"


def read(path: Path, num_bytes: int = 1 << 20) -> list[tuple[int, bytes | None]]:
    return [line for split in cut_lines(list_files("mmc4", str(path))[0], num_bytes) for line in read_lines(split)]


def write_plain(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def write_gzip(path: Path, content: bytes) -> None:
    path.write_bytes(gzip.compress(content))


def write_zip(path: Path, content: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/docs.jsonl", content)
        archive.writestr("README.txt", "not documents")


def write_zstd(path: Path, content: bytes) -> None:
    path.write_bytes(zstandard.compress(content))


WRITERS = {".jsonl": write_plain, ".jsonl.gz": write_gzip, ".jsonl.zip": write_zip, ".jsonl.zst": write_zstd}


@pytest.mark.parametrize("suffix", WRITERS)
def test_every_compression_gives_the_same_lines_with_their_numbers(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"docs{suffix}"
    WRITERS[suffix](path, CONTENT)
    assert read(path) == LINES


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".jsonl.zst"])
def test_files_that_were_compressed_in_pieces_are_read_to_the_last_piece(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"docs{suffix}"
    WRITERS[suffix](path, b'{"a": 1}\n')
    first = path.read_bytes()
    WRITERS[suffix](path, b'{"b": 2}\n')
    path.write_bytes(first + path.read_bytes())
    assert read(path) == [(0, b'{"a": 1}'), (1, b'{"b": 2}')]


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".jsonl.zip", ".jsonl.zst"])
def test_a_compressed_file_that_is_cut_off_fails_instead_of_losing_lines(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"docs{suffix}"
    WRITERS[suffix](path, LONG * 2)
    assert read(path) == [(0, LONG.strip()), (1, LONG.strip())]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(TaskError, match=r"docs\.jsonl\.\w+ to its end"):
        read(path)


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".jsonl.zip", ".jsonl.zst"])
def test_a_file_that_is_not_what_its_name_says_fails_with_its_name(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"docs{suffix}"
    path.write_bytes(CONTENT)
    with pytest.raises(TaskError, match=r"docs\.jsonl\.\w+ to its end"):
        read(path)


def test_a_damaged_zip_fails_with_its_name_whatever_its_method(tmp_path: Path) -> None:
    path = tmp_path / "docs.jsonl.zip"
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.writestr("docs.jsonl", LONG)
        damaged = bytearray(path.read_bytes())
        damaged[1000:1100] = b"\xff" * 100
        path.write_bytes(damaged)
        with pytest.raises(TaskError, match=r"docs\.jsonl\.zip to its end"):
            read(path)


@pytest.mark.parametrize("count", [1, -1])
def test_a_name_in_a_zip_that_is_no_text_fails_with_the_zips_name(tmp_path: Path, count: int) -> None:
    path = tmp_path / "docs.jsonl.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("d\u00f6cs.jsonl", CONTENT)
    path.write_bytes(path.read_bytes().replace("\u00f6".encode(), b"\xff\xff", count))
    with pytest.raises(TaskError, match=r"docs\.jsonl\.zip to its end"):
        read(path)


@pytest.mark.parametrize(("members", "count"), [([], 0), (["a.jsonl", "b.jsonl"], 2)])
def test_a_zip_holds_one_file_of_documents(tmp_path: Path, members: list[str], count: int) -> None:
    with zipfile.ZipFile(tmp_path / "docs.jsonl.zip", "w") as archive:
        for member in members:
            archive.writestr(member, CONTENT)
    with pytest.raises(TaskError, match=f"holds {count} .jsonl files, expected one"):
        read(tmp_path / "docs.jsonl.zip")


def test_a_missing_file_fails_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "docs.jsonl").write_bytes(CONTENT)
    (split,) = cut_lines(list_files("mmc4", str(tmp_path))[0], 1000)
    (tmp_path / "docs.jsonl").unlink()
    with pytest.raises(TaskError, match=r"docs\.jsonl"):
        list(read_lines(split))


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])
def test_a_line_beyond_the_limit_is_none_and_the_next_ones_keep_their_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setattr("interleave.acquire.lines.MAX_LINE_BYTES", 10)
    path = tmp_path / f"docs{suffix}"
    WRITERS[suffix](path, b"0123456789\n" + b"x" * 35 + b"\nshort\n" + b"y" * 11)
    for num_bytes in (1, 20, 1000):
        assert read(path, num_bytes) == [(0, b"0123456789"), (1, None), (2, b"short"), (3, None)]


lines = st.lists(st.sampled_from([b"", b" ", b"a", b"bb", b"c" * 9, b"d" * 40]), max_size=25)


@given(lines, st.integers(1, 150), st.booleans())
def test_every_line_is_read_once_with_its_number_whatever_the_split_size(
    tmp_path_factory: pytest.TempPathFactory, content: list[bytes], num_bytes: int, ends_with_newline: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "lines.jsonl"
    path.write_bytes(b"\n".join(content) + (b"\n" if ends_with_newline else b""))
    assert read(path, num_bytes) == [(number, line) for number, line in enumerate(content) if line.strip()]
