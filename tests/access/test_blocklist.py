"""What a blocklist names is found by URL, domain, bytes and looks; what it does not name is not."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from interleave.access.blocklist import PHASH_DISTANCE, Blocklist, read_blocklists
from interleave.errors import RecipeError

DATA = b"the bytes of an image"
SHA256 = hashlib.sha256(DATA).hexdigest()
MD5 = hashlib.md5(DATA).hexdigest()
PHASH = 0xD1C4A0F3B2E19687


def read(folder: Path, *texts: str) -> Blocklist:
    paths = [folder / f"{number}.txt" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, encoding="utf-8")
    return read_blocklists(map(str, paths))


def blocks(blocklist: Blocklist, data: bytes, phash: int | None = None) -> str | None:
    return blocklist.of_bytes(data, hashlib.sha256(data).hexdigest(), lambda: phash)


def test_every_kind_of_entry_is_read_from_all_files(tmp_path: Path) -> None:
    first = f"# a comment\n\n{SHA256.upper()}  # of an image\n  {MD5}\n"
    second = f"phash:{PHASH:016X}\nhttps://a.example/b.jpg#c\nB.Example\n"
    assert read(tmp_path, first, second) == Blocklist(
        urls=frozenset(["https://a.example/b.jpg"]),
        domains=frozenset(["b.example"]),
        sha256=frozenset([SHA256]),
        md5=frozenset([MD5]),
        phashes=(PHASH,),
    )


@pytest.mark.parametrize(
    "line",
    ["example", "ftp://a.example/b", f"{SHA256}0", "phash:123", "a b.example", "-a.example", "*.example.org", "/b"],
)
def test_a_line_that_is_no_entry_is_an_error_that_says_where(tmp_path: Path, line: str) -> None:
    with pytest.raises(RecipeError, match=r"0\.txt, line 2: "):
        read(tmp_path, f"a.example\n{line}\n")


@pytest.mark.parametrize("data", [None, b"\xff\xfe\x00"])
def test_a_list_that_cannot_be_read_is_an_error(tmp_path: Path, data: bytes | None) -> None:
    path = tmp_path / "list.txt"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(RecipeError, match=r"cannot read .*list\.txt"):
        read_blocklists([str(path)])


@pytest.mark.parametrize(
    ("url", "entry"),
    [
        ("https://bad.example/b.jpg", "bad.example"),
        ("http://BAD.example:8080/", "bad.example"),
        ("http://bad.example./b", "bad.example"),
        ("http://img.cdn.bad.example/b", "bad.example"),
        ("http://user@bad.example/b", "bad.example"),
        ("http://good.bad.example/b", "bad.example"),
        ("http://notbad.example/b", None),
        ("http://bad.example.org/b", None),
        ("http://example/b", None),
        ("http://a.example/bad.example", None),
        ("http://a.example/?bad.example", None),
        ("http://a.example/b.jpg", "its URL"),
        (" http://a.example/b.jpg#part ", "its URL"),
        ("http://a.example/b.jpg?size=2", None),
        ("http://a.example/b", None),
        ("http://[::1/b", None),
        ("", None),
    ],
)
def test_urls_are_blocked_by_their_domain_or_whole(url: str, entry: str | None) -> None:
    blocklist = Blocklist(domains=frozenset(["bad.example"]), urls=frozenset(["http://a.example/b.jpg"]))
    assert blocklist.of_url(url) == entry


@pytest.mark.parametrize(
    "url",
    ["http://bücher.example/b", "http://ｂad.example/b", "http://bad。example/b", "http://b\x01ad.example/b"],
)
def test_a_domain_is_blocked_however_its_name_is_spelled(url: str) -> None:
    assert Blocklist(domains=frozenset(["bad.example", "xn--bcher-kva.example"])).of_url(url) is not None


def test_bytes_are_blocked_by_sha256_and_by_md5() -> None:
    assert blocks(Blocklist(sha256=frozenset([SHA256])), DATA) == f"SHA-256 {SHA256}"
    assert blocks(Blocklist(md5=frozenset([MD5])), DATA) == f"MD5 {MD5}"
    both = Blocklist(sha256=frozenset([SHA256]), md5=frozenset([MD5]))
    assert blocks(both, DATA + b".") is None


@pytest.mark.parametrize("differing", range(PHASH_DISTANCE + 2))
def test_pictures_are_blocked_within_a_distance(differing: int) -> None:
    seen = PHASH ^ sum(1 << (13 * bit) for bit in range(differing))
    expected = f"phash:{PHASH:016x}" if differing <= PHASH_DISTANCE else None
    assert blocks(Blocklist(phashes=(0, PHASH)), DATA, seen) == expected


def test_what_has_no_perceptual_hash_is_not_blocked_by_one() -> None:
    assert blocks(Blocklist(phashes=(0, PHASH)), DATA, None) is None


def test_the_hash_of_a_picture_is_not_computed_where_no_entry_needs_it() -> None:
    def never() -> int:
        raise AssertionError("costs a decoding")

    assert Blocklist(md5=frozenset(["0" * 32])).of_bytes(DATA, SHA256, never) is None
    assert Blocklist(sha256=frozenset([SHA256]), phashes=(PHASH,)).of_bytes(DATA, SHA256, never)
