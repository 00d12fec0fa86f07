"""Files for Megatron-Energon agree with the shards, after a build and after a take-down; `environments.py` runs it."""

from __future__ import annotations

import runpy
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import yaml
from environments import with_an_empty_shard
from fixtures_build import build_again, manifest_of, records, sample_dataset, small_dataset, tar_members

from interleave.executors import InProcess
from interleave.shard.manifest import read_manifest
from interleave.validate.dataset import validate
from interleave.validate.level import Level
from interleave.validate.options import Options


@pytest.fixture(params=["as built", "one shard taken down"])
def dataset(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return sample_dataset() if request.param == "as built" else with_an_empty_shard(tmp_path / "taken-down")


def test_the_index_of_a_shard_has_where_each_sample_begins_and_where_the_last_one_ends(dataset: Path) -> None:
    for shard in read_manifest(dataset).shards:
        with tarfile.open(dataset / shard.name, "r:") as tar:
            heads = [member.offset for member in tar if member.name.endswith(".json")]
            wanted = [*heads, tar.offset]
        found = np.fromfile(dataset / f"{shard.name}.idx", dtype=np.uint64)
        assert found.tolist() == wanted and len(found) == shard.num_samples + 1


def test_counts_and_the_split_name_every_shard(dataset: Path) -> None:
    info = orjson.loads((dataset / ".nv-meta" / ".info.json").read_bytes())
    shards = read_manifest(dataset).shards
    assert info["shard_counts"] == {shard.name: shard.num_samples for shard in shards}
    split = yaml.safe_load((dataset / ".nv-meta" / "split.yaml").read_text())
    names = [shard.name for shard in shards]
    assert split == {"split_parts": {"train": names, "val": [], "test": []}, "exclude": []}


def test_a_dataset_of_a_split_says_which_it_is(tmp_path: Path) -> None:
    build_again(tmp_path / "two", "splits={val: 0.3, held-out: 0.1}")
    for name in ("train", "val", "held-out"):
        split = yaml.safe_load((tmp_path / "two" / name / ".nv-meta" / "split.yaml").read_text())
        parts = split["split_parts"]
        assert {part for part, shards in parts.items() if shards} == {name} and {"train", "val", "test"} <= set(parts)


def test_the_sample_loader_gives_texts_and_images_in_order() -> None:
    loader = runpy.run_path(str(sample_dataset() / ".nv-meta" / "sample_loader.py"))
    names = yaml.safe_load((sample_dataset() / ".nv-meta" / "dataset.yaml").read_text())
    assert names["sample_loader"] == "sample_loader.py:sample_loader"
    assert names["part_filter"] == "sample_loader.py:part_filter"
    found = [loader["sample_loader"](sample)["sequence"] for sample in _samples(loader["part_filter"])]
    wanted = [
        [text if text is not None else next(jpegs) for text in record.texts]
        for record, jpegs in ((record, iter(images)) for record, _, images in records(sample_dataset()))
    ]
    assert found == wanted


def test_a_damaged_file_is_found_and_is_not_sealed_as_sound(tmp_path: Path) -> None:
    dataset = shutil.copytree(small_dataset(), tmp_path / "six")
    (dataset / "shard-0001.tar.idx").write_bytes(b"")
    with InProcess() as executor:
        findings = validate(dataset, executor, Options(level=Level.QUICK), quiet=True).findings
    assert {finding.where for finding in findings} == {"shard-0001.tar.idx"}
    named = manifest_of(dataset)["files"]
    assert {"shard-0000.tar.idx", ".nv-meta/.info.json", ".nv-meta/sample_loader.py"} <= named.keys()


def test_indexes_that_energons_tools_added_do_not_outlive_what_they_lead_to(tmp_path: Path) -> None:
    dataset = shutil.copytree(small_dataset(), tmp_path / "six")
    for name in ("index.sqlite", "index.uuid"):
        (dataset / ".nv-meta" / name).write_bytes(b"of samples that go")
    _take_down_first(dataset)
    assert sorted(path.name for path in (dataset / ".nv-meta").iterdir()) == sorted(
        (".info.json", "crude.yaml", "dataset.yaml", "sample_loader.py", "split.yaml")
    )


def test_a_take_down_makes_sidecars_right_that_were_damaged(tmp_path: Path) -> None:
    dataset = shutil.copytree(small_dataset(), tmp_path / "six")
    (dataset / "shard-0001.tar.idx").write_bytes(b"")
    (dataset / ".nv-meta" / ".info.json").unlink()
    _take_down_first(dataset)
    with InProcess() as executor:
        assert not validate(dataset, executor, Options(level=Level.QUICK), quiet=True).findings


def _take_down_first(dataset: Path) -> None:
    from interleave.shard.takedown import take_down
    from interleave.shard.takedown_request import read_request

    url = next(record.url for record, _, _ in records(dataset))
    with InProcess() as executor:
        assert take_down(dataset, read_request(urls=[str(url)]), executor, quiet=True).num_samples


def _samples(part_filter: Any) -> list[dict[str, Any]]:
    """Members as Energon gives them: by the part of their names behind the key, JSON decoded."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(sample_dataset().glob("shard-*.tar")):
        for name, data in tar_members(path):
            key, _, part = name.partition(".")
            if part_filter(part):
                found.setdefault(key, {})[part] = orjson.loads(data) if part == "json" else data
    return list(found.values())
