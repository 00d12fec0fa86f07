"""The sample's documents as web pages, in a WARC and in a folder: text and pictures come back in reading order."""

from __future__ import annotations

import html
import io
import random
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from interleave.acquire.html import HtmlSource
from interleave.acquire.listing import split_bytes
from interleave.acquire.source import Limits, Parsed, Refused, Source
from interleave.acquire.warc import WarcSource
from interleave.errors import Unreadable

SAMPLE = Path(__file__).parents[2] / "recipes" / "sample"
LIMITS = Limits(max_image_bytes=20_000_000)


def sample_documents() -> Iterator[dict[str, object]]:
    num_found = 0
    for line in (SAMPLE / "docs.jsonl").read_bytes().splitlines():
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        names = [image["image_name"] for image in document.get("image_info") or () if "image_name" in image]
        if len(names) >= 2 and all((SAMPLE / "images" / name).is_file() for name in names) and num_found < 6:
            num_found += 1
            yield {"names": names, "texts": [str(text) for text in document["text_list"]]}


def as_page(document: dict[str, object]) -> bytes:
    """Paragraphs with a figure before each of the first ones, between the furniture of a site."""
    texts, names = list(document["texts"]), list(document["names"])  # type: ignore[call-overload]
    body = []
    for number, text in enumerate(texts):
        if number < len(names):
            body.append(f'<figure><img src="/images/{names[number]}" width="300" height="200"></figure>')
        body.append(f"<p>{html.escape(text)}</p>")
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>A page</title></head><body>'
        '<nav><ul><li><a href="/">Home</a></li><li><a href="/shop">Shop now</a></li></ul></nav>'
        f"<main><article><h1>Notes</h1>{''.join(body)}</article></main>"
        '<script>var tracker = "do not read me";</script><footer><a href="/terms">Terms of use</a></footer></body></html>'
    ).encode()


def write_warc(path: Path, documents: list[dict[str, object]]) -> None:
    with path.open("wb") as stream:
        writer = WARCWriter(stream, gzip=path.name.endswith(".gz"))
        for number, document in enumerate(documents):
            add(writer, f"http://site.example/{number}", "text/html; charset=utf-8", as_page(document))
            for name in document["names"]:  # type: ignore[attr-defined]
                data = (SAMPLE / "images" / name).read_bytes()
                add(writer, f"http://site.example/images/{name}", "image/jpeg", data)


def add(writer: WARCWriter, url: str, media_type: str, data: bytes, status: str = "200 OK") -> None:
    headers = StatusAndHeaders(status, [("Content-Type", media_type)], protocol="HTTP/1.1")
    writer.write_record(writer.create_warc_record(url, "response", payload=io.BytesIO(data), http_headers=headers))


def write_folder(folder: Path, documents: list[dict[str, object]]) -> None:
    (folder / "images").mkdir(parents=True)
    for number, document in enumerate(documents):
        (folder / f"{number}.html").write_bytes(as_page(document))
        for name in document["names"]:  # type: ignore[attr-defined]
            (folder / "images" / name).write_bytes((SAMPLE / "images" / name).read_bytes())


def read(source: Source) -> list[Parsed | Refused]:
    files = source.files()
    splits = [split for file in files for split in source.cut(file, split_bytes(files))]
    return [record for split in splits for record in source.read(split, LIMITS)]


@pytest.mark.parametrize("kind", ["a.warc", "a.warc.gz", "folder"])
def test_pages_come_back_with_their_pictures_in_reading_order(tmp_path: Path, kind: str) -> None:
    documents = list(sample_documents())
    assert len(documents) >= 4
    path = tmp_path / kind
    source: Source
    if kind == "folder":
        write_folder(path, documents)
        source = HtmlSource(path=str(path))
    else:
        write_warc(path, documents)
        source = WarcSource(path=str(path))
    records = read(source)
    assert len(records) == len(documents)
    for record, document in zip(records, documents, strict=True):
        assert isinstance(record, Parsed), record
        text = " ".join(record.document.sentences)
        assert "do not read me" not in text and "Shop now" not in text
        missing = [sentence for sentence in document["texts"] if sentence.split()[0] not in text]  # type: ignore
        assert not missing
        loaded = [image.load() for image in record.document.images if image.load is not None]
        names = list(document["names"])[: len(document["texts"])]  # type: ignore
        assert loaded == [(SAMPLE / "images" / name).read_bytes() for name in names]
        places = [image.matched_sentence for image in record.document.images]
        assert places == sorted(places)  # type: ignore[type-var]


def test_pages_that_were_not_given_or_ask_not_to_be_used_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    text = b"<p>" + b"A long enough sentence about gardens and their many keepers. " * 20 + b"</p>"
    with path.open("wb") as stream:
        writer = WARCWriter(stream, gzip=False)
        add(writer, "http://site.example/gone", "text/html", b"<html><body>no</body></html>", "404 Not Found")
        noai = b'<html><head><meta name="robots" content="noai"></head><body>' + text + b"</body></html>"
        add(writer, "http://site.example/noai", "text/html", noai)
        add(writer, "http://site.example/empty", "text/html", b"<html><body></body></html>")
    reasons = [record.error.reason for record in read(WarcSource(path=str(path))) if isinstance(record, Refused)]
    assert reasons == ["http_404", "opted_out", "no_content"]


def test_a_warc_that_was_cut_off_gives_what_stands_before_the_cut(tmp_path: Path) -> None:
    whole, part = tmp_path / "a.warc.gz", tmp_path / "b.warc.gz"
    write_warc(whole, list(sample_documents()))
    part.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    records = read(WarcSource(path=str(part)))
    assert any(isinstance(record, Parsed) for record in records)
    assert [record.error.reason for record in records if isinstance(record, Refused)] in (
        ["damaged_file"],
        ["damaged_record"],
        ["truncated_record"],
    )


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
def test_mutated_warcs_give_documents_or_refusals(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_warc(path, list(sample_documents())[:2])
    data = path.read_bytes()
    random_ = random.Random(0)
    for _ in range(100):
        mutated = bytearray(data)
        for _ in range(random_.randint(1, 8)):
            mutated[random_.randrange(min(len(mutated), 20_000))] = random_.randrange(256)
        path.write_bytes(mutated)
        for record in read(WarcSource(path=str(path))):
            for image in record.document.images if isinstance(record, Parsed) else ():
                try:
                    if image.load is not None:
                        image.load()
                except Unreadable:
                    continue
