from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.acquire.listing import (
    MAX_SPLIT_BYTES,
    MIN_SPLIT_BYTES,
    NUM_SPLITS,
    SourceFile,
    cut_lines,
    list_files,
    split_bytes,
)
from interleave.errors import RecipeError
from interleave.files import sha256_of


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"{}\n")


def names(path: Path | str) -> list[str]:
    return [file.name for file in list_files("mmc4", str(path))]


def test_a_folder_is_searched_at_any_depth_and_listed_in_order(tmp_path: Path) -> None:
    put(tmp_path, "b.jsonl", "a/z.jsonl.gz", "a/y.jsonl.zip", "c.jsonl.zst", "notes.txt", "d.jsonl.bak")
    assert names(tmp_path) == ["a/y.jsonl.zip", "a/z.jsonl.gz", "b.jsonl", "c.jsonl.zst"]


def test_one_file_is_named_without_its_folder(tmp_path: Path) -> None:
    put(tmp_path, "deep/docs.jsonl")
    assert names(tmp_path / "deep/docs.jsonl") == ["docs.jsonl"]


def test_names_of_a_glob_are_relative_to_the_folders_before_its_first_wildcard(tmp_path: Path) -> None:
    put(tmp_path, "x/1/docs.jsonl", "x/2/docs.jsonl", "y/1/docs.jsonl")
    assert names(tmp_path / "x" / "*" / "docs.jsonl") == ["1/docs.jsonl", "2/docs.jsonl"]
    assert names(tmp_path / "x" / "1" / "*.jsonl") == ["docs.jsonl"]


def test_a_file_that_a_glob_matches_in_two_ways_is_listed_once(tmp_path: Path) -> None:
    put(tmp_path, "p/q/docs.jsonl")
    assert names(f"{tmp_path}/**/**/*.jsonl") == ["p/q/docs.jsonl"]


def test_a_folder_whose_name_looks_like_a_glob_is_a_folder(tmp_path: Path) -> None:
    put(tmp_path, "shard[1]/docs.jsonl")
    assert names(tmp_path / "shard[1]") == ["docs.jsonl"]


def test_a_source_without_files_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"source mmc4: .*empty holds no file that ends in \.jsonl"):
        (tmp_path / "empty").mkdir()
        names(tmp_path / "empty")
    with pytest.raises(RecipeError, match=r"source mmc4: .*nowhere\.jsonl matches no file"):
        names(tmp_path / "nowhere.jsonl")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "docs.csv")
    with pytest.raises(RecipeError, match=r"docs\.csv is not \.jsonl"):
        names(tmp_path / "docs.csv")


def test_splits_are_a_64th_of_the_input_within_bounds() -> None:
    def of(*sizes: int) -> int:
        return split_bytes([SourceFile(source="s", path="/p", name="p", num_bytes=size) for size in sizes])

    assert NUM_SPLITS == 64
    assert of(10) == MIN_SPLIT_BYTES
    assert of(64 * 200_000, 64 * 100_000) == 300_000
    assert of(10**12) == MAX_SPLIT_BYTES


lines = st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")), max_size=30)


@given(lines, st.integers(1, 200), st.booleans(), st.integers(1, 50))
def test_splits_are_whole_lines_that_cover_the_file_once(
    tmp_path_factory: pytest.TempPathFactory, content: list[bytes], num_bytes: int, ends_with_newline: bool, block: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "property.jsonl"
    data = b"\n".join(content) + (b"\n" if ends_with_newline else b"")
    path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("interleave.acquire.listing._BLOCK", block)  # lines that lie across blocks as well
        splits = cut_lines(list_files("mmc4", str(path))[0], num_bytes)
    assert [split.start for split in splits] == [0, *(split.end for split in splits[:-1])]
    assert splits[-1].end == len(data)
    assert all(data[split.start - 1 : split.start] == b"\n" for split in splits[1:])
    assert all(split.first_line == data[: split.start].count(b"\n") for split in splits)
    assert all(split.end - split.start >= num_bytes for split in splits[:-1])
    assert {split.sha256 for split in splits} == {sha256_of(path)}


def test_a_file_is_cut_where_a_line_reaches_the_size(tmp_path: Path) -> None:
    (tmp_path / "docs.jsonl").write_bytes(b"aaaa\nbbbb\ncccc\ndddd\n")
    splits = cut_lines(list_files("mmc4", str(tmp_path))[0], 7)
    assert [(split.start, split.end, split.first_line) for split in splits] == [(0, 10, 0), (10, 20, 2)]


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".jsonl.zip", ".jsonl.zst"])
def test_a_compressed_file_is_one_split(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"docs{suffix}").write_bytes(b"x\n" * 1000)
    (split,) = cut_lines(list_files("mmc4", str(tmp_path))[0], 100)
    assert (split.start, split.end, split.first_line) == (0, 2000, 0)
