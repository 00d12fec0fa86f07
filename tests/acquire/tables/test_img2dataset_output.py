from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fixtures_build import write_tar
from fixtures_pairs import parsed, read_pairs, reasons, sample_pairs, write_img2dataset

from interleave.acquire.pairs import PairsSource

IMAGE = sample_pairs()[0].image


def in_tar(tmp_path: Path, *members: tuple[str, bytes]) -> list[str | None]:
    write_tar(tmp_path / "00000.tar", members)
    return reasons(read_pairs(tmp_path))


@pytest.mark.parametrize(
    ("reason", "members"),
    [
        ("image_missing", [("1.txt", b"A cat."), ("1.json", b"{}")]),
        ("several_images", [("1.jpg", IMAGE), ("1.png", IMAGE), ("1.txt", b"A cat.")]),
        ("no_caption", [("1.jpg", IMAGE)]),
        ("no_caption", [("1.jpg", IMAGE), ("1.txt", b" "), ("1.json", b'{"caption": null}')]),
        ("bad_utf8", [("1.jpg", IMAGE), ("1.txt", b"caf\xe9")]),
        ("bad_json", [("1.jpg", IMAGE), ("1.txt", b"A cat."), ("1.json", b"{")]),
        ("not_an_object", [("1.jpg", IMAGE), ("1.txt", b"A cat."), ("1.json", b"5")]),
        ("too_many_bytes", [("1.jpg", IMAGE), ("1.txt", b"x" * 2_000_000)]),
        ("duplicate_member", [("1.jpg", IMAGE), ("1.txt", b"A cat."), ("1.TXT", b"A dog.")]),
        ("download_failed", [("1.jpg", IMAGE), ("1.json", b'{"status": "failed", "error_message": "no"}')]),
        ("not_in_a_sample", [("1.pkl", b"")]),
        (None, [("1.JPEG", IMAGE), ("1.json", b'{"caption": "A cat.", "url": 5}')]),
        (None, [("a/b/1.webp", IMAGE), ("a/b/1.txt", b"A cat."), ("a/b/1.extra", b"")]),
    ],
)
def test_a_sample_that_is_no_pair_is_refused_and_the_others_are_read(
    tmp_path: Path, reason: str | None, members: list[tuple[str, bytes]]
) -> None:
    good = [("0.jpg", IMAGE), ("0.txt", b"A cat.")], [("2.jpg", IMAGE), ("2.txt", b"A cat.")]
    assert in_tar(tmp_path, *good[0], *members, *good[1]) == [None, reason, None]


def test_the_text_file_goes_before_the_json(tmp_path: Path) -> None:
    write_tar(tmp_path / "0.tar", [("1.jpg", IMAGE), ("1.json", b'{"caption": "old"}'), ("1.txt", b"new")])
    assert parsed(read_pairs(tmp_path)[0]).document.sentences == ("new",)


@pytest.mark.parametrize("output_format", ["webdataset", "files"])
def test_what_was_downloaded_and_is_gone_since_is_counted(tmp_path: Path, output_format: str) -> None:
    folder = write_img2dataset(tmp_path / "out", sample_pairs()[:3], output_format)
    if output_format == "files":
        for suffix in ("jpg", "txt", "json"):
            (folder / "00000" / f"000000001.{suffix}").unlink()
    else:
        kept = [("000000000", 0), ("000000002", 2)]
        pairs = sample_pairs()
        members = [
            (f"{key}.{suffix}", data)
            for key, n in kept
            for suffix, data in (("jpg", pairs[n].image), ("txt", pairs[n].caption.encode()))
        ]
        write_tar(folder / "00000.tar", members)
    assert reasons(read_pairs(folder)) == [None, None, "image_missing"]


def test_of_a_tar_that_is_cut_off_what_is_missing_is_one_refusal(tmp_path: Path) -> None:
    folder = write_img2dataset(tmp_path / "out", sample_pairs()[:3], "webdataset", errors=sample_pairs()[3:4])
    data = (folder / "00000.tar").read_bytes()
    (folder / "00000.tar").write_bytes(data[: len(data) // 2])
    found = reasons(read_pairs(folder))
    assert found.count("damaged_file") == found.count("download_failed") == 1
    assert "image_missing" not in found[found.index("damaged_file") :]


def test_a_damaged_table_beside_the_samples_is_one_refusal(tmp_path: Path) -> None:
    folder = write_img2dataset(tmp_path / "out", sample_pairs()[:2], "webdataset")
    (folder / "00000.parquet").write_bytes(b"PAR1")
    assert reasons(read_pairs(folder)) == [None, None, "damaged_file"]


def test_another_table_of_the_same_name_is_left_alone(tmp_path: Path) -> None:
    folder = write_img2dataset(tmp_path / "out", sample_pairs()[:2], "webdataset")
    pq.write_table(pa.table({"x": [1]}), folder / "00000.parquet")
    assert reasons(read_pairs(folder)) == [None, None]


@pytest.mark.parametrize("output_format", ["webdataset", "files"])
def test_a_split_is_pinned_by_the_samples_and_by_the_table_beside_them(tmp_path: Path, output_format: str) -> None:
    folder = write_img2dataset(tmp_path / "out", sample_pairs()[:2], output_format)
    source = PairsSource(path=str(folder))

    def pin() -> str:
        (file,) = source.files()
        (split,) = source.cut(file, 1)
        return split.sha256

    before = pin()
    assert pin() == before
    pq.write_table(pa.table({"x": [1]}), folder / "00000.parquet")
    beside = pin()
    assert beside != before
    if output_format == "files":
        (folder / "00000" / "000000000.txt").write_bytes(b"Another caption.")
        assert pin() != beside
