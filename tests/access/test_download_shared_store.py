"""Builds that share a store: what one has, no failure of another takes away; what is blocked later is not used."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures_fetch import downloaded
from fixtures_site import Answer, Site, serving
from PIL import Image

from interleave.access.blocklist import Blocklist
from interleave.access.compact import compact, summarise
from interleave.access.ledger import OK, Entry
from interleave.access.store import Store
from interleave.access.store_writer import open_for_writing
from interleave.images.normalise import ImageTarget
from interleave.images.packed import form_of, unpack

URLS = [f"http://a.example/{number}" for number in range(6)]
FORM = form_of(ImageTarget(max_short_side=32))
DOWN = Answer(status=503)


def picture(path: str) -> Answer:
    """A picture of its own for each path."""
    buffer = io.BytesIO()
    number = int(path.strip("/"))
    Image.new("RGB", (64 + number, 48), (20 * number, 90, 200)).save(buffer, "JPEG")
    return Answer(buffer.getvalue(), "image/jpeg")


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(picture) as found:
        yield found


def read(store: Path, form: str = "original") -> list[bytes]:
    found = []
    with Store(store) as opened:
        for url in URLS:
            entry = opened.entry(url)
            assert entry is not None and entry.sha256 is not None
            found.append(opened.read(entry.sha256, form))
    return found


def test_another_form_is_made_of_the_originals_when_the_site_is_gone(site: Site, tmp_path: Path) -> None:
    store = tmp_path / "store"
    first = downloaded(URLS, tmp_path / "a", site.place, store=store)
    originals = [picture(f"/{number}").body for number in range(6)]
    assert read(store) == originals
    site.answer = lambda path: DOWN
    site.asked.clear()
    assert downloaded(URLS, tmp_path / "b", site.place, store=store, form=FORM, keep="normalised") == first
    assert not site.asked, "the originals are there"
    assert [(image.width, image.height) for image in map(unpack, read(store, FORM))] == [
        ((2 * (64 + number) * 32 + 48) // 96, 32) for number in range(6)
    ]
    assert read(store) == originals
    found = compact(store)
    assert (found.forgotten, found.damaged) == (0, 0)
    assert read(store) == originals
    assert set(downloaded(URLS, tmp_path / "a", site.place, store=store, offline=True).values()) == {OK}
    assert not site.asked


def test_a_failure_takes_no_image_from_the_build_that_has_it(site: Site, tmp_path: Path) -> None:
    store = tmp_path / "store"
    first = downloaded(URLS, tmp_path / "a", site.place, store=store, form=FORM, keep="normalised")
    assert set(first.values()) == {OK}
    before = read(store, FORM)
    site.answer = lambda path: DOWN
    site.asked.clear()
    other = downloaded(URLS, tmp_path / "b", site.place, store=store)
    assert set(site.asked.values()) == {1}, "the store has no originals"
    assert OK not in other.values()
    assert downloaded(URLS, tmp_path / "a", site.place, store=store, form=FORM, keep="normalised") == first
    compact(store)
    assert read(store, FORM) == before
    assert summarise(store).outcomes == {OK: 6}
    site.answer = picture
    assert set(downloaded(URLS, tmp_path / "b", site.place, store=store).values()) == {OK}
    assert read(store, FORM) == before


@pytest.mark.parametrize("outcome", ["http_5xx", "http_4xx", "blocklisted", "connect"])
def test_the_ledger_keeps_an_image_whatever_is_said_of_its_url_later(tmp_path: Path, outcome: str) -> None:
    sha256 = "ab" * 32
    had = Entry(url=URLS[0], outcome=OK, sha256=sha256)
    failed = Entry(url=URLS[0], outcome=outcome)
    with open_for_writing(tmp_path) as (store, writer):
        writer.put(had, b"an image")
        writer.put(failed)
        assert store.entry(URLS[0]) == had
        writer.put(Entry(url=URLS[1], outcome=OK, sha256="cd" * 32))
        writer.put(Entry(url=URLS[1], outcome=outcome))
        entry = store.entry(URLS[1])
        assert entry is not None and entry.outcome == outcome, "of an image that is not there nothing is lost"


def redirecting(path: str) -> Answer:
    number = int(path.strip("/"))
    return Answer(status=302, headers={"Location": f"http://b.example/{number + 3}"}) if number < 3 else picture(path)


@pytest.mark.parametrize(
    "blocked",
    [
        Blocklist(domains=frozenset(["b.example"])),
        Blocklist(urls=frozenset(f"http://b.example/{number}" for number in (3, 4, 5))),
    ],
    ids=["domain", "urls"],
)
def test_what_was_reached_by_a_redirect_is_refused_once_that_place_is_blocked(
    site: Site, tmp_path: Path, blocked: Blocklist
) -> None:
    site.answer, store = redirecting, tmp_path / "store"
    assert downloaded(URLS, tmp_path / "a", site.place, store=store) == dict.fromkeys(URLS, OK)
    site.asked.clear()
    for _ in range(2):
        found = downloaded(URLS, tmp_path / "b", site.place, store=store, blocklist=blocked)
        assert list(found.values()) == ["blocklisted"] * 3 + [OK] * 3
    assert not site.asked
    assert downloaded(URLS, tmp_path / "c", site.place, store=store, offline=True) == dict.fromkeys(URLS, OK)


def test_a_refusal_keeps_its_reason_where_another_program_makes_the_form_that_is_measured(
    site: Site, tmp_path: Path
) -> None:
    blocklist = Blocklist(urls=frozenset([URLS[0]]))
    found = downloaded(
        URLS[:2], tmp_path / "a", site.place, store=tmp_path / "store", form="made by a program", blocklist=blocklist
    )
    assert found == {URLS[0]: "blocklisted", URLS[1]: "not_in_store"}


def test_an_original_that_cannot_be_reduced_has_its_reason_and_is_not_asked_for_again(
    site: Site, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    site.answer = lambda path: Answer(b"\xff\xd8\xff no picture", "image/jpeg") if path == "/0" else picture(path)
    assert set(downloaded(URLS, tmp_path / "a", site.place, store=store).values()) == {OK}
    site.asked.clear()
    found = downloaded(URLS, tmp_path / "b", site.place, store=store, form=FORM, keep="normalised")
    assert [url for url in URLS if found[url] != OK] == [URLS[0]]
    assert found[URLS[0]] in ("truncated", "undecodable")
    assert not site.asked
