"""robots.txt and TDMRep are read as their authors meant them, asked for once a day, and harmless whatever they hold."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
from fixtures_wishes import Cache
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from interleave.access.errors import FetchError
from interleave.access.store_writer import open_for_writing
from interleave.access.wishes import MAX_AGE_S, MAX_ROBOTS_BYTES, Rules, Wishes

ORIGIN = "http://a.example"
IMAGE = URL(f"{ORIGIN}/1.jpg")
AGENT = "interleave"


class Origin:
    """Has files by name, or raises; counts what it is asked for."""

    def __init__(self, **files: bytes | FetchError) -> None:
        self.files = files
        self.asked: Counter[str] = Counter()

    async def __call__(self, url: URL, max_bytes: int) -> bytes:
        self.asked[str(url)] += 1
        await asyncio.sleep(0)
        found = self.files.get(url.name.partition(".")[0], b"")
        if isinstance(found, FetchError):
            raise found
        return found[:max_bytes]


def rules(robots: bytes | str = b"", tdmrep: bytes | Any = b"") -> Rules:
    robots = robots.encode() if isinstance(robots, str) else robots
    tdmrep = tdmrep if isinstance(tdmrep, bytes) else orjson.dumps(tdmrep)
    origin = Origin(robots=robots, tdmrep=tdmrep)

    async def load() -> Rules:
        return await Wishes(origin, Cache(), robots=True).rules(IMAGE, tdmrep=True)

    return asyncio.run(load())


def refused(rules: Rules, path: str) -> bool:
    return rules.refusal(URL(ORIGIN + path), AGENT) is not None


def ask(cache: Any, origin: Origin, url: URL = IMAGE, *, robots: bool = True, tdmrep: bool = False) -> Rules:
    async def load() -> Rules:
        return await Wishes(origin, cache, robots=robots).rules(url, tdmrep=tdmrep)

    return asyncio.run(load())


def test_an_origin_is_asked_once_however_many_wait() -> None:
    origin = Origin()

    async def load() -> None:
        wishes = Wishes(origin, Cache(), robots=True)
        urls = [URL(f"{host}/{number}") for number in range(50) for host in (ORIGIN, f"{ORIGIN}:8080")]
        await asyncio.gather(*(wishes.rules(url, tdmrep=True) for url in urls))

    asyncio.run(load())
    files = ("robots.txt", ".well-known/tdmrep.json")
    assert origin.asked == {f"{host}/{file}": 1 for host in (ORIGIN, f"{ORIGIN}:8080") for file in files}


@pytest.mark.parametrize(("age_s", "num_asked"), [(0, 0), (MAX_AGE_S - 60, 0), (MAX_AGE_S + 60, 1)])
def test_what_an_origin_said_holds_for_a_day(tmp_path: Path, age_s: float, num_asked: int) -> None:
    origin = Origin(robots=b"User-agent: *\nAllow: /")
    with open_for_writing(tmp_path) as (_, writer):
        writer.put_wish("robots", ORIGIN, b"User-agent: *\nDisallow: /", time.time() - age_s)
    for _ in range(2):  # the second finds what the first wrote
        with open_for_writing(tmp_path) as (_, writer):
            found = ask(writer, origin)
        assert refused(found, "/1.jpg") == (not num_asked)
    assert origin.asked.total() == num_asked


def test_that_there_is_no_robots_txt_is_remembered_and_a_failure_is_not() -> None:
    cache = Cache()
    down, up = Origin(robots=FetchError("http_5xx", transient=True)), Origin()
    with pytest.raises(FetchError):
        ask(cache, down)
    ask(cache, up)
    ask(cache, up)
    assert (down.asked.total(), up.asked.total()) == (1, 1)


@pytest.mark.parametrize("reason", ["http_5xx", "http_429", "deadline", "cut_off", "too_many_bytes"])
def test_an_origin_whose_robots_txt_fails_forbids(reason: str) -> None:
    with pytest.raises(FetchError) as caught:
        ask(Cache(), Origin(robots=FetchError(reason)))
    assert (caught.value.reason, caught.value.transient) == ("robots_unavailable", True)
    assert caught.value.detail == f"robots.txt: {reason}"


@pytest.mark.parametrize(("reason", "passes"), [("dns", True), ("connect", True), ("bad_certificate", False)])
def test_a_host_that_cannot_be_reached_says_so_itself(reason: str, passes: bool) -> None:
    with pytest.raises(FetchError) as caught:
        ask(Cache(), Origin(robots=FetchError(reason, "why", transient=passes)))
    assert (caught.value.reason, caught.value.detail, caught.value.transient) == (reason, "why", passes)


def test_a_tdmrep_that_fails_reserves_nothing() -> None:
    assert not refused(ask(Cache(), Origin(tdmrep=FetchError("http_5xx")), tdmrep=True), "/1.jpg")


def test_only_what_is_heeded_is_asked_for() -> None:
    origin = Origin(robots=b"User-agent: *\nDisallow: /")
    assert not refused(ask(Cache(), origin, robots=False, tdmrep=True), "/1.jpg")
    assert origin.asked == {f"{ORIGIN}/.well-known/tdmrep.json": 1}


ALL = "User-agent: *\n"


@pytest.mark.parametrize(
    ("robots", "path", "is_refused"),
    [
        ("", "/a", False),
        (f"{ALL}Disallow:\n", "/a", False),
        (f"{ALL}Disallow: /\n", "/a", True),
        (f"{ALL}Disallow: /a\n", "/ab", True),
        (f"{ALL}Disallow: /a/\n", "/a", False),
        (f"{ALL}Disallow: /a # really\n", "/a", True),
        (f"{ALL}Disallow: /a\nAllow: /a/b\n", "/a/b/c", False),
        (f"{ALL}Allow: /a/b\nDisallow: /a\n", "/a/c", True),
        (f"{ALL}Allow: /\nDisallow: /a\n", "/a", True),
        (f"{ALL}Disallow: /*.jpg$\n", "/a/b.jpg", True),
        (f"{ALL}Disallow: /*.jpg$\n", "/a/b.jpg?c", False),
        (f"{ALL}Disallow: /*?\n", "/a?b", True),
        (f"{ALL}Disallow: /a%20b\n", "/a b", True),
        (f"{ALL}Disallow: /bücher/\n", "/bücher/1", True),
        (f"{ALL}Disallow: /A\n", "/a", False),
        ("User-agent: interleave\nDisallow: /\n", "/a", True),
        ("USER-AGENT: Interleave\nDISALLOW: /\n", "/a", True),
        ("User-agent: otherbot\nDisallow: /\n", "/a", False),
        ("User-agent: otherbot\nUser-agent: interleave\nDisallow: /\n", "/a", True),
        (f"{ALL}Disallow: /\n\nUser-agent: interleave\nDisallow: /b\n", "/a", False),
        ("User-agent: interleave\nDisallow: /b\n\nUser-agent: interleave\nDisallow: /a\n", "/a", True),
        (f"{ALL}Disallow: /\n".replace("\n", "\r\n"), "/a", True),
        (f"{ALL}Disallow: /\n".replace("\n", "\r"), "/a", True),
    ],
)
def test_robots_txt_is_read_as_rfc_9309_says(robots: str, path: str, is_refused: bool) -> None:
    assert refused(rules(robots), path) == is_refused


@pytest.mark.parametrize(
    ("line", "seconds"),
    [("Crawl-delay: 5", 5), ("crawl-delay: 0.5", 0.5), ("Crawl-delay: 86400", 60), ("Crawl-delay: soon", 0), ("", 0)],
)
def test_a_crawl_delay_is_obeyed_up_to_a_minute(line: str, seconds: float) -> None:
    assert rules(f"{ALL}{line}\nDisallow: /b\n").crawl_delay_s(AGENT) == seconds


@pytest.mark.parametrize(
    "noise",
    [
        b"\xff\xfe\x00" * 1000,
        b"<!DOCTYPE html><title>Sign in</title>\n",
        b"x" * MAX_ROBOTS_BYTES,
        b"Disallow: /" + b"*a" * 100_000,
        b"Disallow: /x\n" * 40_000,
        b"User-agent: x\n" * 30_000,
        b":\n" * 200_000,
    ],
)
def test_a_robots_txt_of_noise_takes_little_time_and_what_stands_before_it_holds(noise: bytes) -> None:
    began = time.monotonic()
    found = rules(f"{ALL}Disallow: /private\n\n".encode() + noise)
    assert refused(found, "/private/1")
    assert not refused(found, "/1")
    assert not refused(rules(noise), "/1")
    assert time.monotonic() - began < 4


@pytest.mark.parametrize(
    ("location", "path", "is_covered"),
    [
        ("/", "/a/b?c", True),
        ("/a", "/a", True),
        ("/a", "/ab", True),
        ("/a", "/b/a", False),
        ("/a$", "/a", True),
        ("/a$", "/ab", False),
        ("/*.jpg", "/a/b.jpg?c", True),
        ("/*.jpg$", "/a/b.jpg", True),
        ("/*.jpg$", "/a/b.jpg?c", False),
        ("/*.jpg$", "/a.jpg/b.jpg", True),
        ("/a*a$", "/a", False),
        ("*/b/*/d", "/a/b/c/d/e", True),
        ("/b%20c", "/b c", True),
        ("", "/a", True),
        ("$", "/a", False),
    ],
)
def test_locations_of_tdmrep_may_have_stars_and_an_end(location: str, path: str, is_covered: bool) -> None:
    assert refused(rules(tdmrep=[{"location": location, "tdm-reservation": 1}]), path) == is_covered


@given(pattern=st.text("/ab*", max_size=8), ends=st.booleans(), path=st.text("/ab", max_size=8))
def test_locations_match_as_a_regular_expression_would(pattern: str, ends: bool, path: str) -> None:
    expression = ".*".join(map(re.escape, pattern.split("*"))) + ("" if ends else ".*")
    found = rules(tdmrep=[{"location": pattern + "$" * ends, "tdm-reservation": 1}])
    assert refused(found, f"/{path}") == bool(re.fullmatch(expression, f"/{path}"))


def test_the_first_location_that_covers_a_path_decides() -> None:
    found = rules(
        tdmrep=[
            {"location": "/free", "tdm-reservation": 0},
            {"location": "/", "tdm-reservation": "1"},
            {"location": "/"},
        ]
    )
    assert (refused(found, "/free/1"), refused(found, "/1")) == (False, True)


@pytest.mark.parametrize("reservation", [0, "0", None, "yes", [1], {"a": 1}, 2])
def test_only_a_reservation_of_one_reserves(reservation: Any) -> None:
    assert not refused(rules(tdmrep=[{"location": "/", "tdm-reservation": reservation}]), "/1")


@pytest.mark.parametrize(
    "tdmrep",
    [
        b"<html>",
        b"{}",
        b"7",
        b"null",
        b'"/"',
        b"[[]]",
        b'[null, 1, {"location": 5}, {"location": null}, {"tdm-reservation": 1}]',
        b"\xff\xfe",
        b"[" * 100_000,
        b'[{"location": "/"',
        orjson.dumps([{"location": "/x" + "*a" * 20_000 + "$", "tdm-reservation": 1}] * 5),
    ],
)
def test_a_tdmrep_that_is_none_reserves_nothing(tdmrep: bytes) -> None:
    began = time.monotonic()
    assert not refused(rules(tdmrep=tdmrep), "/" + "a" * 5000)
    assert time.monotonic() - began < 2
