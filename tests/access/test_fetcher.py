"""What one URL comes to: statuses, redirects, further tries, hosts that are dead, bytes that are refused."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from fixtures_fetch import CONTACT, fetch, image, images_asked, is_on_disk, outcomes, picture, read_back
from fixtures_site import NOT_FOUND, Answer, Site, serving

from interleave import __version__
from interleave.access.ledger import OK
from interleave.errors import Unreadable

URL = "http://a.example/{}"
STATUSES = {
    "200": (OK, False),
    "204": ("http_status", False),
    "206": ("http_status", False),
    "304": ("http_status", False),
    "400": ("http_4xx", False),
    "403": ("http_4xx", False),
    "404": ("http_4xx", False),
    "408": ("http_4xx", True),
    "410": ("http_4xx", False),
    "425": ("http_4xx", True),
    "429": ("http_429", True),
    "451": ("http_4xx", False),
    "500": ("http_5xx", True),
    "503": ("http_5xx", True),
}


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(image) as found:
        yield found


@pytest.fixture
def closed_port() -> str:
    """A place where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


def redirect(to: str, status: int = 302) -> Answer:
    return Answer(status=status, headers={"Location": to})


def test_an_image_is_in_the_ledger_with_its_hash_status_and_headers(site: Site, tmp_path: Path) -> None:
    site.answer = lambda path: Answer(picture(path), "image/png", headers={"ETag": '"7"', "Set-Cookie": "a=b"})
    began = time.time()
    entry = fetch([URL.format(1)], tmp_path, site.place)[URL.format(1)]
    assert (entry.outcome, entry.status, entry.attempts, entry.final_url) == (OK, 200, 1, None)
    assert entry.sha256 == hashlib.sha256(picture("/1")).hexdigest()
    assert began <= entry.fetched_at <= time.time()
    headers = orjson.loads(entry.headers or "{}")
    assert headers == {"content-type": "image/png", "content-length": str(len(picture("/1"))), "etag": '"7"'}
    assert read_back(tmp_path, URL.format(1)) == picture("/1")


def test_each_status_has_its_reason_and_is_tried_again_or_not(site: Site, tmp_path: Path) -> None:
    site.answer = lambda path: Answer(picture(path) if path == "/200" else b"", status=int(path[1:]))
    found = fetch([URL.format(status) for status in STATUSES], tmp_path, site.place)
    assert {
        status: (found[URL.format(status)].outcome, found[URL.format(status)].transient) for status in STATUSES
    } == STATUSES
    assert all(found[URL.format(status)].status == int(status) for status in STATUSES)


def test_whoever_is_asked_learns_who_asks_and_whom_to_write_to(site: Site, tmp_path: Path) -> None:
    fetch([URL.format(1)], tmp_path, site.place, politeness={"robots": True, "tdmrep": "always"})
    assert len(site.asked) == 3
    assert site.agents == {f"interleave/{__version__} (+{CONTACT})"}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_and_recorded(site: Site, tmp_path: Path, status: int) -> None:
    site.answer = lambda path: redirect("/new?x=1", status) if path == "/old" else image(path)
    entry = fetch([URL.format("old")], tmp_path, site.place)[URL.format("old")]
    assert (entry.outcome, entry.final_url, entry.attempts) == (OK, URL.format("new?x=1"), 2)
    assert read_back(tmp_path, URL.format("old")) == picture("/new?x=1")


def test_a_redirect_to_another_host_asks_that_host(site: Site, tmp_path: Path) -> None:
    with serving(image) as other:
        site.answer = lambda path: redirect("http://b.example/there")
        places = {"a.example": site.place, "b.example": other.place}
        entry = fetch([URL.format(1)], tmp_path, places)[URL.format(1)]
        assert (entry.outcome, entry.final_url) == (OK, "http://b.example/there")
        assert images_asked(other) == {"/there": 1}


def test_so_many_redirects_are_followed_and_no_more(site: Site, tmp_path: Path) -> None:
    site.answer = lambda path: image("/") if path == "/0" else redirect(f"/{int(path[1:]) - 1}")
    found = fetch([URL.format(3), URL.format(4)], tmp_path, site.place, max_redirects=3)
    assert outcomes(found) == {URL.format(3): OK, URL.format(4): "too_many_redirects"}
    assert found[URL.format(4)].final_url == URL.format(1), "the last place that was asked"
    assert not found[URL.format(4)].transient
    none = fetch([URL.format(1)], tmp_path / "none", site.place, max_redirects=0)
    assert outcomes(none) == {URL.format(1): "too_many_redirects"}


def test_loops_end_at_the_first_place_that_comes_again(site: Site, tmp_path: Path) -> None:
    site.answer = lambda path: redirect({"/self": "/self", "/1": "/2", "/2": "/3", "/3": "/1"}[path])
    found = fetch([URL.format("self"), URL.format(1)], tmp_path, site.place, max_redirects=20)
    assert set(outcomes(found).values()) == {"redirect_loop"}
    assert images_asked(site) == {"/self": 1, "/1": 1, "/2": 1, "/3": 1}


@pytest.mark.parametrize(
    ("to", "reason"),
    [("ftp://b.example/1", "not_http"), ("http://b.example:22/", "bad_port"), ("http://127.0.0.1/", "private_address")],
)
def test_a_redirect_is_checked_like_a_url_of_the_corpus(site: Site, tmp_path: Path, to: str, reason: str) -> None:
    site.answer = lambda path: redirect(to)
    assert outcomes(fetch([URL.format(1)], tmp_path, site.place)) == {URL.format(1): reason}


def test_what_may_pass_is_tried_so_often_and_what_stays_is_not(site: Site, tmp_path: Path) -> None:
    def answer(path: str) -> Answer:
        if path == "/once" and site.asked[path] == 1:
            return Answer(status=503)
        return {"/always": Answer(status=500), "/gone": NOT_FOUND}.get(path, image(path))

    site.answer = answer
    found = fetch([URL.format(path) for path in ("once", "always", "gone")], tmp_path, site.place, attempts=2)
    assert images_asked(site) == {"/once": 2, "/always": 2, "/gone": 1}
    assert outcomes(found) == {
        URL.format("once"): OK,
        URL.format("always"): "http_5xx",
        URL.format("gone"): "http_4xx",
    }
    assert found[URL.format("once")].attempts == found[URL.format("always")].attempts == 2


def test_another_try_begins_at_the_url_of_the_corpus(site: Site, tmp_path: Path) -> None:
    def answer(path: str) -> Answer:
        if path == "/old":
            return redirect(f"/new{site.asked[path]}")
        return Answer(status=503) if path == "/new1" else image(path)

    site.answer = answer
    entry = fetch([URL.format("old")], tmp_path, site.place, attempts=2)[URL.format("old")]
    assert (entry.outcome, entry.final_url, entry.attempts) == (OK, URL.format("new2"), 4)


def test_a_deadline_counts_redirects_and_is_not_waited_for_again(site: Site, tmp_path: Path) -> None:
    site.answer = lambda path: image(path) if path == "/end" else redirect("/end" if path == "/2" else "/2")
    site.delay_s = lambda path: 0.3
    found = fetch([URL.format(1), URL.format("end")], tmp_path, site.place, deadline_s=0.7, attempts=3)
    assert outcomes(found) == {URL.format("end"): OK, URL.format(1): "deadline"}
    assert found[URL.format(1)].transient
    assert site.asked["/1"] == 1


def test_a_host_that_refuses_connections_is_not_tried_for_every_image(closed_port: str, tmp_path: Path) -> None:
    urls = [URL.format(number) for number in range(40)]
    found = fetch(urls, tmp_path, closed_port, politeness={"connections_per_host": 1})
    assert {(entry.outcome, entry.transient) for entry in found.values()} == {("connect", True)}
    assert sum(entry.attempts for entry in found.values()) == 5


def test_a_dead_host_does_not_take_others_with_it(site: Site, closed_port: str, tmp_path: Path) -> None:
    urls = [f"http://{host}/{number}" for number in range(20) for host in ("a.example", "b.example")]
    found = fetch(urls, tmp_path, {"a.example": closed_port, "b.example": site.place})
    assert {entry.outcome for url, entry in found.items() if "b.example" in url} == {OK}
    assert {entry.outcome for url, entry in found.items() if "a.example" in url} == {"connect"}


def test_a_host_without_an_address_is_looked_up_no_more_than_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def resolve(self: object, host: str, *_: Any) -> Any:
        asked.append(host)
        raise OSError(None, "Domain name not found")

    monkeypatch.setattr(aiohttp.AsyncResolver, "resolve", resolve)
    urls = [f"http://nowhere.example/{number}" for number in range(30)]
    found = fetch(urls, tmp_path, {}, politeness={"connections_per_host": 1})
    assert {(entry.outcome, entry.transient) for entry in found.values()} == {("dns", True)}
    assert asked == ["nowhere.example"] * 2


def test_a_body_beyond_the_bound_is_refused(site: Site, tmp_path: Path) -> None:
    site.answer = lambda path: Answer(picture("/") + bytes(int(path[1:])))
    found = fetch([URL.format(10), URL.format(2000)], tmp_path, site.place, max_bytes=1000)
    assert outcomes(found) == {URL.format(10): OK, URL.format(2000): "too_many_bytes"}


def test_what_is_no_image_is_not_kept(site: Site, tmp_path: Path) -> None:
    page = b"<!DOCTYPE html><title>Not found, but nicely</title>"
    site.answer = lambda path: Answer(page if path == "/page" else b"", "image/jpeg")
    found = fetch([URL.format("page"), URL.format("empty")], tmp_path, site.place)
    assert outcomes(found) == {URL.format("page"): "not_an_image", URL.format("empty"): "empty_body"}
    assert not is_on_disk(page, tmp_path)


def test_an_image_that_has_no_form_to_keep_is_a_failure_with_that_reason(site: Site, tmp_path: Path) -> None:
    def keep(data: bytes) -> bytes:
        if b"/bad" in data:
            raise Unreadable("damaged_image", "cut off")
        return b"kept"

    found = fetch([URL.format("bad"), URL.format("good")], tmp_path, site.place, form="small", keep=keep)
    assert {url: (entry.outcome, entry.detail) for url, entry in found.items()} == {
        URL.format("bad"): ("damaged_image", "cut off"),
        URL.format("good"): (OK, ""),
    }
    assert not is_on_disk(picture("/bad"), tmp_path)
    assert not is_on_disk(picture("/good"), tmp_path)
