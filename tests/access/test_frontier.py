"""Hosts are asked no more often than they should be, and none waits for another. Time is the loop's, and made up."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from fixtures_frontier import add, drive, frontier_of, now, run
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from interleave.access.errors import FetchError
from interleave.access.frontier import Job


@pytest.mark.parametrize("per_host", [1, 2, 3])
def test_a_host_is_asked_for_so_many_at_once(per_host: int) -> None:
    async def times() -> list[float]:
        frontier = frontier_of(per_host)
        add(frontier, *(f"a/{number}" for number in range(6)))
        frontier.feed_ended()
        return [at for at, _ in await drive(frontier, seconds=1)]

    assert run(times()) == [number // per_host for number in range(6)]


def test_the_starts_of_a_hosts_requests_lie_apart() -> None:
    async def times() -> list[float]:
        frontier = frontier_of(per_host=10, interval_s=0.5)
        add(frontier, "a/1", "a/2", "a/3", "a/4")
        frontier.feed_ended()
        return [at for at, _ in await drive(frontier, seconds=9)]

    assert run(times()) == [0, 0.5, 1, 1.5]


def test_hosts_take_turns() -> None:
    async def order() -> list[str]:
        frontier = frontier_of(per_host=10)
        add(frontier, "a/1", "a/2", "a/3", "b/1", "b/2", "c/1")
        frontier.feed_ended()
        return [url for _, url in await drive(frontier)]

    assert run(order()) == ["a/1", "b/1", "c/1", "a/2", "b/2", "a/3"]


def test_a_host_that_waits_does_not_hold_others_up() -> None:
    async def starts() -> list[tuple[float, str]]:
        frontier = frontier_of()
        jobs = add(frontier, "slow/1", "slow/2", "b/1", "b/2", "b/3")
        frontier.pause(frontier.host(jobs[0]), 100)
        frontier.feed_ended()
        return await drive(frontier, seconds=1)

    assert run(starts()) == [(0, "b/1"), (1, "b/2"), (2, "b/3"), (100, "slow/1"), (101, "slow/2")]


def test_a_pause_holds_what_is_not_taken_yet_and_no_shorter_one_ends_it() -> None:
    async def starts() -> list[tuple[float, str]]:
        frontier = frontier_of(interval_s=1)
        add(frontier, "a/1", "a/2", "a/3")
        frontier.feed_ended()
        first = await frontier.take()
        assert first is not None
        frontier.pause(frontier.host(first), 20)
        frontier.pause(frontier.host(first), 3)
        frontier.release(frontier.host(first))
        frontier.end()
        return await drive(frontier)

    assert run(starts()) == [(20, "a/2"), (21, "a/3")]


def test_a_host_that_waits_already_waits_longer_when_it_is_paused() -> None:
    async def starts() -> list[tuple[float, str]]:
        frontier = frontier_of(per_host=2, interval_s=1)
        add(frontier, "a/1", "a/2")
        frontier.feed_ended()
        first = await frontier.take()
        assert first is not None
        asyncio.get_running_loop().call_later(0.5, frontier.pause, frontier.host(first), 10)
        asyncio.get_running_loop().call_later(0.5, frontier.end)
        return await drive(frontier)

    assert run(starts()) == [(10.5, "a/2")]


def test_a_job_that_is_tried_later_holds_nothing_of_its_host_up() -> None:
    async def starts() -> list[tuple[float, str]]:
        frontier = frontier_of()
        add(frontier, "a/1", "a/2", "a/3")
        frontier.feed_ended()
        first = await frontier.take()
        assert first is not None
        frontier.again(first, delay_s=5)
        frontier.release(frontier.host(first))
        return await drive(frontier, seconds=1)

    assert run(starts()) == [(0, "a/2"), (1, "a/3"), (5, "a/1")]


def test_a_redirected_job_belongs_to_the_host_that_it_asks_next() -> None:
    async def starts() -> tuple[list[tuple[float, str]], int]:
        frontier = frontier_of()
        add(frontier, "a/1", "b/1")
        frontier.feed_ended()
        first = await frontier.take()
        assert first is not None
        asked = frontier.host(first)
        first.target = URL("http://b/other")
        frontier.again(first)
        frontier.release(asked)
        return await drive(frontier, seconds=1), frontier.host(first).num_wanted

    assert run(starts()) == ([(0, "b/1"), (1, "a/1")], 1)


def test_what_a_closed_host_has_left_is_handed_out_without_a_wait() -> None:
    async def times() -> list[float]:
        frontier = frontier_of(interval_s=10)
        add(frontier, *(f"a/{number}" for number in range(5)))
        frontier.feed_ended()
        first = await frontier.take()
        assert first is not None
        host = frontier.host(first)
        host.closed = FetchError("connect")
        frontier.release(host)
        frontier.end()
        return [at for at, _ in await drive(frontier)]

    assert run(times()) == [0, 0, 0, 0]


def test_every_taker_ends_once_all_jobs_have_ended_and_not_before() -> None:
    async def ends() -> tuple[list[float], bool]:
        frontier = frontier_of()
        add(frontier, "a/1")
        taken = await frontier.take()
        assert taken is not None

        async def last() -> float:
            assert await frontier.take() is None
            return now()

        takers = [asyncio.create_task(last()) for _ in range(3)]
        await asyncio.sleep(1)
        frontier.feed_ended()
        await asyncio.sleep(1)
        is_early = any(taker.done() for taker in takers)
        frontier.end()
        return await asyncio.gather(*takers), is_early

    assert run(ends()) == ([2, 2, 2], False)


def test_a_taker_waits_for_jobs_that_are_added_later() -> None:
    async def starts() -> tuple[list[tuple[float, str]], int]:
        frontier = frontier_of()
        loop = asyncio.get_running_loop()
        loop.call_later(3, add, frontier, "a/1")
        loop.call_later(4, frontier.feed_ended)
        return await drive(frontier), frontier.num_pending

    assert run(starts()) == ([(3, "a/1")], 0)


JOBS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([0, 0.25, 1, 3])), max_size=25)


@given(jobs=JOBS, per_host=st.integers(1, 3), interval_s=st.sampled_from([0, 0.5, 2]))
def test_each_host_is_asked_as_if_it_were_the_only_one(
    jobs: list[tuple[str, float]], per_host: int, interval_s: float
) -> None:
    def times(jobs: list[tuple[str, float]]) -> dict[str, list[float]]:
        return run(timed(jobs, per_host, interval_s))

    together = times(jobs)
    assert sum(map(len, together.values())) == len(jobs), "each is taken once"
    for host in {host for host, _ in jobs}:
        assert together[host] == times([job for job in jobs if job[0] == host])[host]
        gaps = [after - before for before, after in zip(together[host], together[host][1:], strict=False)]
        assert all(gap >= interval_s - 0.01 for gap in gaps)


async def timed(jobs: list[tuple[str, float]], per_host: int, interval_s: float) -> dict[str, list[float]]:
    """When the requests of each host began; checks at each start how many are under way."""
    frontier = frontier_of(per_host, interval_s)
    active: Counter[str] = Counter()
    starts: dict[str, list[float]] = {}

    async def work(job: Job, seconds: float) -> None:
        await asyncio.sleep(seconds)
        active[job.host] -= 1
        frontier.release(frontier.host(job))
        frontier.end()

    for number, (host, _) in enumerate(jobs):
        add(frontier, f"{host}/{number}")
    frontier.feed_ended()
    async with asyncio.TaskGroup() as group:
        while taken := await frontier.take():
            active[taken.host] += 1
            assert active[taken.host] <= per_host
            starts.setdefault(taken.host, []).append(round(now(), 2))
            group.create_task(work(taken, jobs[int(taken.url[2:])][1]))
    return starts
