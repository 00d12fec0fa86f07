import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.acquire.mmc4 import MAX_COUNT, parse_mmc4
from interleave.document import SourceDocument
from interleave.errors import Unreadable


def record(**changes: Any) -> dict[str, Any]:
    fields = {
        "url": "https://example.org/page",
        "text_list": ["First.", "Second.", "Third."],
        "image_info": [
            {
                "image_name": "a.jpg",
                "raw_url": "https://example.org/a.jpg",
                "matched_text_index": 1,
                "matched_sim": 0.3,
                "face_detections": None,
            },
            {"image_name": "b.jpg", "raw_url": None, "matched_text_index": 0, "face_detections": [{"x": 1}, {"x": 2}]},
        ],
        "similarity_matrix": [[0.1, 0.3, 0.2], [0.5, 0.4, 0.1]],
        "could_have_url_duplicate": 0,
    }
    return {name: value for name, value in (fields | changes).items() if value is not ...}


def parse(fields: Any) -> tuple[SourceDocument, list[tuple[int, Unreadable]]]:
    parsed = parse_mmc4(json.dumps(fields).encode(), "id")
    return parsed.document, list(parsed.unusable)


def with_image(**changes: Any) -> dict[str, Any]:
    """A record whose second image is changed."""
    fields = record()
    fields["image_info"][1] = {
        name: value for name, value in (fields["image_info"][1] | changes).items() if value is not ...
    }
    return fields


def test_a_line_becomes_a_document_with_everything_that_it_says() -> None:
    document, unusable = parse(record(language="en"))
    assert unusable == []
    assert document.id == "id"
    assert document.url == "https://example.org/page"
    assert document.sentences == ("First.", "Second.", "Third.")
    assert document.meta == {"language": "en", "could_have_url_duplicate": "0"}
    first, second = document.images
    assert (first.index, first.name, first.url, first.matched_sentence) == (0, "a.jpg", "https://example.org/a.jpg", 1)
    assert (second.index, second.name, second.url, second.matched_sentence) == (1, "b.jpg", None, 0)
    assert first.similarities is not None and second.similarities is not None
    np.testing.assert_array_equal(first.similarities, np.float32([0.1, 0.3, 0.2]))
    np.testing.assert_array_equal(second.similarities, np.float32([0.5, 0.4, 0.1]))


def test_null_faces_are_no_faces_and_a_list_is_as_many_as_it_holds() -> None:
    document, _ = parse(record())
    assert [image.num_faces for image in document.images] == [0, 2]


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("bad_utf8", b'{"text_list": ["caf\xe9"]}'),
        ("bad_json", b'{"text_list": ['),
        ("bad_json", b'{"text_list": [NaN]}'),
        ("bad_json", b'{"text_list": ["\\ud800"]}'),
        ("json_too_deep", b'{"text_list": ' + b"[" * 5000 + b"]" * 5000 + b"}"),
        ("not_an_object", b'["text_list"]'),
        ("not_an_object", b"null"),
    ],
)
def test_a_line_that_is_no_json_object_is_dropped_by_name(reason: str, line: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        parse_mmc4(line, "id")
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("bad_text_list", {"text_list": ...}),
        ("bad_text_list", {"text_list": None}),
        ("bad_text_list", {"text_list": "First."}),
        ("bad_text_list", {"text_list": ["First.", 2, "Third."]}),
        ("bad_image_info", {"image_info": {}}),
        ("bad_image_info", {"image_info": "a.jpg"}),
        ("bad_similarity_matrix", {"similarity_matrix": 0.3}),
        ("bad_similarity_matrix", {"similarity_matrix": [[0.1, 0.3, 0.2]]}),
        ("bad_similarity_matrix", {"similarity_matrix": [[0.1, 0.3, 0.2], [0.5, 0.4]]}),
        ("bad_similarity_matrix", {"similarity_matrix": [[0.1, 0.3, 0.2], None]}),
        ("bad_similarity_matrix", {"similarity_matrix": [[0.1, 0.3, 0.2], [0.5, 0.4, "x"]]}),
        ("bad_similarity_matrix", {"similarity_matrix": [[0.1, 0.3, 0.2], [0.5, 0.4, True]]}),
        ("bad_similarity_matrix", {"similarity_matrix": [[0.1, 0.3, 0.2], [0.5, 0.4, 1e300]]}),
        ("bad_url", {"url": 5}),
        ("bad_could_have_url_duplicate", {"could_have_url_duplicate": "yes"}),
    ],
)
def test_a_field_of_the_wrong_kind_drops_the_document_by_name(reason: str, changes: dict[str, Any]) -> None:
    with pytest.raises(Unreadable) as caught:
        parse(record(**changes))
    assert caught.value.reason == reason
    assert caught.value.detail


def test_more_sentences_than_any_page_has_drop_the_document() -> None:
    line = b'{"text_list": [' + b'"",' * MAX_COUNT + b'""]}'
    with pytest.raises(Unreadable) as caught:
        parse_mmc4(line, "id")
    assert caught.value.reason == "too_many_sentences"


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("bad_matched_text_index", {"matched_text_index": ...}),
        ("bad_matched_text_index", {"matched_text_index": "1"}),
        ("bad_matched_text_index", {"matched_text_index": True}),
        ("bad_matched_text_index", {"matched_text_index": 1.0}),
        ("matched_text_index_out_of_range", {"matched_text_index": -1}),
        ("matched_text_index_out_of_range", {"matched_text_index": 3}),
        ("matched_text_index_out_of_range", {"matched_text_index": 2**63}),
        ("no_image_name", {"image_name": ...}),
        ("no_image_name", {"image_name": ""}),
        ("bad_image_name", {"image_name": ["b.jpg"]}),
        ("bad_raw_url", {"raw_url": 7}),
        ("bad_face_detections", {"face_detections": 2}),
    ],
)
def test_what_is_wrong_with_one_image_drops_that_image_alone(reason: str, changes: dict[str, Any]) -> None:
    document, unusable = parse(with_image(**changes))
    assert [image.index for image in document.images] == [0]
    assert [(index, error.reason) for index, error in unusable] == [(1, reason)]


def test_an_image_entry_that_is_no_object_drops_that_image_alone() -> None:
    fields = record()
    fields["image_info"][0] = "a.jpg"
    document, unusable = parse(fields)
    assert [(image.index, image.name) for image in document.images] == [(1, "b.jpg")]
    assert [(index, error.reason) for index, error in unusable] == [(0, "bad_image_entry")]
    np.testing.assert_array_equal(document.images[0].similarities, np.float32([0.5, 0.4, 0.1]))


@pytest.mark.parametrize("matrix", [..., None, []])
def test_without_a_similarity_matrix_the_similarities_are_unknown(matrix: Any) -> None:
    document, unusable = parse(record(similarity_matrix=matrix))
    assert unusable == []
    assert [image.similarities for image in document.images] == [None, None]


@pytest.mark.parametrize("infos", [..., None, []])
def test_a_page_without_images_is_a_document(infos: Any) -> None:
    document, unusable = parse(record(image_info=infos, similarity_matrix=[]))
    assert document.images == ()
    assert document.sentences == ("First.", "Second.", "Third.")
    assert unusable == []


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
paths = st.sampled_from(
    [
        *((name,) for name in record()),
        ("text_list", 0),
        ("image_info", 0),
        *(("image_info", 0, name) for name in record()["image_info"][0]),
        ("similarity_matrix", 0),
        ("similarity_matrix", 1, 2),
    ]
)


@given(paths, anything)
def test_any_value_in_any_place_gives_a_document_or_a_named_drop(path: tuple[Any, ...], value: Any) -> None:
    fields = record()
    place: Any = fields
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    try:
        document, unusable = parse(fields)
    except Unreadable as error:
        assert error.reason.replace("_", "").isalpha()
        return
    num_images = len(fields["image_info"] or [])
    assert sorted([image.index for image in document.images] + [index for index, _ in unusable]) == [*range(num_images)]
    assert all(0 <= image.matched_sentence < len(document.sentences) for image in document.images)


@given(st.integers(0, 10_000), st.integers(0, 255), st.booleans())
def test_a_damaged_byte_gives_a_document_or_a_named_drop(at: int, byte: int, cut_off: bool) -> None:
    line = bytearray(json.dumps(record()).encode())
    line[at % len(line)] = byte
    try:
        parse_mmc4(bytes(line[: at % len(line)] if cut_off else line), "id")
    except Unreadable as error:
        assert error.reason
