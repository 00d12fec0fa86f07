"""Which samples are wanted: by sizes, source, what their documents lost to a rule, and what they say."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from interleave.errors import ShardError
from interleave.validate.look.opened import Opened

Rows = npt.NDArray[np.int64]
ORDERS = ("key", "num_tokens", "num_images", "num_texts", "num_bytes")
_LARGEST = 1 << 62
_NUMBER = re.compile(r"[0-9]{1,15}")
# Seconds that a search through texts goes on before it says how far it has come.
_PATIENCE_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What of each sample must hold, and the order in which they come."""

    source: str = ""
    rule: str = ""
    # Its document lost images or sentences to this one.
    min_tokens: int = 0
    max_tokens: int = _LARGEST
    min_images: int = 0
    max_images: int = _LARGEST
    search: str = ""
    # Stands in the key, the document's id, URL or texts, whatever the case.
    order: str = "key"
    # A minus in front: the largest first.


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of the rows that a query found."""

    rows: Rows
    # Positions in `Opened.rows`.
    num_matching: int
    # Of all but the search, which reads shards.
    next_start: int | None
    # Where to go on among those; None at the end.


def read_query(words: Mapping[str, str]) -> Query:
    """A query as a URL has it.

    Raises:
        ValueError: a number is none, or an order is not known.
    """
    known = {field.name: field.type for field in fields(Query)}
    found: dict[str, Any] = {}
    for name, word in words.items():
        if name in known and word != "":
            if known[name] == "int" and not _NUMBER.fullmatch(word):
                raise ValueError(f"{name} is {word!r:.40}, expected a number from 0 on")
            found[name] = int(word) if known[name] == "int" else word
    query = Query(**found)
    if query.order.removeprefix("-") not in ORDERS:
        raise ValueError(f"order is {query.order!r}, expected one of {', '.join(ORDERS)}")
    return query


def matching(opened: Opened, query: Query, lost: Mapping[str, pa.Array]) -> Rows:
    """The rows that a query wants, but for its search.

    lost: rule -> ids of the documents that lost something to it.
    """
    rows = opened.rows
    wanted = np.ones(len(rows), dtype=np.bool_)
    for name, low, high in (
        ("num_tokens", query.min_tokens, query.max_tokens),
        ("num_images", query.min_images, query.max_images),
    ):
        if low > 0 or high < _LARGEST:
            values = rows[name].to_numpy()
            wanted &= (values >= low) & (values <= high)
    if query.source:
        wanted &= pc.equal(rows["source"], query.source).to_numpy()
    if query.rule:
        wanted &= pc.is_in(rows["doc_id"], lost.get(query.rule, pa.array([], pa.string()))).to_numpy()
    found: Rows = np.flatnonzero(wanted)
    name = query.order.removeprefix("-")
    if name != "key":
        values = rows[name].to_numpy()[found]
        return found[np.argsort(-values if query.order.startswith("-") else values, kind="stable")]
    return found[::-1] if query.order.startswith("-") else found


def page_of(opened: Opened, found: Rows, search: str, start: int, count: int) -> Page:
    """`count` rows from `start` on; with a search those in which it stands, as far as half a second leads."""
    if not search:
        stop = min(start + count, len(found))
        return Page(rows=found[start:stop], num_matching=len(found), next_start=_next(stop, found))
    hits: list[int] = []
    until = time.monotonic() + _PATIENCE_S
    at = start
    while at < len(found) and len(hits) < count and time.monotonic() < until:
        if _stands_in(opened, int(found[at]), search.casefold()):
            hits.append(int(found[at]))
        at += 1
    return Page(rows=np.array(hits, dtype=np.int64), num_matching=len(found), next_start=_next(at, found))


def _next(stop: int, found: Rows) -> int | None:
    return stop if stop < len(found) else None


def _stands_in(opened: Opened, row: int, wanted: str) -> bool:
    columns = opened.rows
    if wanted in columns["key"][row].as_py() or wanted in columns["doc_id"][row].as_py().casefold():
        return True
    try:
        fields = orjson.loads(opened.read_json(columns["number"][row].as_py()))
        texts = [fields["url"] or "", *filter(None, fields["texts"])]
        return any(wanted in text.casefold() for text in texts)
    except (ShardError, ValueError, LookupError, TypeError, AttributeError):
        return False  # a damaged sample says so where it is opened
