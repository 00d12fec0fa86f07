"""Saved pages in a folder or a zip: what is read, what is refused, and that nothing outside of it is reached."""

import zipfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from fixtures_build import ROOT
from fixtures_pages import SamplePage, page_of, paragraph, sample_pages

from interleave.acquire.html import HtmlSource
from interleave.acquire.source import Limits, Parsed, Refused
from interleave.errors import RecipeError, Unreadable
from interleave.flow import build
from interleave.recipe_file import load_recipe

LIMITS = Limits(max_image_bytes=20_000_000)
JPEG = b"\xff\xd8 one picture"


def read(path: Path, **settings: Any) -> list[Parsed | Refused]:
    source = HtmlSource(path=str(path), **settings)
    return [item for file in source.files() for split in source.cut(file, 1) for item in source.read(split, LIMITS)]


def reasons(records: Iterable[Parsed | Refused]) -> list[str | None]:
    return [item.error.reason if isinstance(item, Refused) else None for item in records]


def loaded(item: Parsed | Refused) -> list[bytes | None]:
    assert isinstance(item, Parsed), item
    return [image.load() if image.load is not None else None for image in item.document.images]


def mirror(pages: Iterable[SamplePage]) -> dict[str, bytes]:
    """Pages and images by host and path, as mirroring tools lay them out."""
    files = {}
    for page in pages:
        files[f"{page.url.partition('://')[2]}.html"] = page.html
        files |= {url.partition("://")[2]: data for url, data in page.images.items()}
    return files


def parts_of(item: Parsed | Refused) -> tuple[tuple[str, ...], tuple[bytes | None, ...]]:
    """Sentences and images' bytes."""
    assert isinstance(item, Parsed), item
    return tuple(text for text in item.document.sentences if text), tuple(loaded(item))


def save(path: Path, files: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as file:
            for name, data in files.items():
                file.writestr(name, data)
        return path
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


@pytest.mark.parametrize("name", ["pages", "pages.zip"])
def test_every_page_comes_back_with_its_text_and_images_in_order(tmp_path: Path, name: str) -> None:
    path = save(tmp_path / name, mirror(sample_pages()))
    found = read(path)
    assert len(found) == len(sample_pages())
    assert Counter(parts_of(item) for item in found) == Counter(
        (tuple(part for part in page.parts if isinstance(part, str)), tuple(page.images.values()))
        for page in sample_pages()
    )


def test_a_whole_build_counts_every_page(tmp_path: Path) -> None:
    files = mirror(sample_pages()) | {"empty.html": b"", "noise.html": bytes(range(256)) * 40}
    settings = [f"source.path={save(tmp_path / 'pages', files)}", f"output={tmp_path / 'out'}"]
    report = build(load_recipe(ROOT / "recipes" / "html.yaml", [*settings, "images.max_short_side=64"]), num_workers=1)
    dropped = {line.rule: line.documents for line in report.drops if line.documents}
    assert report.documents_in == len(sample_pages()) + 2 == report.documents_out + sum(dropped.values())
    assert dropped["not_text"] == 1


@pytest.mark.parametrize(
    "reference",
    ["page_files/a.jpg", "./page_files/a.jpg", "/page_files/a.jpg", "page_files/a.jpg?w=100", "page_files/%61.jpg"],
)
def test_references_are_found_as_tools_write_them(tmp_path: Path, reference: str) -> None:
    page = page_of(f'{paragraph()}<img src="{reference}">{paragraph("dog")}')
    save(tmp_path / "pages", {"page.html": page, "page_files/a.jpg": JPEG})
    assert loaded(read(tmp_path / "pages")[0]) == [JPEG]


REFUSED_PAGES = {
    "empty": ("no_content", b""),
    "no elements": ("no_content", b"   "),
    "only furniture": ("no_content", page_of('<nav><a href="/">Home</a></nav>')),
    "only a script": ("no_content", page_of("<script>document.write('text')</script>")),
    "no text": ("not_text", bytes(range(256)) * 40),
    "a picture by the name of a page": ("not_text", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40),
    "too many tags": ("too_many_elements", page_of("<p>a" * 200_001)),
    "too many attributes": ("too_many_elements", page_of("<p" + " a=1" * 300 + ">")),
    "too deep": ("too_deep", page_of("<div>" * 5000 + paragraph())),
    "too large": ("too_many_bytes", page_of(paragraph() + " " * 9_000_000)),
    "too much text": ("too_much_text", page_of(paragraph() * 7_000)),
    "noai": ("opted_out", page_of(paragraph(), '<meta name="robots" content="noai">')),
    "noimageindex": ("opted_out", page_of(paragraph(), '<META NAME="ROBOTS" CONTENT="follow, NOIMAGEINDEX">')),
    "reservation": ("opted_out", page_of(paragraph(), '<meta name="tdm-reservation" content="1">')),
}


@pytest.mark.parametrize("name", ["pages", "pages.zip"])
@pytest.mark.parametrize(("reason", "data"), REFUSED_PAGES.values(), ids=REFUSED_PAGES)
def test_a_page_that_cannot_be_used_is_refused_between_two_that_can(
    tmp_path: Path, name: str, reason: str, data: bytes
) -> None:
    good = page_of(paragraph())
    path = save(tmp_path / name, {"1.html": good, "2.html": data, "3.html": good})
    assert reasons(read(path)) == [None, reason, None]


@pytest.mark.parametrize(
    "reference",
    [
        "../secret.jpg",
        "/../secret.jpg",
        "%2e%2e/secret.jpg",
        "..%2fsecret.jpg",
        "{outside}",
        "file://{outside}",
    ],
)
@pytest.mark.parametrize("name", ["pages", "pages.zip"])
def test_nothing_outside_of_the_folder_is_read(tmp_path: Path, name: str, reference: str) -> None:
    (tmp_path / "secret.jpg").write_bytes(JPEG)
    page = page_of(f'{paragraph()}<img src="{reference.format(outside=tmp_path / "secret.jpg")}">{paragraph("dog")}')
    path = save(tmp_path / name, {"page.html": page})
    for item in read(path):
        assert isinstance(item, Parsed)
        for image in item.document.images:
            with pytest.raises(Unreadable):
                assert image.load is None or image.load() != JPEG
                raise Unreadable("not_there")


def test_a_folder_without_pages_is_one_clear_sentence(tmp_path: Path) -> None:
    save(tmp_path / "pages", {"a.jpg": JPEG})
    with pytest.raises(RecipeError, match=r"holds no file that ends in \.html"):
        read(tmp_path / "pages")


def test_mutated_zips_give_documents_and_refusals(tmp_path: Path) -> None:
    page = page_of(f'{paragraph()}<img src="a.jpg">{paragraph("dog")}')
    path = save(tmp_path / "pages.zip", {"1.html": page, "a.jpg": JPEG, "2.html": page_of(paragraph("fox"))})
    whole, random = path.read_bytes(), Random(0)
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(random.randint(1, 8)):
            data[random.randrange(len(data))] = random.randrange(256)
        path.write_bytes(data)
        found = read(path)
        for item in found:
            for image in item.document.images if isinstance(item, Parsed) else ():
                try:
                    image.load() if image.load is not None else None
                except Unreadable as error:
                    assert error.reason


def test_a_zip_without_pages_is_one_drop(tmp_path: Path) -> None:
    assert reasons(read(save(tmp_path / "pages.zip", {"a.jpg": JPEG}))) == ["no_pages"]


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"no zip at all", b"PK\x05\x06" + b"\xff" * 18])
def test_a_file_that_is_no_zip_is_one_drop(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "pages.zip").write_bytes(data)
    assert reasons(read(tmp_path / "pages.zip")) == ["damaged_file"]
