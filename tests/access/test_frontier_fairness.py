"""A host with very many URLs takes no room from others."""

import pytest
from fixtures_frontier import drive, frontier_of, run

from interleave.access import frontier as module
from interleave.access.errors import FetchError
from interleave.access.frontier import Job
from interleave.access.urls import parse_url


def job(url: str) -> Job:
    return Job(url=url, target=parse_url(url), num_requests=3)


def test_jobs_beyond_a_full_queue_wait_aside_and_come_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_QUEUE", 10)
    urls = [f"http://a.example/{number}" for number in range(100)]

    async def main() -> tuple[int, list[str]]:
        frontier = frontier_of(interval_s=1.0)
        for url in [*urls, "http://b.example/"]:
            frontier.add(job(url))
        pending = frontier.num_pending
        frontier.feed_ended()
        return pending, [url for _, url in await drive(frontier)]

    pending, asked = run(main())
    assert pending == 11
    assert asked.index("http://b.example/") <= 1
    assert [url for url in asked if "a.example" in url] == urls


def test_there_is_a_bound_to_what_waits_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_QUEUE", 10)
    monkeypatch.setattr(module, "MAX_ASIDE", 20)

    async def main() -> tuple[int, int]:
        frontier = frontier_of()
        for number in range(100):
            frontier.add(job(f"http://a.example/{number}"))
        pending = frontier.num_pending
        frontier.feed_ended()
        return pending, len(await drive(frontier))

    assert run(main()) == (80, 100)


def test_what_waits_aside_ends_with_its_host_and_keeps_its_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_QUEUE", 5)

    async def main() -> tuple[float, list[float]]:
        frontier = frontier_of(interval_s=10.0)
        for number in range(50):
            frontier.add(job(f"http://a.example/{number}"))
        left_s = frontier.least_left_s()
        frontier.feed_ended()
        first = await frontier.take()
        assert first is not None
        frontier.close(frontier.host(first), FetchError("dns", transient=True))
        frontier.release(frontier.host(first))
        frontier.end()
        return left_s, [at for at, _ in await drive(frontier)]

    left_s, starts = run(main())
    assert left_s == 500.0
    assert len(starts) == 49
    assert max(starts) < 1.0
