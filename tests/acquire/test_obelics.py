import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fixtures_build import ROOT, SAMPLE, sample_lines

from interleave.acquire.mmc4 import parse_mmc4
from interleave.acquire.obelics import ObelicsSource
from interleave.acquire.sequence import split_sentences
from interleave.acquire.source import Limits, Parsed, Refused
from interleave.acquire.tables import hub
from interleave.document import SourceImage
from interleave.errors import RecipeError, Unreadable
from interleave.flow import build
from interleave.recipe_file import load_recipe

LIMITS = Limits(max_image_bytes=20_000_000)
URLS = pa.list_(pa.string())
BYTES = pa.list_(pa.binary())
STRUCTS = pa.list_(pa.struct({"bytes": pa.binary(), "path": pa.string()}))
SCHEMA = {"images": URLS, "texts": URLS, "metadata": pa.string(), "general_metadata": pa.string()}


def sample_rows(kind: str = "urls") -> list[dict[str, Any]]:
    """The sample as OBELICS writes pages: an image stands before the sentence that it belongs to."""
    rows = []
    for line in sample_lines():
        try:
            parse_mmc4(line, "id")
        except Unreadable:
            continue
        rows.append(_row(orjson.loads(line), kind))
    return rows


def _row(document: dict[str, Any], kind: str) -> dict[str, Any]:
    images: list[Any] = []
    texts: list[str | None] = []
    metadata: list[dict[str, Any] | None] = []
    for number, sentence in enumerate(document["text_list"]):
        for info in document["image_info"]:
            if info["matched_text_index"] == number and info.get("raw_url"):
                images.append(_entry(info, kind))
                texts.append(None)
                metadata.append({"formatted_filename": info["image_name"], "src": info["raw_url"]})
        images.append(None)
        texts.append(sentence)
        metadata.append(None)
    return {
        "images": images,
        "texts": texts,
        "metadata": orjson.dumps(metadata).decode(),
        "general_metadata": orjson.dumps({"url": document["url"]}).decode(),
    }


def _entry(info: dict[str, Any], kind: str) -> Any:
    if kind == "urls":
        return info["raw_url"]
    path = SAMPLE / "images" / str(info["image_name"])
    data = path.read_bytes() if path.is_file() else b"no picture"
    return data if kind == "bytes" else {"bytes": data, "path": info["raw_url"]}


def row(**changes: Any) -> dict[str, Any]:
    fields = {"images": ["https://example.org/a.jpg", None], "texts": [None, "A cat. It sleeps."]}
    return fields | {"metadata": None, "general_metadata": '{"url": "https://example.org/"}'} | changes


def write(path: Path, rows: list[dict[str, Any]], images: pa.DataType = URLS, **options: Any) -> Path:
    table = pa.Table.from_pylist(rows, schema=pa.schema(SCHEMA | {"images": images}))
    pq.write_table(table, path, **options)
    return path


def read(
    path: Path | str, limits: Limits = LIMITS, num_bytes: int = 1 << 20, **settings: Any
) -> list[Parsed | Refused]:
    source = ObelicsSource(path=str(path), **settings)
    return [
        item for file in source.files() for split in source.cut(file, num_bytes) for item in source.read(split, limits)
    ]


def parsed(record: Parsed | Refused) -> Parsed:
    assert isinstance(record, Parsed)
    return record


def reasons(records: list[Parsed | Refused]) -> list[str | None]:
    return [item.error.reason if isinstance(item, Refused) else None for item in records]


def images_of(records: list[Parsed | Refused]) -> Iterator[SourceImage]:
    return (image for record in records if isinstance(record, Parsed) for image in record.document.images)


def loaded(image: SourceImage) -> bytes:
    assert image.load is not None
    return image.load()


@pytest.mark.parametrize(("kind", "images"), [("urls", URLS), ("bytes", BYTES), ("structs", STRUCTS)])
def test_every_page_comes_back_as_it_was_written(tmp_path: Path, kind: str, images: pa.DataType) -> None:
    rows = sample_rows(kind)
    records = read(write(tmp_path / "a.parquet", rows, images, row_group_size=10))
    assert len(records) == len(rows) > 40
    for source, record in zip(rows, map(parsed, records), strict=True):
        document = record.document
        sentences = [piece for text in source["texts"] if text for piece in split_sentences(text)]
        ends_with_image = bool(source["texts"]) and source["texts"][-1] is None
        assert document.sentences == (*sentences, *([""] if ends_with_image else []))
        assert document.url == orjson.loads(source["general_metadata"])["url"]
        assert [image.index for image in document.images] == [
            place for place, entry in enumerate(source["images"]) if entry is not None
        ]
        for image in document.images:
            before = [piece for text in source["texts"][: image.index] if text for piece in split_sentences(text)]
            assert image.matched_sentence == len(before)
            entry = source["images"][image.index]
            assert image.name == orjson.loads(source["metadata"])[image.index]["formatted_filename"]
            if kind == "urls":
                assert (image.url, image.load) == (entry, None)
            else:
                assert loaded(image) == (entry if kind == "bytes" else entry["bytes"])


def test_a_dataset_is_built_from_the_recipe(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", sample_rows("structs")[:12], STRUCTS, row_group_size=5)
    overrides = [f"source.path={path}", f"output={tmp_path / 'out'}", "images.max_short_side=64"]
    report = build(load_recipe(ROOT / "recipes" / "obelics.yaml", overrides), num_workers=1, quiet=True)
    assert report.documents_in == 12
    assert report.documents_in == report.documents_out + sum(line.documents for line in report.drops)
    assert report.documents_out > 6


def test_ids_do_not_depend_on_how_a_file_is_cut(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", sample_rows(), row_group_size=7)
    coarse, fine = (read(path, num_bytes=size) for size in (1 << 30, 1))
    assert [parsed(item).document.id for item in coarse] == [parsed(item).document.id for item in fine]
    source = ObelicsSource(path=str(path))
    assert len(source.cut(source.files()[0], 1)) == pq.read_metadata(path).num_row_groups
    assert len({parsed(item).document.id for item in fine}) == len(fine)


# Hugging Face `datasets`


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import datasets.config

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    hub._stream.cache_clear()


def read_dataset(folder: Path | str, **settings: Any) -> list[Parsed | Refused]:
    source = ObelicsSource(dataset=str(folder), **settings)
    return [item for file in source.files() for split in source.cut(file, 1) for item in source.read(split, LIMITS)]


@pytest.mark.parametrize(("kind", "images"), [("urls", URLS), ("structs", STRUCTS)])
def test_a_folder_that_datasets_streams_gives_the_same_documents(
    tmp_path: Path, offline: None, kind: str, images: pa.DataType
) -> None:
    rows = sample_rows(kind)[:12]
    (tmp_path / "data").mkdir()
    write(tmp_path / "data" / "train-00000-of-00002.parquet", rows[:7], images)
    write(tmp_path / "data" / "train-00001-of-00002.parquet", rows[7:], images)
    streamed, local = read_dataset(tmp_path / "data"), read(tmp_path / "data")
    assert len(streamed) == 12
    for one, other in zip(map(parsed, streamed), map(parsed, local), strict=True):
        assert (one.document.sentences, one.document.url) == (other.document.sentences, other.document.url)
        assert [(image.index, image.url) for image in one.document.images] == [
            (image.index, image.url) for image in other.document.images
        ]
        if kind == "structs":
            assert [loaded(image) for image in one.document.images] == [
                loaded(image) for image in other.document.images
            ]
    assert len({parsed(item).document.id for item in streamed}) == 12


def test_a_folder_is_pinned_by_the_content_of_its_files(tmp_path: Path, offline: None) -> None:
    path = write(tmp_path / "train-00000-of-00001.parquet", [row()])
    source = ObelicsSource(dataset=str(tmp_path))
    before = source.cut(source.files()[0], 1)[0].sha256
    assert source.cut(source.files()[0], 1)[0].sha256 == before
    write(path, [row(texts=[None, "A dog."])])
    assert source.cut(source.files()[0], 1)[0].sha256 != before


def test_a_damaged_shard_of_a_dataset_is_one_refusal(tmp_path: Path, offline: None) -> None:
    for number in range(2):
        write(tmp_path / f"train-{number:05d}-of-00002.parquet", [row(), row()])
    data = (tmp_path / "train-00001-of-00002.parquet").read_bytes()
    (tmp_path / "train-00001-of-00002.parquet").write_bytes(data[:-50] + bytes(50))
    assert reasons(read_dataset(tmp_path)) == [None, None, "damaged_file"]


def test_a_dataset_that_cannot_be_had_is_said_in_one_sentence(tmp_path: Path, offline: None) -> None:
    write(tmp_path / "train-00000-of-00001.parquet", [row()])
    with pytest.raises(RecipeError, match="Bad split"):
        ObelicsSource(dataset=str(tmp_path), split="no").files()
    with pytest.raises(RecipeError, match="source obelics: dataset nobody/nothing"):
        ObelicsSource(dataset="nobody/nothing", revision="0" * 40).files()


def test_exactly_one_of_path_and_dataset_is_given() -> None:
    for settings in ({}, {"path": "/a", "dataset": "b/c"}):
        with pytest.raises(ValueError, match="either `path` or `dataset`"):
            ObelicsSource(**settings)


def test_a_dataset_of_the_hub_is_pinned_by_its_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    class Streamed:
        num_shards = 2
        column_names = ("images", "texts")

    monkeypatch.setattr(hub, "_stream", lambda *_: Streamed)
    files = ObelicsSource(dataset="a/b", revision="1" * 40).files()
    assert [file.path for file in files] == [f"hf://datasets/a/b@{'1' * 40}"] * 2
    other = ObelicsSource(dataset="a/b", revision="2" * 40).files()
    hashes = {split.sha256 for file in (*files, *other) for split in hub.cut_shard(file)}
    assert len(hashes) == 4


# Malformed rows


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("bad_texts", {"texts": None}),
        ("bad_images", {"images": None}),
        ("lists_not_aligned", {"texts": [None, "A cat.", None]}),
        ("lists_not_aligned", {"texts": []}),
        ("lists_not_aligned", {"texts": ["A cat.", "It sleeps."]}),
        ("text_too_long", {"texts": [None, "x" * 17_000_000]}),
        ("list_too_long", {"texts": [None] * 1_000_001, "images": [None] * 1_000_001}),
    ],
)
def test_a_row_that_is_no_page_is_refused_and_the_others_are_read(
    tmp_path: Path, reason: str, changes: dict[str, Any]
) -> None:
    path = write(tmp_path / "a.parquet", [row(), row(**changes), row()])
    begin = time.process_time()
    assert reasons(read(path)) == [None, reason, None]
    assert time.process_time() - begin < 5


@pytest.mark.parametrize(
    ("reason", "column", "type_", "value"),
    [
        ("bad_texts", "texts", pa.string(), "A cat."),
        ("bad_texts", "texts", pa.list_(pa.int64()), [None, 5]),
        ("bad_texts", "texts", pa.list_(pa.binary()), [None, b"A cat."]),
        ("bad_texts", "texts", pa.list_(pa.list_(pa.string())), [None, ["A cat."]]),
        ("bad_texts", "texts", pa.list_(pa.date32()), [None, 5]),
        ("bad_images", "images", pa.float64(), 0.5),
        ("bad_images", "images", pa.struct({"a": pa.string()}), {"a": "b"}),
    ],
)
def test_a_column_of_another_type_refuses_its_rows(
    tmp_path: Path, reason: str, column: str, type_: pa.DataType, value: Any
) -> None:
    table = pa.table({name: pa.array([row()[name]], kind) for name, kind in SCHEMA.items()})
    position = table.schema.get_field_index(column)
    table = table.set_column(position, column, pa.array([value], type_))
    pq.write_table(table, tmp_path / "a.parquet")
    assert reasons(read(tmp_path / "a.parquet")) == [reason]


def test_text_that_is_no_utf_8_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", [row(), row(texts=[None, "caf@"])], use_dictionary=False, compression="none")
    path.write_bytes(path.read_bytes().replace(b"caf@", b"caf\xe9"))
    assert reasons(read(path)) == [None, "bad_utf8"]


@pytest.mark.parametrize(
    ("reason", "type_", "entry"),
    [
        ("bad_url", URLS, ""),
        ("bad_url", URLS, "a.jpg"),
        ("bad_url", URLS, "file:///etc/passwd"),
        ("bad_url", URLS, "data:image/png;base64,AAAA"),
        ("bad_url", URLS, "https://example.org/\0"),
        ("bad_url", URLS, "https://example.org/" + "x" * 9000),
        ("bad_image_entry", pa.list_(pa.int64()), 5),
        ("image_missing", STRUCTS, {"bytes": None, "path": None}),
        ("image_missing", STRUCTS, {"bytes": None, "path": "/etc/passwd"}),
        ("bad_image_entry", pa.list_(pa.struct({"bytes": pa.string()})), {"bytes": "x"}),
    ],
)
def test_one_bad_image_is_counted_and_the_page_stays(
    tmp_path: Path, reason: str, type_: pa.DataType, entry: Any
) -> None:
    (record,) = read(write(tmp_path / "a.parquet", [row(images=[entry, None])], type_))
    assert [(index, error.reason) for index, error in parsed(record).unusable] == [(0, reason)]
    assert parsed(record).document.images == ()


def test_an_image_beyond_the_limit_is_unreadable(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", [row(images=[bytes(1001), None])], BYTES)
    (image,) = images_of(read(path, Limits(max_image_bytes=1000)))
    with pytest.raises(Unreadable, match="too_many_bytes"):
        loaded(image)


def test_large_images_come_back_from_where_they_wait(tmp_path: Path) -> None:
    pictures = [random.Random(number).randbytes(3_000_000 + number) for number in range(4)]
    path = write(tmp_path / "a.parquet", [row(images=pictures, texts=[None] * 4)], BYTES)
    assert [loaded(image) for image in images_of(read(path))] == pictures


@pytest.mark.parametrize("value", ["{", "[]]", '"\\ud800"', "[" * 5000, "[1, 2, 3]", "5", '{"url": 5}', ""])
def test_bad_metadata_costs_what_they_would_say_and_no_more(tmp_path: Path, value: str) -> None:
    (record,) = read(write(tmp_path / "a.parquet", [row(metadata=value, general_metadata=value)]))
    document = parsed(record).document
    assert (document.url, document.images[0].name, len(document.sentences)) == (None, None, 2)
    is_json = value in ("[1, 2, 3]", "5", '{"url": 5}', "")
    assert document.meta == ({} if is_json else {"unreadable": "metadata,general_metadata"})


def test_metadata_need_not_be_there(tmp_path: Path) -> None:
    table = pa.table({name: pa.array([row()[name]], SCHEMA[name]) for name in ("images", "texts")})
    pq.write_table(table, tmp_path / "a.parquet")
    assert parsed(read(tmp_path / "a.parquet")[0]).document.url is None


def test_paragraphs_end_at_blank_lines_and_the_end_mark_is_no_text(tmp_path: Path) -> None:
    text = "First\n\nSecond. Third.\n \nEND_OF_DOCUMENT_TOKEN_TO_BE_REPLACED\n\n\n\n"
    (record,) = read(write(tmp_path / "a.parquet", [row(texts=[None, text])]))
    assert parsed(record).document.sentences == ("First", "Second.", "Third.")


def test_an_empty_page_is_a_document_for_the_rules_to_judge(tmp_path: Path) -> None:
    (record,) = read(write(tmp_path / "a.parquet", [row(texts=[], images=[])]))
    assert parsed(record).document.sentences == ()


# Malformed files


def test_a_first_file_of_other_columns_is_a_mistake_in_the_recipe(tmp_path: Path) -> None:
    pq.write_table(pa.table({"url": ["a"], "text": ["b"]}), tmp_path / "a.parquet")
    with pytest.raises(RecipeError, match="no column 'images' and no 'texts', but 'url', 'text'"):
        read(tmp_path)


def test_a_later_file_of_other_columns_is_one_refusal(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", [row()])
    pq.write_table(pa.table({"url": ["a", "b"]}), tmp_path / "b.parquet")
    write(tmp_path / "c.parquet", [row()])
    assert reasons(read(tmp_path)) == [None, "missing_column", None]


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" * 10, b"x" * 1000, b"PAR1" + b"\xff\xff\xff\x7f" + b"PAR1"])
def test_a_file_that_is_no_parquet_is_one_refusal(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.parquet").write_bytes(data)
    write(tmp_path / "b.parquet", [row()])
    assert reasons(read(tmp_path)) == ["damaged_file", None]


def test_damage_in_one_row_group_leaves_the_others(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", sample_rows()[:9], row_group_size=3, compression="zstd")
    data = bytearray(path.read_bytes())
    column = pq.read_metadata(path).row_group(1).column(1)
    begin = column.dictionary_page_offset or column.data_page_offset
    data[begin + 30 : begin + column.total_compressed_size] = bytes(column.total_compressed_size - 30)
    path.write_bytes(data)
    assert reasons(read(path, num_bytes=1)) == [None, None, None, "damaged_file", None, None, None]


def test_nothing_there_is_a_mistake_in_the_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="holds no file"):
        ObelicsSource(path=str(tmp_path)).files()


@pytest.mark.parametrize("options", [{"compression": "zstd"}, {"compression": "none", "use_dictionary": False}])
def test_mutated_files_give_pages_and_refusals_alone(tmp_path: Path, options: dict[str, Any]) -> None:
    path = write(tmp_path / "a.parquet", sample_rows("structs")[:6], STRUCTS, row_group_size=3, **options)
    whole, chance, seen = path.read_bytes(), random.Random(5), set[str | None]()
    (footer,) = {int.from_bytes(whole[-8:-4], "little")}
    for number in range(150):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            place = chance.choice((chance.randrange(len(data)), len(data) - 1 - chance.randrange(footer)))
            data[place] = chance.choice((0, 255, 127, 1, chance.randrange(256)))
        (tmp_path / "b.parquet").write_bytes(data if number % 10 else data[: chance.randrange(len(data))])
        begin = time.process_time()
        try:
            records = read(tmp_path / "b.parquet")
        except RecipeError:
            continue  # the name of a column was hit
        seen.update(reasons(records))
        for image in images_of(records):
            try:
                assert isinstance(loaded(image), bytes) if image.load else image.url
            except Unreadable as error:
                seen.add(error.reason)
        assert time.process_time() - begin < 5
    assert {None, "damaged_file"} <= seen
