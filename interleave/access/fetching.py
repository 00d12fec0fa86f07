"""Fetches what a store lacks: the way from a list of URLs to rows of the ledger, for whoever has such a list."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from interleave.access.blocklist import Blocklist
from interleave.access.kinds import IMAGES, Kind
from interleave.access.ledger import OK, Entry, url_key
from interleave.access.progress import Progress
from interleave.access.settings import Fetch
from interleave.access.store import ORIGINAL, Store
from interleave.access.store_writer import StoreWriter
from interleave.errors import InterleaveError
from interleave.identity import fingerprint

# Threads that decode images; each may take some 200 MB for a large one.
NUM_DECODING = min(os.cpu_count() or 1, 4)
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

    def terms(self, kind: Kind, form: str) -> str:
        """A fingerprint of what a refusal may go by that is this recipe's and not the web's."""
        settings = self.settings
        wishes = [settings.politeness.robots, settings.politeness.headers, settings.politeness.tdmrep]
        limits = [self.max_bytes, settings.max_redirects, sorted(settings.allow)]
        return fingerprint([self.blocklist.identity(), wishes, limits, kind.name, sorted(kind.scope), form])[:16]


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
    may_go_on: Callable[[], bool] = lambda: True,
) -> None:
    """Asks for each URL that the store does not have, and whose failure may pass or was asked to be tried again.

    may_go_on: asked before each request; once it is False, what is left is not asked for.

    Raises:
        TaskError: the store cannot be written.
    """
    from interleave.access.fetcher import Fetcher

    with Progress(num_urls, silent=web.quiet or not sys.stderr.isatty()) as progress:

        def both(entry: Entry, num_bytes: int) -> None:
            progress.ended(entry, num_bytes)
            ended(entry, num_bytes)

        fetcher = Fetcher(web, writer, kind=kind, form=form, keep=keep, ended=both, may_go_on=may_go_on)
        progress.least_left_s = fetcher.least_left_s
        todo = _todo(urls, store, web, kind, form, progress)
        try:
            asyncio.run(fetcher.run(todo))
        except BaseExceptionGroup as group:
            raise _first(group) from None


def is_there(entry: Entry, store: Store, form: str = ORIGINAL) -> bool:
    """Whether the store has what a URL led to, in a form."""
    return entry.outcome == OK and entry.sha256 is not None and store.has_image(entry.sha256, form)


def is_of_other_terms(entry: Entry, terms: str) -> bool:
    """Whether a refusal goes by another recipe than the one that is asked under."""
    return entry.terms not in ("", terms)


def _todo(
    urls: Iterable[str], store: Store, web: Web, kind: Kind, form: str, progress: Progress
) -> Iterator[tuple[str, int]]:
    """(URL, requests so far) of all that is worth asking for, each once."""
    tried: set[bytes] = set()
    terms = web.terms(kind, form)
    for url in urls:
        known = store.entry(url, kind.name)
        key = url_key(url, kind.name)
        if key in tried or (known is not None and _is_settled(known, store, form, web.settings.retry, terms)):
            progress.skip()
            continue
        tried.add(key)
        yield url, known.attempts if known else 0


def _is_settled(entry: Entry, store: Store, form: str, retry: str, terms: str) -> bool:
    if entry.outcome == OK:
        return is_there(entry, store, form)
    if is_of_other_terms(entry, terms):
        return False
    return retry == "none" or (retry == "transient" and not entry.transient)


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
