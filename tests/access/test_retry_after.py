"""`Retry-After` in seconds and in dates; nonsense is nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.access.retry_after import MAX_WAIT_S, parse_retry_after

NOW = 100.0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0),
        ("120", 120),
        ("  7\t", 7),
        ("007", 7),
        ("3600", MAX_WAIT_S),
        ("3601", MAX_WAIT_S),
        ("9" * 90, MAX_WAIT_S),
        ("Thu, 01 Jan 1970 00:02:00 GMT", 20),
        ("Thursday, 01-Jan-70 00:02:00 GMT", 20),
        ("Thu Jan  1 00:02:00 1970", 20),
        ("Thu, 01 Jan 1970 01:02:00 +0100", 20),
        ("Thu, 01 Jan 1970 00:01:00 GMT", 0),
        ("Wed, 21 Oct 2099 07:28:00 GMT", MAX_WAIT_S),
        ("0000000000120", 120),
    ],
)
def test_seconds_and_dates_are_read(value: str, expected: float) -> None:
    assert parse_retry_after(value, now=NOW) == expected


@pytest.mark.parametrize(
    "value", ["", " ", "soon", "-5", "12.5", "1e3", "٣", "²", "1 Jan", "Wed, 21 Oct 99999 07:28:00 GMT", "120 s"]
)
def test_nonsense_is_nothing(value: str) -> None:
    assert parse_retry_after(value, now=NOW) is None


@given(st.text())
def test_whatever_a_server_says_is_a_short_wait_or_nothing(value: str) -> None:
    found = parse_retry_after(value)
    assert found is None or 0 <= found <= MAX_WAIT_S
