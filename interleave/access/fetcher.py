"""Fetches many URLs at once: guarded, polite, each outcome in the ledger.

URLs ─> frontier ─> [wishes of the host ─> request ─> redirect: back to the frontier]
                                                   ─> opt-out, format, blocklist ─> store
                                                   ─> failure: again later, or into the ledger
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TypeVar

import orjson

from interleave import __version__
from interleave.access.client import Client, Response
from interleave.access.errors import FetchError
from interleave.access.fetching import NUM_DECODING, Keep, Web
from interleave.access.frontier import Frontier, Host, Job
from interleave.access.kinds import Kind
from interleave.access.ledger import OK, Entry
from interleave.access.opt_out import opt_out_in_headers
from interleave.access.store import ORIGINAL
from interleave.access.store_writer import StoreWriter
from interleave.access.urls import parse_url
from interleave.access.wishes import MANY_IMAGES, Wishes, ask_file
from interleave.errors import InterleaveError, Unreadable

AGENT = "interleave"
_MAX_PENDING = 20_000
# A server that asks to be left alone for longer is not waited for.
_MAX_PAUSE_S = 120.0
_DEAD_AFTER = {"dns": 2, "connect": 5, "connect_timeout": 3}
_MAX_STORED_HEADER_CHARS = 500
# Refusals that are the recipe's: another one may get the image.
_BY_TERMS = frozenset(
    ["blocklisted", "opted_out", "out_of_bounds", "private_address", "robots", "too_many_bytes", "too_many_redirects"]
)

Made = TypeVar("Made")
Ended = Callable[[Entry, int], None]
# (what it came to, bytes of the image)


class Fetcher:
    """One run of fetching. Used once."""

    def __init__(
        self,
        web: Web,
        writer: StoreWriter,
        *,
        kind: Kind,
        ended: Ended,
        form: str = ORIGINAL,
        keep: Keep = bytes,
        may_go_on: Callable[[], bool] = lambda: True,
    ) -> None:
        settings = web.settings
        self._settings = settings
        self._writer = writer
        self._blocklist = web.blocklist
        self._phash = web.phash
        self._kind = kind
        self._ended = ended
        self._form = form
        self._kept = keep
        self._may_go_on = may_go_on
        self._terms = web.terms(kind, form)
        self._keepers = ThreadPoolExecutor(NUM_DECODING)
        self._client = Client(settings, max_bytes=web.max_bytes, user_agent=user_agent(settings.contact))
        self._wishes = Wishes(
            partial(ask_file, self._client, settings.deadline_s), writer, robots=settings.politeness.robots
        )
        rate = settings.politeness.requests_per_second
        self._frontier = Frontier(
            connections_per_host=settings.politeness.connections_per_host,
            interval_s=1 / rate if rate else 0.0,
            clock=time.monotonic,
            has_wishes=settings.politeness.robots or settings.politeness.tdmrep == "always",
        )

    def least_left_s(self) -> float:
        """How long the host with most to be asked will take at the rate that it is asked at."""
        return self._frontier.least_left_s()

    async def run(self, wanted: Iterable[tuple[str, int]]) -> None:
        """Fetches (URL, number of requests in earlier runs), each URL once.

        Raises:
            TaskError: the store cannot be written.
        """
        with self._keepers:
            async with self._client, asyncio.TaskGroup() as group:
                group.create_task(self._feed(wanted))
                slots = asyncio.Semaphore(self._settings.connections)
                while job := await self._frontier.take():
                    await slots.acquire()
                    group.create_task(self._step(job, slots))

    async def _feed(self, wanted: Iterable[tuple[str, int]]) -> None:
        for number, (url, num_requests) in enumerate(wanted):
            try:
                target = parse_url(url)
                if entry := self._blocklist.of_url(url) or self._blocklist.of_url(str(target)):
                    raise FetchError("blocklisted", entry)
                self._frontier.add(Job(url=url, target=target, num_requests=num_requests))
            except FetchError as error:
                self._record(self._entry(url, error, attempts=num_requests))
            while self._frontier.num_pending >= _MAX_PENDING:
                await asyncio.sleep(0.05)
            if number % 100 == 0:
                await asyncio.sleep(0)
        self._frontier.feed_ended()

    async def _step(self, job: Job, slots: asyncio.Semaphore) -> None:
        """One request of a job, and what follows from it."""
        host = self._frontier.host(job)
        if not self._may_go_on():
            self._frontier.end()
            self._frontier.release(host)
            slots.release()
            return
        try:
            response = await self._request(job, host)
            host.num_dead = 0
            if response.redirect is not None:
                self._follow(job, response)
            else:
                await self._keep(job, response)
                self._frontier.end()
        except FetchError as error:
            self._failed(job, host, error)
        except (InterleaveError, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours with one URL must not take the others with it
            self._failed(job, host, FetchError("fault", f"{type(error).__name__}: {error}"[:200], transient=True))
        finally:
            self._frontier.release(host)
            slots.release()

    async def _request(self, job: Job, host: Host) -> Response:
        if host.closed is not None:
            raise host.closed.again()
        await self._heed(job, host)
        began = time.monotonic()
        job.num_requests += 1
        try:
            return await self._client.get(
                job.target, accept=self._kind.accept, deadline_s=max(self._settings.deadline_s - job.spent_s, 0.001)
            )
        finally:
            job.spent_s += time.monotonic() - began

    async def _heed(self, job: Job, host: Host) -> None:
        politeness = self._settings.politeness
        tdmrep = politeness.tdmrep == "always" or (politeness.tdmrep == "auto" and host.num_wanted >= MANY_IMAGES)
        if not politeness.robots and not tdmrep:
            return
        rules = await self._wishes.rules(job.target, tdmrep=tdmrep)
        self._frontier.learn(host, rules.crawl_delay_s(AGENT) if politeness.robots else 0.0)
        if refusal := rules.refusal(job.target, AGENT):
            raise FetchError("opted_out" if refusal == "tdmrep.json" else "robots", f"{refusal} of {host.name}")

    def _follow(self, job: Job, response: Response) -> None:
        target = response.redirect
        assert target is not None
        self._check_wishes(response)
        if len(job.hops) >= self._settings.max_redirects:
            raise FetchError("too_many_redirects", f"more than {self._settings.max_redirects}")
        here = str(job.target)
        if str(target) == here or str(target) in job.hops:
            raise FetchError("redirect_loop", f"back to {target}"[:300])
        if entry := self._blocklist.of_url(str(target)):
            raise FetchError("blocklisted", entry)
        if not self._kind.may_visit(str(target)):
            raise FetchError("out_of_bounds", f"a redirect to {target}"[:300])
        job.hops = (*job.hops, here)
        job.target = target
        self._frontier.again(job)

    async def _keep(self, job: Job, response: Response) -> None:
        self._check_wishes(response)
        self._kind.check(response.body, response.headers.get("content-type", ""))
        sha256 = hashlib.sha256(response.body).hexdigest()
        if self._blocklist.phashes:
            seen = await self._beside(self._phash, response.body)
            blocked = self._blocklist.of_bytes(response.body, sha256, lambda: seen)
        else:
            blocked = self._blocklist.of_bytes(response.body, sha256, lambda: None)
        if blocked:
            raise FetchError("blocklisted", blocked)
        final_url = str(response.url)
        entry = Entry(
            url=job.url,
            outcome=OK,
            status=response.status,
            sha256=sha256,
            final_url=None if final_url == job.url else final_url,
            headers=_stored_headers(response.headers),
            attempts=job.num_requests,
            kind=self._kind.name,
        )
        kept = response.body
        if self._form != ORIGINAL:
            try:
                kept = await self._beside(self._kept, kept)
            except Unreadable as error:
                # What another recipe keeps of it may be had.
                raise FetchError(error.reason, error.detail, of_recipe=True) from None
        self._record(entry, kept)

    def _failed(self, job: Job, host: Host, error: FetchError) -> None:
        """Another try, later; or the end."""
        self._close_if_dead(host, error)
        wait_s = error.retry_after_s
        if wait_s is not None and host.closed is None:
            if wait_s > _MAX_PAUSE_S:
                closing = FetchError(error.reason, f"{host.name} asks to be left alone", transient=True)
                self._frontier.close(host, closing)
            else:
                self._frontier.pause(host, wait_s)
        if error.transient and host.closed is None and job.attempt < self._settings.attempts and _passes(error):
            delay_s = max(wait_s or 0.0, 2.0 ** (job.attempt - 1))
            job.attempt += 1
            job.spent_s, job.target, job.hops = 0.0, parse_url(job.url), ()
            self._frontier.again(job, delay_s)
            return
        final_url = str(job.target) if job.hops else None
        self._record(self._entry(job.url, error, attempts=job.num_requests, final_url=final_url))
        self._frontier.end()

    def _entry(self, url: str, error: FetchError, *, attempts: int, final_url: str | None = None) -> Entry:
        return Entry(
            url=url,
            outcome=error.reason,
            detail=error.detail,
            transient=error.transient,
            status=error.status,
            final_url=final_url,
            attempts=attempts,
            kind=self._kind.name,
            terms=self._terms if error.of_recipe or error.reason in _BY_TERMS else "",
        )

    def _check_wishes(self, response: Response) -> None:
        if self._settings.politeness.headers and (wish := opt_out_in_headers(response.headers)):
            raise FetchError("opted_out", wish)

    async def _beside(self, function: Callable[[bytes], Made], data: bytes) -> Made:
        return await asyncio.get_running_loop().run_in_executor(self._keepers, function, data)

    def _close_if_dead(self, host: Host, error: FetchError) -> None:
        """A host that cannot be reached several times in a row is not tried for the rest of its images."""
        if error.status is not None:
            host.num_dead = 0
        limit = _DEAD_AFTER.get(error.reason)
        if limit is None or host.closed is not None:
            return
        host.num_dead += 1
        if host.num_dead >= limit:
            self._frontier.close(host, FetchError(error.reason, error.detail, transient=True))

    def _record(self, entry: Entry, data: bytes | None = None) -> None:
        entry = replace(entry, fetched_at=time.time())
        self._writer.put(entry, data, self._form)
        self._ended(entry, len(data or b""))


def _passes(error: FetchError) -> bool:
    """Whether trying again in this run makes sense: a deadline is what an image may take, all in all."""
    return error.reason not in ("robots_unavailable", "deadline", "connect_timeout")


def _stored_headers(headers: Mapping[str, str]) -> str:
    return orjson.dumps({name: value[:_MAX_STORED_HEADER_CHARS] for name, value in headers.items()}).decode()


def user_agent(contact: str) -> str:
    """Who asks, and where to complain."""
    return f"{AGENT}/{__version__} (+{contact})"
