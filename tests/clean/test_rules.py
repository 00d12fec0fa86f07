from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError
from records import make_image, make_measured

from interleave.clean.bounds import Verdict
from interleave.clean.judge import judge_document as judge_whole
from interleave.clean.rules import Rule, sort_rules
from interleave.clean.signals import image_signals

RULE: TypeAdapter[Any] = TypeAdapter(Rule)


def judge_image(rule: dict[str, Any], **image: Any) -> Verdict | None:
    signals, validated = image_signals(make_image(**image)), RULE.validate_python(rule)
    verdict: Verdict | None = validated.judge(validated.measure(signals), signals)
    return verdict


def judge_document(
    rule: dict[str, Any], sentences: list[str], num_images: int = 0, similarities: Any = None, **document: Any
) -> Verdict | None:
    measured = make_measured(sentences, **document)
    left = [index for index, text in enumerate(sentences) if text]
    images = [make_image(index, similarities=similarities) for index in range(num_images)]
    _, broken = judge_whole(measured, left, images, sort_rules([RULE.validate_python(rule)]))
    return broken and broken[1]


def test_both_sides_of_an_image_are_bounded() -> None:
    rule = {"kind": "image_side", "min": 150, "max": 400}
    assert judge_image(rule, width=150, height=400) is None
    assert judge_image(rule, width=149, height=300) == Verdict(149, 150)
    assert judge_image(rule, width=300, height=149) == Verdict(149, 150)
    assert judge_image(rule, width=401, height=300) == Verdict(401, 400)
    assert judge_image(rule, width=300, height=401) == Verdict(401, 400)


def test_a_portrait_is_judged_by_its_own_bound() -> None:
    rule = {"kind": "aspect_ratio", "min": 0.5, "max": 2.0}
    assert judge_image(rule, width=200, height=400) is None
    assert judge_image(rule, width=400, height=200) is None
    assert judge_image(rule, width=100, height=400) == Verdict(0.25, 0.5)
    assert judge_image(rule, width=500, height=200) == Verdict(2.5, 2.0)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://example.org/img/LOGO-2x.png", "logo"),
        ("https://example.org/buttons/a.png", "button"),
        ("https://logo.example.org/cat.jpg", None),
        ("https://example.org/cat.jpg?icon=1", None),
        (None, None),
    ],
)
def test_words_of_decoration_are_looked_for_in_the_path_alone(url: str | None, found: str | None) -> None:
    expected = None if found is None else Verdict(1, 0, found)
    assert judge_image({"kind": "url_tokens"}, url=url) == expected


def test_other_words_can_be_looked_for() -> None:
    rule = {"kind": "url_tokens", "tokens": ["banner"]}
    assert judge_image(rule, url="https://e.org/banner.png") == Verdict(1, 0, "banner")
    assert judge_image(rule, url="https://e.org/logo.png") is None


def test_faces_are_counted_and_unknown_faces_are_kept() -> None:
    assert judge_image({"kind": "faces"}, num_faces=1) == Verdict(1, 0)
    assert judge_image({"kind": "faces"}, num_faces=0) is None
    assert judge_image({"kind": "faces", "max": 2}, num_faces=2) is None
    assert judge_image({"kind": "faces"}, num_faces=None) is None


def test_the_best_similarity_counts_and_an_unknown_one_is_kept() -> None:
    rule = {"kind": "best_similarity", "min": 0.25}
    assert judge_image(rule, similarities=[0.0, 0.25]) is None
    assert judge_image(rule, similarities=[0.125, 0.0]) == Verdict(0.125, 0.25)
    assert judge_image(rule, similarities=None) is None


def test_counts_of_a_document_are_bounded_on_both_sides() -> None:
    three = ["One two.", "", "Three.", "Four five six."]
    assert judge_document({"kind": "num_sentences", "min": 3, "max": 3}, three) is None
    assert judge_document({"kind": "num_sentences", "min": 4}, three) == Verdict(3, 4)
    assert judge_document({"kind": "num_sentences", "max": 2}, three) == Verdict(3, 2)
    assert judge_document({"kind": "num_words", "min": 6, "max": 6}, three) is None
    assert judge_document({"kind": "num_words", "min": 7}, three) == Verdict(6, 7)
    assert judge_document({"kind": "num_words", "max": 5}, three) == Verdict(6, 5)
    assert judge_document({"kind": "num_images", "min": 2, "max": 2}, three, 2) is None
    assert judge_document({"kind": "num_images", "min": 2}, three, 1) == Verdict(1, 2)
    assert judge_document({"kind": "num_images", "max": 2}, three, 3) == Verdict(3, 2)


def test_a_bound_of_zero_is_a_bound() -> None:
    assert judge_document({"kind": "num_images", "max": 0}, ["a"], 1) == Verdict(1, 0)
    assert judge_document({"kind": "num_images", "max": 0}, ["a"], 0) is None


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "image_side"},
        {"kind": "aspect_ratio"},
        {"kind": "num_images"},
        {"kind": "aspect_ratio", "min": 2.0, "max": 0.5},
        {"kind": "num_words", "min": 3, "max": 2},
        {"kind": "num_words", "min": -1},
        {"kind": "num_words", "min": 1.5},
        {"kind": "aspect_ratio", "min": 0.0},
        {"kind": "best_similarity"},
        {"kind": "language", "keep": []},
        {"kind": "url_tokens", "tokens": []},
        {"kind": "faces", "min": 1},
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RULE.validate_python(rule)


def test_rules_keep_the_order_of_the_recipe_with_presets_unfolded_in_their_place() -> None:
    rules = tuple(
        RULE.validate_python(rule)
        for rule in (
            {"kind": "faces"},
            {"kind": "num_words", "min": 1},
            {"kind": "preset", "name": "mmc4"},
            {"kind": "preset", "name": "mmc4-core"},
            {"kind": "language", "keep": ["en"]},
        )
    )
    found = sort_rules(rules)
    assert [name for name, *_ in found.image] == [
        "faces",
        "image_side",
        "aspect_ratio",
        "url_tokens",
        "best_similarity",
    ]
    assert [name for name, *_ in found.document] == [
        "num_words",
        "num_images",
        "num_sentences",
        "matched_images",
        "language",
    ]


def test_a_rule_is_called_by_what_it_looks_at_and_a_second_one_of_a_name_by_its_number() -> None:
    kinds = ["sentence", "paragraph", "around_image", "document", "document"]
    found = sort_rules([RULE.validate_python({"kind": "num_words", "min": 1, "of": of}) for of in kinds])
    assert [name for name, *_ in found.sentence] == ["sentence.num_words"]
    assert [name for name, *_ in found.paragraph] == ["paragraph.num_words"]
    assert [name for name, *_ in found.image] == ["around_image.num_words"]
    assert [name for name, *_ in found.document] == ["num_words", "num_words#2"]


def test_the_preset_mmc4_core_keeps_2_to_15_images_and_4_to_40_sentences() -> None:
    found = sort_rules([RULE.validate_python({"kind": "preset", "name": "mmc4-core"})])
    images, sentences, matched = (named.rule for named in found.document)
    assert (matched.similarity, matched.min) == (0.25, 0.75)
    assert (images.min, images.max, sentences.min, sentences.max) == (2, 15, 4, 40)


def test_text_is_bounded_by_the_images_it_stands_with() -> None:
    rule = {"kind": "characters_per_image", "min": 10}
    assert judge_document(rule, ["a" * 20], 2) is None
    assert judge_document(rule, ["a" * 19], 2) == Verdict(9.5, 10)
    assert judge_document(rule, ["a"], 0) is None


def test_a_share_of_the_documents_with_one_image_is_drawn_by_their_ids() -> None:
    rule = {"kind": "sample", "keep": 0.25}
    ids = [f"{number:032x}" for number in range(400)]
    gone = [doc_id for doc_id in ids if judge_document(rule, ["a"], 1, doc_id=doc_id)]
    assert 250 < len(gone) < 350
    assert not any(judge_document(rule, ["a"], 2, doc_id=doc_id) for doc_id in ids)
    assert not any(judge_document({"kind": "sample", "keep": 1.0}, ["a"], 1, doc_id=doc_id) for doc_id in ids)
    assert gone == [doc_id for doc_id in ids if judge_document(rule, ["another text"], 1, doc_id=doc_id)]


def test_images_that_fit_their_sentence_are_counted_among_those_of_known_similarity() -> None:
    rule = {"kind": "matched_images", "similarity": 0.25, "min": 0.5}
    assert judge_document(rule, ["a"], 2, similarities=[0.5]) is None
    assert judge_document(rule, ["a"], 2, similarities=[0.25]) == Verdict(0, 0.5)
    assert judge_document(rule, ["a"], 2, similarities=None) is None
