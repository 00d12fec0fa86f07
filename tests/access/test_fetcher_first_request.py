"""The first requests to a host: its rules come before them, its delay holds for them, its files may be slow."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from fixtures_fetch import WISHES, fetch, image, images_asked, outcomes, with_robots
from fixtures_site import Answer, Site, serving

from interleave.access import fetcher as module
from interleave.access.errors import FetchError
from interleave.access.ledger import OK

URL = "http://a.example/{}"
ROBOTS, TDMREP = WISHES


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(image) as found:
        yield found


def timed(site: Site) -> dict[str, float]:
    """When each path was asked for, as the site is asked."""
    times: dict[str, float] = {}
    answer = site.answer

    def noting(path: str) -> Answer:
        times[path] = time.monotonic()
        return answer(path)

    site.answer = noting
    return times


def polite(**politeness: Any) -> dict[str, Any]:
    return {"politeness": {"robots": True, **politeness}}


def test_a_crawl_delay_holds_from_the_first_request_on(site: Site, tmp_path: Path) -> None:
    site.answer = with_robots("User-agent: *\nCrawl-delay: 0.5\n")
    times = timed(site)
    fetch([URL.format(number) for number in range(4)], tmp_path, site.place, **polite(connections_per_host=4))
    images = sorted(at for path, at in times.items() if path != ROBOTS)
    assert len(images) == 4
    assert all(after - before >= 0.3 for before, after in pairwise(images))


def test_a_crawl_delay_that_is_known_from_an_earlier_run_holds_too(site: Site, tmp_path: Path) -> None:
    site.answer = with_robots("User-agent: *\nCrawl-delay: 0.5\n")
    fetch([URL.format(0)], tmp_path, site.place, **polite())
    times = timed(site)
    fetch([URL.format(number) for number in range(1, 4)], tmp_path, site.place, **polite(connections_per_host=4))
    images = sorted(times.values())
    assert len(images) == 3
    assert all(after - before >= 0.3 for before, after in pairwise(images))


def test_no_image_is_asked_for_before_the_rules_are_there(site: Site, tmp_path: Path) -> None:
    site.answer = with_robots("User-agent: *\nDisallow: /private/\n")
    site.delay_s = lambda path: 0.3 if path == ROBOTS else 0.0
    times = timed(site)
    urls = [URL.format(f"{kind}/{number}") for number in range(4) for kind in ("private", "public")]
    found = fetch(urls, tmp_path, site.place, **polite())
    assert [found[url].outcome for url in urls] == ["robots", OK] * 4
    assert min(at for path, at in times.items() if path != ROBOTS) > times[ROBOTS]
    assert site.asked[ROBOTS] == 1


def test_a_host_with_slow_rules_does_not_hold_another_up(site: Site, tmp_path: Path) -> None:
    with serving(image) as other:
        site.delay_s = lambda path: 0.8 if path == ROBOTS else 0.0
        times, quick = timed(site), timed(other)
        urls = [f"http://{host}/{number}" for number in range(6) for host in ("a.example", "b.example")]
        places = {"a.example": site.place, "b.example": other.place}
        found = fetch(urls, tmp_path, places, **polite(), connections=2)
        assert {entry.outcome for entry in found.values()} == {OK}
        assert max(quick.values()) < times[ROBOTS]


def test_a_connection_to_robots_txt_that_failed_is_tried_again(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, num_asked = module.ask_file, 0

    async def failing_once(*arguments: Any) -> bytes:
        nonlocal num_asked
        num_asked += 1
        if num_asked == 1:
            raise FetchError("connect", "refused", transient=True)
        return await real(*arguments)

    monkeypatch.setattr(module, "ask_file", failing_once)
    found = fetch([URL.format(1)], tmp_path, site.place, attempts=2, **polite())
    assert outcomes(found) == {URL.format(1): OK}
    assert site.asked == {ROBOTS: 1, "/1": 1}
    assert found[URL.format(1)].attempts == 1, "a request for rules is none for the image"


def test_a_server_whose_robots_txt_fails_is_asked_for_it_once_a_run(site: Site, tmp_path: Path) -> None:
    site.answer = lambda path: Answer(status=503) if path == ROBOTS else image(path)
    urls = [URL.format(number) for number in range(10)]
    for run in (1, 2):
        found = fetch(urls, tmp_path, site.place, attempts=3, **polite(connections_per_host=2, tdmrep="auto"))
        assert set(outcomes(found).values()) == {"robots_unavailable"}
        assert site.asked == {ROBOTS: run}


def test_two_slow_files_of_wishes_take_nothing_from_the_time_of_an_image(site: Site, tmp_path: Path) -> None:
    site.delay_s = lambda path: 0.6 if path in WISHES else 0.3
    found = fetch([URL.format(1)], tmp_path, site.place, deadline_s=1.2, **polite(tdmrep="always"))
    assert outcomes(found) == {URL.format(1): OK}
    assert site.asked == {ROBOTS: 1, TDMREP: 1, "/1": 1}


def test_two_files_of_wishes_that_never_come_end_within_their_deadlines(site: Site, tmp_path: Path) -> None:
    site.delay_s = lambda path: 4 if path == TDMREP else 0.0
    began = time.monotonic()
    urls = [URL.format(number) for number in range(5)]
    found = fetch(urls, tmp_path / "1", site.place, deadline_s=0.5, **polite(tdmrep="always"))
    assert set(outcomes(found).values()) == {OK}, "no statement is no reservation"
    assert time.monotonic() - began < 2
    site.delay_s = lambda path: 4 if path in WISHES else 0.0
    began = time.monotonic()
    found = fetch(urls, tmp_path / "2", site.place, deadline_s=0.5, attempts=3, **polite(tdmrep="always"))
    assert {(entry.outcome, entry.transient) for entry in found.values()} == {("robots_unavailable", True)}
    assert time.monotonic() - began < 2
    assert images_asked(site) == {f"/{number}": 1 for number in range(5)}, "those of the first run"


def test_redirects_of_robots_txt_share_one_deadline(site: Site, tmp_path: Path) -> None:
    steps = {ROBOTS: "/1.txt", "/1.txt": "/2.txt", "/2.txt": "/3.txt"}
    site.answer = lambda path: Answer(status=302, headers={"Location": steps[path]}) if path in steps else image(path)
    site.delay_s = lambda path: 0.3 if path.endswith(".txt") else 0.0
    began = time.monotonic()
    found = fetch([URL.format(1)], tmp_path, site.place, deadline_s=0.5, attempts=2, **polite())
    assert outcomes(found) == {URL.format(1): "robots_unavailable"}
    assert time.monotonic() - began < 2
    assert "/2.txt" not in site.asked
