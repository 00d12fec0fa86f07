"""What pages and servers send to make a reader slow: no pattern may try the same characters again and again."""

import ast
import importlib
import pkgutil
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from fixtures_pages import page_of, paragraph
from fixtures_reading import CAT, DOG, record
from fixtures_warc import Found
from lxml import html

import interleave.access
import interleave.acquire.pages
from interleave.acquire.pages.page import read_page
from interleave.acquire.pages.pictures import Picture, picture_of
from interleave.errors import Unreadable

URL = "https://example.org/page"
REPEATED = [
    "x", " ", ",", ".", "-", "_", "/", "<", "%", "(", "1", "猫", "。", "”", "©", "<!---->", "<!--", "-->", "a=1 ",
    "[1]", "x ", "x, ", "x 1w,", "1x,", "1.", "a.", "a-", "0x", "<a ", "<p a=1 ", "<script ", "<style>", "<meta ",
    "<?xml", "charset=", "width:", "display : ", "copyright ", "all rights reserved ", "references and ",
    "user-agent: ", "icon-", "\r\n ", "\n", "a,",
]  # fmt: skip
HOSTILE = [
    *(piece * (80_000 // len(piece)) for piece in REPEATED),
    *(f"{begin}{piece * 24_000}{end}" for begin, piece, end in [
        ("", "x", " q"), ("", " ", "x"), ("<?xml ", "a", ""), ("<!--", "-", ""), ("<", "a=1 ", ">"),
        ("", "<!---->", "x"), ("[", "1", "]x"), ("Figure ", "1.", " "), ("\ufeff", " ", "<"), ("user-agent", " ", ":"),
        ("a", "a", "!"), ("<script>", "<!--", ""), ("copyright", " ", "x"), (" \ufeff", "<!-- -->", "<html"),
        ("display", " ", ":"), ("<a ", "b='c' ", "d='"), ("a.jpg ", "1", "w"), ("a.jpg 1w", " ", "("),
    ]),
]  # fmt: skip
METHODS = frozenset({"search", "match", "fullmatch", "findall", "finditer", "sub", "split"})
# Asked of texts up to this length alone.
NUM_CHARS = {"END_SECTION": 120, "NOTICE": 300}


class TooSlow(Exception):
    """Not TimeoutError, which is an OSError and would be taken for a damaged file."""


@contextmanager
def in_time() -> Iterator[None]:
    """Patterns can be interrupted: a slow one fails its test, and does not hang it.

    A machine may be slow: texts are so long that time in line with them is a small part of this, and more is not.
    """

    def stop(*_: object) -> None:
        raise TooSlow

    # Of its own time: a busy machine makes no pattern slow.
    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, 4.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        signal.signal(signal.SIGVTALRM, before)


def patterns() -> list[Any]:
    """Every pattern of a module with the methods by which that module asks it."""
    found = []
    for package in (interleave.acquire.pages, interleave.access):
        for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            module = importlib.import_module(info.name)
            asked = _asked(Path(str(module.__file__)).read_text(encoding="utf-8"))
            for name, value in vars(module).items():
                if isinstance(value, re.Pattern) and name in asked:
                    label = f"{info.name.rpartition('.')[2]}.{name}"
                    found.append(pytest.param(value, asked[name], NUM_CHARS.get(name), id=label))
    return found


def _asked(source: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in METHODS:
            found.setdefault(node.value.id, set()).add(node.attr)
    return found


def ask(pattern: re.Pattern[Any], method: str, text: Any) -> None:
    if method in ("finditer", "findall"):
        for _ in pattern.finditer(text):
            pass
    else:
        getattr(pattern, method)(*[type(text)()] * (method == "sub"), text)


@pytest.mark.parametrize(("pattern", "methods", "num_chars"), patterns())
def test_no_pattern_takes_long_over_what_repeats(
    pattern: re.Pattern[Any], methods: set[str], num_chars: int | None
) -> None:
    for text in HOSTILE:
        for method in methods:
            with in_time():
                ask(pattern, method, text[:num_chars] if isinstance(pattern.pattern, str) else text.encode())


def test_there_are_patterns_to_ask() -> None:
    assert len(patterns()) > 25


def test_a_srcset_that_holds_no_candidate_is_read_at_once() -> None:
    image = html.Element("img", {"src": "/a.jpg", "srcset": "x" * 19_990 + " q"})
    with in_time():
        assert picture_of(image, URL) == Picture(urls=("https://example.org/a.jpg",))


@pytest.mark.parametrize("source", ["<source srcset='/s.webp 600w'/>", "<source type='image/webp' srcset='/s.webp'/>"])
def test_a_picture_of_many_sources_and_images_is_read_at_once(source: str) -> None:
    images = "".join(f"<img src='/{number}.jpg'>" for number in range(1000))
    page = page_of(f"{paragraph('cat')}<picture>{source * 1000}{images}</picture>{paragraph('dog')}")
    with in_time():
        first, *pictures, last = read_page(page, URL).parts
    assert (first, last) == (CAT, DOG)
    assert len(pictures) == 1000


@pytest.mark.parametrize("piece", ["</body ", "</script", "<a", "<a ", "<a b='", "<a b=\"'"])
@pytest.mark.parametrize("before", ["", "<script>", "<p>x"])
def test_a_page_of_what_is_not_closed_is_read_at_once(before: str, piece: str) -> None:
    page = f"<p>{CAT}</p>{before}{piece * 50_000}".encode()
    with in_time(), suppress(Unreadable):
        read_page(page, URL)


@pytest.mark.parametrize("before", ["", "<script>", "<p>x"])
def test_a_page_of_paragraphs_that_are_not_closed_is_read_at_once(before: str) -> None:
    page = f"<p>{CAT}</p>{before}{'<p>loading...' * 20_000}".encode()
    with in_time():
        read_page(page, URL)


def test_sources_are_read_once_for_all_images_of_a_picture() -> None:
    sources = f"<source srcset='{'a 1w,' * 4000}'></source>" * 16
    page = page_of(f"{paragraph('cat')}<picture>{sources}{'<img src=b.jpg>' * 200}</picture>")
    with in_time():
        read_page(page, URL)


@pytest.mark.parametrize("body", [b"<!---->" * 72 + b"x", b"<!-- -->\n" * 55, b"<!--" * 120, b" \n" * 250 + b"<p>"])
def test_a_record_of_many_comments_is_read_at_once(tmp_path: Path, body: bytes) -> None:
    with in_time():
        assert Found(tmp_path, [record(URL, body)]).reasons == []
