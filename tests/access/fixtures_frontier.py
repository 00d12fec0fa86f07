"""A frontier whose time is the loop's, and made up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from yarl import URL

from interleave.access.frontier import Frontier, Host, Job

T = TypeVar("T")


class Loop(asyncio.SelectorEventLoop):
    """Its time passes where everybody waits, at once."""

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__()
        selector: Any = self._selector  # type: ignore[attr-defined]
        real = selector.select

        def select(timeout: float | None) -> Any:
            assert timeout is not None, "nobody will ever be woken"
            self._now += timeout + 1e-9
            return real(0)

        selector.select = select

    def time(self) -> float:
        return self._now


def run(what: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(what)


def now() -> float:
    return round(asyncio.get_running_loop().time(), 3)


def frontier_of(per_host: int = 1, interval_s: float = 0.0, *, has_wishes: bool = False) -> Frontier:
    return Frontier(
        connections_per_host=per_host,
        interval_s=interval_s,
        clock=asyncio.get_running_loop().time,
        has_wishes=has_wishes,
    )


def job(url: str) -> Job:
    return Job(url=url, target=URL(f"http://{url}"))


def add(frontier: Frontier, *urls: str) -> list[Job]:
    jobs = [job(url) for url in urls]
    for each in jobs:
        frontier.add(each)
    return jobs


async def drive(
    frontier: Frontier, seconds: float = 0.0, begin: Callable[[Host], Awaitable[None]] | None = None
) -> list[tuple[float, str]]:
    """Takes all jobs, each of which lasts so long behind what it begins with; when each was taken."""
    starts = []

    async def work(job: Job) -> None:
        host = frontier.host(job)
        if begin is not None:
            await begin(host)
        await asyncio.sleep(seconds)
        frontier.release(host)
        frontier.end()

    async with asyncio.TaskGroup() as group:
        while taken := await frontier.take():
            starts.append((now(), taken.url))
            group.create_task(work(taken))
    return starts
