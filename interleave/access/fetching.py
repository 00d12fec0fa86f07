"""Fetches what a store lacks: the way from a list of URLs to rows of the ledger, for whoever has such a list."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from interleave.access.blocklist import Blocklist
from interleave.access.kinds import IMAGES, Kind
from interleave.access.ledger import OK, Entry, url_key
from interleave.access.progress import Progress
from interleave.access.settings import Fetch
from interleave.access.store import ORIGINAL, Store, StoreWriter
from interleave.errors import InterleaveError

# The perceptual hash of an image, None of what is none.
Phash = Callable[[bytes], int | None]
# Makes of an image what is kept of it; may raise Unreadable.
Keep = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """How the web is asked, as far as the recipe says it."""

    settings: Fetch
    max_bytes: int
    # Of one response.
    blocklist: Blocklist
    phash: Phash
    quiet: bool = False


def fetch_missing(
    urls: Iterable[str],
    num_urls: int,
    store: Store,
    writer: StoreWriter,
    web: Web,
    *,
    kind: Kind = IMAGES,
    form: str = ORIGINAL,
    keep: Keep = bytes,
    ended: Callable[[Entry, int], None] = lambda entry, num_bytes: None,
) -> None:
    """Asks for each URL that the store does not have, and whose failure may pass or was asked to be tried again.

    Raises:
        TaskError: the store cannot be written.
    """
    from interleave.access.fetcher import Fetcher

    with Progress(num_urls, silent=web.quiet or not sys.stderr.isatty()) as progress:

        def both(entry: Entry, num_bytes: int) -> None:
            progress.ended(entry, num_bytes)
            ended(entry, num_bytes)

        fetcher = Fetcher(web, writer, kind=kind, form=form, keep=keep, ended=both)
        progress.least_left_s = fetcher.least_left_s
        todo = _todo(urls, store, form, web.settings.retry, progress)
        try:
            asyncio.run(fetcher.run(todo))
        except BaseExceptionGroup as group:
            raise _first(group) from None


def is_there(entry: Entry, store: Store, form: str = ORIGINAL) -> bool:
    """Whether the store has what a URL led to, in a form."""
    return entry.outcome == OK and entry.sha256 is not None and store.has_image(entry.sha256, form)


def _todo(urls: Iterable[str], store: Store, form: str, retry: str, progress: Progress) -> Iterator[tuple[str, int]]:
    """(URL, requests so far) of all that is worth asking for, each once."""
    tried: set[bytes] = set()
    for url in urls:
        known = store.entry(url)
        settled = known is not None and (
            is_there(known, store, form)
            if known.outcome == OK
            else retry == "none" or (retry == "transient" and not known.transient)
        )
        key = url_key(url)
        if settled or key in tried:
            progress.skip()
            continue
        tried.add(key)
        yield url, known.attempts if known else 0


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that ended the others."""
    errors = [error for error in _flat(group) if not isinstance(error, asyncio.CancelledError)]
    return next((error for error in errors if isinstance(error, InterleaveError | OSError)), errors[0])


def _flat(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _flat(error)
        else:
            yield error
