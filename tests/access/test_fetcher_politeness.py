"""Owners of servers are heeded: robots.txt, TDMRep, headers, pauses, and how often a host is asked."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fixtures_fetch import (
    JPEG,
    fetch,
    image,
    images_asked,
    is_on_disk,
    outcomes,
    picture,
    with_robots,
)
from fixtures_site import NOT_FOUND, Answer, Site, serving

from interleave.access.ledger import OK

URL = "http://a.example/{}"
FORBIDS = "User-agent: *\nDisallow: /private/\n"
RESERVES = b'[{"location": "/reserved/", "tdm-reservation": 1}, {"location": "/", "tdm-reservation": 0}]'
ROBOTS = "/robots.txt"
TDMREP = "/.well-known/tdmrep.json"


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(image) as found:
        yield found


class Timed:
    """A site's answers, with the times of the images, and how many were under way at once."""

    def __init__(self, answer: Callable[[str], Answer] = image, seconds: float = 0.0) -> None:
        self.times: list[float] = []
        self.most = 0
        self._answer = answer
        self._seconds = seconds
        self._num_active = 0
        self._lock = threading.Lock()

    def __call__(self, path: str) -> Answer:
        if path == ROBOTS:
            return self._answer(path)
        with self._lock:
            self.times.append(time.monotonic())
            self._num_active += 1
            self.most = max(self.most, self._num_active)
        time.sleep(self._seconds)
        with self._lock:
            self._num_active -= 1
        return self._answer(path)

    @property
    def gaps(self) -> list[float]:
        return [after - before for before, after in zip(self.times, self.times[1:], strict=False)]


def polite(**politeness: Any) -> dict[str, Any]:
    return {"politeness": {"robots": True, **politeness}}


def paths(*names: str) -> list[str]:
    return [URL.format(name) for name in names]


def test_what_robots_txt_forbids_is_not_asked_for(site: Site, tmp_path: Path) -> None:
    site.answer = with_robots(FORBIDS)
    found = fetch(paths("private/1", "public/1"), tmp_path, site.place, **polite())
    assert outcomes(found) == {URL.format("private/1"): "robots", URL.format("public/1"): OK}
    assert found[URL.format("private/1")].detail == "robots.txt of a.example"
    assert not found[URL.format("private/1")].transient
    assert images_asked(site) == {"/public/1": 1}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_site_without_robots_txt_forbids_nothing(site: Site, tmp_path: Path, status: int) -> None:
    site.answer = lambda path: Answer(status=status) if path == ROBOTS else image(path)
    assert outcomes(fetch(paths("1"), tmp_path, site.place, **polite())) == {URL.format(1): OK}


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_site_whose_robots_txt_fails_forbids_everything_for_now(site: Site, tmp_path: Path, status: int) -> None:
    site.answer = lambda path: Answer(status=status) if path == ROBOTS else image(path)
    found = fetch(paths("1", "2", "3"), tmp_path, site.place, **polite(), attempts=3)
    assert {(entry.outcome, entry.transient) for entry in found.values()} == {("robots_unavailable", True)}
    assert site.asked == {ROBOTS: 1}
    site.answer = image
    assert set(outcomes(fetch(paths("1", "2", "3"), tmp_path, site.place, **polite())).values()) == {OK}


def test_robots_txt_is_not_asked_for_where_it_is_not_heeded(site: Site, tmp_path: Path) -> None:
    site.answer = with_robots("User-agent: *\nDisallow: /\n")
    found = fetch(paths("1"), tmp_path, site.place, politeness={"robots": False})
    assert outcomes(found) == {URL.format(1): OK}
    assert ROBOTS not in site.asked


def test_robots_txt_is_asked_for_once_an_origin_and_not_again_by_the_next_run(site: Site, tmp_path: Path) -> None:
    urls = [f"http://{host}/{number}" for number in range(12) for host in ("a.example", "b.example")]
    fetch(urls, tmp_path, site.place, **polite())
    assert site.asked[ROBOTS] == 2
    more = [f"{url}/more" for url in urls]
    assert set(outcomes(fetch(more, tmp_path, site.place, **polite())).values()) == {OK}
    assert site.asked[ROBOTS] == 2


def test_robots_txt_may_lie_behind_redirects(site: Site, tmp_path: Path) -> None:
    moved = {ROBOTS: Answer(status=301, headers={"Location": "/1.txt"}), "/2.txt": Answer(FORBIDS.encode())}
    moved["/1.txt"] = Answer(status=302, headers={"Location": "/2.txt"})
    site.answer = lambda path: moved.get(path) or image(path)
    found = fetch(paths("private/1", "2"), tmp_path, site.place, **polite())
    assert outcomes(found) == {URL.format("private/1"): "robots", URL.format("2"): OK}


def test_a_redirect_heeds_the_wishes_of_the_host_that_it_leads_to(site: Site, tmp_path: Path) -> None:
    with serving(with_robots(FORBIDS)) as other:
        target = "http://b.example/private/1"
        site.answer = lambda path: NOT_FOUND if path == ROBOTS else Answer(status=302, headers={"Location": target})
        found = fetch(paths("1"), tmp_path, {"a.example": site.place, "b.example": other.place}, **polite())
        assert outcomes(found) == {URL.format(1): "robots"}
        assert other.asked == {ROBOTS: 1}


def test_a_crawl_delay_goes_before_the_rate(site: Site, tmp_path: Path) -> None:
    site.answer = timed = Timed(with_robots("User-agent: *\nCrawl-delay: 0.5\n"))
    fetch(paths("1", "2", "3"), tmp_path, site.place, **polite(connections_per_host=1, requests_per_second=50))
    assert timed.gaps[-1] >= 0.3


def test_a_host_is_asked_so_often_a_second(site: Site, tmp_path: Path) -> None:
    site.answer = timed = Timed()
    fetch(paths(*"123456"), tmp_path, site.place, politeness={"requests_per_second": 10})
    assert timed.times[-1] - timed.times[0] >= 0.3


def test_a_host_is_asked_for_so_many_at_once_and_all_hosts_together_too(site: Site, tmp_path: Path) -> None:
    site.answer = timed = Timed(seconds=0.05)
    fetch(paths(*"12345678"), tmp_path, site.place, politeness={"connections_per_host": 3})
    assert timed.most == 3
    site.answer = timed = Timed(seconds=0.05)
    urls = [f"http://{host}.example/more/{number}" for number in range(4) for host in "abc"]
    fetch(urls, tmp_path, site.place, connections=2)
    assert timed.most == 2


def test_a_server_that_asks_for_a_pause_gets_it_from_all_of_its_images(site: Site, tmp_path: Path) -> None:
    def answer(path: str) -> Answer:
        return Answer(status=429, headers={"Retry-After": "1"}) if path == "/1" else image(path)

    site.answer = timed = Timed(answer)
    found = fetch(paths("1", "2", "3"), tmp_path, site.place, politeness={"connections_per_host": 1})
    assert outcomes(found) == {URL.format(1): "http_429", URL.format(2): OK, URL.format(3): OK}
    assert timed.gaps[0] >= 0.7
    assert timed.gaps[1] < 0.7


def test_a_server_that_asks_for_a_long_pause_is_left_alone_for_this_run(site: Site, tmp_path: Path) -> None:
    site.answer = lambda path: Answer(status=503, headers={"Retry-After": "121"})
    began = time.monotonic()
    found = fetch(paths(*map(str, range(20))), tmp_path, site.place, attempts=3, politeness={"connections_per_host": 1})
    assert time.monotonic() - began < 5
    assert images_asked(site) == {"/0": 1}
    assert {(entry.outcome, entry.transient) for entry in found.values()} == {("http_5xx", True)}
    assert Counter(entry.attempts for entry in found.values()) == {0: 19, 1: 1}


@pytest.mark.parametrize(
    "headers", [{"X-Robots-Tag": "noai"}, {"X-Robots-Tag": "all, noimageai"}, {"TDM-Reservation": "1"}]
)
def test_an_image_whose_headers_opt_out_is_not_kept(site: Site, tmp_path: Path, headers: dict[str, str]) -> None:
    site.answer = lambda path: Answer(picture(path), "image/jpeg", headers=headers)
    found = fetch(paths("1"), tmp_path / "heeding", site.place)
    assert outcomes(found) == {URL.format(1): "opted_out"}
    assert found[URL.format(1)].detail.lower().startswith(next(iter(headers)).lower())
    assert not is_on_disk(JPEG, tmp_path / "heeding")
    found = fetch(paths("1"), tmp_path / "not", site.place, politeness={"headers": False})
    assert outcomes(found) == {URL.format(1): OK}


def reserving(path: str) -> Answer:
    return Answer(RESERVES, "application/json") if path == TDMREP else image(path)


@pytest.mark.parametrize(
    ("tdmrep", "num_images", "asked"),
    [("auto", 2, 0), ("auto", 3, 1), ("always", 1, 1), ("never", 5, 0)],
)
def test_tdmrep_is_asked_for_where_enough_images_are_wanted(
    site: Site, tmp_path: Path, tdmrep: str, num_images: int, asked: int
) -> None:
    site.answer = reserving
    names = ["reserved/1", *(f"free/{number}" for number in range(num_images - 1))]
    found = fetch(paths(*names), tmp_path, site.place, politeness={"tdmrep": tdmrep})
    assert site.asked[TDMREP] == asked
    expected = {URL.format(name): OK for name in names} | {URL.format("reserved/1"): "opted_out" if asked else OK}
    assert outcomes(found) == expected
    if asked:
        assert found[URL.format("reserved/1")].detail == "tdmrep.json of a.example"
        assert "/reserved/1" not in site.asked


def test_images_of_another_host_do_not_count_for_tdmrep(site: Site, tmp_path: Path) -> None:
    site.answer = reserving
    urls = [f"http://{host}.example/reserved/{number}" for host in "ab" for number in range(2)]
    assert set(outcomes(fetch(urls, tmp_path, site.place, politeness={"tdmrep": "auto"})).values()) == {OK}


@pytest.mark.parametrize("status", [404, 500])
def test_a_site_without_tdmrep_reserves_nothing(site: Site, tmp_path: Path, status: int) -> None:
    site.answer = lambda path: Answer(status=status) if path == TDMREP else image(path)
    found = fetch(paths("1", "2", "3"), tmp_path, site.place, **polite(tdmrep="always"))
    assert set(outcomes(found).values()) == {OK}
    assert site.asked[TDMREP] == 1
