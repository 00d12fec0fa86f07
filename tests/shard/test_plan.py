"""The plan: which sample goes where, as a function of seed and sizes alone."""

from __future__ import annotations

import tempfile
from functools import partial
from itertools import chain, pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interleave.dedup.dedup import GROUPS
from interleave.dedup.scratch import Scratch
from interleave.encode.encode import SAMPLES
from interleave.errors import TaskError
from interleave.shard.plan import PlannedShard, PlanTask, plan, read_places, read_plan
from interleave.shard.tar import END
from interleave.spool import write_table

# Bytes of each part of each document.
Documents = list[list[int]]
DOCUMENTS = st.lists(st.lists(st.integers(2048, 6000), min_size=1, max_size=3), min_size=20, max_size=60)


def write_samples(path: Path, documents: list[tuple[int, list[int]]]) -> None:
    rows = [
        {"doc_id": f"{number:032x}", "part": part, "num_bytes": size}
        for number, sizes in documents
        for part, size in enumerate(sizes)
    ]
    with pa.ipc.new_file(path, SAMPLES) as writer:
        if rows:
            writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=SAMPLES))


def planned(
    folder: Path,
    documents: Documents,
    *,
    seed: int = 0,
    max_bytes: int = 60_000,
    multiple_of: int = 1,
    shares: dict[str, float] | None = None,
    num_files: int = 3,
    groups: list[int] | None = None,
) -> list[PlannedShard]:
    numbered = list(enumerate(documents))
    border = -(-len(numbered) // num_files)
    paths = []
    for number in range(num_files):
        paths.append(folder / f"{number}.arrow")
        write_samples(paths[-1], numbered[number * border : (number + 1) * border])
        with write_table(folder / f"{number}.groups", GROUPS) as table:
            for document, _ in numbered[number * border : (number + 1) * border]:
                table.append({"doc_id": f"{document:032x}", "group": document if groups is None else groups[document]})
    plan(
        PlanTask(
            samples=tuple(map(str, paths)),
            groups=tuple(str(folder / f"{number}.groups") for number in range(num_files)),
            folder=str(folder / "plan"),
            seed=seed,
            max_bytes=max_bytes,
            multiple_of=multiple_of,
            shares=shares,
        )
    )
    return read_plan(folder / "plan")


def chosen(folder: Path, documents: Documents, shards: list[PlannedShard], num_files: int = 3) -> list[list[int]]:
    """For each shard its samples, as (document * 10 + part)."""
    border = -(-len(documents) // num_files)
    names = [number * 10 + part for number, sizes in enumerate(documents) for part in range(len(sizes))]
    by_file = [[name for name in names if name // 10 // border == number] for number in range(num_files)]
    return [[by_file[split][row] for split, row in read_places(folder / "plan", shard)] for shard in shards]


def joined(shards: list[list[int]]) -> list[int]:
    return list(chain.from_iterable(shards))


@settings(max_examples=25)
@given(DOCUMENTS, st.integers(0, 100), st.integers(1, 3))
def test_every_sample_is_in_one_shard_and_no_shard_is_too_large(
    documents: Documents, seed: int, multiple_of: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shards = planned(folder, documents, seed=seed, multiple_of=multiple_of)
        found = chosen(folder, documents, shards)
    every = [number * 10 + part for number, sizes in enumerate(documents) for part in range(len(sizes))]
    assert sorted(joined(found)) == every
    assert len(shards) % multiple_of == 0
    sizes = [sum(documents[item // 10][item % 10] for item in items) + len(END) for items in found]
    assert max(sizes) <= 60_000
    # Even: none is further from the mean than one sample.
    assert max(abs(size - sum(sizes) / len(sizes)) for size in sizes) <= 6000
    assert [shard.first_sample for shard in shards] == [sum(map(len, found[:at])) for at in range(len(found))]
    assert [shard.num_samples for shard in shards] == [len(items) for items in found]


@settings(max_examples=10)
@given(DOCUMENTS, st.integers(0, 100))
def test_parts_of_a_document_stay_together_in_order(documents: Documents, seed: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        order = joined(chosen(Path(name), documents, planned(Path(name), documents, seed=seed)))
    for before, after in pairwise(order):
        assert after == before + 1 if before // 10 == after // 10 else after % 10 == 0


def test_how_the_input_is_cut_into_files_changes_no_order(tmp_path: Path) -> None:
    documents = [[3000 + number] for number in range(40)]
    orders = []
    for num_files in (1, 2, 7):
        folder = tmp_path / str(num_files)
        folder.mkdir()
        orders.append(chosen(folder, documents, planned(folder, documents, num_files=num_files), num_files))
    assert orders[0] == orders[1] == orders[2]
    assert joined(orders[0]) != sorted(joined(orders[0]))


def test_in_however_many_parts_samples_are_gone_through_the_plan_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = [[3000 + number, 2500] for number in range(60)]
    shares, groups = {"val": 0.2, "test": 0.1}, [number - number % 3 for number in range(60)]
    plans = []
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
        shards = planned(tmp_path / name, documents, shares=shares, groups=groups)
        plans.append((shards, chosen(tmp_path / name, documents, shards)))
        monkeypatch.setattr("interleave.shard.plan.Scratch", partial(Scratch, per_part=3, min_bytes_on_disk=0))
        monkeypatch.setattr("interleave.shard.plan._AT_ONCE", 4)
        monkeypatch.setattr("interleave.shard.sides._AT_ONCE", 4)
    assert plans[0] == plans[1]


def test_another_seed_gives_another_order(tmp_path: Path) -> None:
    documents = [[3000]] * 40
    first = chosen(tmp_path, documents, planned(tmp_path, documents, seed=1))
    assert first != chosen(tmp_path, documents, planned(tmp_path, documents, seed=2))


def test_too_few_samples_for_the_shards_wanted_are_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"there are 3 samples, too few for shards\.multiple_of = 4"):
        planned(tmp_path, [[3000]] * 3, multiple_of=4)


def test_a_share_takes_about_that_part_of_the_documents(tmp_path: Path) -> None:
    shards = planned(tmp_path, [[3000]] * 400, shares={"test": 0.1, "val": 0.2})
    counted = dict.fromkeys(("train", "test", "val"), 0)
    for shard in shards:
        counted[shard.dataset] += shard.num_samples
    assert sum(counted.values()) == 400
    assert 60 <= counted["val"] <= 100 and 25 <= counted["test"] <= 60


def test_documents_of_one_group_are_on_one_side(tmp_path: Path) -> None:
    documents = [[3000]] * 200
    shards = planned(tmp_path, documents, shares={"val": 0.3}, groups=[number % 20 for number in range(200)])
    sides: dict[int, set[str]] = {}
    for shard, items in zip(shards, chosen(tmp_path, documents, shards), strict=True):
        for item in items:
            sides.setdefault(item // 10 % 20, set()).add(shard.dataset)
    assert all(len(side) == 1 for side in sides.values())
    assert {next(iter(side)) for side in sides.values()} == {"train", "val"}


def test_a_group_larger_than_a_share_never_falls_into_it(tmp_path: Path) -> None:
    documents = [[3000]] * 100
    groups = [0] * 40 + list(range(40, 100))
    shards = planned(tmp_path, documents, shares={"val": 0.25}, groups=groups)
    in_val = [
        item // 10
        for shard, items in zip(shards, chosen(tmp_path, documents, shards), strict=True)
        for item in items
        if shard.dataset == "val"
    ]
    assert len(in_val) == 25 and min(in_val) >= 40
