"""Which URL is asked for next: no host more often than it should be, no connection idle while another host has work.

A job belongs to the host that it asks next. A host with work is either ready, or waiting for its time; a job that is
tried again later waits apart from its host, and holds nothing up.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from yarl import URL

from interleave.access.errors import FetchError
from interleave.access.urls import parse_url


@dataclass(slots=True, kw_only=True)
class Job:
    """One URL on its way, redirects and further tries included."""

    url: str
    # As the corpus has it.
    target: URL
    # What is asked next.
    hops: tuple[str, ...] = ()
    # Where redirects came from.
    attempt: int = 1
    num_requests: int = 0
    spent_s: float = 0.0
    # In requests, of this attempt.

    @property
    def host(self) -> str:
        return self.target.raw_host or ""


@dataclass(slots=True, kw_only=True)
class Host:
    """What is known of a host in this run."""

    name: str
    interval_s: float
    # Between the starts of two requests.
    queue: deque[Job] = field(default_factory=deque)
    num_active: int = 0
    next_at: float = 0.0
    num_wanted: int = 0
    # Jobs that were ever added.
    num_dead: int = 0
    # Failures to reach it in a row.
    closed: FetchError | None = None
    # Why nothing more is asked of it in this run; set by `Frontier.close`.
    is_known: bool = True
    # Whether its wishes are: until then one job at a time goes there, and asks for them.
    is_scheduled: bool = False
    aside: deque[tuple[str, int]] = field(default_factory=deque)
    # (URL, requests so far) of jobs beyond MAX_QUEUE: they take less room, and leave that of the queues to other hosts.


# Jobs of a host that are ready to be taken, and jobs of all hosts that wait behind those.
MAX_QUEUE = 1_000
MAX_ASIDE = 1_000_000


class Frontier:
    """The jobs that are left, by host. For one event loop; times are those of its clock."""

    def __init__(
        self, *, connections_per_host: int, interval_s: float, clock: Callable[[], float], has_wishes: bool = False
    ) -> None:
        self._per_host = connections_per_host
        self._has_wishes = has_wishes
        self._interval_s = interval_s
        self._clock = clock
        self._hosts: dict[str, Host] = {}
        self._ready: deque[Host] = deque()
        self._waiting: list[tuple[float, int, Host]] = []
        self._later: list[tuple[float, int, Job]] = []
        self._order = count()
        self._wake = asyncio.Event()
        self._num_open = self._num_aside = 0
        self._is_fed = False

    @property
    def num_pending(self) -> int:
        """Jobs that were added and have not ended, less those that wait behind a host's full queue."""
        return self._num_open - self._num_aside

    def least_left_s(self) -> float:
        """How long the host that takes longest will take for its jobs, if each of its requests were over at once."""
        now = self._clock()
        open_ones = (host for host in self._hosts.values() if host.queue and host.closed is None)
        left = (
            max(host.next_at - now, 0.0) + (len(host.queue) + len(host.aside)) * host.interval_s for host in open_ones
        )
        return max(left, default=0.0)

    def add(self, job: Job) -> None:
        """A new job."""
        host = self.host(job)
        self._num_open += 1
        host.num_wanted += 1
        if len(host.queue) >= MAX_QUEUE and self._num_aside < MAX_ASIDE:
            host.aside.append((job.url, job.num_requests))
            self._num_aside += 1
        else:
            self._enqueue(job)

    def again(self, job: Job, delay_s: float = 0.0) -> None:
        """A job that goes on: to where it was redirected, or by another try."""
        if delay_s > 0:
            heapq.heappush(self._later, (self._clock() + delay_s, next(self._order), job))
            self._wake.set()
        else:
            self._enqueue(job)

    def end(self) -> None:
        """A job has come to its end."""
        self._num_open -= 1
        self._wake.set()

    def feed_ended(self) -> None:
        """No new job will be added."""
        self._is_fed = True
        self._wake.set()

    def host(self, job: Job) -> Host:
        """The host that a job asks next."""
        if job.host not in self._hosts:
            self._hosts[job.host] = Host(name=job.host, interval_s=self._interval_s, is_known=not self._has_wishes)
        return self._hosts[job.host]

    def release(self, host: Host) -> None:
        """A request to a host has ended."""
        host.num_active -= 1
        self._schedule(host)

    def pause(self, host: Host, seconds: float) -> None:
        """Leaves a host alone for some time."""
        host.next_at = max(host.next_at, self._clock() + seconds)

    def learn(self, host: Host, interval_s: float) -> None:
        """A host's wishes are known: how long it wants to be left alone between two requests at least.

        The job that brought them is about to make its request.
        """
        host.interval_s = max(host.interval_s, interval_s)
        if not host.is_known:
            host.is_known = True
            host.next_at = max(host.next_at, self._clock() + host.interval_s)
            self._schedule(host)

    def close(self, host: Host, error: FetchError) -> None:
        """Nothing more is asked of a host: its jobs come at once, to be ended."""
        host.closed = error
        due = [entry for entry in self._later if entry[2].host == host.name]
        if due:
            self._later = [entry for entry in self._later if entry[2].host != host.name]
            heapq.heapify(self._later)
            host.queue.extend(job for _, _, job in sorted(due, key=lambda entry: entry[:2]))
        # It may be among those that wait, too; there it is found without work later.
        host.is_scheduled = True
        self._ready.append(host)
        self._wake.set()

    async def take(self) -> Job | None:
        """The next job, whose host counts it as active until `release`; None when all jobs have ended."""
        while True:
            self._come_due()
            while self._ready:
                host = self._ready.popleft()
                host.is_scheduled = False
                if job := self._next_of(host):
                    return job
            if self._is_fed and not self._num_open:
                self._wake.set()  # for the other takers
                return None
            await self._sleep()

    def _next_of(self, host: Host) -> Job | None:
        if not host.queue or host.num_active >= self._places(host):
            return None
        now = self._clock()
        if host.next_at > now and host.closed is None:
            self._schedule(host)
            return None
        job = host.queue.popleft()
        self._refill(host)
        host.num_active += 1
        host.next_at = max(host.next_at, now + host.interval_s)
        self._schedule(host)
        return job

    def _refill(self, host: Host) -> None:
        while host.aside and len(host.queue) < MAX_QUEUE:
            url, num_requests = host.aside.popleft()
            host.queue.append(Job(url=url, target=parse_url(url), num_requests=num_requests))
            self._num_aside -= 1

    def _enqueue(self, job: Job) -> None:
        host = self.host(job)
        host.queue.append(job)
        self._schedule(host)

    def _schedule(self, host: Host) -> None:
        if host.is_scheduled or not host.queue or host.num_active >= self._places(host):
            return
        host.is_scheduled = True
        if host.next_at > self._clock() and host.closed is None:
            heapq.heappush(self._waiting, (host.next_at, next(self._order), host))
        else:
            self._ready.append(host)
        self._wake.set()

    def _places(self, host: Host) -> int:
        return self._per_host if host.is_known or host.closed is not None else 1

    def _come_due(self) -> None:
        now = self._clock()
        while self._waiting and self._waiting[0][0] <= now:
            self._ready.append(heapq.heappop(self._waiting)[2])
        while self._later and self._later[0][0] <= now:
            self._enqueue(heapq.heappop(self._later)[2])

    async def _sleep(self) -> None:
        """Until something changes, or the first of those that wait is due."""
        self._wake.clear()
        due = min((heap[0][0] for heap in (self._waiting, self._later) if heap), default=None)
        try:
            async with asyncio.timeout(None if due is None else max(due - self._clock(), 0)):
                await self._wake.wait()
        except TimeoutError:
            return
