"""What the owner of an origin wishes: robots.txt (RFC 9309) and TDMRep, asked for once a day."""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
from protego import Protego
from yarl import URL

from interleave.access.client import Client
from interleave.access.errors import FetchError
from interleave.access.spelling import percent_encoded
from interleave.access.urls import origin_of

MAX_AGE_S = 24 * 3600
MAX_ROBOTS_BYTES = 500 * 1024  # RFC 9309, 2.5
_MAX_ROBOTS_REDIRECTS = 5  # 2.3.1.2
_MAX_LOCATIONS = 1_000
_MAX_KNOWN = 2_000  # files; one of a kilobyte takes 40 kB when parsed
_MAX_LINE_CHARS = 2_000
_UNREACHABLE = ("bad_certificate", "bad_url", "connect", "connect_timeout", "dns", "private_address")
# "interleave/1.0" means what "interleave" does: crawlers compare product names (RFC 9309, 2.2.1).
_VERSION = re.compile(r"^([ \t]*user-agent[ \t]*:[ \t]*[^\s/#]+)/[^\s#]*", re.IGNORECASE | re.MULTILINE)
_MAX_CRAWL_DELAY_S = 60.0
# TDMRep is asked for only where at least this many images are wanted: most hosts of the long tail have one or two.
MANY_IMAGES = 3


class WishCache(Protocol):
    """Where what an origin said is kept between runs."""

    def wish(self, kind: str, origin: str, not_before: float) -> bytes | None: ...

    def put_wish(self, kind: str, origin: str, text: bytes, at: float) -> None: ...


# (url, most bytes) -> the body, b"" where there is none. Raises FetchError where the origin cannot be asked.
AskFile = Callable[[URL, int], Awaitable[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One origin's robots.txt, ready to be asked."""

    robots: Any
    locations: tuple[_Location, ...]
    # Of tdmrep.json, of which the first that covers a path decides.

    def refusal(self, url: URL, agent: str) -> str | None:
        """Why a URL must not be fetched."""
        if not self.robots.can_fetch(str(url), agent):
            return "robots.txt"
        path = url.raw_path_qs
        covering = next((location for location in self.locations if location.covers(path)), None)
        return "tdmrep.json" if covering is not None and covering.is_reserved else None

    def crawl_delay_s(self, agent: str) -> float:
        delay = self.robots.crawl_delay(agent)
        return min(float(delay), _MAX_CRAWL_DELAY_S) if delay else 0.0


class Wishes:
    """The rules of every origin, asked for when first needed, by one request however many wait."""

    def __init__(self, ask: AskFile, cache: WishCache, *, robots: bool) -> None:
        self._ask = ask
        self._cache = cache
        self._robots = robots
        self._known: OrderedDict[tuple[str, str], asyncio.Task[Any]] = OrderedDict()
        # (kind, origin) -> what the file of that kind says, the last one used at the end.

    async def rules(self, url: URL, *, tdmrep: bool) -> Rules:
        """
        Raises:
            FetchError: `robots_unavailable`: by RFC 9309 an origin that fails is one that forbids. Where the host
                itself cannot be reached, that reason.
        """
        origin = url.origin()
        robots = await self._once("robots", origin, self._load_robots) if self._robots else _NO_ROBOTS
        locations = await self._once("tdmrep", origin, self._load_locations) if tdmrep else ()
        return Rules(robots=robots, locations=locations)

    async def _once(self, kind: str, origin: URL, load: Callable[[URL], Coroutine[Any, Any, Any]]) -> Any:
        key = (kind, origin_of(origin))
        if key not in self._known:
            self._known[key] = asyncio.create_task(load(origin))
            if len(self._known) > _MAX_KNOWN:
                self._known.popitem(last=False)  # those who wait for it hold it; its text is in the cache
        self._known.move_to_end(key)
        task = self._known[key]
        try:
            return await asyncio.shield(task)
        except FetchError as error:
            # A connection may stand at the next try; a server that fails is not asked for its rules over and over.
            if error.transient and error.reason in _UNREACHABLE and self._known.get(key) is task:
                del self._known[key]
            raise error.again() from None

    async def _load_robots(self, origin: URL) -> Any:
        return _parsed(await self._text("robots", origin / "robots.txt"))

    async def _load_locations(self, origin: URL) -> tuple[_Location, ...]:
        try:
            return _locations(await self._text("tdmrep", origin / ".well-known" / "tdmrep.json"))
        except FetchError:
            return ()  # no statement is no reservation

    async def _text(self, kind: str, url: URL) -> bytes:
        origin = origin_of(url)
        now = time.time()
        known = self._cache.wish(kind, origin, now - MAX_AGE_S)
        if known is None:
            try:
                known = await self._ask(url, MAX_ROBOTS_BYTES)
            except FetchError as error:
                if error.reason in _UNREACHABLE:
                    raise FetchError(error.reason, error.detail, transient=error.transient) from None
                raise FetchError("robots_unavailable", f"{url.name}: {error.reason}", transient=True) from None
            self._cache.put_wish(kind, origin, known, now)
        return known


def _parsed(robots: bytes) -> Any:
    # Protego takes quadratic time in very long lines; nobody's rule has as many characters.
    lines = (line[:_MAX_LINE_CHARS] for line in robots.decode("utf-8-sig", "replace").splitlines())
    return Protego.parse(_VERSION.sub(r"\1", "\n".join(lines)))


_NO_ROBOTS = Protego.parse("")


@dataclass(frozen=True, slots=True)
class _Location:
    """A path of tdmrep.json, with `*` for anything and `$` for the end, and whether it is reserved."""

    pieces: tuple[str, ...]
    ends: bool
    is_reserved: bool

    def covers(self, path: str) -> bool:
        """Piece by piece, each at its first place: no backtracking, whatever the pattern."""
        if not path.startswith(self.pieces[0]):
            return False
        at = len(self.pieces[0])
        for piece in self.pieces[1:]:
            at = path.find(piece, at) + len(piece)
            if at < len(piece):
                return False
        return not self.ends or at == len(path) or (len(self.pieces) > 1 and path.endswith(self.pieces[-1]))


def _locations(text: bytes) -> tuple[_Location, ...]:
    try:
        entries = orjson.loads(text.removeprefix(b"\xef\xbb\xbf")) if text else []
    except orjson.JSONDecodeError:
        return ()
    found = []
    for entry in entries[:_MAX_LOCATIONS] if isinstance(entries, list) else []:
        if isinstance(entry, dict) and isinstance(location := entry.get("location"), str):
            pieces = tuple(percent_encoded(location[:_MAX_LINE_CHARS].removesuffix("$")).split("*"))
            found.append(_Location(pieces, location.endswith("$"), entry.get("tdm-reservation") in (1, "1")))
    return tuple(found)


async def ask_file(client: Client, deadline_s: float, url: URL, max_bytes: int) -> bytes:
    """robots.txt and the like, as far as `max_bytes`; b"" where the server says that there is none.

    Raises:
        FetchError: `robots_unavailable` where a redirect led to what cannot be asked; else what asking came to.
    """
    ends_at = time.monotonic() + deadline_s
    for hop in range(1 + _MAX_ROBOTS_REDIRECTS):
        try:
            left_s = max(ends_at - time.monotonic(), 0.001)
            response = await client.get(url, accept="*/*", deadline_s=left_s, cut_at=max_bytes)
        except FetchError as error:
            if error.reason in ("http_4xx", "http_status"):
                return b""
            if hop:
                raise FetchError("robots_unavailable", f"a redirect: {error.reason}", transient=True) from None
            raise
        if response.redirect is None:
            return response.body
        url = response.redirect
    return b""
