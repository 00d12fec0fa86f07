"""What nobody foresaw of one server or URL ends that URL with a reason, and nothing else."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
import pytest
import yarl
from fixtures_fetch import fetch, image, images_asked, outcomes, picture, read_back
from fixtures_site import Answer, Site, serving

from interleave.access import kinds
from interleave.access.client import Client
from interleave.access.errors import FetchError
from interleave.access.ledger import OK

URL = "http://a.example/{}"
AT_ONCE = {"politeness": {"connections_per_host": 1}}


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(image) as found:
        yield found


@pytest.mark.parametrize("header", ["ETag", "Content-Type", "Last-Modified", "X-Robots-Tag"])
def test_a_header_with_a_byte_that_is_no_utf8_does_not_end_the_run(site: Site, tmp_path: Path, header: str) -> None:
    def answer(path: str) -> Answer:
        return Answer(picture(path), "image/jpeg", headers={header: "caf\xe9"} if path == "/odd" else {})

    site.answer = answer
    urls = [URL.format(name) for name in ("1", "odd", "2")]
    found = fetch(urls, tmp_path, site.place)
    assert outcomes(found) == dict.fromkeys(urls, OK)
    assert read_back(tmp_path, URL.format("odd")) == picture("/odd")
    assert "caf?" in orjson.loads(found[URL.format("odd")].headers or "{}")[header.lower()]


def test_a_redirect_to_bytes_that_are_no_utf8_ends_its_url_alone(site: Site, tmp_path: Path) -> None:
    moved = Answer(status=302, headers={"Location": "/caf\xe9"})
    site.answer = lambda path: moved if path == "/odd" else image(path)
    urls = [URL.format(name) for name in ("1", "odd", "2")]
    found = fetch(urls, tmp_path, site.place)
    assert found.keys() == set(urls)
    assert found[URL.format(1)].outcome == found[URL.format(2)].outcome == OK


def test_a_fault_of_ours_with_one_url_is_a_fault_of_that_url_and_may_pass(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = kinds.check_is_image

    def check(body: bytes) -> None:
        if b"/odd" in body:
            raise RuntimeError("nobody thought of it")
        real(body)

    urls = [URL.format(name) for name in ("1", "odd", "2", "3")]
    with monkeypatch.context() as patch:
        patch.setattr(kinds, "check_is_image", check)
        found = fetch(urls, tmp_path, site.place)
    assert outcomes(found) == dict.fromkeys(urls, OK) | {URL.format("odd"): "fault"}
    fault = found[URL.format("odd")]
    assert (fault.detail, fault.transient) == ("RuntimeError: nobody thought of it", True)
    assert outcomes(fetch(urls, tmp_path, site.place)) == {URL.format("odd"): OK}


class Scripted:
    """Stands for `Client.get`: paths say what they come to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []

        async def get(client: Client, url: yarl.URL, **_: Any) -> Any:
            self.asked.append(url.path)
            kind = url.path.strip("/").partition("-")[0]
            if kind == "gone":
                raise FetchError("http_4xx", "status 404", status=404)
            if kind == "busy":
                raise FetchError("http_5xx", "status 500", transient=True, status=500)
            raise FetchError(kind, "no way", transient=True)

        monkeypatch.setattr(Client, "get", get)


def several(kind: str, number: int, first: int = 0) -> list[str]:
    return [URL.format(f"{kind}-{step}") for step in range(first, first + number)]


@pytest.mark.parametrize("between", ["gone", "busy"])
def test_failures_to_reach_a_host_count_only_in_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, between: str
) -> None:
    scripted = Scripted(monkeypatch)
    urls = [*several("connect", 4), *several(between, 1), *several("connect", 4, 4)]
    found = fetch(urls, tmp_path, "127.0.0.1:9", **AT_ONCE)
    assert len(scripted.asked) == 9
    assert {entry.attempts for entry in found.values()} == {1}


@pytest.mark.parametrize(("reason", "limit"), [("dns", 2), ("connect", 5), ("connect_timeout", 3)])
def test_a_host_that_is_not_reached_so_often_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str, limit: int
) -> None:
    scripted = Scripted(monkeypatch)
    found = fetch(several(reason, 20), tmp_path, "127.0.0.1:9", **AT_ONCE)
    assert len(scripted.asked) == limit
    assert {(entry.outcome, entry.transient) for entry in found.values()} == {(reason, True)}


@contextmanager
def deaf() -> Iterator[str]:
    """A place that listens and answers no connection: its queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        place = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        try:
            for client in waiting:
                client.setblocking(False)
                with suppress(BlockingIOError):
                    client.connect(place)
            with socket.socket() as last:
                last.settimeout(0.3)
                try:
                    last.connect(place)
                except TimeoutError:
                    yield f"127.0.0.1:{place[1]}"
                else:
                    pytest.skip("this system answers connections beyond the queue")
        finally:
            for client in waiting:
                client.close()


def test_a_connection_that_is_not_answered_has_a_reason_of_its_own(site: Site, tmp_path: Path) -> None:
    with deaf() as place:
        urls = [URL.format(number) for number in range(8)]
        other = "http://b.example/1"
        began = time.monotonic()
        places = {"a.example": place, "b.example": site.place}
        found = fetch([*urls, other], tmp_path, places, connect_timeout_s=0.3, attempts=3, **AT_ONCE)
        assert {(found[url].outcome, found[url].transient) for url in urls} == {("connect_timeout", True)}
        assert found[urls[0]].detail == "no connection in 0.3 s"
        assert sum(found[url].attempts for url in urls) == 3
        assert found[other].outcome == OK
        assert time.monotonic() - began < 4
    assert images_asked(site) == {"/1": 1}
