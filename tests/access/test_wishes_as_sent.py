"""robots.txt and tdmrep.json as servers send them: with a BOM, long, with versions of agents, in other spellings."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
from fixtures_fetch import fetch, image, images_asked, outcomes, with_robots
from fixtures_site import NOT_FOUND, Answer, serving
from fixtures_wishes import Cache
from yarl import URL

from interleave.access.errors import FetchError
from interleave.access.ledger import OK
from interleave.access.wishes import MAX_ROBOTS_BYTES, Rules, Wishes

ORIGIN = "http://a.example"
IMAGE = URL(f"{ORIGIN}/1.jpg")
AGENT = "interleave"
BOM = b"\xef\xbb\xbf"
ALL = b"User-agent: *\n"
FORBIDS = b"User-agent: *\nDisallow: /private/\n"
ROBOTS = "/robots.txt"
HEEDED = {"politeness": {"robots": True}}


class Origin:
    """Answers each request for a file with the next of its answers, the last of which stays."""

    def __init__(self, **answers: list[bytes | FetchError]) -> None:
        self.answers = answers
        self.asked: Counter[str] = Counter()

    async def __call__(self, url: URL, max_bytes: int) -> bytes:
        name = url.name.partition(".")[0]
        answers = self.answers.get(name, [b""])
        found = answers[min(self.asked[name], len(answers) - 1)]
        self.asked[name] += 1
        await asyncio.sleep(0)
        if isinstance(found, FetchError):
            raise found
        return found[:max_bytes]


def rules(robots: bytes = b"", tdmrep: bytes = b"") -> Rules:
    async def load() -> Rules:
        origin = Origin(robots=[robots], tdmrep=[tdmrep])
        return await Wishes(origin, Cache(), robots=True).rules(IMAGE, tdmrep=True)

    return asyncio.run(load())


def refused(rules: Rules, path: str) -> bool:
    return rules.refusal(URL(ORIGIN + path), AGENT) is not None


def reserving(location: str) -> bytes:
    return orjson.dumps([{"location": location, "tdm-reservation": 1}])


def test_a_bom_before_the_first_line_of_robots_txt_hides_nothing() -> None:
    found = rules(BOM + FORBIDS)
    assert (refused(found, "/private/1"), refused(found, "/1")) == (True, False)


def test_a_bom_before_tdmrep_json_hides_nothing() -> None:
    found = rules(tdmrep=BOM + reserving("/private/"))
    assert (refused(found, "/private/1"), refused(found, "/1")) == (True, False)


def test_a_rule_behind_ten_thousand_lines_holds() -> None:
    lines = b"".join(b"Disallow: /x/%d\n" % number for number in range(12_000))
    found = rules(ALL + lines + b"Disallow: /private/\n")
    assert refused(found, "/private/1")
    assert not refused(found, "/1")


@pytest.mark.parametrize("agent", ["interleave/1.0", "Interleave/0.1.0-beta", "interleave / 1", "interleave"])
def test_an_agent_with_a_version_is_the_agent(agent: str) -> None:
    found = rules(f"User-agent: {agent}\nDisallow: /\n\nUser-agent: *\nAllow: /\n".encode())
    assert refused(found, "/1") == (agent != "interleave / 1")


@pytest.mark.parametrize("agent", ["interleaved/1.0", "otherbot/1.0"])
def test_another_agent_with_a_version_is_another_agent(agent: str) -> None:
    assert not refused(rules(f"User-agent: {agent}\nDisallow: /\n".encode()), "/1")


def test_paths_with_slashes_keep_them_where_agents_lose_their_versions() -> None:
    found = rules(b"User-agent: */1\nDisallow: /a/b/c\n")
    assert refused(found, "/a/b/c/d")
    assert not refused(found, "/a/d")


@pytest.mark.parametrize("location", ["/bücher/", "/b%C3%BCcher/", "/bücher/*"])
@pytest.mark.parametrize("path", ["/bücher/1.jpg", "/b%C3%BCcher/1.jpg"])
def test_locations_of_tdmrep_hold_in_either_spelling(location: str, path: str) -> None:
    found = rules(tdmrep=reserving(location))
    assert refused(found, path)
    assert not refused(found, "/bucher/1.jpg")


@pytest.mark.parametrize("size", [50_000, MAX_ROBOTS_BYTES + 100_000])
def test_a_robots_txt_larger_than_an_image_may_be_is_read(tmp_path: Path, size: int) -> None:
    padding = b"# a line of the lawyers of this site\n" * (size // 36)
    with serving(with_robots(FORBIDS + padding)) as site:
        urls = [f"{ORIGIN}/private/1", f"{ORIGIN}/2"]
        found = fetch(urls, tmp_path, site.place, max_bytes=10_000, **HEEDED)
    assert outcomes(found) == {urls[0]: "robots", urls[1]: OK}


def test_what_stands_behind_500_kib_of_robots_txt_is_left_out(tmp_path: Path) -> None:
    padding = b"# a line of the lawyers of this site\n" * (MAX_ROBOTS_BYTES // 36)
    with serving(with_robots(ALL + padding + b"Disallow: /private/\n")) as site:
        urls = [f"{ORIGIN}/private/1"]
        assert outcomes(fetch(urls, tmp_path, site.place, **HEEDED)) == {urls[0]: OK}


@pytest.mark.parametrize("status", [204, 404])
def test_a_server_that_has_nothing_to_say_forbids_nothing(tmp_path: Path, status: int) -> None:
    urls = [f"{ORIGIN}/{number}" for number in range(3)]
    with serving(lambda path: Answer(status=status) if path == ROBOTS else image(path)) as site:
        assert set(outcomes(fetch(urls, tmp_path, site.place, **HEEDED)).values()) == {OK}
        fetch([f"{ORIGIN}/3"], tmp_path, site.place, **HEEDED)
        assert site.asked[ROBOTS] == 1, "and that is remembered"


@pytest.mark.parametrize("to", ["http://127.0.0.1:8080/robots.txt", "http://10.0.0.1/", "ftp://a.example/robots.txt"])
def test_a_robots_txt_that_redirects_to_where_nobody_may_ask_is_unavailable_for_now(tmp_path: Path, to: str) -> None:
    moved = Answer(status=302, headers={"Location": to})
    with serving(lambda path: moved if path == ROBOTS else image(path)) as site:
        urls = [f"{ORIGIN}/{number}" for number in range(8)]
        found = fetch(urls, tmp_path, site.place, attempts=2, **HEEDED)
        assert {(entry.outcome, entry.transient) for entry in found.values()} == {("robots_unavailable", True)}
        assert images_asked(site) == {}
        site.answer = image
        assert set(outcomes(fetch(urls, tmp_path, site.place, **HEEDED)).values()) == {OK}


async def asked_twice(origin: Origin, *tdmrep: bool) -> list[Rules | str]:
    """What comes of asking for rules one time after the other."""
    wishes = Wishes(origin, Cache(), robots=True)
    found: list[Rules | str] = []
    for is_asked in tdmrep:
        try:
            found.append(await wishes.rules(IMAGE, tdmrep=is_asked))
        except FetchError as error:
            found.append(error.reason)
    return found


@pytest.mark.parametrize("reason", ["connect", "connect_timeout", "dns"])
def test_a_robots_txt_that_could_not_be_reached_is_asked_for_by_the_next_try(reason: str) -> None:
    origin = Origin(robots=[FetchError(reason, transient=True), FORBIDS])
    first, second = asyncio.run(asked_twice(origin, False, False))
    assert first == reason
    assert isinstance(second, Rules)
    assert refused(second, "/private/1")
    assert origin.asked["robots"] == 2


@pytest.mark.parametrize("reason", ["http_5xx", "http_429", "deadline", "cut_off"])
def test_a_robots_txt_that_failed_is_not_asked_for_again_in_this_run(reason: str) -> None:
    origin = Origin(robots=[FetchError(reason, transient=True), b""])
    found: Any = asyncio.run(asked_twice(origin, False, False, True))
    assert found == ["robots_unavailable"] * 3
    assert origin.asked["robots"] == 1


def test_robots_txt_is_asked_for_once_where_tdmrep_is_asked_for_later() -> None:
    origin = Origin(robots=[FORBIDS], tdmrep=[reserving("/reserved/")])
    first, second, third = asyncio.run(asked_twice(origin, False, True, True))
    assert isinstance(first, Rules) and isinstance(second, Rules) and isinstance(third, Rules)
    assert not refused(first, "/reserved/1")
    assert refused(second, "/reserved/1")
    assert refused(third, "/private/1")
    assert origin.asked == {"robots": 1, "tdmrep": 1}


def test_a_site_without_files_of_wishes_is_asked_once_for_each(tmp_path: Path) -> None:
    with serving(lambda path: NOT_FOUND if path.endswith((".txt", ".json")) else image(path)) as site:
        urls = [f"{ORIGIN}/{number}" for number in range(12)]
        fetch(urls, tmp_path, site.place, politeness={"robots": True, "tdmrep": "auto"})
        assert (site.asked[ROBOTS], site.asked["/.well-known/tdmrep.json"]) == (1, 1)
