from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records import make_image, make_measured

from interleave.counts import Counts
from interleave.dedup.dedup import DedupTask, dedup
from interleave.document import Drop, Image, MeasuredDocument
from interleave.spool import read_drops, write_documents, write_drops

STORY = " ".join(f"word{number}" for number in range(100))
OFF: dict[str, Any] = {
    "document_near": None,
    "document_keep": None,
    "image_within": None,
    "image_across": 0,
    "image_max_copies": None,
    "image_policy": "drop_all",
}
# Far from each other: no two differ in fewer than 16 bits.
FAR = [0, 0xFFFF, 0xFFFF0000, 0xFFFF00000000, 0xFFFF000000000000, 0xFFFFFFFFFFFFFFFF]


def doc(name: str, text: str, *images: Image) -> MeasuredDocument:
    return make_measured([text], images, doc_id=name * 32)


def picture(index: int, phash: int, sha256: str | None = None) -> Image:
    return make_image(index, phash=phash, sha256=sha256 or f"{phash:064x}")


def run(
    folder: Path, splits: Sequence[Sequence[MeasuredDocument]], decided: Sequence[Drop] = (), **settings: Any
) -> tuple[Counts, list[list[Drop]], dict[str, str]]:
    """Counts, drops split by split, and the group of each document, documents called by their first letter."""
    for number, documents in enumerate(splits):
        with write_documents(folder / f"{number}.documents") as table:
            for document in documents:
                table.append(document)
        mine = {document.id for document in documents}
        write_drops(folder / f"{number}.decided", [drop for drop in decided if drop.doc_id in mine])
    numbers = range(len(splits))
    task = DedupTask(
        documents=tuple(str(folder / f"{number}.documents") for number in numbers),
        decided=tuple(str(folder / f"{number}.decided") for number in numbers),
        drops=tuple(str(folder / f"{number}.drops") for number in numbers),
        groups=str(folder / "groups"),
        **(OFF | settings),
    )
    counts = dedup(task)
    drops = [
        [replace(drop, doc_id=drop.doc_id[0]) for drop in read_drops(folder / f"{number}.drops")] for number in numbers
    ]
    groups = {row["doc_id"][0]: row["group"][0] for row in pq.read_table(folder / "groups").to_pylist()}
    return counts, drops, groups


def dropped(drops: list[list[Drop]]) -> list[list[tuple[str, int | None, str]]]:
    return [[(drop.doc_id, drop.image, drop.rule) for drop in of_split] for of_split in drops]


def test_of_equal_documents_the_smallest_id_stays_and_the_images_of_the_others_go_with_them(tmp_path: Path) -> None:
    splits = [
        [doc("c", "Same words!", picture(0, 0)), doc("b", "other words")],
        [doc("a", "same WORDS"), doc("d", "same words", picture(0, 1), picture(1, 2))],
    ]
    counts, drops, _ = run(tmp_path, splits, document_keep="first")
    assert dropped(drops) == [
        [("c", None, "document_equal"), ("c", 0, "document_dropped")],
        [("d", None, "document_equal"), ("d", 0, "document_dropped"), ("d", 1, "document_dropped")],
    ]
    assert drops[0][0].detail == "a" * 32  # names the keeper
    assert (counts["documents_in"], counts["documents_out"]) == (4, 2)
    assert (counts["images_in"], counts["images_out"]) == (3, 0)


def test_of_near_documents_the_longest_stays_or_the_first(tmp_path: Path) -> None:
    splits = [[doc("a", STORY), doc("b", STORY + " the end"), doc("c", STORY[::-1])]]
    _, drops, _ = run(tmp_path, splits, document_near=0.8, document_keep="longest")
    assert dropped(drops) == [[("a", None, "document_near")]]
    assert drops[0][0].threshold == 0.8
    assert drops[0][0].value is not None and 0.8 <= drops[0][0].value < 1
    _, drops, _ = run(tmp_path, splits, document_near=0.8, document_keep="first")
    assert dropped(drops) == [[("b", None, "document_near")]]
    _, drops, _ = run(tmp_path, splits, document_near=None, document_keep="longest")
    assert dropped(drops) == [[]]


def test_documents_without_words_are_nobodys_duplicates(tmp_path: Path) -> None:
    splits = [[doc("a", ""), doc("b", ""), doc("c", "...")]]
    _, drops, _ = run(tmp_path, splits, document_near=0.8, document_keep="longest")
    assert dropped(drops) == [[]]


def test_what_the_rules_dropped_before_is_no_keeper_and_no_copy(tmp_path: Path) -> None:
    splits = [[doc("a", "same"), doc("b", "same", picture(0, 5), picture(1, 5)), doc("c", "same")]]
    decided = [
        Drop(doc_id="a" * 32, image=None, stage="clean", rule="num_words"),
        Drop(doc_id="b" * 32, image=0, stage="clean", rule="faces"),
    ]
    counts, drops, groups = run(tmp_path, splits, decided, document_keep="first", image_within=0)
    assert dropped(drops) == [[("c", None, "document_equal")]]
    assert (counts["documents_in"], counts["images_in"]) == (2, 1)
    assert groups.keys() == {"b", "c"}


def test_within_a_document_the_first_of_similar_images_stays(tmp_path: Path) -> None:
    images = [
        picture(0, 0b111),
        picture(1, 0b110),
        picture(2, FAR[1]),
        picture(4, 0b1111100),
        picture(5, 0b111, "f" * 64),
    ]
    _, drops, _ = run(tmp_path, [[doc("b", "x", *images)], [doc("a", "y", picture(0, 0b111))]], image_within=1)
    assert dropped(drops) == [[("b", 1, "image_within_document"), ("b", 5, "image_within_document")], []]
    assert [(drop.value, drop.threshold) for drop in drops[0]] == [(1, 1), (0, 1)]


def test_an_image_that_is_dropped_takes_no_other_with_it(tmp_path: Path) -> None:
    # 0 and 1 differ in one bit, 1 and 2 in one, 0 and 2 in two: 1 goes because of 0, and 2 stays.
    images = [picture(0, 0b00), picture(1, 0b01), picture(2, 0b11)]
    _, drops, _ = run(tmp_path, [[doc("a", "x", *images)]], image_within=1)
    assert dropped(drops) == [[("a", 1, "image_within_document")]]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("drop_all", [[("a", 0), ("c", 0)], [("b", 1)]]),
        ("keep_n", [[("c", 0)], []]),
    ],
)
def test_an_image_with_more_copies_than_allowed_goes_everywhere_or_beyond_the_first_ones(
    tmp_path: Path, policy: str, expected: list[list[tuple[str, int]]]
) -> None:
    splits = [
        [doc("c", "x", picture(0, 1)), doc("a", "y", picture(0, 0), picture(1, FAR[2]))],
        [doc("b", "z", picture(0, FAR[2]), picture(1, 3))],
    ]
    _, drops, _ = run(tmp_path, splits, image_across=1, image_max_copies=2, image_policy=policy)
    assert [[(doc_id, image) for doc_id, image, _ in of_split] for of_split in dropped(drops)] == expected
    assert {(drop.rule, drop.value, drop.threshold) for of_split in drops for drop in of_split} == {
        ("image_across_corpus", 3, 2)
    }


def test_equal_bytes_are_copies_whatever_their_hash_says(tmp_path: Path) -> None:
    splits = [[doc("a", "x", picture(0, FAR[0], "e" * 64)), doc("b", "y", picture(0, FAR[1], "e" * 64))]]
    counts, _, groups = run(tmp_path, splits, image_max_copies=1)
    assert counts["images_out"] == 0
    _, _, groups = run(tmp_path, splits)
    assert groups == {"a": "a", "b": "a"}


def test_documents_that_share_a_kept_image_are_one_group_also_through_others(tmp_path: Path) -> None:
    splits = [
        [doc("d", "1", picture(0, FAR[1])), doc("b", "2", picture(0, FAR[1]), picture(1, FAR[2]))],
        [doc("c", "3", picture(0, FAR[2])), doc("a", "4", picture(0, FAR[3])), doc("e", "5")],
    ]
    _, _, groups = run(tmp_path, splits)
    assert groups == {"a": "a", "b": "b", "c": "b", "d": "b", "e": "e"}


def test_nothing_in_is_nothing_out(tmp_path: Path) -> None:
    everything_on = {"document_near": 0.8, "document_keep": "longest", "image_within": 5, "image_max_copies": 10}
    counts, drops, groups = run(tmp_path, [[], []], **everything_on)
    assert (counts["documents_in"], counts["documents_out"], counts["images_out"]) == (0, 0, 0)
    assert (drops, groups) == ([[], []], {})
    counts, drops, groups = run(tmp_path, [[doc("a", "text without an image")]], **everything_on)
    assert (counts["documents_out"], drops, groups) == (1, [[]], {"a": "a"})


texts = st.sampled_from(["same words", "Same, words", STORY, STORY + " the end", STORY + " end", "", "alone"])
pictures = st.lists(st.sampled_from([0, 1, 3, 0xFFFF, 0xFFFE, 2**63]), max_size=4)
corpora = st.lists(st.tuples(texts, pictures), max_size=8)


@settings(max_examples=25)  # each example writes and reads a dozen small files
@given(corpora, st.data(), st.sampled_from(["longest", "first"]), st.sampled_from(["drop_all", "keep_n"]))
def test_the_result_does_not_depend_on_the_order_of_documents_or_splits(
    tmp_path_factory: pytest.TempPathFactory,
    corpus: list[tuple[str, list[int]]],
    data: st.DataObject,
    keep: str,
    policy: str,
) -> None:
    folder = tmp_path_factory.getbasetemp()
    documents = [
        doc(letter, text, *(picture(index, phash) for index, phash in enumerate(phashes)))
        for letter, (text, phashes) in zip("abcdefgh", corpus, strict=False)
    ]
    switches = {
        "document_near": 0.7,
        "document_keep": keep,
        "image_within": 1,
        "image_across": 1,
        "image_max_copies": 2,
        "image_policy": policy,
    }
    shuffled = data.draw(st.permutations(documents))
    middle = data.draw(st.integers(0, len(documents)))
    counts, drops, groups = run(folder, [documents], **switches)
    counts_2, drops_2, groups_2 = run(folder, [shuffled[:middle], shuffled[middle:]], **switches)
    assert counts_2 == counts
    assert groups_2 == groups

    def as_set(drops: list[list[Drop]]) -> set[Drop]:
        return {drop for of_split in drops for drop in of_split}

    assert as_set(drops_2) == as_set(drops)
    assert sum(map(len, drops)) == sum(map(len, drops_2)) == len(as_set(drops))
    # Nothing is lost silently.
    assert counts["documents_in"] == counts["documents_out"] + counts.dropped("document") == len(documents)
    assert counts["images_in"] == counts["images_out"] + counts.dropped("image")
    first = {document.id[0] for document in shuffled[:middle]}
    assert {drop.doc_id for drop in drops_2[0]} <= first
