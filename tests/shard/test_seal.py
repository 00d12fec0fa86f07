"""Sealing: the manifest comes last and speaks of everything that a build determines; sidecars agree with the shards."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
import yaml
from fixtures_build import (
    RECIPE,
    build_small,
    built_files,
    copy_of,
    manifest_of,
    sample_dataset,
    sample_lines,
    small_dataset,
    tar_members,
    write_manifest_of,
)

from interleave.errors import ShardError
from interleave.recipe_file import load_recipe
from interleave.shard.index import read_index
from interleave.shard.manifest import read_manifest
from interleave.shard.seal import dataset_digest, remove_dataset


def test_the_manifest_names_every_file_with_its_hash_and_is_the_newest() -> None:
    dataset = sample_dataset()
    manifest = read_manifest(dataset)
    named = manifest.files | {shard.name: shard.sha256 for shard in manifest.shards}
    assert named == {name: sha256 for name, sha256 in built_files(dataset).items() if name != "manifest.json"}
    newest = max((dataset / name).stat().st_mtime_ns for name in named)
    assert (dataset / "manifest.json").stat().st_mtime_ns >= newest


def test_counts_of_a_shard_are_those_of_its_members_and_its_rows_in_the_index() -> None:
    dataset = sample_dataset()
    rows = read_index(dataset / "index.arrow").to_pylist()
    for number, shard in enumerate(read_manifest(dataset).shards):
        names = [name for name, _ in tar_members(dataset / shard.name)]
        mine = [row for row in rows if row["shard"] == number]
        assert shard.num_samples == sum(name.endswith(".json") for name in names) == len(mine)
        assert shard.num_images == sum(name.endswith(".jpg") for name in names)
        for count in ("num_images", "num_ids", "num_tokens"):
            assert getattr(shard, count) == sum(row[count] for row in mine)


def test_the_index_leads_to_the_bytes_of_every_member() -> None:
    dataset = small_dataset()
    rows = read_index(dataset / "index.arrow").to_pylist()
    assert [row["key"] for row in rows] == [f"{number:010d}" for number in range(len(rows))]
    for number, shard in enumerate(read_manifest(dataset).shards):
        data = (dataset / shard.name).read_bytes()
        members = iter(tar_members(dataset / shard.name))
        for row in (row for row in rows if row["shard"] == number):
            for offset, length in zip(row["member_offsets"], row["member_bytes"], strict=True):
                name, content = next(members)
                assert name.startswith(row["key"] + ".")
                assert data[offset : offset + length] == content
        assert next(members, None) is None


def test_the_manifest_says_what_the_dataset_was_made_of_and_with() -> None:
    manifest = read_manifest(sample_dataset())
    source = hashlib.sha256((RECIPE.parent / "sample" / "docs.jsonl").read_bytes()).hexdigest()
    assert [(entry.source, entry.name, entry.sha256) for entry in manifest.inputs] == [("mmc4", "docs.jsonl", source)]
    assert manifest.recipe_hash == load_recipe(RECIPE).hash()
    assert manifest.recipe == load_recipe(RECIPE).plain()
    assert manifest.tokenizer.vocab_size == 32_000 and (manifest.tokenizer.bos, manifest.tokenizer.eos) == (1, 2)
    assert {"interleave", "numpy", "pyarrow", "tokenizers"} <= manifest.made_with.keys()
    assert manifest.model.profile == "vila-1.0" and manifest.model.context == 4096


def test_the_recipes_hash_does_not_depend_on_where_things_lie() -> None:
    plain = load_recipe(RECIPE)
    moved = load_recipe(RECIPE, ["output=/elsewhere", "source.path=/corpus", "source.images=/pictures"])
    assert moved.hash() == plain.hash() != load_recipe(RECIPE, ["seed=1"]).hash()


def test_the_digest_of_a_dataset_changes_with_any_byte_of_it(tmp_path: Path) -> None:
    first = dataset_digest(small_dataset())
    assert dataset_digest(copy_of(small_dataset(), tmp_path / "copy")) == first
    build_small(tmp_path / "six", "images.quality=91")
    assert dataset_digest(tmp_path / "six") != first


def test_the_card_lists_every_column_up_to_the_most_images() -> None:
    head = yaml.safe_load((sample_dataset() / "README.md").read_text().split("---")[1])
    most = max(read_index(sample_dataset() / "index.arrow")["num_images"].to_pylist())
    columns = [column["name"] for column in head["dataset_info"]["features"]]
    images = [f"{position:02d}.jpg" for position in range(most)]
    assert columns == ["__key__", "__url__", "json", "input_ids.npy", *images]
    assert head["configs"][0]["data_files"] == "shard-*.tar"


def test_the_card_declares_every_field_of_a_samples_json() -> None:
    """`datasets` 3.6 to 4 cannot cast a struct with a field that was not declared."""
    head = yaml.safe_load((sample_dataset() / "README.md").read_text().split("---")[1])
    declared = next(column["struct"] for column in head["dataset_info"]["features"] if column["name"] == "json")
    fields = {field["name"]: field for field in declared}
    info = [field["name"] for field in fields["image_info"]["list"]]
    for name, data in tar_members(sample_dataset() / "shard-0000.tar"):
        if name.endswith(".json"):
            found = orjson.loads(data)
            assert found.keys() == fields.keys()
            assert all(list(image) == info for image in found["image_info"])


def test_a_card_can_be_read_without_references() -> None:
    text = (sample_dataset() / "README.md").read_text()
    assert "&id" not in text and "*id" not in text


def test_a_dataset_is_removed_whole_and_nothing_else_with_it(tmp_path: Path) -> None:
    dataset = copy_of(small_dataset(), tmp_path / "six")
    (dataset / ".nv-meta" / "index.sqlite").write_bytes(b"as energon prepare adds it")
    (dataset / "notes.txt").write_text("mine")
    remove_dataset(dataset)
    assert [path.name for path in dataset.rglob("*")] == ["notes.txt"]


def test_a_build_with_fewer_shards_leaves_no_index_of_the_others(tmp_path: Path) -> None:
    build_small(tmp_path / "six", "shards.multiple_of=4")
    build_small(tmp_path / "six", "shards.multiple_of=2")
    shards = [shard.name for shard in read_manifest(tmp_path / "six").shards]
    assert len(shards) == 2
    assert sorted(path.name for path in (tmp_path / "six").glob("shard-*")) == sorted(
        (*shards, *(f"{name}.idx" for name in shards))
    )


def test_the_ledger_is_in_the_order_of_the_stages() -> None:
    stages = pq.read_table(sample_dataset() / "ledger" / "drops.parquet")["stage"].to_pylist()
    assert list(dict.fromkeys(stages)) == ["measure", "clean", "dedup"]
    order = {"measure": 0, "clean": 1, "dedup": 2}
    assert stages == sorted(stages, key=order.__getitem__)
    drops = pq.read_table(sample_dataset() / "ledger" / "drops.parquet").to_pylist()
    num_unreadable = sum(row["stage"] == "measure" and row["image"] is None for row in drops)
    num_read = pq.read_metadata(sample_dataset() / "ledger" / "documents.parquet").num_rows
    assert num_read + num_unreadable == len(sample_lines())


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda m: m.update(format_version=1), "has format 1, this version of interleave reads 5"),
        (lambda m: m.pop("shards"), "is damaged"),
        (lambda m: m["shards"][0].update(name="../x.tar"), "is damaged"),
        (lambda m: m["shards"][0].update(sha256="short"), "is damaged"),
        (lambda m: m["shards"][0].update(num_samples=-1), "is damaged"),
        (lambda m: m.update(extra=1), "is damaged"),
    ],
)
def test_a_manifest_that_is_not_as_expected_is_refused(
    tmp_path: Path, edit: Callable[[dict[str, Any]], object], expected: str
) -> None:
    dataset = copy_of(small_dataset(), tmp_path / "six")
    manifest = manifest_of(dataset)
    edit(manifest)
    write_manifest_of(dataset, manifest)
    with pytest.raises(ShardError, match=expected):
        read_manifest(dataset)
