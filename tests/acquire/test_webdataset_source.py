import base64
import io
import random
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from fixtures_build import ROOT, SAMPLE, records, sample_dataset, sample_lines, small_dataset, write_tar
from PIL import Image

from interleave.acquire.archives.samples import MAX_JSON_BYTES
from interleave.acquire.mmc4 import parse_mmc4
from interleave.acquire.sequence import in_reading_order
from interleave.acquire.source import Limits, Parsed, Refused
from interleave.acquire.webdataset import WebDatasetSource
from interleave.document import SourceImage
from interleave.errors import RecipeError, Unreadable
from interleave.flow import build
from interleave.recipe_file import load_recipe

LIMITS = Limits(max_image_bytes=20_000_000)
Members = list[tuple[str, bytes]]


def sample_documents() -> list[dict[str, Any]]:
    """The lines of the sample that are documents, without the images that it lacks."""
    documents = []
    for line in sample_lines():
        try:
            parsed = parse_mmc4(line, "id")
        except Unreadable:
            continue
        document = orjson.loads(line)
        usable = {image.index: image.name for image in parsed.document.images}
        document["image_info"] = [
            info
            for index, info in enumerate(document["image_info"])
            if index in usable and (SAMPLE / "images" / str(usable[index])).is_file()
        ]
        documents.append(document | {"similarity_matrix": []})
    return documents


def picture(name: str) -> bytes:
    return (SAMPLE / "images" / name).read_bytes()


def aligned(document: Mapping[str, Any]) -> tuple[list[str | None], list[str | None]]:
    """`texts` and `images` of a document, each image in front of its sentence."""
    texts: list[str | None] = []
    images: list[str | None] = []
    for index, sentence in enumerate(document["text_list"]):
        for info in document["image_info"]:
            if info["matched_text_index"] == index:
                texts.append(None)
                images.append(info["image_name"])
        texts.append(sentence)
        images.append(None)
    return texts, images


def as_curator(document: Mapping[str, Any], key: str) -> Members:
    """As NeMo Curator's InterleavedWebdatasetWriterStage: images by position, in front of their JSON."""
    texts, images = aligned(document)
    members = []
    names: list[str | None] = []
    for position, image in enumerate(images):
        names.append(None if image is None else f"{key}.{position}.{image.rpartition('.')[2]}")
        if image is not None:
            members.append((str(names[-1]), picture(image)))
    body = {"sample_id": key, "texts": texts, "images": names, "url": document["url"]}
    return [*members, (f"{key}.json", orjson.dumps(body))]


def as_openflamingo(document: Mapping[str, Any], key: str, *, with_fault: bool) -> Members:
    infos = []
    for info in document["image_info"]:
        encoded = base64.b64encode(picture(info["image_name"]))
        infos.append(info | {"image_base64": str(encoded) if with_fault else encoded.decode()})
    return [(f"{key}.json", orjson.dumps(document | {"image_info": infos}))]


def read(path: Path, limits: Limits = LIMITS, **settings: Any) -> list[Parsed | Refused]:
    source = WebDatasetSource(path=str(path), **settings)
    return [
        record
        for file in source.files()
        for split in source.cut(file, 1 << 20)
        for record in source.read(split, limits)
    ]


def read_members(tmp_path: Path, *members: tuple[str, bytes], **settings: Any) -> list[Parsed | Refused]:
    path = tmp_path / "some.tar"
    write_tar(path, members)
    return read(path, **settings)


def parsed(record: Parsed | Refused) -> Parsed:
    assert isinstance(record, Parsed), record
    return record


def reasons(found: list[Parsed | Refused]) -> list[str | None]:
    return [item.error.reason if isinstance(item, Refused) else None for item in found]


def bytes_of(image: SourceImage) -> bytes:
    assert image.load is not None
    return image.load()


def body(**fields: Any) -> bytes:
    return orjson.dumps({"texts": ["A cat.", None], "images": [None, "k.0.jpg"]} | fields)


# Round trips on the sample


def test_documents_of_nemo_curator_come_back_in_their_order_with_their_images(tmp_path: Path) -> None:
    documents = sample_documents()
    members = [member for number, item in enumerate(documents) for member in as_curator(item, f"page%2F{number}")]
    found = read_members(tmp_path, *members)
    assert len(found) == len(documents) > 40
    for document, record in zip(documents, found, strict=True):
        result = parsed(record).document
        texts, names = aligned(document)
        parts = [
            SourceImage(index=index, name=name, url=None) if name is not None else str(text)
            for index, (text, name) in enumerate(zip(texts, names, strict=True))
        ]
        sentences, images, _ = in_reading_order(parts)
        assert (result.url, result.sentences) == (document["url"], sentences)
        assert [(image.index, image.matched_sentence) for image in result.images] == [
            (image.index, image.matched_sentence) for image in images
        ]
        assert [bytes_of(image) for image in result.images] == [picture(name) for name in names if name is not None]
        assert parsed(record).unusable == ()


@pytest.mark.parametrize("with_fault", [False, True])
def test_documents_of_openflamingo_come_back_with_and_without_their_fault(tmp_path: Path, with_fault: bool) -> None:
    documents = sample_documents()
    keys = [f"{number:032x}" for number in range(len(documents))]
    members = [
        member
        for document, key in zip(documents, keys, strict=True)
        for member in as_openflamingo(document, key, with_fault=with_fault)
    ]
    found = read_members(tmp_path, *members)
    assert len(found) == len(documents)
    for document, record in zip(documents, found, strict=True):
        result = parsed(record).document
        assert result.sentences == tuple(document["text_list"])
        assert [(image.name, image.matched_sentence, bytes_of(image)) for image in result.images] == [
            (info["image_name"], info["matched_text_index"], picture(info["image_name"]))
            for info in document["image_info"]
        ]


def test_samples_of_a_sealed_dataset_come_back_as_documents() -> None:
    dataset = sample_dataset()
    found = {item.document.sentences: item for item in map(parsed, read(dataset))}
    expected = list(records(dataset))
    assert len(found) == len(expected)
    for record, _, jpegs in expected:
        texts = tuple(text for text in record.texts if text is not None)
        ends_with_image = record.texts[-1] is None
        result = found[(*texts, "") if ends_with_image else texts]
        assert result.document.url == record.url
        assert result.unusable == ()
        images = result.document.images
        assert [image.name for image in images] == list(record.image_members)
        assert [image.url for image in images] == [info["url"] for info in record.image_info]
        assert tuple(bytes_of(image) for image in images) == jpegs
        assert [image.matched_sentence for image in images] == [
            sum(text is not None for text in record.texts[:place])
            for place, name in enumerate(record.images)
            if name is not None
        ]
        for image in images:
            assert image.similarities is None or len(image.similarities) == len(result.document.sentences)
    assert any(image.similarities is not None for item in found.values() for image in item.document.images)


def test_a_dataset_can_be_built_from_a_dataset(tmp_path: Path) -> None:
    settings = [f"source.path={small_dataset()}", f"output={tmp_path / 'again'}", "images.max_short_side=64"]
    recipe = load_recipe(ROOT / "recipes" / "webdataset.yaml", [*settings, "clean.rules=[]"])
    report = build(recipe, num_workers=1, quiet=True)
    assert report.documents_in == 6
    assert report.documents_in == report.documents_out + sum(line.documents for line in report.drops)
    assert report.documents_out == 6
    before = {texts_of(record) for record, _, _ in records(small_dataset())}
    assert {texts_of(record) for record, _, _ in records(tmp_path / "again")} == before


def texts_of(record: Any) -> tuple[str | None, ...]:
    texts: tuple[str | None, ...] = record.texts
    return texts


def test_the_same_tar_gives_the_same_ids_and_different_samples_different_ones() -> None:
    first, second = ([item.document.id for item in read(small_dataset()) if isinstance(item, Parsed)] for _ in range(2))
    assert first == second
    assert len(set(first)) == len(first)


# MINT-1T's TIFF


def tiff(*colours: tuple[int, int, int]) -> bytes:
    frames = [Image.new("RGB", (40 + 10 * number, 30), colour) for number, colour in enumerate(colours)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "TIFF", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def test_entries_that_name_no_member_are_the_frames_of_the_only_tiff(tmp_path: Path) -> None:
    fields = body(texts=[None, "Some text.", None, None], images=["page_0_image_85", None, "page_0_image_9", "p_1_3"])
    (record,) = read_members(tmp_path, ("k.tiff", tiff((255, 0, 0), (0, 255, 0))), ("k.json", fields))
    first, second, third = parsed(record).document.images
    for image, width, colour in ((first, 40, (255, 0, 0)), (second, 50, (0, 255, 0))):
        with Image.open(io.BytesIO(bytes_of(image))) as shown:
            assert (shown.format, shown.size, shown.getpixel((0, 0))) == ("PNG", (width, 30), colour)
    with pytest.raises(Unreadable, match="frame_missing"):
        bytes_of(third)
    assert [image.index for image in (first, second, third)] == [0, 2, 3]


@pytest.mark.parametrize("data", [b"", b"II*\0", b"MM\0*" + b"\xff" * 500, tiff((1, 2, 3))[:-60]])
def test_a_tiff_that_is_none_is_unreadable(tmp_path: Path, data: bytes) -> None:
    fields = body(texts=[None], images=["page_0_image_85"])
    (record,) = read_members(tmp_path, ("k.tiff", data), ("k.json", fields))
    with pytest.raises(Unreadable):
        bytes_of(parsed(record).document.images[0])


def test_mutated_tiffs_are_pictures_or_unreadable(tmp_path: Path) -> None:
    whole, chance = tiff((255, 0, 0), (0, 255, 0)), random.Random(3)
    fields = body(texts=[None, None], images=["a", "b"])
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 5)):
            data[chance.choice((chance.randrange(len(data)), chance.randrange(300)))] = chance.randrange(256)
        (record,) = read_members(tmp_path, ("k.tiff", bytes(data)), ("k.json", fields))
        begin = time.process_time()
        for image in parsed(record).document.images:
            try:
                assert bytes_of(image)
            except Unreadable as error:
                assert error.reason in (
                    "undecodable",
                    "truncated",
                    "frame_missing",
                    "too_many_pixels",
                    "too_many_bytes",
                )
        assert time.process_time() - begin < 5


# Names and places


@pytest.mark.parametrize(
    ("key", "entry"),
    [("k", "k.0.jpg"), ("k", "./k.0.jpg"), ("k", "0.jpg"), ("a/b/k", "a/b/k.0.jpg"), ("a/b/k", "k.0.jpg")],
)
def test_an_image_is_found_by_its_name_in_full_or_without_what_all_members_have(
    tmp_path: Path, key: str, entry: str
) -> None:
    members = [(f"{key}.0.jpg", b"picture"), (f"{key}.json", body(images=[None, entry]))]
    (record,) = read_members(tmp_path, *members)
    (image,) = parsed(record).document.images
    assert (image.index, image.name, bytes_of(image)) == (1, entry, b"picture")


def test_order_comes_from_the_json_and_not_from_names(tmp_path: Path) -> None:
    fields = body(texts=[None, "One.", None], images=["k.1.jpg", None, "k.0.jpg"])
    (record,) = read_members(tmp_path, ("k.0.jpg", b"zero"), ("k.1.jpg", b"one"), ("k.json", fields))
    document = parsed(record).document
    assert [bytes_of(image) for image in document.images] == [b"one", b"zero"]
    assert document.sentences == ("One.", "")


def test_places_with_neither_text_nor_image_are_passed_over(tmp_path: Path) -> None:
    fields = body(texts=[None, "One.", None], images=[None, None, None])
    assert parsed(read_members(tmp_path, ("k.json", fields))[0]).document.sentences == ("One.",)


def test_a_url_is_left_to_be_fetched(tmp_path: Path) -> None:
    fields = body(images=[None, "https://example.org/a.jpg"])
    (image,) = parsed(read_members(tmp_path, ("k.json", fields))[0]).document.images
    assert (image.url, image.load) == ("https://example.org/a.jpg", None)


def test_bad_images_are_counted_one_by_one_and_the_document_stays(tmp_path: Path) -> None:
    images = ["k.0.jpg", "gone.jpg", 5, "../../etc/passwd", "k.2.jpg", ""]
    members = [
        ("k.0.jpg", b"zero"),
        ("k.2.jpg", b"two"),
        ("k.2.jpg", b"two again"),
        ("k.9.jpg", b"nobody's"),
        ("k.ids.npy", b"no image"),
        ("k.json", body(texts=[None] * 6, images=images)),
    ]
    (record,) = read_members(tmp_path, *members)
    assert [image.index for image in parsed(record).document.images] == [0]
    assert [(index, error.reason) for index, error in parsed(record).unusable] == [
        (1, "image_missing"),
        (2, "bad_image_entry"),
        (3, "image_missing"),
        (4, "duplicate_member"),
        (5, "bad_image_entry"),
        (6, "unreferenced_image"),
        (7, "unreferenced_image"),
    ]


def test_an_image_beyond_the_limit_is_not_read(tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", [("k.json", body()), ("k.0.jpg", bytes(1001))])
    (record,) = read(tmp_path, Limits(max_image_bytes=1000))
    with pytest.raises(Unreadable, match="too_many_bytes"):
        bytes_of(parsed(record).document.images[0])


# Malformed samples


SHARD = {"span_tokens": [576], "image_info": [{"url": None}], "similarity": None}


@pytest.mark.parametrize(
    ("reason", "members"),
    [
        ("no_json", [("k.0.jpg", b"picture")]),
        ("two_json_files", [("k.json", body()), ("k.json", body())]),
        ("two_json_files", [("k.a.json", body()), ("k.b.json", body())]),
        ("bad_json", [("k.json", b"{")]),
        ("bad_json", [("k.json", b"")]),
        ("bad_utf8", [("k.json", b'{"texts": ["caf\xe9"]}')]),
        ("json_too_deep", [("k.json", b"[" * 5000 + b"]" * 5000)]),
        ("json_too_large", [("k.json", b"[" + b"1," * 2_100_000 + b"1]")]),
        ("json_too_large", [("k.json", bytes(MAX_JSON_BYTES + 1))]),
        ("json_too_large", [("k.json", body(texts=["A cat sat. " * 1_600_000, None]))]),
        ("not_an_object", [("k.json", b"[]")]),
        ("unknown_layout", [("k.json", b'{"caption": "A cat."}')]),
        ("bad_texts", [("k.json", body(texts="A cat."))]),
        ("bad_texts", [("k.json", body(texts=["A cat.", 5]))]),
        ("bad_images", [("k.json", body(images={}))]),
        ("bad_images", [("k.json", b'{"texts": []}')]),
        ("lists_not_aligned", [("k.json", body(texts=["A cat."]))]),
        ("lists_not_aligned", [("k.json", body(texts=["A cat.", "A dog."]))]),
        ("bad_url", [("k.json", body(url=5))]),
        ("bad_image_info", [("k.json", body(**SHARD | {"image_info": []}))]),
        ("bad_image_info", [("k.json", body(**SHARD | {"image_info": "x"}))]),
        ("bad_similarity", [("k.json", body(**SHARD | {"similarity": [[1, 2]]}))]),
        ("bad_similarity", [("k.json", body(**SHARD | {"similarity": [["x"]]}))]),
        ("bad_similarity", [("k.json", body(**SHARD | {"similarity": []}))]),
        ("bad_text_list", [("k.json", b'{"text_list": 5}')]),
        ("bad_image_info", [("k.json", b'{"text_list": [], "image_info": 5}')]),
        ("not_in_a_sample", [("README", b"")]),
        ("not_in_a_sample", [(".DS_Store", b"")]),
        ("not_in_a_sample", [("__meta__.json", b"{}")]),
        ("unsafe_member_name", [("../k.json", body())]),
    ],
)
def test_a_sample_that_is_no_document_is_refused_and_the_others_are_read(
    tmp_path: Path, reason: str, members: Members
) -> None:
    around = [(f"{name}.json", body(images=[None, None])) for name in "az"]
    begin = time.process_time()
    found = read_members(tmp_path, around[0], *members, around[1])
    assert time.process_time() - begin < 5
    # What is part of no sample is named before the sample in which it stands.
    assert sorted(map(str, reasons(found))) == sorted(["None", reason, "None"])


def test_strangers_between_the_members_of_a_sample_do_not_cut_it(tmp_path: Path) -> None:
    found = read_members(tmp_path, ("k.json", body()), ("._k.0.jpg", b""), ("k.0.jpg", b"picture"))
    assert reasons(found) == ["not_in_a_sample", None]
    assert bytes_of(parsed(found[1]).document.images[0]) == b"picture"


def test_a_link_in_a_tar_is_not_followed(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name, type_ in (("k.json", tarfile.REGTYPE), ("k.0.jpg", tarfile.SYMTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = type_, "/etc/passwd"
            info.size = len(body()) if type_ == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(body()))
    found = read(tmp_path)
    assert reasons(found) == ["not_a_regular_file", None]
    assert [error.reason for _, error in parsed(found[1]).unusable] == ["image_missing"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", ["damaged_file"]),
        (b"no tar" * 200, ["damaged_file"]),
        (b"\x1f\x8b" + bytes(1000), ["damaged_file"]),
    ],
)
def test_a_file_that_is_no_tar_is_one_refusal(tmp_path: Path, data: bytes, expected: list[str]) -> None:
    (tmp_path / "a.tar").write_bytes(data)
    assert reasons(read(tmp_path)) == expected


def test_a_tar_that_is_cut_off_gives_what_stands_before_the_cut_and_one_refusal(tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", [("a.json", body()), ("a.0.jpg", b"picture"), ("b.json", body()), ("b.0.jpg", b"x")])
    whole = (tmp_path / "a.tar").read_bytes()
    (tmp_path / "a.tar").write_bytes(whole[: 512 * 6 + 100])
    found = read(tmp_path)
    assert reasons(found) == [None, None, "damaged_file"]
    assert [error.reason for _, error in parsed(found[1]).unusable] == ["image_missing"]


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tgz", "a.tar.zst"])
def test_compressed_tars_are_refused_before_any_work(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    (tmp_path / "b.tar").write_bytes(b"")
    for path in (tmp_path, tmp_path / name):
        with pytest.raises(RecipeError, match="compressed"):
            WebDatasetSource(path=str(path)).files()


def test_base64_that_is_none_is_unreadable_when_the_image_is_asked_for(tmp_path: Path) -> None:
    infos = [{"matched_text_index": 0, "image_base64": value} for value in ("b'!!'", 5, "AAAA")]
    fields = orjson.dumps({"text_list": ["A cat."], "image_info": infos})
    first, second, third = parsed(read_members(tmp_path, ("k.json", fields))[0]).document.images
    for image in (first, second):
        with pytest.raises(Unreadable, match="bad_base64"):
            bytes_of(image)
    assert bytes_of(third) == bytes(3)


def test_a_chosen_layout_is_kept_to(tmp_path: Path) -> None:
    assert reasons(read_members(tmp_path, ("k.json", body()), layout="openflamingo")) == ["bad_text_list"]
    assert reasons(read_members(tmp_path, ("k.json", body()), layout="shards")) == ["bad_image_info"]
    assert reasons(read_members(tmp_path, ("k.json", body(**SHARD)), layout="lists")) == [None]


def test_similarities_of_a_shard_get_a_place_for_the_empty_sentence_at_the_end(tmp_path: Path) -> None:
    fields = body(**SHARD | {"similarity": [[0.25]]})
    (image,) = parsed(read_members(tmp_path, ("k.json", fields), ("k.0.jpg", b"x"))[0]).document.images
    assert image.similarities is not None
    np.testing.assert_array_equal(image.similarities, np.float32([0.25, 0]))


@pytest.mark.parametrize("seed", range(2))
def test_mutated_tars_give_documents_and_refusals_alone(tmp_path: Path, seed: int) -> None:
    flamingo = {"text_list": ["A."], "image_info": [{"matched_text_index": 0, "image_base64": "b'AAAA'"}]}
    members = [
        ("a.json", body(images=[None, "a.0.jpg"])),
        ("a.0.jpg", b"picture"),
        ("b.json", orjson.dumps(flamingo)),
        ("c.json", body(**SHARD | {"similarity": [[0.5]], "images": [None, "c.0.jpg"]})),
        ("c.0.jpg", b"x"),
    ]
    write_tar(tmp_path / "whole.tar", members)
    whole, chance = (tmp_path / "whole.tar").read_bytes(), random.Random(seed)
    (tmp_path / "whole.tar").unlink()
    filled = [position for position, value in enumerate(whole) if value]
    seen = set[str | None]()
    for _ in range(500):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            data[chance.choice(filled)] = chance.choice(b'"{}[],:0159.\x00\xffab')
        for begin in range(0, len(data) - 511, 512):
            if data[begin + 257 : begin + 262] == b"ustar" and chance.random() < 0.9:
                data[begin + 148 : begin + 156] = b" " * 8
                data[begin + 148 : begin + 156] = b"%06o\0 " % sum(data[begin : begin + 512])
        (tmp_path / f"{seed}.tar").write_bytes(data)
        started = time.process_time()
        for record in read(tmp_path):
            seen.update(reasons([record]))
            for image in record.document.images if isinstance(record, Parsed) else ():
                try:
                    assert image.load is None or isinstance(image.load(), bytes)
                except Unreadable as error:
                    seen.add(error.reason)
        assert time.process_time() - started < 5
    assert {None, "damaged_file", "bad_json", "no_json"} <= seen
