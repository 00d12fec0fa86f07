import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import at_most

from interleave.dedup.evaluation import json_members, tsv
from interleave.dedup.evaluation.json_members import read_members
from interleave.dedup.evaluation.tsv import read_tsv
from interleave.errors import Unreadable

FIELDS = st.lists(st.text("ab \t\n\"'é图", max_size=8), min_size=1, max_size=4).filter(lambda fields: fields != [""])


def quoted(field: str) -> str:
    return '"' + field.replace('"', '""') + '"' if field[:1] == '"' or "\t" in field or "\n" in field else field


def rows_of(data: bytes) -> list[tuple[int, list[str] | str]]:
    return [(line, row.reason if isinstance(row, Unreadable) else row) for line, row in read_tsv(io.BytesIO(data))]


@given(st.lists(FIELDS, max_size=5), st.sampled_from(["\n", "\r\n"]))
def test_rows_come_back_as_pandas_would_have_written_them(rows: list[list[str]], end: str) -> None:
    data = "".join("\t".join(map(quoted, row)) + end for row in rows).encode()
    assert [row for _, row in rows_of(data)] == rows


@given(st.binary(max_size=200))
def test_no_bytes_make_the_table_reader_fail(data: bytes) -> None:
    assert all(line >= 1 for line, _ in rows_of(b'a\t"' + data))


def test_rows_are_numbered_by_their_first_line_and_a_byte_order_mark_is_none_of_the_first_field() -> None:
    assert rows_of(b'\xef\xbb\xbfa\tb\n\n1\t"x\ny"\n2\t5" screen') == [
        (1, ["a", "b"]),
        (3, ["1", "x\ny"]),
        (5, ["2", '5" screen']),
    ]


def test_a_quote_that_is_never_closed_costs_its_line_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tsv, "MAX_ROW_LINES", 3)
    assert rows_of(b'1\t"open\n2\tb\n3\tc\n4\td\n') == [
        (1, "bad_row"),
        (2, ["2", "b"]),
        (3, ["3", "c"]),
        (4, ["4", "d"]),
    ]


def test_a_quote_is_not_searched_for_beyond_a_number_of_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tsv, "MAX_ROW_LINES", 3)
    assert rows_of(b'1\t"open\n2\n3"\n') == [(1, ["1", "open\n2\n3"])]
    assert rows_of(b'1\t"open\n2\n3\n4"\n') == [(1, "bad_row"), (2, ["2"]), (3, ["3"]), (4, ['4"'])]


def test_quotes_are_searched_for_in_linear_time() -> None:
    with at_most(20):
        assert len(rows_of(b'x"\t"\n' * 200_000)) > 190_000


def test_a_line_that_is_too_long_is_refused_and_the_next_one_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tsv, "MAX_ROW_BYTES", 10)
    assert rows_of(b"a" * 35 + b"\nb\n" + b"c" * 10 + b"\n" + b"d" * 30) == [
        (1, "row_too_long"), (2, ["b"]), (3, ["c" * 10]), (4, "row_too_long"),
    ]  # fmt: skip


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=6), st.booleans(), st.integers(1, 40))
def test_members_are_those_of_the_whole_file_whatever_the_blocks(
    members: dict[str, object], spaced: bool, block: int
) -> None:
    data = json.dumps(members, indent=2 if spaced else None, ensure_ascii=spaced).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_members, "_BLOCK_BYTES", block)
        assert dict(read_members(io.BytesIO(data))) == members


@given(st.binary(max_size=100))
def test_no_bytes_make_the_json_reader_fail_otherwise(data: bytes) -> None:
    try:
        list(read_members(io.BytesIO(b'{"a": ' + data)))
    except Unreadable as error:
        assert error.reason in ("bad_json", "bad_utf8")


@pytest.mark.parametrize("value", ["[" * 200_000, '"' + "x" * 5_000_000, "9" * 5_000, '{"a":' * 100_000])
def test_deep_long_and_endless_values_are_refused(value: str) -> None:
    with at_most(10), pytest.raises(Unreadable, match="bad_json"):
        list(read_members(io.BytesIO(f'{{"k": {value}'.encode())))


class Endless(io.RawIOBase):
    def __init__(self, start: bytes, again: bytes) -> None:
        self.num_bytes = 0
        self._start = start
        self._again = again

    def read(self, size: int = -1) -> bytes:
        start = b"" if self.num_bytes else self._start
        self.num_bytes += size
        return start + self._again * (size // len(self._again))


def test_a_value_without_an_end_is_given_up() -> None:
    stream = Endless(b'{"k": "', b"x")
    with at_most(10), pytest.raises(Unreadable, match="bad_json"):
        next(read_members(stream))  # type: ignore[arg-type]
    assert stream.num_bytes < 10_000_000


def test_a_large_file_is_read_member_by_member() -> None:
    stream = Endless(b"{", b'"k": {"question": "What?"},')
    members = read_members(stream)  # type: ignore[arg-type]
    for _ in range(100_000):
        assert next(members) == ("k", {"question": "What?"})
    assert stream.num_bytes < 10_000_000
