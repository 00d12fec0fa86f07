"""Datasets that are built one after another, each with nothing in it that an earlier one holds."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from fixtures_build import RECIPE, build_sample, build_small, copy_of, sample_dataset, small_dataset
from records import read_drops

from interleave.dedup.columns import FINGERPRINT_FILES
from interleave.errors import RecipeError, TaskError
from interleave.recipe_file import load_recipe
from interleave.shard.index import read_index
from interleave.shard.manifest import read_manifest


def documents_of(dataset: Path) -> set[str]:
    return set(read_index(dataset / "index.arrow")["doc_id"].to_pylist())


def test_a_dataset_holds_the_fingerprints_of_what_it_holds_and_of_nothing_else() -> None:
    dataset = sample_dataset()
    documents, images = (pq.read_table(dataset / name) for name in FINGERPRINT_FILES)
    ids = [doc_id.hex() for doc_id in documents["id"].to_pylist()]
    assert len(ids) == len(set(ids))
    assert set(ids) == documents_of(dataset)
    per_document: dict[str, int] = {}
    for row in read_index(dataset / "index.arrow").to_pylist():
        per_document[row["doc_id"]] = per_document.get(row["doc_id"], 0) + row["num_images"]
    found = dict.fromkeys(ids, 0)
    for document in images["document"].to_pylist():
        found[ids[document]] += 1
    assert found == per_document
    assert set(FINGERPRINT_FILES) <= read_manifest(dataset).files.keys()


def test_nothing_of_an_earlier_dataset_is_in_a_later_one(tmp_path: Path) -> None:
    alone = build_sample(tmp_path / "alone" / "all", "dedup.images=null")
    six = copy_of(small_dataset(), tmp_path / "six")
    later = tmp_path / "later"
    report = build_sample(later, "dedup.images=null", f"dedup.against=[{six}]")
    assert documents_of(later) < documents_of(Path(alone.datasets[0].folder))
    drops = [drop for drop in read_drops(later / "ledger" / "drops.parquet") if drop.rule == "document_in_dataset"]
    assert len(documents_of(later)) + len(drops) >= alone.documents_out
    assert {drop.detail.partition(" of ")[2] for drop in drops} == {"six"}
    assert {drop.detail.partition(" of ")[0] for drop in drops} <= documents_of(six)
    assert report.documents_in == alone.documents_in
    assert (later / "manifest.json").is_file()


def test_the_earlier_dataset_is_part_of_what_a_recipe_is_wherever_it_lies(tmp_path: Path) -> None:
    here, there = copy_of(small_dataset(), tmp_path / "six"), copy_of(small_dataset(), tmp_path / "x" / "six")
    hashes = {
        name: load_recipe(RECIPE, [f"output={tmp_path / 'out'}", f"dedup.against=[{against}]"]).hash()
        for name, against in {"none": "", "here": here, "there": there, "other": sample_dataset()}.items()
    }
    assert hashes["here"] == hashes["there"]
    assert len(set(hashes.values())) == 3


def test_another_earlier_dataset_does_dedup_again(tmp_path: Path) -> None:
    output = tmp_path / "out" / "mmc4"
    build_small(output)
    with pytest.raises(TaskError, match="dedup/document_in_dataset took 6"):
        build_small(output, f"dedup.against=[{copy_of(small_dataset(), tmp_path / 'six')}]")


def refusal(tmp_path: Path, against: Path) -> str:
    with pytest.raises(RecipeError) as refused:
        build_small(tmp_path / "out", f"dedup.against=[{against}]")
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.work").exists()
    return str(refused.value)


def test_what_is_no_finished_dataset_is_refused_before_any_work(tmp_path: Path) -> None:
    assert "is no finished dataset" in refusal(tmp_path, tmp_path / "nowhere")
    six = copy_of(small_dataset(), tmp_path / "six")
    (six / "manifest.json").unlink()
    assert "is no finished dataset" in refusal(tmp_path, six)


def test_fingerprints_that_cannot_be_read_or_compared_are_refused(tmp_path: Path) -> None:
    six = copy_of(small_dataset(), tmp_path / "six")
    path = six / FINGERPRINT_FILES[0]
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({b"fingerprints": b"0 words=3"}), path)
    assert "version '0 words=3'" in refusal(tmp_path, six)
    path.write_bytes(b"PAR1 no more")
    assert "cannot read" in refusal(tmp_path, six)
    path.unlink()
    assert "cannot read" in refusal(tmp_path, six)


def test_a_dataset_is_not_built_against_itself(tmp_path: Path) -> None:
    output = tmp_path / "mmc4"
    build_small(output)
    with pytest.raises(RecipeError, match="is the output itself"):
        build_small(output, f"dedup.against=[{output}]")
    assert (output / "manifest.json").is_file()
