"""`Retry-After`: how long a server asks to be left alone."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

MAX_WAIT_S = 3600.0


def parse_retry_after(value: str, now: float | None = None) -> float | None:
    """Seconds from now, between 0 and an hour; None for nothing and for nonsense (RFC 9110, 10.2.3).

    >>> parse_retry_after("120"), parse_retry_after("Thu, 01 Jan 1970 00:02:00 GMT", now=100.0)
    (120.0, 20.0)
    """
    text = value.strip()[:100]
    if text.isascii() and text.isdigit():
        return min(float(int(text)), MAX_WAIT_S)
    try:
        when = parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return min(max(when - (time.time() if now is None else now), 0.0), MAX_WAIT_S)
