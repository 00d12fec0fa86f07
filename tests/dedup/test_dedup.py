from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records import make_image, make_measured, read_drops

from interleave.counts import Counts
from interleave.dedup.corpus import EarlierDataset
from interleave.dedup.dedup import DedupTask, dedup
from interleave.dedup.fingerprint import FingerprintTask, fingerprint
from interleave.dedup.hamming import hamming_pairs
from interleave.dedup.scratch import Scratch
from interleave.dedup.settings import Dedup, DocumentDuplicates, ImageDuplicates, ParagraphDuplicates
from interleave.dedup.tables import FingerprintFiles
from interleave.document import Drop, Image, MeasuredDocument
from interleave.drops import write_drops
from interleave.spool import write_documents

STORY = " ".join(f"word{number}" for number in range(100))
# Far from each other: no two differ in fewer than 16 bits.
FAR = [0, 0xFFFF, 0xFFFF0000, 0xFFFF00000000, 0xFFFF000000000000, 0xFFFFFFFFFFFFFFFF]


def doc(name: str, text: str, *images: Image) -> MeasuredDocument:
    return replace(make_measured([text], images, doc_id=name * 32), url=f"https://{name}.example/")


def picture(index: int, phash: int, sha256: str | None = None) -> Image:
    return make_image(index, phash=phash, sha256=sha256 or f"{phash:064x}")


def files_of(folder: Path, number: int) -> FingerprintFiles:
    documents, images, paragraphs = (str(folder / f"{number}.{what}") for what in ("prints", "images", "paragraphs"))
    return FingerprintFiles(documents=documents, images=images, paragraphs=paragraphs)


def write_fingerprints(
    folder: Path, splits: Sequence[Sequence[MeasuredDocument]], decided: Sequence[Drop] = ()
) -> tuple[FingerprintFiles, ...]:
    for number, documents in enumerate(splits):
        with write_documents(folder / f"{number}.documents") as table:
            for document in documents:
                table.append(document)
        mine = {document.id for document in documents}
        write_drops(folder / f"{number}.decided", [drop for drop in decided if drop.doc_id in mine])
        fingerprint(
            FingerprintTask(
                documents=str(folder / f"{number}.documents"),
                dropped=(str(folder / f"{number}.decided"),),
                into=files_of(folder, number),
            )
        )
    return tuple(files_of(folder, number) for number in range(len(splits)))


def groups_of(task: DedupTask) -> dict[str, str]:
    """The group of each document, both called by their first letter."""
    rows = [row for path in task.groups for row in pq.read_table(path).to_pylist()]
    return {row["doc_id"][0]: f"{row['group']:016x}"[0] for row in rows}


def run(
    folder: Path, splits: Sequence[Sequence[MeasuredDocument]], decided: Sequence[Drop] = (), **settings: Any
) -> tuple[Counts, list[list[Drop]], dict[str, str]]:
    """Counts, drops split by split, and the group of each document, documents called by their first letter.

    settings: those of documents, paragraphs and images with that in front; all else is off.
    """
    task = DedupTask(
        splits=write_fingerprints(folder, splits, decided),
        earlier=(),
        drops=tuple(str(folder / f"{number}.drops") for number in range(len(splits))),
        groups=tuple(str(folder / f"{number}.groups") for number in range(len(splits))),
        settings=dedup_settings(**settings),
    )
    counts = dedup(task)
    drops = [
        [replace(drop, doc_id=drop.doc_id[0]) for drop in read_drops(folder / f"{number}.drops")]
        for number in range(len(splits))
    ]
    return counts, drops, groups_of(task)


def dedup_settings(**settings: Any) -> Dedup:
    def some(what: str) -> dict[str, Any]:
        return {name.removeprefix(what): value for name, value in settings.items() if name.startswith(what)}

    documents, paragraphs, images = some("document_"), some("paragraph_"), some("image_")
    return Dedup(
        documents=DocumentDuplicates(**({"near": None} | documents)) if documents else None,
        paragraphs=ParagraphDuplicates(**paragraphs) if paragraphs else None,
        images=ImageDuplicates(**({"within_document": None, "across": 0, "max_copies": None} | images)),
    )


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
    counts, drops, groups = run(tmp_path, splits, decided, document_keep="first", image_within_document=0)
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
    _, drops, _ = run(tmp_path, [[doc("b", "x", *images)], [doc("a", "y", picture(0, 0b111))]], image_within_document=1)
    assert dropped(drops) == [[("b", 1, "image_within_document"), ("b", 5, "image_within_document")], []]
    assert [(drop.value, drop.threshold) for drop in drops[0]] == [(1, 1), (0, 1)]


def test_an_image_that_is_dropped_takes_no_other_with_it(tmp_path: Path) -> None:
    # 0 and 1 differ in one bit, 1 and 2 in one, 0 and 2 in two: 1 goes because of 0, and 2 stays.
    images = [picture(0, 0b00), picture(1, 0b01), picture(2, 0b11)]
    _, drops, _ = run(tmp_path, [[doc("a", "x", *images)]], image_within_document=1)
    assert dropped(drops) == [[("a", 1, "image_within_document")]]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("drop_all", [[("a", 0), ("c", 0)], [("b", 1), ("d", 0)]]),
        ("keep_n", [[("c", 0)], [("d", 0)]]),
    ],
)
def test_an_image_with_more_copies_than_allowed_goes_everywhere_or_beyond_the_first_ones(
    tmp_path: Path, policy: str, expected: list[list[tuple[str, int]]]
) -> None:
    splits = [
        [doc("c", "x", picture(0, 1)), doc("a", "y", picture(0, 0), picture(1, FAR[2]))],
        [doc("b", "z", picture(0, FAR[2]), picture(1, 3)), doc("d", "w", picture(0, 1))],
    ]
    # 1 is there twice, so it leads 0 and 3, which are one bit from it and two from each other.
    _, drops, _ = run(tmp_path, splits, image_across=1, image_max_copies=2, image_policy=policy)
    assert [[(doc_id, image) for doc_id, image, _ in of_split] for of_split in dropped(drops)] == expected
    assert {(drop.rule, drop.value, drop.threshold) for of_split in drops for drop in of_split} == {
        ("image_across_corpus", 4, 2)
    }


def test_small_steps_do_not_make_unlike_images_copies_of_each_other(tmp_path: Path) -> None:
    chain = [doc(letter, letter, picture(0, (1 << step) - 1)) for step, letter in enumerate("abcdef")]
    _, drops, groups = run(tmp_path, [chain], image_across=1, image_max_copies=2)
    # 0 leads 1, 3 leads 7, 15 leads 31: no cluster has more than two, though each step is one bit.
    assert dropped(drops) == [[]]
    assert groups == {"a": "a", "b": "a", "c": "c", "d": "c", "e": "e", "f": "e"}


def test_which_copies_are_kept_goes_by_their_documents(tmp_path: Path) -> None:
    documents = [
        replace(doc("a", "short", picture(0, 7)), meta={"date": "2020-01-01"}),
        replace(doc("b", "a longer text", picture(0, 7)), meta={"date": "2019-06-01T10:00:00Z"}),
        replace(doc("c", "the longest text of all", picture(0, 7)), meta={"date": "no date"}),
    ]
    kept = {}
    for keep in ("first", "longest", "oldest", "newest"):
        _, drops, _ = run(tmp_path, [documents], image_max_copies=1, image_policy="keep_n", image_keep=keep)
        (kept[keep],) = {"a", "b", "c"} - {drop.doc_id for drop in drops[0]}
    assert kept == {"first": "a", "longest": "c", "oldest": "b", "newest": "a"}


def test_a_domain_keeps_no_more_copies_of_an_image_than_allowed_and_others_keep_theirs(tmp_path: Path) -> None:
    logo = picture(0, 5)
    urls = ["https://one.example/1", "http://ONE.example:80/2", "https://two.example/", None, None]
    documents = [
        replace(doc(letter, letter, logo), url=url) for letter, url in zip("abcde", urls, strict=True)
    ]  # what has no URL is in no domain
    _, drops, _ = run(tmp_path, [documents], image_max_copies_per_domain=1)
    assert dropped(drops) == [[("a", 0, "image_per_domain"), ("b", 0, "image_per_domain")]]
    _, drops, _ = run(tmp_path, [documents], image_max_copies_per_domain=1, image_policy="keep_n")
    assert dropped(drops) == [[("b", 0, "image_per_domain")]]


@pytest.mark.parametrize(("url", "kept"), [("newest", "b"), ("first", "a")])
def test_of_documents_of_one_url_one_stays(tmp_path: Path, url: str, kept: str) -> None:
    spellings = ["https://example.org/%7Eme", "HTTPS://example.org:443/~me#top", "https://example.org/~me"]
    dates = ["2020-01-01", "2021-05-05T00:00:00+02:00", ""]
    same = [
        replace(doc(letter, letter, picture(0, 0)), url=spelling, meta={"date": date})
        for letter, spelling, date in zip("abc", spellings, dates, strict=True)
    ]
    others = [replace(doc("d", "d"), url="https://example.org/"), replace(doc("e", "e"), url=None)]
    counts, drops, _ = run(tmp_path, [same, [*others, replace(doc("f", "f"), url=None)]], document_url=url)
    gone = [letter for letter in "abc" if letter != kept]
    assert [drop[:1] + drop[2:] for drop in dropped(drops)[0]] == [
        (letter, rule) for letter in gone for rule in ("document_url", "document_dropped")
    ]
    assert {drop.detail for drop in drops[0] if drop.image is None} == {kept * 32}
    assert dropped(drops)[1] == []
    assert counts["documents_out"] == 4


def test_documents_with_the_same_images_in_any_order_are_duplicates_if_there_are_enough_of_them(tmp_path: Path) -> None:
    one, two, three = (picture(0, phash) for phash in FAR[:3])
    documents = [
        doc("a", "1", one, replace(two, index=1)),
        doc("b", "2", two, replace(one, index=1), replace(one, index=2)),
        doc("c", "3", one, replace(two, index=1), replace(three, index=2)),
        doc("d", "4", three),
        doc("e", "5", three),
    ]
    _, drops, _ = run(tmp_path, [documents], document_same_images=2)
    assert [drop for drop in dropped(drops)[0] if drop[1] is None] == [("b", None, "document_images")]
    _, drops, _ = run(tmp_path, [documents], document_same_images=1)
    assert [drop for drop in dropped(drops)[0] if drop[1] is None] == [
        ("b", None, "document_images"),
        ("e", None, "document_images"),
    ]


def test_the_keeper_of_a_near_document_is_near_and_is_kept(tmp_path: Path) -> None:
    """Each has four words less than the one before: neighbours are near, and the ends of the chain are not."""
    words = STORY.split()
    texts = [" ".join(words[: 100 - 4 * step]) for step in range(6)]
    splits = [[doc(letter, text) for letter, text in zip("abcdef", texts, strict=True)]]
    _, drops, _ = run(tmp_path, splits, document_near=0.9, document_keep="longest")
    jaccard = {step: (96 - 4 * step) / 96 for step in range(6)}
    assert [(drop.doc_id, drop.detail[0], drop.value) for drop in drops[0]] == [
        ("b", "a", jaccard[1]),
        ("c", "a", jaccard[2]),
        ("e", "d", (96 - 16) / (96 - 12)),
        ("f", "d", (96 - 20) / (96 - 12)),
    ]


def test_copies_of_what_goes_as_near_have_the_keeper_of_it(tmp_path: Path) -> None:
    splits = [[doc("a", STORY), doc("b", STORY.upper()), doc("c", STORY + " the end")]]
    _, drops, _ = run(tmp_path, splits, document_near=0.8, document_keep="longest")
    assert [(drop.doc_id, drop.rule, drop.detail[0]) for drop in drops[0]] == [
        ("a", "document_near", "c"),
        ("b", "document_near", "c"),
    ]
    assert [drop.value for drop in drops[0]] == [96 / 98, 96 / 98]


def test_text_that_the_rules_dropped_makes_no_documents_alike_and_none_different(tmp_path: Path) -> None:
    menu, other_menu = "Home About Contact", "Start Imprint Search Help"
    documents = [
        make_measured([menu, STORY], doc_id="a" * 32),
        make_measured([other_menu, STORY], doc_id="b" * 32),
        make_measured([menu, "One thing."], doc_id="c" * 32),
        make_measured([menu, "Another thing."], doc_id="d" * 32),
    ]
    decided = [Drop(doc_id=letter * 32, image=None, sentence=0, stage="clean", rule="words") for letter in "abcd"]
    _, drops, _ = run(tmp_path, [documents], decided, document_near=None)
    assert dropped(drops) == [[("b", None, "document_equal")]]


def paged(name: str, *sentences: str, url: str, paragraphs: Sequence[int] = ()) -> MeasuredDocument:
    return replace(make_measured(sentences, [make_image()], doc_id=name * 32, paragraphs=paragraphs), url=url)


def test_a_paragraph_that_a_domain_repeats_loses_its_sentences_and_images_stay(tmp_path: Path) -> None:
    news = "Subscribe to our letter!", "It costs nothing."
    documents = [
        paged("a", "Of cats.", *news, url="https://one.example/a", paragraphs=(0, 1)),
        paged("b", *news, "", "Of dogs.", url="https://one.example/b", paragraphs=(0, 2)),
        paged("c", *news, url="https://two.example/c", paragraphs=(0,)),
        paged("d", "Subscribe to our letter!", "Of cats.", url="https://one.example/d"),
    ]
    counts, drops, _ = run(tmp_path, [documents[:1], documents[1:]], paragraph_max_copies=1, paragraph_min_words=3)
    assert [[(drop.doc_id, drop.sentence) for drop in of_split] for of_split in drops] == [
        [("a", 1), ("a", 2)],
        [("b", 0), ("b", 1)],
    ]
    assert {(drop.rule, drop.value, drop.threshold, drop.image) for of_split in drops for drop in of_split} == {
        ("paragraph_repeated", 2, 1, None)
    }
    assert counts["drop/sentence/dedup/paragraph_repeated"] == 4
    assert counts["images_out"] == 4
    # "Of cats." has two words.
    _, drops, _ = run(tmp_path, [documents], paragraph_min_words=2, paragraph_policy="keep_n")
    assert [(drop.doc_id, drop.sentence) for drop in drops[0]] == [("b", 0), ("b", 1), ("d", 1)]
    _, drops, _ = run(tmp_path, [documents], paragraph_within="corpus", paragraph_max_copies=2, paragraph_min_words=3)
    assert [(drop.doc_id, drop.sentence) for drop in drops[0]] == [
        ("a", 1), ("a", 2), ("b", 0), ("b", 1), ("c", 0), ("c", 1),
    ]  # fmt: skip


def test_sentences_that_the_rules_dropped_are_not_dropped_again_with_their_paragraph(tmp_path: Path) -> None:
    documents = [
        paged("a", "One.", "Gone.", "Two.", url="https://one.example/a", paragraphs=(0,)),
        paged("b", "One.", "Two.", url="https://one.example/b", paragraphs=(0,)),
    ]
    decided = [Drop(doc_id="a" * 32, image=None, sentence=1, stage="clean", rule="words")]
    _, drops, _ = run(tmp_path, [documents], decided, paragraph_max_copies=1)
    assert [(drop.doc_id, drop.sentence) for drop in drops[0]] == [("a", 0), ("a", 2), ("b", 0), ("b", 1)]


def test_paragraphs_are_the_same_in_however_many_parts_they_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = [
        paged(letter, "Same here.", f"Only in {letter}.", "Same there.", url="https://one.example/") for letter in "abc"
    ]
    _, whole, _ = run(tmp_path, [documents], paragraph_max_copies=2)
    monkeypatch.setattr("interleave.dedup.corpus.Scratch", partial(Scratch, per_part=1, min_bytes_on_disk=0))
    _, in_parts, _ = run(tmp_path, [documents], paragraph_max_copies=2)
    assert in_parts == whole
    assert len(whole[0]) == 6


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


def test_documents_of_one_domain_are_one_group_with_those_that_share_an_image_with_any_of_them(tmp_path: Path) -> None:
    of_one = [replace(doc(letter, letter), url=f"https://one.example/{letter}") for letter in "ca"]
    with_image = replace(doc("d", "4", picture(0, FAR[3])), url="https://one.example/d")
    _, _, groups = run(tmp_path, [of_one, [with_image, doc("b", "2", picture(0, FAR[3])), doc("e", "5")]])
    assert groups == {"a": "a", "b": "a", "c": "a", "d": "a", "e": "e"}


def test_nothing_in_is_nothing_out(tmp_path: Path) -> None:
    everything_on = {
        "document_near": 0.8,
        "document_keep": "longest",
        "image_within_document": 5,
        "image_max_copies": 10,
    }
    counts, drops, groups = run(tmp_path, [[], []], **everything_on)
    assert (counts["documents_in"], counts["documents_out"], counts["images_out"]) == (0, 0, 0)
    assert (drops, groups) == ([[], []], {})
    counts, drops, groups = run(tmp_path, [[doc("a", "text without an image")]], **everything_on)
    assert (counts["documents_out"], drops, groups) == (1, [[]], {"a": "a"})


texts = st.sampled_from(["same words", "Same, words", STORY, STORY + " the end", STORY + " end", "", "alone"])
pictures = st.lists(st.sampled_from([0, 1, 3, 0xFFFF, 0xFFFE, 2**63]), max_size=4)
urls = st.sampled_from([None, "https://one.example/1", "https://one.example/2", "https://two.example/1"])
dates = st.sampled_from([None, "2020-01-01", "2021-01-01", "yesterday"])
corpora = st.lists(st.tuples(texts, pictures, urls, dates), max_size=8)


@settings(max_examples=25)  # each example writes and reads a dozen small files
@given(
    corpora,
    st.data(),
    st.sampled_from(["longest", "first", "oldest", "newest"]),
    st.sampled_from(["drop_all", "keep_n"]),
)
def test_the_result_does_not_depend_on_the_order_of_documents_on_splits_or_on_parts(
    tmp_path_factory: pytest.TempPathFactory,
    corpus: list[tuple[str, list[int], str | None, str | None]],
    data: st.DataObject,
    keep: str,
    policy: str,
) -> None:
    folder = tmp_path_factory.getbasetemp()
    documents = [
        replace(
            doc(letter, text, *(picture(index, phash) for index, phash in enumerate(phashes))),
            url=url,
            meta={} if date is None else {"date": date},
        )
        for letter, (text, phashes, url, date) in zip("abcdef01", corpus, strict=False)
    ]
    switches = {
        "document_near": 0.7,
        "document_url": data.draw(st.sampled_from(["newest", "first", None])),
        "document_same_images": data.draw(st.sampled_from([1, 2, None])),
        "paragraph_within": data.draw(st.sampled_from(["domain", "corpus"])),
        "paragraph_policy": policy,
        "image_max_copies_per_domain": data.draw(st.sampled_from([1, None])),
        "document_keep": keep,
        "image_within_document": 1,
        "image_across": 1,
        "image_max_copies": 2,
        "image_policy": policy,
        "image_keep": keep,
    }
    shuffled = data.draw(st.permutations(documents))
    middle = data.draw(st.integers(0, len(documents)))
    counts, drops, groups = run(folder, [documents], **switches)
    with patch("interleave.dedup.corpus.Scratch", partial(Scratch, per_part=2, min_bytes_on_disk=0)):
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


def against(
    folder: Path, before: Sequence[MeasuredDocument], documents: Sequence[MeasuredDocument], **settings: Any
) -> tuple[Counts, list[Drop]]:
    """What is dropped of documents, documents called by their first letter, where a dataset `old` holds others."""
    (folder / "old").mkdir()
    (files,) = write_fingerprints(folder / "old", [before])
    task = DedupTask(
        splits=write_fingerprints(folder, [documents]),
        earlier=(EarlierDataset(name="old", digest="0" * 64, files=replace(files, paragraphs=None)),),
        drops=(str(folder / "0.drops"),),
        groups=(str(folder / "0.groups"),),
        settings=dedup_settings(**settings),
    )
    counts = dedup(task)
    return counts, [replace(drop, doc_id=drop.doc_id[0]) for drop in read_drops(folder / "0.drops")]


def test_what_an_earlier_dataset_holds_is_not_taken_again(tmp_path: Path) -> None:
    before = [
        replace(doc("e", "Equal text."), url="https://one.example/"),
        replace(doc("f", STORY), url="https://two.example/"),
        replace(doc("d", "With images.", picture(0, FAR[1]), picture(1, FAR[2])), url=None),
    ]
    documents = [
        replace(doc("a", "Equal text", picture(0, 1)), url=None),
        replace(doc("b", STORY + " and the end."), url=None),
        replace(doc("c", "Another text."), url="https://one.example/#top"),
        replace(doc("d", "Others of the same images.", picture(0, FAR[2]), picture(1, FAR[1])), url=None),
        replace(doc("e", "New."), url=None),
    ]
    counts, drops = against(
        tmp_path, before, documents, document_near=0.8, document_url="newest", document_same_images=2
    )
    assert [(drop.doc_id, drop.rule, drop.detail) for drop in drops if drop.image is None] == [
        ("a", "document_in_dataset", f"{'e' * 32} of old"),
        ("b", "document_in_dataset", f"{'f' * 32} of old"),
        ("c", "document_in_dataset", f"{'e' * 32} of old"),
        ("d", "document_in_dataset", f"{'d' * 32} of old"),
    ]
    assert [drop.value for drop in drops if drop.image is None] == [1, 96 / 99, None, None]
    assert (counts["documents_in"], counts["documents_out"], counts["images_in"], counts["images_out"]) == (5, 1, 3, 0)
    groups = pq.read_table(tmp_path / "0.groups").to_pylist()
    assert groups == [{"doc_id": letter * 32, "group": int(letter * 16, 16)} for letter in "abcde"]


@pytest.mark.parametrize(
    ("policy", "max_copies", "gone"),
    [
        ("keep_n", 1, ["a", "b"]),
        ("keep_n", 2, ["b"]),
        ("keep_n", 3, []),
        ("drop_all", 2, ["a", "b"]),
        ("drop_all", 3, []),
    ],
)
def test_images_of_an_earlier_dataset_count_as_copies_that_stay(
    tmp_path: Path, policy: str, max_copies: int, gone: list[str]
) -> None:
    before = [doc("f", "old", picture(0, 0b11))]
    documents = [doc("a", "one", picture(0, 0b01)), doc("b", "two", picture(0, 0b10)), doc("c", "three")]
    _, drops = against(tmp_path, before, documents, image_across=1, image_max_copies=max_copies, image_policy=policy)
    assert [(drop.doc_id, drop.rule) for drop in drops] == [(letter, "image_in_dataset") for letter in gone]
    assert {(drop.value, drop.detail) for drop in drops} <= {(3, f"{'f' * 32} of old")}


def test_an_earlier_dataset_is_not_searched_for_its_own_duplicates(tmp_path: Path) -> None:
    before = [doc("a", STORY), doc("b", STORY), doc("c", STORY + " end")]
    counts, drops = against(tmp_path, before, [doc("d", "New.")], document_near=0.8)
    assert (drops, counts["documents_in"], counts["documents_out"]) == ([], 1, 1)


def test_the_first_copies_of_a_paragraph_are_those_of_the_smallest_ids(tmp_path: Path) -> None:
    documents = [paged(letter, "Same here.", url="https://one.example/") for letter in "cabd"]
    _, drops, _ = run(tmp_path, [documents], paragraph_max_copies=2, paragraph_policy="keep_n")
    assert [drop.doc_id for drop in drops[0]] == ["c", "d"]


def test_what_has_no_url_is_of_no_domain_that_could_repeat_a_paragraph(tmp_path: Path) -> None:
    documents = [replace(doc(letter, "Same here."), url=None) for letter in "ab"]
    _, drops, _ = run(tmp_path, [documents], paragraph_within="domain")
    assert drops == [[]]
    _, drops, _ = run(tmp_path, [documents], paragraph_within="corpus")
    assert [drop.doc_id for drop in drops[0]] == ["a", "b"]


def test_images_of_an_earlier_dataset_go_on_counting_after_a_limit_that_ours_broke(tmp_path: Path) -> None:
    before = [replace(doc("f", "old", picture(0, 1), picture(1, 1)), url="https://one.example/")]
    documents = [
        replace(doc(letter, letter, picture(0, 1)), url=f"https://{host}.example/")
        for letter, host in (("a", "one"), ("b", "two"), ("c", "three"))
    ]
    _, drops = against(
        tmp_path, before, documents, image_max_copies=4, image_max_copies_per_domain=2, image_policy="keep_n"
    )
    assert [(drop.doc_id, drop.value, drop.threshold) for drop in drops] == [("a", 3, 2), ("c", 5, 4)]


def test_hashes_that_memory_does_not_hold_lie_in_the_folder_of_the_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interleave.dedup.images.hamming_pairs", partial(hamming_pairs, max_in_memory=1024))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))  # the system's is not there
    images = [picture(index, index * 0x9E3779B97F4A7C15 % (1 << 64)) for index in range(5_000)]
    _, drops, _ = run(tmp_path, [[doc("a", STORY, *images)]], image_across=3, image_max_copies=1)
    assert drops == [[]]
