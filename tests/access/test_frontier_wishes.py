"""Until the wishes of a host are known one job goes there; a host that is closed gives its jobs back at once."""

from __future__ import annotations

import asyncio

import pytest
from fixtures_frontier import add, drive, frontier_of, run

from interleave.access.errors import FetchError
from interleave.access.frontier import Frontier, Host

DEAD = FetchError("connect", transient=True)


async def drive_learning(
    frontier: Frontier, *, interval_s: float = 0.0, wishes_s: float = 2.0, seconds: float = 1.0
) -> list[tuple[float, str]]:
    """Each job learns its host's wishes first, which takes so long for the first one; when each was taken."""

    async def learn(host: Host) -> None:
        if not host.is_known:
            await asyncio.sleep(wishes_s)
        frontier.learn(host, interval_s)

    return await drive(frontier, seconds, learn)


def test_one_job_at_a_time_goes_to_a_host_whose_wishes_are_unknown() -> None:
    async def starts() -> list[tuple[float, str]]:
        frontier = frontier_of(per_host=3, has_wishes=True)
        add(frontier, "a/1", "a/2", "a/3", "a/4", "b/1")
        frontier.feed_ended()
        return await drive_learning(frontier)

    assert run(starts()) == [(0, "a/1"), (0, "b/1"), (2, "a/2"), (2, "a/3"), (3, "a/4")]


def test_a_delay_that_is_learned_holds_from_the_first_request_on() -> None:
    async def starts() -> list[tuple[float, str]]:
        frontier = frontier_of(per_host=3, interval_s=0.5, has_wishes=True)
        add(frontier, "a/1", "a/2", "a/3")
        frontier.feed_ended()
        return await drive_learning(frontier, interval_s=5)

    # The first is taken at 0 and makes its request at 2, when the wishes are known.
    assert run(starts()) == [(0, "a/1"), (7, "a/2"), (12, "a/3")]


def test_the_rate_holds_where_the_delay_that_is_learned_is_shorter() -> None:
    async def starts() -> list[tuple[float, str]]:
        frontier = frontier_of(per_host=3, interval_s=4, has_wishes=True)
        add(frontier, "a/1", "a/2", "a/3")
        frontier.feed_ended()
        return await drive_learning(frontier, interval_s=1)

    assert run(starts()) == [(0, "a/1"), (6, "a/2"), (10, "a/3")]


def test_where_a_job_ends_without_wishes_the_next_one_asks() -> None:
    async def times() -> list[float]:
        frontier = frontier_of(per_host=4, has_wishes=True)
        add(frontier, "a/1", "a/2", "a/3")
        frontier.feed_ended()
        return [at for at, _ in await drive(frontier, seconds=1)]

    assert run(times()) == [0, 1, 2]


def test_without_wishes_every_place_is_taken_at_once() -> None:
    async def times() -> list[float]:
        frontier = frontier_of(per_host=4)
        add(frontier, "a/1", "a/2", "a/3")
        frontier.feed_ended()
        return [at for at, _ in await drive(frontier, seconds=1)]

    assert run(times()) == [0, 0, 0]


def test_a_closed_host_gives_back_what_waits_and_what_was_to_be_tried_later() -> None:
    async def starts() -> list[tuple[float, str]]:
        frontier = frontier_of(interval_s=100)
        add(frontier, "a/1", "a/2", "a/3", "b/1")
        frontier.feed_ended()
        first, other = await frontier.take(), await frontier.take()
        assert first is not None and other is not None
        frontier.again(other, delay_s=3)
        frontier.release(frontier.host(other))
        frontier.again(first, delay_s=50)
        frontier.release(frontier.host(first))
        asyncio.get_running_loop().call_later(1, frontier.close, frontier.host(first), DEAD)
        return await drive(frontier)

    found = run(starts())
    assert sorted(found) == [(1, "a/1"), (1, "a/2"), (1, "a/3"), (100, "b/1")], "the other host keeps its times"


def test_a_closed_host_whose_wishes_are_unknown_gives_back_its_jobs_too() -> None:
    async def times() -> list[float]:
        frontier = frontier_of(per_host=4, interval_s=7, has_wishes=True)
        add(frontier, *(f"a/{number}" for number in range(9)))
        frontier.feed_ended()
        first = await frontier.take()
        assert first is not None
        frontier.close(frontier.host(first), DEAD)
        frontier.release(frontier.host(first))
        frontier.end()
        return [at for at, _ in await drive(frontier, seconds=1)]

    assert run(times()) == [0] * 4 + [1] * 4


def test_what_comes_to_a_closed_host_later_does_not_wait() -> None:
    async def starts() -> list[tuple[float, str]]:
        frontier = frontier_of(interval_s=7)
        (first,) = add(frontier, "a/1")
        frontier.close(frontier.host(first), DEAD)
        loop = asyncio.get_running_loop()
        loop.call_later(1, add, frontier, "a/2", "a/3")
        loop.call_later(2, frontier.feed_ended)
        return await drive(frontier)

    assert run(starts()) == [(0, "a/1"), (1, "a/2"), (1, "a/3")]


def test_the_time_left_is_that_of_the_host_with_most_to_wait_for() -> None:
    async def times() -> list[float]:
        frontier = frontier_of(interval_s=2)
        assert frontier.least_left_s() == 0
        jobs = add(frontier, "a/1", "b/1", "b/2", "b/3")
        found = [frontier.least_left_s()]
        frontier.pause(frontier.host(jobs[0]), 100)
        found.append(frontier.least_left_s())
        frontier.close(frontier.host(jobs[0]), DEAD)
        found.append(frontier.least_left_s())
        frontier.learn(frontier.host(jobs[1]), 10)
        return [*found, frontier.least_left_s()]

    assert run(times()) == pytest.approx([6, 102, 6, 30], abs=0.01)
