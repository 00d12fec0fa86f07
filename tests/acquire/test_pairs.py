import csv
import gzip
import math
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from fixtures_build import ROOT
from fixtures_pairs import LIMITS, Pair, parsed, read_pairs, reasons, sample_pairs, write_img2dataset

from interleave.acquire.pairs import PairsSource
from interleave.acquire.sequence import split_sentences
from interleave.acquire.source import Limits, Refused
from interleave.errors import RecipeError, TaskError
from interleave.flow import build
from interleave.recipe_file import load_recipe

URL = "https://example.org/a.jpg"


def rows_of(pairs: tuple[Pair, ...]) -> list[dict[str, Any]]:
    return [{"url": pair.url, "text": pair.caption, "clip_similarity_vitl14": pair.similarity} for pair in pairs]


def as_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=20)


def as_jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_bytes(b"\n".join(map(orjson.dumps, rows)))


def as_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def as_tsv(path: Path, rows: list[dict[str, Any]]) -> None:
    lines = ["\t".join(rows[0]), *("\t".join(map(str, row.values())) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def compressed(write: Callable[[Path, list[dict[str, Any]]], None], with_: Callable[[bytes], bytes]) -> Any:
    def write_compressed(path: Path, rows: list[dict[str, Any]]) -> None:
        write(path, rows)
        path.write_bytes(with_(path.read_bytes()))

    return write_compressed


# What was written comes back


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.parquet", as_parquet),
        ("a.jsonl", as_jsonl),
        ("a.jsonl.zst", compressed(as_jsonl, zstandard.compress)),
        ("a.csv", as_csv),
        ("a.csv.gz", compressed(as_csv, gzip.compress)),
        ("a.tsv", as_tsv),
        ("a.tsv.zst", compressed(as_tsv, zstandard.compress)),
    ],
)
def test_every_pair_of_a_table_comes_back_as_it_was_written(
    tmp_path: Path, name: str, write: Callable[[Path, list[dict[str, Any]]], None]
) -> None:
    # TSV has no way to write what ends a field or a line.
    pairs = tuple(pair for pair in sample_pairs() if "tsv" not in name or not {*"\t\r\n"} & {*pair.caption})
    write(tmp_path / name, rows_of(pairs))
    records = read_pairs(tmp_path)
    assert len(records) == len(pairs) > 70
    for pair, record in zip(pairs, map(parsed, records), strict=True):
        (image,) = record.document.images
        assert record.document.sentences == tuple(split_sentences(pair.caption))
        assert (image.url, image.load, image.matched_sentence) == (pair.url, None, 0)
        assert image.similarities is not None
        np.testing.assert_array_equal(image.similarities, np.float32(pair.similarity))
    assert len({parsed(record).document.id for record in records}) == len(pairs)


@pytest.mark.parametrize("output_format", ["webdataset", "files"])
def test_every_pair_that_img2dataset_left_comes_back_with_its_image(tmp_path: Path, output_format: str) -> None:
    pairs = sample_pairs()
    folder = write_img2dataset(tmp_path / "out", pairs[:-2], output_format, errors=pairs[-2:])
    records = read_pairs(folder)
    assert reasons(records) == [None] * (len(pairs) - 2) + ["download_failed"] * 2
    for pair, record in zip(pairs, map(parsed, records[:-2]), strict=False):
        (image,) = record.document.images
        assert record.document.sentences == tuple(split_sentences(pair.caption))
        assert (image.url, image.sha256) == (pair.url, None)
        assert image.load is not None and image.load() == pair.image
        assert image.similarities is not None and image.similarities[0] == np.float32(pair.similarity)
    assert "404" in str(records[-1].error if isinstance(records[-1], Refused) else "")


def test_a_dataset_is_built_from_the_recipe(tmp_path: Path) -> None:
    folder = write_img2dataset(tmp_path / "downloaded", sample_pairs()[:24], "webdataset")
    overrides = ["source.by=similarity", "source.top_share=0.5", "images.max_short_side=64"]
    recipe = load_recipe(
        ROOT / "recipes/coyo.yaml", [f"source.path={folder}", f"output={tmp_path / 'out'}", *overrides]
    )
    report = build(recipe, num_workers=1, quiet=True)
    dropped = {line.rule: line.documents for line in report.drops}
    assert report.documents_in == 24
    assert report.documents_in == report.documents_out + sum(dropped.values())
    assert dropped["below_top_share"] == 12
    assert report.documents_out > 6


def test_a_table_of_urls_is_read_by_the_recipe_as_it_stands(tmp_path: Path) -> None:
    rows = [row | {"clip_similarity_vitb32": number / 10} for number, row in enumerate(rows_of(sample_pairs()[:10]))]
    as_parquet(tmp_path / "part-0.parquet", rows)
    recipe = load_recipe(ROOT / "recipes/coyo.yaml", [f"source.path={tmp_path}", f"output={tmp_path / 'out'}"])
    with pytest.raises(TaskError, match="nothing is left of 10 documents; measure/below_top_share took 8 of them"):
        build(recipe, num_workers=1, quiet=True)


def test_ids_do_not_depend_on_how_a_file_is_cut(tmp_path: Path) -> None:
    for name, write in {"a.parquet": as_parquet, "b.jsonl": as_jsonl}.items():
        write(tmp_path / name, rows_of(sample_pairs()))
        coarse, fine = (read_pairs(tmp_path / name, num_bytes=size) for size in (1 << 30, 1000))
        assert [parsed(item).document.id for item in coarse] == [parsed(item).document.id for item in fine]
        source = PairsSource(path=str(tmp_path / name))
        assert len(source.cut(source.files()[0], 1000)) > 3


# Columns


@pytest.mark.parametrize(
    ("url", "caption", "similarity"),
    [
        ("url", "text", "clip_similarity_vitl14"),
        ("URL", "TEXT", "similarity"),
        ("image_url", "caption", "clip_l14_similarity_score"),
    ],
)
def test_known_names_of_columns_are_found(tmp_path: Path, url: str, caption: str, similarity: str) -> None:
    as_parquet(tmp_path / "a.parquet", [{"x": 1, similarity: 0.25, caption: "A cat.", url: URL}])
    (image,) = parsed(read_pairs(tmp_path)[0]).document.images
    assert image.url == URL
    assert image.similarities is not None and image.similarities[0] == 0.25


def test_columns_may_be_named_in_the_recipe(tmp_path: Path) -> None:
    row = {"link": URL, "url": "no", "alt.text": "A cat.", "text": "no", "score": 0.5, "number": 7, "hash": "AB" * 32}
    as_parquet(tmp_path / "a.parquet", [row])
    (record,) = read_pairs(
        tmp_path,
        url_column="link",
        caption_column="alt.text",
        similarity_column="score",
        id_column="number",
        sha256_column="hash",
    )
    document = parsed(record).document
    (image,) = document.images
    assert (document.sentences, image.url, image.name, image.sha256) == (("A cat.",), URL, "7", "ab" * 32)


def test_a_first_file_without_a_column_is_a_mistake_in_the_recipe_with_the_nearest_name(tmp_path: Path) -> None:
    as_parquet(tmp_path / "a.parquet", [{"Url": URL, "text": "A cat."}])
    with pytest.raises(RecipeError, match=r"hold the url; there are 'Url', 'text'; did you mean 'Url'\?.*`url_column`"):
        read_pairs(tmp_path)
    with pytest.raises(RecipeError, match=r"no column 'clip_b'; .*the setting is `by`"):
        read_pairs(tmp_path, url_column="Url", top_share=0.5, by="clip_b")


def test_a_later_file_without_a_column_is_one_refusal(tmp_path: Path) -> None:
    for name, column in (("a", "url"), ("b", "other"), ("c", "url")):
        as_csv(tmp_path / f"{name}.csv", [{column: URL, "text": "A cat."}] * 2)
    assert reasons(read_pairs(tmp_path)) == [None, None, "missing_column", None, None]


def test_tables_without_a_header_have_the_columns_of_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "Train_GCC-training.tsv").write_text(f'a "very" quiet\u2028street\t{URL}\nsecond\t{URL}\n')
    records = read_pairs(tmp_path, columns=("caption", "url"))
    assert parsed(records[0]).document.sentences == ('a "very" quiet\u2028street',)
    assert reasons(records) == [None, None]


def test_settings_that_contradict_themselves_are_refused() -> None:
    with pytest.raises(ValueError, match="one of them twice"):
        PairsSource(path="/a", columns=("url", "url"))
    with pytest.raises(ValueError, match="`by` says what `top_share` goes by"):
        PairsSource(path="/a", by="x")


# The best share of each file


def with_scores(path: Path, scores: list[Any], column: str = "score") -> Path:
    write = {".parquet": as_parquet, ".jsonl": as_jsonl, ".csv": as_csv}[path.suffix]
    write(path, [{"url": f"{URL}?{n}", "text": "A cat.", column: score} for n, score in enumerate(scores)])
    return path


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl", "a.csv"])
def test_of_each_file_the_best_share_is_kept_and_the_others_say_why_not(tmp_path: Path, name: str) -> None:
    scores = [random.Random(number).random() for number in range(100)]
    records = read_pairs(with_scores(tmp_path / name, scores), num_bytes=500, top_share=0.2, by="score")
    threshold = sorted(scores)[-20]
    assert [item is None for item in reasons(records)] == [score >= threshold for score in scores]
    for score, record in zip(scores, records, strict=True):
        if isinstance(record, Refused):
            assert (record.error.reason, record.value, record.threshold) == ("below_top_share", score, threshold)


def test_of_equal_rows_the_first_ones_are_kept_however_the_file_is_cut(tmp_path: Path) -> None:
    path = with_scores(tmp_path / "a.parquet", [0.5] * 50)
    for num_bytes in (1, 1 << 30):
        records = read_pairs(path, num_bytes=num_bytes, top_share=0.3, by="score")
        assert reasons(records) == [None] * 15 + ["below_top_share"] * 35
        assert isinstance(records[-1], Refused) and "tie" not in records[-1].error.reason
        assert "of the same figure" in records[-1].error.detail


def test_rows_without_a_figure_are_no_part_of_the_share(tmp_path: Path) -> None:
    path = with_scores(tmp_path / "a.parquet", [math.nan, 0.1, None, 0.3, math.inf, 0.2, -math.inf, 0.0])
    records = read_pairs(path, top_share=0.5, by="score")
    expected = ["no_similarity", "below_top_share", "no_similarity", None, "bad_similarity", None, "bad_similarity"]
    assert reasons(records) == [*expected, "below_top_share"]


def test_what_the_share_goes_by_may_differ_from_the_similarity_that_a_pair_has(tmp_path: Path) -> None:
    rows = [{"url": URL, "text": "A cat.", "clip_similarity_vitb32": b, "similarity": 0.5} for b in (0.1, 0.9)]
    as_parquet(tmp_path / "a.parquet", rows)
    records = read_pairs(tmp_path, top_share=0.5, by="clip_similarity_vitb32")
    assert reasons(records) == ["below_top_share", None]
    (image,) = parsed(records[1]).document.images
    assert image.similarities is not None and image.similarities.tolist() == [0.5]


def test_the_share_of_downloaded_pairs_is_one_of_those_that_are_there(tmp_path: Path) -> None:
    folder = write_img2dataset(tmp_path / "out", sample_pairs()[:10], "webdataset", errors=sample_pairs()[10:12])
    found = reasons(read_pairs(folder, top_share=0.5))
    assert sorted(map(str, found)) == ["None"] * 5 + ["below_top_share"] * 5 + ["download_failed"] * 2


# Formats


def test_two_formats_in_one_folder_are_refused_until_one_is_named(tmp_path: Path) -> None:
    as_csv(tmp_path / "a.csv", [{"url": URL, "text": "A cat."}])
    as_parquet(tmp_path / "b.parquet", [{"url": URL, "text": "A cat."}] * 2)
    with pytest.raises(RecipeError, match="holds csv and parquet: say which one by `format`"):
        read_pairs(tmp_path)
    assert reasons(read_pairs(tmp_path, format="parquet")) == [None, None]


def test_an_empty_folder_and_another_kind_of_file_are_mistakes_in_the_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="holds no folder"):
        PairsSource(path=str(tmp_path)).files()
    (tmp_path / "a.txt").write_text("a cat")
    with pytest.raises(RecipeError, match=r"expected a folder, or files that end in \.tar, \.parquet"):
        PairsSource(path=str(tmp_path / "a.txt")).files()


# Malformed rows


def jsonl_row(**changes: Any) -> bytes:
    fields = {"url": URL, "text": "A cat.", "similarity": 0.5} | changes
    return orjson.dumps({name: value for name, value in fields.items() if value is not ...})


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("no_url", jsonl_row(url=...)),
        ("no_url", jsonl_row(url=" ")),
        ("bad_url", jsonl_row(url=5)),
        ("bad_url", jsonl_row(url="file:///etc/passwd")),
        ("bad_url", jsonl_row(url="https://example.org/a\nb")),
        ("bad_url", jsonl_row(url="https://example.org/" + "x" * 9000)),
        ("no_caption", jsonl_row(text=None)),
        ("bad_caption", jsonl_row(text=["A cat."])),
        ("empty_caption", jsonl_row(text=" \n\t\u3000")),
        ("caption_too_long", jsonl_row(text="x" * 100_001)),
        ("bad_similarity", jsonl_row(similarity="high")),
        ("bad_similarity", jsonl_row(similarity=True)),
        ("bad_similarity", jsonl_row(similarity=1e300)),
        ("bad_sha256", jsonl_row(sha256="abc")),
        ("download_failed", jsonl_row(status="failed_to_resize", error_message="image too small")),
        ("bad_json", b'{"url": '),
        ("bad_json", b'{"url": NaN}'),
        ("json_too_deep", b'{"url": ' + b"[" * 5000 + b"]" * 5000 + b"}"),
        ("bad_utf8", b'{"url": "caf\xe9"}'),
        ("not_an_object", b"[]"),
        ("row_too_long", b'{"url": "' + b"x" * 2_000_000 + b'"}'),
    ],
)
def test_a_row_that_is_no_pair_is_refused_and_the_others_are_read(tmp_path: Path, reason: str, line: bytes) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"\n".join([jsonl_row(), line, jsonl_row()]))
    begin = time.process_time()
    assert reasons(read_pairs(tmp_path)) == [None, reason, None]
    assert time.process_time() - begin < 5


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("wrong_number_of_fields", b"https://example.org/a.jpg\r\n"),
        ("wrong_number_of_fields", b"a,b,c\r\n"),
        ("bad_csv", b'"a"b,c\r\n'),
        ("bad_utf8", b"https://example.org/a.jpg,caf\xe9\r\n"),
        ("nul_byte", b"https://example.org/a.jpg,a\0b\r\n"),
        ("row_too_long", b"https://example.org/a.jpg," + b"x" * 2_000_000 + b"\r\n"),
        ("row_too_long", b'https://example.org/a.jpg,"' + b"x\n" * 70 + b'"\r\n'),
    ],
)
def test_a_line_of_csv_that_is_no_row_is_refused_and_the_others_are_read(
    tmp_path: Path, reason: str, line: bytes
) -> None:
    row = b"https://example.org/a.jpg,A cat.\r\n"
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfurl,text\r\n" + row + line + row)
    found = reasons(read_pairs(tmp_path))
    assert found[:2] == [None, reason]
    assert found[-1] is None


@pytest.mark.parametrize(
    ("reason", "type_", "value"),
    [
        ("bad_caption", pa.int64(), 5),
        ("bad_caption", pa.list_(pa.string()), ["A cat."]),
        ("bad_caption", pa.timestamp("s"), 5),
        ("bad_caption", pa.binary(), b"caf\xe9"),
        (None, pa.binary(), b"A cat."),
        (None, pa.large_string(), "A cat."),
        (None, pa.dictionary(pa.int32(), pa.string()), "A cat."),
        ("no_caption", pa.null(), None),
    ],
)
def test_a_parquet_column_of_another_type_is_read_or_refused(
    tmp_path: Path, reason: str | None, type_: pa.DataType, value: Any
) -> None:
    pq.write_table(pa.table({"url": [URL], "text": pa.array([value], type_)}), tmp_path / "a.parquet")
    assert reasons(read_pairs(tmp_path)) == [reason]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("b.parquet", b"PAR1"),
        ("b.tar", b"x" * 2000),
        ("b.csv.gz", gzip.compress(b"url,text\n" + random.Random(1).randbytes(50_000).hex().encode())[:-20_000]),
        ("b.jsonl.zst", zstandard.compress(jsonl_row() * 10)[:-5]),
        ("b.csv", b'"' + b"x" * 2_000_000),
    ],
)
def test_a_damaged_file_is_one_refusal_and_the_next_file_is_read(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    after = tmp_path / ("c" + name[1:])
    write = {"parquet": as_parquet, "csv": as_csv}.get(name.partition(".")[2])
    if write:
        write(after, [{"url": URL, "text": "A cat."}])
        assert reasons(read_pairs(tmp_path)) == ["damaged_file", None]
    else:
        assert reasons(read_pairs(tmp_path))[-1] == "damaged_file"


def test_an_image_beyond_the_limit_is_unreadable(tmp_path: Path) -> None:
    for output_format in ("webdataset", "files"):
        folder = write_img2dataset(tmp_path / output_format, sample_pairs()[:1], output_format)
        (record,) = read_pairs(folder, Limits(max_image_bytes=1000))
        (image,) = parsed(record).document.images
        assert image.load is not None
        with pytest.raises(Exception, match="too_many_bytes"):
            image.load()


# Fuzz


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl", "a.csv"])
def test_mutated_files_give_pairs_and_refusals_alone(tmp_path: Path, name: str) -> None:
    rows = rows_of(sample_pairs()[:6])
    {"a.parquet": as_parquet, "a.jsonl": as_jsonl, "a.csv": as_csv}[name](tmp_path / name, rows)
    whole, chance, seen = (tmp_path / name).read_bytes(), random.Random(7), set[str | None]()
    source = PairsSource(path=str(tmp_path / name), top_share=0.5)
    for number in range(250):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(data))
            data[place] = chance.choice((0, 255, 127, 34, 10, 44, chance.randrange(256)))
        (tmp_path / name).write_bytes(data if number % 10 else data[: chance.randrange(len(data))])
        begin = time.process_time()
        try:
            files = source.files()
        except RecipeError:
            continue  # the name of a column was hit
        records = [item for split in source.cut(files[0], 1) for item in source.read(split, LIMITS)]
        seen.update(reasons(records))
        assert time.process_time() - begin < 5
    assert {None, "below_top_share"} < seen


def test_quotes_that_are_never_closed_cost_a_row_each_and_little_time(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"url,text\n" + (b'x,"\n' + b"x\n" * 64) * 300)
    begin = time.process_time()
    assert set(reasons(read_pairs(tmp_path))) == {"row_too_long", "wrong_number_of_fields"}
    assert time.process_time() - begin < 5
