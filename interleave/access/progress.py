"""How a download comes on: URLs a second, what failed and why, and when it will be over."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from types import TracebackType

from tqdm import tqdm

from interleave.access.ledger import OK, Entry

_WINDOW_S = 30.0


class Progress:
    """A line on the terminal.

    The time left is reckoned from the last half minute, not from the whole run, and is never less than what the host
    with most URLs will take at the rate that it is asked at.
    """

    def __init__(self, num_urls: int, *, silent: bool) -> None:
        self._num_left = num_urls
        self._reasons: Counter[str] = Counter()
        self._num_images = 0
        self._num_bytes = 0
        self._recent: deque[float] = deque()
        # Times at which URLs came to their end, of the last half minute.
        self.least_left_s: Callable[[], float] = lambda: 0.0
        self._shown_at = 0.0
        self._bar = tqdm(
            total=num_urls,
            desc="   fetch",
            unit="URL",
            disable=silent,
            leave=False,
            bar_format="{desc}: {n_fmt}/{total_fmt} |{bar:12}| {postfix}",
        )

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def skip(self) -> None:
        """A URL that needs no request."""
        self._num_left -= 1
        self._bar.update()

    def ended(self, entry: Entry, num_bytes: int) -> None:
        """A URL that came to its end."""
        self._num_left -= 1
        self._num_images += int(entry.outcome == OK)
        self._num_bytes += num_bytes
        if entry.outcome != OK:
            self._reasons[entry.outcome] += 1
        now = time.monotonic()
        self._recent.append(now)
        while now - self._recent[0] > _WINDOW_S:
            self._recent.popleft()
        self._bar.update()
        if now - self._shown_at > 0.5:
            self._shown_at = now
            self._bar.set_postfix_str(self.line(now), refresh=False)

    def line(self, now: float) -> str:
        """What stands behind the bar: `812/s, left 3 min; 2,041 not had: http_4xx 1,780, dns 201`."""
        span = max(now - self._recent[0], 0.1) if self._recent else 0.1
        rate = len(self._recent) / span
        left_s = max(self._num_left / rate, self.least_left_s()) if rate else float("inf")
        failed = ", ".join(f"{reason} {number:,}" for reason, number in self._reasons.most_common(3))
        total = sum(self._reasons.values())
        return f"{rate:,.0f}/s, left {_duration(left_s)}" + (f"; {total:,} not had: {failed}" if total else "")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 1e9 else "unknown"
