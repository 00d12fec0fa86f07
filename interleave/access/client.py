"""One guarded request: public hosts only, within a deadline and a number of bytes, nothing believed.

Redirects are not followed here: they are returned, so that whoever asks can heed the wishes of the next host first.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType

import aiohttp
from yarl import URL

from interleave.access.addresses import Gate
from interleave.access.body import BodyReader
from interleave.access.errors import FetchError
from interleave.access.resolver import GuardedResolver, PrivateAddress, guarded_socket, parse_places
from interleave.access.retry_after import parse_retry_after
from interleave.access.settings import Fetch
from interleave.access.urls import check_literal, redirect_target
from interleave.text import storable

# Headers that say what was had, and what its owner wishes; of the others nothing is kept.
KEPT_HEADERS = (
    "content-type",
    "content-length",
    "last-modified",
    "etag",
    "x-robots-tag",
    "tdm-reservation",
    "tdm-policy",
)
_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What a server said."""

    url: URL
    status: int
    headers: Mapping[str, str]
    # Those of KEPT_HEADERS that were sent, lower case; several of a name joined by ", ", bytes that are no text as "?".
    body: bytes
    # Empty unless the status is 200.
    redirect: URL | None
    # Where it says to look instead.


class Client:
    """Asks for one URL at a time, many times at once.

    Used as an async context manager. The caller sees to politeness; nothing here waits for a host's turn.
    """

    def __init__(self, settings: Fetch, *, max_bytes: int, user_agent: str) -> None:
        self._settings = settings
        self._gate = Gate(settings.allow)
        self._places = parse_places(settings.resolve)
        self._reader = BodyReader(max_bytes)
        self._user_agent = user_agent
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Client:
        connector = aiohttp.TCPConnector(
            resolver=GuardedResolver(self._gate, self._places),
            socket_factory=guarded_socket(self._gate, self._places),
            limit=self._settings.connections,
            ttl_dns_cache=300,
            ssl=ssl.create_default_context(),
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._settings.connect_timeout_s),
            # Images are wanted as they lie there; compressing them again helps nobody.
            headers={"User-Agent": self._user_agent, "Accept-Encoding": "identity"},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def get(self, url: URL, *, accept: str, deadline_s: float, cut_at: int | None = None) -> Response:
        """One request, to the end of its body or to a redirect.

        cut_at: bytes of a body after which the rest is left, where that is no fault.

        Raises:
            FetchError: no answer, or one that must not be used.
        """
        check_literal(url, self._gate)
        try:
            async with asyncio.timeout(deadline_s) as deadline:
                return await self._get(url, accept, deadline, cut_at)
        except FetchError:
            raise
        except TimeoutError as error:
            if isinstance(error, aiohttp.ServerTimeoutError):
                seconds = self._settings.connect_timeout_s
                raise FetchError("connect_timeout", f"no connection in {seconds:g} s", transient=True) from None
            raise FetchError("deadline", "passed", transient=True) from None
        except aiohttp.ClientError as error:
            raise _explain(error) from None
        except (OSError, ValueError) as error:
            raise FetchError("connect", _short(error), transient=True) from None
        except Exception as error:  # noqa: BLE001
            # Whatever else a server can make an HTTP library stumble over.
            raise FetchError("cut_off", type(error).__name__, transient=True) from None

    async def _get(self, url: URL, accept: str, deadline: asyncio.Timeout, cut_at: int | None) -> Response:
        assert self._session is not None
        async with self._session.get(url, allow_redirects=False, headers={"Accept": accept}) as answer:
            headers = _kept(answer.headers)
            redirect = None
            body = b""
            if answer.status in _REDIRECTS:
                redirect = redirect_target(url, answer.headers.get("Location", ""))
            elif answer.status == 200:
                body = await self._reader.read(
                    answer.content.iter_any(),
                    num_bytes=answer.content_length,
                    encoding=answer.headers.get("Content-Encoding", ""),
                    deadline=deadline,
                    cut_at=cut_at,
                )
            else:
                raise _status_error(answer.status, answer.headers.get("Retry-After", ""))
            return Response(url=url, status=answer.status, headers=headers, body=body, redirect=redirect)


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    getall = headers.getall  # type: ignore[attr-defined]
    return {name: storable(", ".join(getall(name))) for name in KEPT_HEADERS if name in headers}


def _status_error(status: int, retry_after: str) -> FetchError:
    if status == 429 or status >= 500:
        reason = "http_429" if status == 429 else "http_5xx"
        pause_s = parse_retry_after(retry_after)
        return FetchError(reason, f"status {status}", transient=True, retry_after_s=pause_s, status=status)
    # 408 and 425 are a server's way to say: later.
    reason = "http_4xx" if status >= 400 else "http_status"
    return FetchError(reason, f"status {status}", transient=status in (408, 425), status=status)


def _explain(error: aiohttp.ClientError) -> FetchError:
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, PrivateAddress):
        return FetchError("private_address", str(error.os_error))
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return FetchError("bad_certificate", _short(error))
    if isinstance(error, aiohttp.InvalidURL):
        return FetchError("bad_url", _short(error))
    if isinstance(error, aiohttp.ClientConnectorError):
        return FetchError("connect", _short(error.os_error), transient=True)
    return FetchError("cut_off", _short(error), transient=True)


def _short(error: BaseException) -> str:
    """The kind of fault without what differs from run to run."""
    if isinstance(error, OSError) and error.strerror:
        return f"{type(error).__name__}: {error.strerror}"[:200]
    return type(error).__name__
