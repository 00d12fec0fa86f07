import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.acquire.tables.top_share import top_share


@given(st.lists(st.sampled_from([0.0, -0.0, 0.1, 0.2, 0.25, -1.0])), st.sampled_from([0.001, 0.1, 0.2, 0.5, 1.0]))
def test_the_best_rows_are_kept_and_of_equal_ones_the_first(figures: list[float], share: float) -> None:
    rows = list(enumerate(figures))
    best = top_share(rows, share)
    kept = {number for number, figure in rows if best.keeps(number, figure)}
    by_rank = sorted(rows, key=lambda row: (-row[1], row[0]))
    assert kept == {number for number, _ in by_rank[: len(kept)]}
    assert len(figures) * share <= len(kept) + 1e-9 < len(figures) * share + 1


@pytest.mark.parametrize(("num_rows", "share", "kept"), [(30, 0.1, 3), (31, 0.1, 4), (10, 0.3, 3), (7, 1.0, 7)])
def test_the_share_is_counted_in_decimals_and_rounded_up(num_rows: int, share: float, kept: int) -> None:
    best = top_share(((number, float(number)) for number in range(num_rows)), share)
    assert sum(best.keeps(number, float(number)) for number in range(num_rows)) == kept


def test_numbers_of_rows_may_have_gaps() -> None:
    best = top_share([(3, 0.5), (10, 0.5), (40, 0.5)], 0.5)
    assert [best.keeps(number, 0.5) for number in (3, 10, 40)] == [True, True, False]


def test_of_no_rows_none_is_kept() -> None:
    assert not top_share([], 0.5).keeps(0, 1.0)
