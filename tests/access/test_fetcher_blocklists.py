"""What a blocklist names is not asked for, or its bytes never reach the disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures_fetch import fetch, image, images_asked, is_on_disk, outcomes, picture
from fixtures_site import Answer, Site, serving

from interleave.access.blocklist import Blocklist, read_blocklists
from interleave.access.ledger import OK

URL = "http://a.example/{}"
BAD = picture("/bad")
PHASH = 0xD1C4A0F3B2E19687


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(image) as found:
        yield found


def blocklist(folder: Path, entry: str) -> Blocklist:
    (folder / "blocked.txt").write_text(f"# by request of its owner\n{entry}\n")
    return read_blocklists([str(folder / "blocked.txt")])


def seen(data: bytes) -> int | None:
    """The blocked image, scaled: two bits of its hash differ."""
    return PHASH ^ 0b1001 if data == BAD else PHASH ^ ((1 << 20) - 1)


BY_BYTES = {
    "SHA-256": hashlib.sha256(BAD).hexdigest(),
    "MD5": hashlib.md5(BAD, usedforsecurity=False).hexdigest(),
    "phash": f"phash:{PHASH:016x}",
}


@pytest.mark.parametrize("kind", BY_BYTES)
def test_bytes_that_are_blocked_never_reach_the_disk(site: Site, tmp_path: Path, kind: str) -> None:
    store = tmp_path / "store"
    found = fetch(
        [URL.format("bad"), URL.format("good")],
        store,
        site.place,
        blocklist=blocklist(tmp_path, BY_BYTES[kind]),
        phash=seen,
    )
    assert outcomes(found) == {URL.format("bad"): "blocklisted", URL.format("good"): OK}
    assert kind in found[URL.format("bad")].detail
    assert not is_on_disk(BAD, store)
    assert is_on_disk(picture("/good"), store)
    assert found[URL.format("bad")].sha256 is None


@pytest.mark.parametrize(("entry", "detail"), [(URL.format("bad"), "its URL"), ("bad.a.example", "bad.a.example")])
def test_urls_and_domains_that_are_blocked_are_not_asked(site: Site, tmp_path: Path, entry: str, detail: str) -> None:
    urls = [URL.format("bad") if detail == "its URL" else "http://img.bad.a.example/1", URL.format("good")]
    places = dict.fromkeys(["a.example", "img.bad.a.example"], site.place)
    blocked = blocklist(tmp_path, entry)
    found = fetch(urls, tmp_path / "store", places, blocklist=blocked, politeness={"robots": True})
    assert [found[url].outcome for url in urls] == ["blocklisted", OK]
    assert (found[urls[0]].detail, found[urls[0]].transient, found[urls[0]].attempts) == (detail, False, 0)
    assert site.asked == {"/robots.txt": 1, "/good": 1}


@pytest.mark.parametrize("entry", ["b.example", "http://b.example/there"])
def test_a_redirect_to_what_is_blocked_is_not_followed(site: Site, tmp_path: Path, entry: str) -> None:
    site.answer = lambda path: Answer(status=302, headers={"Location": "http://b.example/there"})
    with serving(image) as other:
        places = {"a.example": site.place, "b.example": other.place}
        found = fetch([URL.format(1)], tmp_path / "store", places, blocklist=blocklist(tmp_path, entry))
        assert outcomes(found) == {URL.format(1): "blocklisted"}
        assert not other.asked


def test_what_an_earlier_list_blocked_is_asked_for_under_another_one_alone(site: Site, tmp_path: Path) -> None:
    store = tmp_path / "store"
    fetch([URL.format("bad")], store, site.place, blocklist=blocklist(tmp_path, BY_BYTES["MD5"]))
    assert fetch([URL.format("bad")], store, site.place, blocklist=blocklist(tmp_path, BY_BYTES["MD5"])) == {}
    assert outcomes(fetch([URL.format("bad")], store, site.place)) == {URL.format("bad"): OK}
    assert images_asked(site) == {"/bad": 2}


def test_an_image_without_a_perceptual_hash_is_kept(site: Site, tmp_path: Path) -> None:
    blocked = blocklist(tmp_path, BY_BYTES["phash"])
    found = fetch([URL.format("bad")], tmp_path / "store", site.place, blocklist=blocked, phash=lambda data: None)
    assert outcomes(found) == {URL.format("bad"): OK}
