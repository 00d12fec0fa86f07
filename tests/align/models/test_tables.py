"""Tables by key: written, indexed, looked up."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.align.models import tables
from interleave.align.models.scoring import embedding_rows, score_rows
from interleave.align.models.table_writer import SeenKeys, is_written, merge, read_about, write_rows
from interleave.align.models.tables import EMBEDDING, SCORE, open_index, table_sha256, write_index
from interleave.errors import RecipeError


def hex_key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def write_scores(path: Path, scores: dict[str, float | None], kind: pa.DataType | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        pa.table({"key": pa.array(scores, pa.string()), "score": pa.array(scores.values(), kind or pa.float32())}), path
    )
    return path


def index(path: Path, folder: Path, column: str = SCORE) -> tables.KeyedTable:
    return open_index(write_index(path, column, "mine", folder, table_sha256(path, "mine")))


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.floats(-1e6, 1e6, width=32), max_size=40))
def test_every_key_leads_to_its_value_and_no_other_key_to_any(
    tmp_path_factory: pytest.TempPathFactory, scores: dict[str, float]
) -> None:
    folder = tmp_path_factory.mktemp("tables")
    table = index(write_scores(folder / "t.parquet", dict(scores)), folder)
    rows = table.find([*scores, "no such key"])
    assert rows[-1] == -1
    assert [float(table.values[row]) for row in rows[:-1]] == list(scores.values())
    assert len(table.find([])) == 0


def test_keys_that_share_the_upper_half_of_their_hash_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "text_digest", lambda text: b"\0" * 15 + bytes([len(text)]))
    table = index(write_scores(tmp_path / "t.parquet", {"a": 1.0, "bb": 2.0, "dddd": 4.0}), tmp_path)
    rows = table.find(["dddd", "ccc", "bb", "eeeee", "a", ""])
    assert [None if row < 0 else float(table.values[row]) for row in rows] == [4.0, None, 2.0, None, 1.0, None]


def test_a_table_may_be_many_files_and_its_hash_is_of_all_of_them(tmp_path: Path) -> None:
    folder = tmp_path / "quality"
    write_scores(folder / "b.parquet", {"two": 2.0, "one": 1.0})
    write_scores(folder / "a.parquet", {"three": 3.0, "one": 1.0})
    table = index(folder, tmp_path)
    assert table.values[table.find(["one", "two", "three"])].tolist() == [1.0, 2.0, 3.0]
    before = table_sha256(folder, "mine")
    assert table_sha256(folder, "mine") == before
    write_scores(folder / "b.parquet", {"two": 2.5, "one": 1.0})
    assert table_sha256(folder, "mine") != before
    assert index(folder, tmp_path).values[index(folder, tmp_path).find(["two"])] == 2.5


def test_a_null_is_unknown_and_numbers_of_any_kind_are_scores(tmp_path: Path) -> None:
    for kind in (pa.float64(), pa.float32(), pa.int16(), pa.uint8()):
        table = index(
            write_scores(tmp_path / f"{kind}.parquet", {"a": 3, "b": None, "": 1}, kind), tmp_path / str(kind)
        )
        assert table.find(["b"]) == -1
        assert table.values[table.find(["a", ""])].tolist() == [3, 1]


def test_one_key_with_two_scores_is_refused_with_both_places(tmp_path: Path) -> None:
    write_scores(tmp_path / "t" / "a.parquet", {"x": 0.0, "page": 0.5})
    write_scores(tmp_path / "t" / "b.parquet", {"page": 0.25})
    with pytest.raises(RecipeError) as caught:
        index(tmp_path / "t", tmp_path)
    assert str(caught.value) == (
        f"scores.mine: 'page' occurs twice: 0.5 in {tmp_path}/t/a.parquet, row 1, 0.25 in {tmp_path}/t/b.parquet, "
        "row 0; keep one of them"
    )


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ({"key": ["a"]}, r"has columns key \(string\); expected key \(string\), score \(float\)"),
        ({"key": [1], "score": [1.0]}, r"has columns key \(int64\), score \(double\); expected"),
        ({"key": ["a"], "score": ["high"]}, "expected key"),
        ({"key": [None], "score": [1.0]}, "expected key"),
        ({"key": ["a", None], "score": [1.0, 2.0]}, "has a row without a `key`"),
        ({"key": ["a", "b"], "score": [1.0, float("nan")]}, "the score of 'b' is no number"),
        ({"key": ["a"], "score": [float("inf")]}, "the score of 'a' is no number"),
        ({"key": ["a"], "score": [1e300]}, "the score of 'a' is no number"),
    ],
)
def test_a_table_of_another_shape_is_refused(tmp_path: Path, table: dict[str, list[object]], fault: str) -> None:
    pq.write_table(pa.table(table), tmp_path / "t.parquet")
    with pytest.raises(RecipeError, match=fault):
        index(tmp_path / "t.parquet", tmp_path)
    assert not (tmp_path / "index").exists()


def test_what_is_no_parquet_or_not_there_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1 nothing of the kind PAR1")
    with pytest.raises(RecipeError, match=r"cannot read .*t\.parquet"):
        index(tmp_path / "t.parquet", tmp_path)
    with pytest.raises(RecipeError, match=r"there is no table .*; `interleave score RECIPE` makes"):
        index(tmp_path / "none.parquet", tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecipeError, match=r"holds no \.parquet file"):
        index(tmp_path / "empty", tmp_path)


def test_embeddings_are_found_by_key_and_need_one_length(tmp_path: Path) -> None:
    vectors = np.eye(3, 8, dtype=np.float32) * 5
    (tmp_path / "t").mkdir()
    write_rows(tmp_path / "t" / "a.parquet", ["a", "b", "c"], embedding_rows(vectors), b"")
    table = index(tmp_path / "t", tmp_path, EMBEDDING)
    assert table.values.dtype == np.float16
    np.testing.assert_array_equal(table.values[table.find(["c", "a"])], np.eye(3, 8)[[2, 0]])
    write_rows(tmp_path / "t" / "b.parquet", ["d"], embedding_rows(np.ones((1, 4), np.float32)), b"")
    with pytest.raises(RecipeError, match="are not as long as those of"):
        index(tmp_path / "t", tmp_path, EMBEDDING)
    write_scores(tmp_path / "s.parquet", {"a": 1.0})
    with pytest.raises(RecipeError, match="has no column `embedding`"):
        index(tmp_path / "s.parquet", tmp_path, EMBEDDING)


def test_one_key_with_two_embeddings_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    for name, row in (("a", 0), ("b", 1)):
        write_rows(tmp_path / "t" / f"{name}.parquet", ["k"], embedding_rows(np.eye(2, dtype=np.float32)[[row]]), b"")
    with pytest.raises(RecipeError, match=r"'k' occurs twice: one embedding in .*, another in"):
        index(tmp_path / "t", tmp_path, EMBEDDING)


def test_an_index_is_made_once_for_a_content(tmp_path: Path) -> None:
    path = write_scores(tmp_path / "t.parquet", {"a": 1.0})
    first = write_index(path, SCORE, "mine", tmp_path, "0" * 64)
    stamp = (first / "high.npy").stat().st_mtime_ns
    assert write_index(path, SCORE, "mine", tmp_path, "0" * 64) == first
    assert (first / "high.npy").stat().st_mtime_ns == stamp
    (tmp_path / f"{first.name}.partial").mkdir()  # an interrupted one is in nobody's way
    assert write_index(path, SCORE, "mine", tmp_path, "1" * 64) != first


def test_scores_are_rounded_and_what_is_no_number_is_unknown() -> None:
    rows = score_rows([0.123456, float("nan"), 2.0])
    assert rows.column("score").to_pylist() == [pytest.approx(0.1235), None, 2.0]


def test_a_merged_table_is_sorted_and_the_same_from_any_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [hex_key(str(number)) for number in range(500)]
    rows = {key: number / 7 for number, key in enumerate(keys)}

    def made(name: str, sizes: list[int], order: list[str], goes: int) -> bytes:
        table, parts, at = tmp_path / f"{name}.parquet", [], 0
        for size in sizes:
            part = order[at : at + size]
            parts.append(tmp_path / name / f"{at:06d}.parquet")
            write_rows(parts[-1], part, score_rows([rows[key] for key in part]), b"mine")
            at += size
        for go in range(goes):
            merge(table, parts[go::goes], b"mine", tmp_path / "sorting")
        return table.read_bytes()

    shuffled = random.Random(1).sample(keys, len(keys))
    first = made("one", [500], keys, 1)
    assert made("many", [100] * 5, shuffled, 1) == first
    assert made("grown", [100] * 5, shuffled, 2) == first
    read = pq.read_table(tmp_path / "one.parquet")
    assert read.column("key").to_pylist() == sorted(keys)
    assert read.column("score").to_pylist() == [pytest.approx(rows[key], abs=6e-5) for key in sorted(keys)]
    assert read_about(tmp_path / "one.parquet") == b"mine"
    monkeypatch.setattr("interleave.align.models.table_writer._BUCKET_BYTES", 1_000)
    made("buckets", [100] * 5, shuffled, 1)
    assert pq.read_table(tmp_path / "buckets.parquet").equals(read)
    assert not (tmp_path / "sorting").exists()


def test_a_part_counts_as_written_only_with_its_keys_and_its_makers(tmp_path: Path) -> None:
    path = tmp_path / "000000.parquet"
    assert not is_written(path, ["a"], b"mine")
    write_rows(path, ["a", "b"], score_rows([1, 2]), b"mine")
    assert is_written(path, ["a", "b"], b"mine")
    assert not is_written(path, ["b", "a"], b"mine")
    assert not is_written(path, ["a", "b"], b"another's")
    path.write_bytes(path.read_bytes()[:-20])
    assert not is_written(path, ["a", "b"], b"mine")


@given(st.lists(st.sets(st.text("abc", max_size=3), max_size=20), max_size=12))
def test_a_key_is_new_once(batches: list[set[str]]) -> None:
    seen, known = SeenKeys(), set[str]()
    for batch in map(sorted, batches):
        assert seen.add_new(batch) == [key not in known for key in batch]
        known.update(batch)
