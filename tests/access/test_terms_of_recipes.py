"""What one recipe refused another may have; what the web refused is refused for all; spellings of a URL are one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fixtures_fetch import downloaded, fetch, image, images_asked, outcomes, picture, read_back, with_robots
from fixtures_site import NOT_FOUND, Answer, Site, serving

from interleave.access.blocklist import Blocklist, read_blocklists
from interleave.access.ledger import OK
from interleave.access.store import Store
from interleave.errors import Unreadable

URL = "http://a.example/{}"
BLOCKED = Blocklist(urls=frozenset([URL.format(1)]))


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(image) as found:
        yield found


def reserved(path: str) -> Answer:
    return Answer(picture(path), "image/jpeg", headers={"X-Robots-Tag": "noai"})


def moved(path: str) -> Answer:
    return image(path) if path == "/3" else Answer(status=302, headers={"Location": f"/{int(path[1:]) + 1}"})


TERMS: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    # reason: what the site answers, the settings that refuse, and those that do not
    "blocklisted": (image, {"blocklist": BLOCKED}, {}),
    "too_many_bytes": (image, {"max_bytes": 20}, {"max_bytes": 1000}),
    "too_many_redirects": (moved, {"max_redirects": 1}, {"max_redirects": 2}),
    "robots": (with_robots("User-agent: *\nDisallow: /\n"), {"politeness": {"robots": True}}, {}),
    "opted_out": (reserved, {}, {"politeness": {"headers": False}}),
}


@pytest.mark.parametrize("reason", TERMS)
def test_what_one_recipe_refused_another_asks_for(site: Site, tmp_path: Path, reason: str) -> None:
    site.answer, refusing, having = TERMS[reason]
    urls = [URL.format(1)]
    assert outcomes(fetch(urls, tmp_path, site.place, **refusing)) == {urls[0]: reason}
    site.asked.clear()
    assert fetch(urls, tmp_path, site.place, **refusing) == {}, "the recipe that refused does not ask again"
    assert not site.asked
    assert outcomes(fetch(urls, tmp_path, site.place, **having)) == {urls[0]: OK}
    assert read_back(tmp_path, urls[0]) == picture("/3" if site.answer is moved else "/1")


def test_a_private_address_is_refused_for_the_recipe_that_does_not_allow_it(site: Site, tmp_path: Path) -> None:
    urls = [f"http://{site.place}/1"]
    assert outcomes(fetch(urls, tmp_path, {})) == {urls[0]: "private_address"}
    assert fetch(urls, tmp_path, {}) == {}
    assert not site.asked
    assert outcomes(fetch(urls, tmp_path, {}, allow=["127.0.0.0/8"])) == {urls[0]: OK}


def test_an_image_that_has_no_form_of_one_recipe_is_asked_for_by_another(site: Site, tmp_path: Path) -> None:
    def keep(data: bytes) -> bytes:
        raise Unreadable("side_too_long", "2 x 70,000")

    urls = [URL.format(1)]
    assert outcomes(fetch(urls, tmp_path, site.place, form="small", keep=keep)) == {urls[0]: "side_too_long"}
    assert fetch(urls, tmp_path, site.place, form="small", keep=keep) == {}
    assert outcomes(fetch(urls, tmp_path, site.place)) == {urls[0]: OK}


@pytest.mark.parametrize(
    ("answer", "reason"), [(NOT_FOUND, "http_4xx"), (Answer(b"<html>"), "not_an_image"), (Answer(b""), "empty_body")]
)
def test_what_the_web_refused_is_settled_for_every_recipe(
    site: Site, tmp_path: Path, answer: Answer, reason: str
) -> None:
    site.answer = lambda path: answer
    urls = [URL.format(1)]
    assert outcomes(fetch(urls, tmp_path, site.place, blocklist=BLOCKED, max_redirects=0)) == {urls[0]: "blocklisted"}
    assert outcomes(fetch(urls, tmp_path, site.place)) == {urls[0]: reason}
    site.asked.clear()
    for terms in ({}, {"max_bytes": 50}, {"politeness": {"headers": False}}, {"max_redirects": 9}):
        assert fetch(urls, tmp_path, site.place, **terms) == {}
    assert not site.asked


def test_a_recipe_that_asks_for_nothing_new_says_what_the_other_had_not_asked(site: Site, tmp_path: Path) -> None:
    urls, store = [URL.format(number) for number in (1, 2, "gone")], tmp_path / "store"
    site.answer = lambda path: NOT_FOUND if path == "/gone" else image(path)
    first = downloaded(urls, tmp_path / "a", site.place, store=store, blocklist=BLOCKED)
    assert list(first.values()) == ["blocklisted", OK, "http_4xx"]
    site.asked.clear()
    again = downloaded(urls, tmp_path / "a", site.place, store=store, blocklist=BLOCKED, offline=True)
    assert again == first
    other = downloaded(urls, tmp_path / "b", site.place, store=store, offline=True)
    assert list(other.values()) == ["not_in_store", OK, "http_4xx"]
    assert not site.asked
    assert list(downloaded(urls, tmp_path / "b", site.place, store=store).values()) == [OK, OK, "http_4xx"]
    assert images_asked(site) == {"/1": 1}


def test_what_another_recipe_got_is_refused_to_the_one_that_blocks_it(site: Site, tmp_path: Path) -> None:
    urls, store = [URL.format(1), URL.format(2)], tmp_path / "store"
    downloaded(urls, tmp_path / "a", site.place, store=store)
    site.asked.clear()
    found = downloaded(urls, tmp_path / "b", site.place, store=store, blocklist=BLOCKED)
    assert list(found.values()) == ["blocklisted", OK]
    assert set(downloaded(urls, tmp_path / "c", site.place, store=store).values()) == {OK}
    assert not site.asked


SPELLINGS = ["http://a.example/1", "http://A.EXAMPLE/1", "http://a.example:80/1", "HTTP://a.example/1#top"]


def test_spellings_of_one_url_are_asked_for_once(site: Site, tmp_path: Path) -> None:
    found = fetch(SPELLINGS, tmp_path, site.place)
    assert outcomes(found) == {SPELLINGS[0]: OK}
    assert images_asked(site) == {"/1": 1}
    for url in SPELLINGS:
        assert fetch([url], tmp_path, site.place) == {}
        assert read_back(tmp_path, url) == picture("/1")
    with Store(tmp_path) as store:
        assert len(list(store.entries())) == 1


def test_every_spelling_of_a_url_has_its_image_in_the_build(site: Site, tmp_path: Path) -> None:
    found = downloaded(SPELLINGS, tmp_path / "a", site.place, store=tmp_path / "store")
    assert found == dict.fromkeys(SPELLINGS, OK)
    assert images_asked(site) == {"/1": 1}


def test_what_differs_in_more_than_its_spelling_is_asked_for_each_time(site: Site, tmp_path: Path) -> None:
    fetch([URL.format(path) for path in ("1/", "A", "a", "a?b")], tmp_path, site.place)
    assert images_asked(site) == {"/1/": 1, "/A": 1, "/a": 1, "/a?b": 1}


def blocklist(folder: Path, entry: str) -> Blocklist:
    (folder / "blocked.txt").write_text(f"{entry}\n")
    return read_blocklists([str(folder / "blocked.txt")])


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("http://a.example/~x", "http://a.example/%7Ex"),
        ("http://a.example/%7Ex", "http://a.example/%7Ex"),
        ("http://a.example/a b", "http://a.example/a%20b"),
        ("http://A.example:80/1#x", "http://a.example/1"),
        ("http://bücher.example/1", "http://xn--bcher-kva.example/1"),
        ("http://xn--bcher-kva.example/1", "http://bücher.example/1"),
        ("http://xn--bcher-kva.example/1", "http://BÜCHER.example:80/1"),
        ("xn--bcher-kva.example", "http://bücher.example/1"),
        ("xn--bcher-kva.example", "http://www.bücher.example/1"),
        ("a.example", "http://A.EXAMPLE./1"),
    ],
)
def test_what_is_blocked_is_blocked_in_other_spellings(site: Site, tmp_path: Path, entry: str, url: str) -> None:
    places = dict.fromkeys(["a.example", "xn--bcher-kva.example", "www.xn--bcher-kva.example"], site.place)
    found = fetch([url], tmp_path / "store", places, blocklist=blocklist(tmp_path, entry))
    assert outcomes(found) == {url: "blocklisted"}
    assert not site.asked
