"""What a ledger says, on one that is small enough to be counted by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fixtures_build import copy_of, sample_dataset, small_dataset

from interleave.drops import DROPS
from interleave.errors import ShardError
from interleave.validate.explore.effect import Bin, alternatives, effect, histogram, nearest
from interleave.validate.explore.ledger import Bounds, Ledger, recipe_bounds
from interleave.validate.explore.view import explore

# Image: sides 10 to 80 px, a rule that keeps 30 and more, and one on faces that keeps none.
SIDES = [10, 20, 30, 40, 50, 60, 70, 80]
FACES = [0, 2, None, 0, 1, 0, 0, 0]


def drop(doc_id: str, rule: str, stage: str = "clean", **more: Any) -> dict[str, Any]:
    row = dict.fromkeys(DROPS.names) | {"doc_id": doc_id, "stage": stage, "rule": rule, "detail": ""}
    return row | more


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dataset whose ledger is replaced: document a has images 0-5, b has 6 and 7 and goes with them."""
    dataset = copy_of(small_dataset(), tmp_path / "six")
    images = [
        {"doc_id": "a" if index < 6 else "b", "image": index, "rule.image_side": side, "rule.faces": faces}
        for index, (side, faces) in enumerate(zip(SIDES, FACES, strict=True))
    ]
    drops = [
        drop("a", "image_side", image=0, value=10, threshold=30),
        drop("a", "image_side", image=1, value=20, threshold=30),
        drop("a", "faces", image=4, value=1, threshold=0),
        drop("b", "num_images", value=2, threshold=3),
        drop("b", "document_dropped", image=6),
        drop("b", "document_dropped", image=7),
        drop("c", "bad_json", "measure"),
    ]
    ledger = dataset / "ledger"
    columns = [
        ("doc_id", pa.string()),
        ("image", pa.int32()),
        ("rule.image_side", pa.float32()),
        ("rule.faces", pa.float32()),
    ]
    pq.write_table(pa.Table.from_pylist(images, schema=pa.schema(columns)), ledger / "images.parquet")
    pq.write_table(pa.Table.from_pylist(drops, schema=DROPS), ledger / "drops.parquet")
    documents = [{"doc_id": "a", "rule.num_images": 6.0}, {"doc_id": "b", "rule.num_images": 2.0}]
    pq.write_table(pa.Table.from_pylist(documents), ledger / "documents.parquet")
    nothing = pa.table({"doc_id": pa.array([], pa.string()), "sentence": pa.array([], pa.int32())})
    pq.write_table(nothing, ledger / "sentences.parquet")
    return dataset


@pytest.fixture
def side(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("interleave.validate.explore.ledger.recipe_bounds", lambda recipe: {})
    return Ledger(folder).measured("image_side")


def test_what_became_of_every_unit_is_known(side: Any) -> None:
    assert (side.level, side.bounds) == ("images", Bounds(minimum=30.0))
    assert side.values.tolist() == SIDES
    assert side.by_this.nonzero()[0].tolist() == [0, 1]
    assert side.by_other.nonzero()[0].tolist() == [4, 6, 7]
    assert side.breaks_other.nonzero()[0].tolist() == [1, 4]


def test_another_bound_says_what_it_would_remove_and_keep(side: Any) -> None:
    now = effect(side, side.bounds)
    assert (now.num_broken, now.num_more, now.num_fewer) == (2, 0, 0)
    # 30 and 40 go too, 50 has gone for its face.
    stricter = effect(side, Bounds(minimum=55))
    assert (stricter.num_broken, stricter.num_more, stricter.num_fewer) == (5, 2, 0)
    # Of the two that were removed, the one with faces stays away.
    looser = effect(side, Bounds(minimum=5))
    assert (looser.num_broken, looser.num_more, looser.num_fewer) == (0, 0, 1)


def test_of_many_units_those_of_some_documents_are_looked_at_and_judged_the_same() -> None:
    whole, part = Ledger(sample_dataset()), Ledger(sample_dataset(), most_units=20)
    assert whole.one_in("images") == 1 and part.one_in("images") > 1
    for _, rule in whole.rules():
        every, some = whole.measured(rule), part.measured(rule)
        assert every is not None and some is not None
        limit = f"{2**128 // some.one_in:032x}"
        rows = [row for row, doc_id in enumerate(every.units["doc_id"].to_pylist()) if doc_id < limit]
        assert some.units.equals(every.units.take(rows)) and some.bounds == every.bounds
        assert some.one_in == 1 or 0 < len(rows) < len(every.units)
        for name in ("values", "by_this", "by_other", "breaks_other"):
            np.testing.assert_array_equal(getattr(some, name), getattr(every, name)[rows])


def test_bounds_are_tried_on_the_side_that_the_rule_has(side: Any) -> None:
    tried = alternatives(side, (33.0,))
    assert [each.maximum for each in tried] == [None] * len(tried)
    assert {30.0, 33.0} <= {each.minimum for each in tried}
    assert [each.minimum for each in tried] == sorted(each.minimum for each in tried if each.minimum is not None)


def test_a_histogram_counts_every_value_once(side: Any) -> None:
    bins = histogram(side)
    assert sum(each.num_kept for each in bins) == 3
    assert sum(each.num_by_this for each in bins) == 2
    assert sum(each.num_by_other for each in bins) == 3
    assert (bins[0].low, bins[-1].high) == (10, 80)
    assert all(isinstance(each, Bin) and each.low < each.high for each in bins)


def test_units_next_to_the_bound_come_first(side: Any) -> None:
    assert nearest(side, 5) == ([1, 0], [2, 3, 5])


def test_the_funnel_and_the_rules_are_counted_from_the_ledger(folder: Path) -> None:
    view = explore(folder, [])
    assert [(step.stage, step.documents, step.images) for step in view.steps] == [
        ("input", 3, 8),
        ("measure", 2, 8),
        ("clean", 1, 3),
        ("dedup", 1, 3),
        ("settle", 1, 3),
    ]
    assert [(line.stage, line.rule, line.documents, line.images) for line in view.lines] == [
        ("measure", "bad_json", 1, 0),
        ("clean", "image_side", 0, 2),
        ("clean", "faces", 0, 1),
        ("clean", "num_images", 1, 0),
        ("clean", "document_dropped", 0, 2),
    ]
    assert view.rules == ()


def test_a_rule_that_measured_nothing_is_refused_with_those_that_did(folder: Path) -> None:
    with pytest.raises(
        ShardError, match=r"no signals of a rule 'document_near'; there are num_images, image_side, faces"
    ):
        explore(folder, ["document_near"])


def test_a_ledger_that_cannot_be_read_is_one_sentence(folder: Path) -> None:
    (folder / "ledger" / "images.parquet").write_bytes(b"no Parquet")
    with pytest.raises(ShardError, match=r"images\.parquet cannot be read"):
        explore(folder, ["image_side"])


def test_bounds_come_from_the_recipe_under_the_names_of_the_ledger() -> None:
    rules = [
        {"kind": "num_words", "of": "sentence", "min": 3, "max": None},
        {"kind": "preset", "name": "mmc4-core"},
        {"kind": "num_images", "min": None, "max": 9},
    ]
    assert recipe_bounds({"clean": {"rules": rules}}) == {
        "sentence.num_words": Bounds(minimum=3),
        "num_images": Bounds(minimum=2, maximum=15),
        "num_sentences": Bounds(minimum=4, maximum=40),
        "matched_images": Bounds(minimum=0.75),
        "num_images#2": Bounds(maximum=9),
    }
    gone = [
        {"kind": "of a package that is gone", "min": 2},
        {"kind": "common_words", "of": "sentence", "file": "0af3", "min": 1},
    ]
    assert recipe_bounds({"clean": {"rules": gone}}) == {
        "of a package that is gone": Bounds(minimum=2),
        "sentence.common_words": Bounds(minimum=1),
    }
    assert recipe_bounds({}) == {}
