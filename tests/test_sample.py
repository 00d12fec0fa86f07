import io
import struct
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from records import make_image

from interleave.document import Document, Encoded, ImageSpan, TextPart
from interleave.errors import ShardError
from interleave.sample import (
    Record,
    ids_member,
    image_member,
    json_member,
    key_of,
    read_ids,
    read_record,
    write_body,
    write_ids,
    write_json,
)

# B x x I I y E: two texts, two images, the second text of sentence 3
ENCODED = Encoded(
    document=Document(id="d" * 32, source="mmc4", url="https://example.org/ü", parts=()),
    part=1,
    num_parts=3,
    token_ids=np.array([1, 10, 11, -200, -200, 12, 2], dtype=np.int32),
    parts=(
        TextPart(start=1, length=2, sentence=0, text="x x", borders=None),
        ImageSpan(start=3, length=1, num_tokens=576, image=make_image(4, url="u", similarities=[0.25, 0, 0, 0.123456])),
        ImageSpan(start=4, length=1, num_tokens=576, image=make_image(2, matched=3)),
        TextPart(start=5, length=1, sentence=3, text="y", borders=None),
    ),
    num_structural=2,
    num_repeated=0,
    cuts=np.array([0, 5], dtype=np.int32),
)
BODY = write_body(ENCODED, tokenizer="llama", profile="vila-1.0", loss_spans=[(0, 3), (5, 2)], loss_weight=0.5)
IS_IMAGE = [False, True, True, False]


def sample(**changes: Any) -> bytes:
    """The JSON of the sample with fields replaced; `...` takes one away."""
    fields = orjson.loads(write_json(key_of(42), BODY, IS_IMAGE)) | changes
    return orjson.dumps({name: value for name, value in fields.items() if value is not ...})


def test_members_are_named_by_a_key_without_dots() -> None:
    assert key_of(42) == "0000000042"
    assert json_member(key_of(42)) == "0000000042.json"
    assert ids_member(key_of(42)) == "0000000042.input_ids.npy"
    assert [image_member(key_of(42), position) for position in (0, 9, 10, 123)] == [
        "0000000042.00.jpg",
        "0000000042.09.jpg",
        "0000000042.10.jpg",
        "0000000042.123.jpg",
    ]


def test_a_sample_is_read_as_it_was_written() -> None:
    record = read_record(write_json(key_of(42), BODY, IS_IMAGE))
    assert isinstance(record, Record)
    assert (record.key, record.doc_id, record.part, record.num_parts) == ("0000000042", "d" * 32, 1, 3)
    assert (record.source, record.url) == ("mmc4", "https://example.org/ü")
    assert record.texts == ("x x", None, None, "y")
    assert record.images == (None, "0000000042.00.jpg", "0000000042.01.jpg", None)
    assert record.image_members == ("0000000042.00.jpg", "0000000042.01.jpg")
    assert record.spans == ((3, 1), (4, 1))
    assert record.span_tokens == (576, 576)
    assert [info["index"] for info in record.image_info] == [4, 2]
    assert [info["matched_sentence"] for info in record.image_info] == [0, 3]
    assert (record.tokenizer, record.profile) == ("llama", "vila-1.0")


def test_what_is_learned_and_what_it_counts_for_are_read_as_given() -> None:
    record = read_record(sample())
    assert (record.loss_spans, record.loss_weight) == (((0, 3), (5, 2)), 0.5)
    assert (record.num_document_images, record.num_repeated) == (0, 0)


def test_similarities_are_those_to_the_texts_of_the_sample_to_four_digits() -> None:
    assert orjson.loads(BODY)["similarity"] == [[0.25, 0.1235], None]
    assert read_record(sample()).similarity == ((0.25, 0.1235), None)


def test_a_dataset_without_similarities_has_none() -> None:
    parts = tuple(part for part in ENCODED.parts if part is not ENCODED.parts[1])
    without = Encoded(
        document=ENCODED.document,
        part=0,
        num_parts=1,
        token_ids=ENCODED.token_ids,
        parts=parts,
        num_structural=2,
        num_repeated=0,
        cuts=ENCODED.cuts,
    )
    body = write_body(without, tokenizer="t", profile="p", loss_spans=[], loss_weight=1.0)
    assert orjson.loads(body)["similarity"] is None


@given(st.integers(0, 10**10 - 1))
def test_the_length_of_a_samples_json_does_not_depend_on_its_number(number: int) -> None:
    assert len(write_json(key_of(number), BODY, IS_IMAGE)) == len(write_json(key_of(0), BODY, IS_IMAGE))


@pytest.mark.parametrize(
    "changes",
    [
        {"key": 42},
        {"loss_weight": -1},
        {"loss_weight": "1"},
        {"loss_weight": True},
        {"num_repeated": -1},
        {"similarity": [[0.25, 0.1235]]},
        {"similarity": [[0.25], None]},
        {"similarity": [["a", "b"], None]},
        {"num_document_images": ...},
        {"doc_id": ...},
        {"part": -1},
        {"part": True},
        {"num_parts": 1.0},
        {"url": ...},
        {"url": 5},
        {"texts": None},
        {"texts": ["x x", None, None]},
        {"texts": ["x x", "z", None, "y"]},
        {"texts": ["x x", None, None, None]},
        {"texts": ["x x", None, None, 5]},
        {"images": [None, "a", None, None]},
        {"image_info": []},
        {"image_info": [{}, 5]},
        {"spans": [[3, 1]]},
        {"spans": [[3, 1], [4]]},
        {"spans": [[3, 1], [4, -1]]},
        {"spans": [[3, 1], "41"]},
        {"span_tokens": [576]},
        {"span_tokens": [576, None]},
        {"loss_spans": [[0]]},
        {"loss_spans": 5},
        {"tokenizer": None},
        {"profile": ...},
    ],
)
def test_a_sample_that_lacks_something_or_contradicts_itself_is_refused(changes: dict[str, Any]) -> None:
    read_record(sample())
    with pytest.raises(ShardError, match=r"JSON|must be"):
        read_record(sample(**changes))


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"5", b"\xff", b"[" * 5000 + b"]" * 5000])
def test_what_is_no_json_object_is_no_sample(data: bytes) -> None:
    with pytest.raises(ShardError, match="JSON"):
        read_record(data)


ids = arrays.arrays(np.int32, st.integers(0, 50))


@given(ids)
def test_ids_come_back_as_they_were_also_through_numpy(values: np.ndarray) -> None:
    data = write_ids(values)
    np.testing.assert_array_equal(read_ids(data), values)
    assert read_ids(data).dtype == np.int32
    np.testing.assert_array_equal(np.load(io.BytesIO(data), allow_pickle=False), values)


def test_ids_are_written_the_same_whatever_array_they_come_from() -> None:
    plain = write_ids(np.array([1, 2, 3], dtype=np.int32))
    assert write_ids(np.array([1, 9, 2, 9, 3], dtype=np.int64)[::2]) == plain
    assert plain[:8] == b"\x93NUMPY\x01\x00"
    assert plain[-12:] == struct.pack("<3i", 1, 2, 3)


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def header(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + bytes(64)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x93NUMPY",
        b"not numpy at all",
        write_ids(np.arange(5, dtype=np.int32))[:-1],
        npy(np.array([object()], dtype=object)),
        npy(np.arange(4, dtype=np.int64)),
        npy(np.arange(4, dtype=">i4")),
        npy(np.arange(4, dtype=np.float32)),
        npy(np.zeros((2, 2), dtype=np.int32)),
        npy(np.int32(5)),
        npy(np.zeros(2, dtype=[("a", "<i4")])),
        header("{'descr': '<i4', 'fortran_order': False, 'shape': (99999999999999,), }\n"),
        header("{'descr': '<i4', 'fortran_order': False, 'shape': (-3,), }\n"),
        header("{'descr': '<i4', 'fortran_order': False, 'shape': (3,), "),
        header("{'descr': '<i4', 'fortran_order': False, 'shape': (3L,), }\n"),
        header("(" * 3000),
        header("__import__('os').getcwd()"),
        header("\x00"),
    ],
)
def test_what_is_no_row_of_int32_is_refused(data: bytes) -> None:
    with pytest.raises(ShardError, match=r"input_ids\.npy"):
        read_ids(data)


@given(st.data())
def test_damaged_ids_are_read_or_refused(data: st.DataObject) -> None:
    damaged = bytearray(write_ids(np.arange(5, dtype=np.int32)))
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, 90))] = data.draw(st.integers(0, 255))
    try:
        assert read_ids(bytes(damaged)).dtype == np.int32
    except ShardError:
        return
