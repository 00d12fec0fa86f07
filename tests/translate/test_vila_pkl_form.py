"""VILA's shards: by VILA's own rules of reading, nothing of the dataset is lost."""

from __future__ import annotations

import pickle
import pickletools
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
from fixtures_build import records, sample_dataset, whole_documents
from fixtures_translate import build_from, contents, export, files, sha256s, squeezed
from hypothesis import given
from hypothesis import strategies as st
from vila_rules import is_matrix, mmc4_samples, num_tokens, places, shards_of

from interleave.errors import RecipeError
from interleave.translate.vila_plan import VilaPlan, cut
from interleave.translate.vila_units import MAX_IMAGES, Unit


def loaded(folder: Path) -> list[dict[str, Any]]:
    return [record for path in sorted(folder.glob("*.pkl")) for record in pickle.loads(path.read_bytes())]


def all_text(dataset: Path) -> str:
    return squeezed("".join(text for record, _, _ in records(dataset) for text in record.texts if text is not None))


def all_images(dataset: Path) -> list[str]:
    return [digest for _, _, jpegs in records(dataset) for digest in sha256s(jpegs)]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vila") / "pkl"
    export("vila-pkl", sample_dataset(), folder, "--world-size", "4")
    return folder


def test_vila_finds_every_text_and_every_image_in_order(exported: Path) -> None:
    samples = list(mmc4_samples(exported, world_size=4))
    assert [digest for images, _ in samples for digest in sha256s(images)] == all_images(sample_dataset())
    assert squeezed("".join(chunk for _, chunks in samples for chunk in chunks)) == all_text(sample_dataset())


def test_images_stand_between_the_texts_where_the_dataset_has_them(exported: Path) -> None:
    for images, chunks in mmc4_samples(exported, world_size=4):
        assert len(chunks) == len(images) + 1
    found = ["\0".join(map(squeezed, chunks)) for _, chunks in mmc4_samples(exported, world_size=4)]
    expected = [
        "".join("\0" if text is None else squeezed(text) for text in record.texts)
        for record, _, _ in records(sample_dataset())
    ]
    whole = [text for text in expected if text in found]
    assert len(whole) > len(expected) // 2


def test_every_rank_reads_all_that_its_shards_hold(exported: Path) -> None:
    for rank in range(4):
        found, num_read = shards_of(exported, rank, 4)
        assert len(found) == num_read > 0
    assert {path.suffix for path in exported.iterdir()} == {".pkl", ".count"}


@pytest.mark.parametrize("context", [620, 700, 1300, 4096])
@pytest.mark.parametrize("dataset", [sample_dataset, whole_documents], ids=["cut", "whole"])
def test_samples_stay_within_any_context_and_lose_nothing(dataset: Any, context: int, tmp_path: Path) -> None:
    printed = export("vila-pkl", dataset(), tmp_path / "pkl", "--context", str(context), "--json")
    found = loaded(tmp_path / "pkl")
    assert max(num_tokens(record, 576) for record in found) <= context
    assert all(1 <= len(record["image_info"]) <= MAX_IMAGES and is_matrix(record) for record in found)
    samples = list(mmc4_samples(tmp_path / "pkl"))
    assert Counter(digest for images, _ in samples for digest in sha256s(images)) == Counter(all_images(dataset()))
    text = squeezed("".join(chunk for _, chunks in samples for chunk in chunks))
    left_out = sum(item["num_chars"] for item in orjson.loads(printed)["left_out"])
    assert Counter(text) <= Counter(all_text(dataset()))
    assert len(text) + left_out == len(all_text(dataset()))
    assert left_out == 0 or context < 1000, "there is room for all of it"


def test_each_image_has_a_sentence_of_its_own_so_that_no_sort_can_mix_them(exported: Path) -> None:
    for record in loaded(exported):
        assert places(record) == sorted(set(places(record)))


def test_text_without_an_image_is_left_out_and_counted_when_told_so(tmp_path: Path) -> None:
    options = ("--context", "700", "--json")
    attached = orjson.loads(export("vila-pkl", sample_dataset(), tmp_path / "a", *options))
    left_out = orjson.loads(export("vila-pkl", sample_dataset(), tmp_path / "b", *options, "--leave-out"))
    assert left_out["num_chars"] < attached["num_chars"]
    assert [item["reason"] for item in left_out["left_out"]] == ["texts without an image"]


def test_text_without_an_image_finds_the_first_samples_that_have_room() -> None:
    plan = VilaPlan(room=100)
    for number, (tokens, images) in enumerate([(70, 1), (90, 1), (20, 0), (5, 0), (5, 0), (80, 0)]):
        unit = units_of([(tokens, images)])
        plan.add(range(number, number + 1), unit, cut(unit, 100))
    left = plan.attach()
    guests = [[guest.samples.start for guest in sample.guests] for sample in plan.samples]
    assert (guests, [where.samples.start for where in left]) == ([[2, 3, 4], []], [5])


def test_a_pickle_holds_a_list_of_plain_data_alone(exported: Path) -> None:
    for path in exported.glob("*.pkl"):
        assert isinstance(pickle.loads(path.read_bytes()), list)
        names = {opcode.name for opcode, _, _ in pickletools.genops(path.read_bytes())}
        assert not names & {"GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD", "INST", "OBJ", "NEWOBJ"}


def test_the_same_dataset_gives_the_same_bytes(exported: Path, tmp_path: Path) -> None:
    export("vila-pkl", sample_dataset(), tmp_path / "pkl", "--world-size", "4")
    assert files(tmp_path / "pkl") == files(exported)


def test_shards_are_as_many_as_asked_for(tmp_path: Path) -> None:
    export("vila-pkl", sample_dataset(), tmp_path / "pkl", "--world-size", "2", "--shards", "6")
    assert len(list((tmp_path / "pkl").glob("*.count"))) == 6
    assert all(
        shards_of(tmp_path / "pkl", rank, 2)[1] == len(shards_of(tmp_path / "pkl", rank, 2)[0]) for rank in (0, 1)
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--world-size", "4", "--shards", "6"), "no multiple"),
        (("--world-size", "5000"), "evenly"),
        (("--shards", "5000"), "fewer --shards"),
        (("--context", "400"), "an image takes 576 tokens"),
    ],
)
def test_what_vila_could_not_read_whole_is_refused(options: tuple[str, ...], expected: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=expected):
        export("vila-pkl", sample_dataset(), tmp_path / "pkl", *options)
    assert not list(tmp_path.iterdir())


def test_a_dataset_that_is_built_from_the_export_has_the_same_texts_and_image_bytes(tmp_path: Path) -> None:
    export("vila-pkl", whole_documents(), tmp_path / "pkl", "--context", "100000")
    source = {"kind": "vila-pkl", "path": str(tmp_path / "pkl")}
    again = contents(build_from(source, tmp_path / "again", encode={"context": None}))
    before = contents(whole_documents())
    kept = {key: parts for key, parts in before.items() if sum(len(part) == 64 for part in parts) <= MAX_IMAGES}
    assert len(kept) > len(before) // 2
    assert {key: again[key] for key in kept} == kept


sizes = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 3)), max_size=14)


def units_of(found: list[tuple[int, int]]) -> list[Unit]:
    return [Unit(parts=(), num_images=images, num_tokens=tokens) for tokens, images in found]


@given(sizes)
def test_slices_cover_the_units_within_the_limits(found: list[tuple[int, int]]) -> None:
    slices = cut(units_of(found), 100)
    assert [number for begin, end in slices for number in range(begin, end)] == list(range(len(found)))
    for begin, end in slices:
        chosen = found[begin:end]
        if any(images for _, images in chosen):
            assert sum(tokens for tokens, _ in chosen) <= 100 and sum(images for _, images in chosen) <= MAX_IMAGES


@given(sizes)
def test_no_other_cut_leaves_less_text_without_an_image(found: list[tuple[int, int]]) -> None:
    loose = [sum(t for t, _ in found[b:e]) for b, e in cut(units_of(found), 100) if not any(i for _, i in found[b:e])]
    assert sum(loose) == least_loose(found)


def least_loose(found: list[tuple[int, int]]) -> int:
    """By trying everything."""
    best = [0] + [10**9] * len(found)
    for end in range(1, len(found) + 1):
        for begin in range(end):
            tokens, images = (sum(item[at] for item in found[begin:end]) for at in (0, 1))
            if not images:
                best[end] = min(best[end], best[begin] + tokens)
            elif tokens <= 100 and images <= MAX_IMAGES:
                best[end] = min(best[end], best[begin])
    return best[-1]


@given(st.lists(sizes, min_size=1, max_size=6), st.integers(1, 4))
def test_a_plan_places_every_unit_once_and_deals_evenly(documents: list[list[tuple[int, int]]], ranks: int) -> None:
    plan = VilaPlan(room=100)
    for number, found in enumerate(documents):
        plan.add(range(number, number + 1), units_of(found), cut(units_of(found), 100))
    left = plan.attach()
    try:
        plan.even_out(ranks)
    except RecipeError:
        return
    assert len(plan.samples) % ranks == 0
    slices = [where for sample in plan.samples for where in (sample.own, *sample.guests)] + left
    placed = Counter((where.samples.start, unit) for where in slices for unit in range(where.begin, where.end))
    assert placed == Counter((number, unit) for number, found in enumerate(documents) for unit in range(len(found)))
    for sample in plan.samples:
        inside = [documents[w.samples.start][u] for w in (sample.own, *sample.guests) for u in range(w.begin, w.end)]
        assert sum(tokens for tokens, _ in inside) <= 100 and 1 <= sum(images for _, images in inside) <= MAX_IMAGES
