"""The line says how fast it goes now, what was not had and why, and how long it will take."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from interleave.access.ledger import OK, Entry
from interleave.access.progress import Progress


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr("interleave.access.progress.time", SimpleNamespace(monotonic=lambda: found.now))
    return found


def end(progress: Progress, clock: Clock, number: int, *, per_second: float, outcome: str = OK) -> None:
    for _ in range(number):
        clock.now += 1 / per_second
        progress.ended(Entry(url="http://a.example/", outcome=outcome), 10)


def test_the_line_has_the_rate_and_the_time_left(clock: Clock) -> None:
    with Progress(1300, silent=True) as progress:
        end(progress, clock, 900, per_second=10)
        assert progress.line(clock.now) == "10/s, left 40 s"


def test_nothing_is_known_before_the_first_url_has_ended(clock: Clock) -> None:
    with Progress(1000, silent=True) as progress:
        assert progress.line(clock.now) == "0/s, left unknown"


@pytest.mark.parametrize(
    ("num_urls", "left"), [(1000, "0 s"), (1800, "80 s"), (7000, "10 min"), (61_000, "1.7 h"), (10**12, "unknown")]
)
def test_time_is_shown_in_a_unit_that_suits_it(clock: Clock, num_urls: int, left: str) -> None:
    with Progress(num_urls, silent=True) as progress:
        end(progress, clock, 1000, per_second=10)
        assert progress.line(clock.now).partition("left ")[2] == left


def test_the_rate_is_that_of_the_last_half_minute(clock: Clock) -> None:
    with Progress(100_000, silent=True) as progress:
        end(progress, clock, 1000, per_second=100)
        end(progress, clock, 200, per_second=5)
        assert progress.line(clock.now).startswith("5/s, ")


def test_the_rate_falls_while_nothing_ends(clock: Clock) -> None:
    with Progress(100_000, silent=True) as progress:
        end(progress, clock, 100, per_second=10)
        assert progress.line(clock.now + 90).startswith("1/s, ")


def test_reasons_are_counted_and_the_three_most_frequent_shown(clock: Clock) -> None:
    with Progress(5000, silent=True) as progress:
        for outcome, number in [("dns", 3), ("http_4xx", 1780), ("svg", 1), ("connect", 2), (OK, 10)]:
            end(progress, clock, number, per_second=10, outcome=outcome)
        assert progress.line(clock.now).endswith("; 1,786 not had: http_4xx 1,780, dns 3, connect 2")


def test_what_is_skipped_is_not_left_and_does_not_count_for_the_rate(clock: Clock) -> None:
    with Progress(1000, silent=True) as progress:
        end(progress, clock, 100, per_second=10)
        for _ in range(700):
            progress.skip()
        assert progress.line(clock.now) == "10/s, left 20 s"


def test_the_bar_counts_what_has_ended_and_what_was_skipped(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(4, silent=False) as progress:
        progress.skip()
        end(progress, clock, 2, per_second=1, outcome="dns")
        progress._bar.refresh()
    shown = capsys.readouterr().err
    assert "fetch: 3/4" in shown
    assert "2 not had: dns 2" in shown


def test_a_silent_one_writes_nothing(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(2, silent=True) as progress:
        progress.skip()
        end(progress, clock, 1, per_second=1)
    assert capsys.readouterr() == ("", "")
