"""Mixtures: proportions, ends, repeats, and resuming behind any row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.stream.mix import By, Cursor, Mixture, Until
from interleave.stream.rows import PlannedRow


@dataclass(frozen=True)
class Rows:
    """Windows of rows, each given by its tokens; one sample a row."""

    source: int
    turn: int
    windows: Sequence[Sequence[int]]

    @property
    def num_windows(self) -> int:
        return len(self.windows)

    def rows(self, window: int) -> list[PlannedRow]:
        return [
            PlannedRow(
                source=self.source,
                window=window,
                row=number,
                # The turn stands in the item, to be seen in what comes out.
                items=((self.turn, 0, None),),
                num_tokens=num_tokens,
                num_images=0,
                num_pixels=0,
            )
            for number, num_tokens in enumerate(self.windows[window])
        ]


def mixture(
    sources: Sequence[Sequence[Sequence[int]]],
    weights: Sequence[float],
    *,
    max_epochs: Sequence[int | None] | None = None,
    by: By = "tokens",
    until: Until = "first",
) -> Mixture:
    def plan(source: int, windows: Sequence[Sequence[int]]):  # type: ignore[no-untyped-def]
        return lambda turn: Rows(source, turn, windows)

    return Mixture(
        [plan(source, windows) for source, windows in enumerate(sources)],
        weights=weights,
        max_epochs=max_epochs or [1] * len(sources),
        by=by,
        until=until,
    )


def start(number: int) -> tuple[Cursor, ...]:
    return (Cursor(),) * number


def letters(mixed: Mixture, number: int, most: int = 1000) -> str:
    return "".join("ABC"[row.source] for row, _ in islice(mixed.rows(start(number)), most))


def test_the_example_of_two_to_one() -> None:
    rows = [[10] * 6]
    assert letters(mixture([rows, rows], [2, 1]), 2) == "ABAABAABA"


def test_an_epoch_ends_where_the_first_dataset_is_used_up_or_with_the_last() -> None:
    few, many = [[10] * 2], [[10] * 5]
    assert letters(mixture([few, many], [1, 1], until="first"), 2) == "ABAB"
    assert letters(mixture([few, many], [1, 1], until="all"), 2) == "ABABBBB"


def test_a_dataset_is_repeated_as_often_as_it_may_be_and_in_another_turn() -> None:
    few, many = [[10] * 2], [[10] * 5]
    mixed = mixture([few, many], [1, 1], max_epochs=[2, 1])
    rows = [(row.source, row.items[0][0]) for row, _ in mixed.rows(start(2))]
    assert rows == [(0, 0), (1, 0), (0, 0), (1, 0), (0, 1), (1, 0), (0, 1), (1, 0)]


def test_without_an_end_a_dataset_goes_on_as_long_as_the_others() -> None:
    few, many = [[10]], [[10] * 4]
    for until in ("first", "all"):
        # Under "first" the endless one is given once more before it shows that the other has ended.
        assert letters(mixture([few, many], [1, 1], max_epochs=[None, 1], until=until), 2)[:8] == "ABABABAB"  # type: ignore[arg-type]
    assert len(letters(mixture([few, few], [1, 1], max_epochs=[None, None], until="all"), 2)) == 1000


@pytest.mark.parametrize("by", ["tokens", "samples"])
@given(st.data())
def test_over_a_thousand_rows_from_anywhere_shares_are_what_was_asked_for(by: By, data: st.DataObject) -> None:
    weights = data.draw(st.lists(st.sampled_from([0.1, 0.25, 1.0, 1.5, 3.0]), min_size=2, max_size=3))
    # Rows are packed: hardly any is less than half full.
    rows = data.draw(
        st.lists(
            st.lists(st.integers(2048, 4096), min_size=5, max_size=40), min_size=len(weights), max_size=len(weights)
        )
    )
    mixed = mixture([[found] for found in rows], weights, max_epochs=[None] * len(weights), by=by)
    at = data.draw(st.integers(0, 500))
    stretch = [row for row, _ in islice(mixed.rows(start(len(weights))), at, at + 1000)]
    given_: Counter[int] = Counter()
    for row in stretch:
        given_[row.source] += row.num_tokens if by == "tokens" else 1
    for number, weight in enumerate(weights):
        share = weight / sum(weights)
        # Two rows at each end of the stretch, of a thousand at least half full.
        assert abs(given_[number] / given_.total() - share) < 0.01


@given(st.data())
def test_nothing_is_lost_or_doubled_and_every_place_resumes(data: st.DataObject) -> None:
    num_sources = data.draw(st.integers(1, 3))
    windows = st.lists(st.lists(st.integers(1, 9), max_size=4), max_size=4)
    sources = [data.draw(windows) for _ in range(num_sources)]
    weights = [data.draw(st.sampled_from([0.5, 1.0, 3.0])) for _ in sources]
    epochs = [data.draw(st.integers(1, 3)) for _ in sources]
    mixed = mixture(sources, weights, max_epochs=epochs, until="all")
    found = list(mixed.rows(start(num_sources)))
    counts = Counter((row.source, row.items[0][0], row.window, row.row) for row, _ in found)
    expected = Counter(
        (source, turn, window, row)
        for source, rows in enumerate(sources)
        for turn in range(epochs[source])
        for window, in_window in enumerate(rows)
        for row in range(len(in_window))
    )
    assert counts == expected
    if found:
        at = data.draw(st.integers(0, len(found) - 1))
        assert list(mixed.rows(found[at][1])) == found[at + 1 :]
