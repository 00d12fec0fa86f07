"""A sample as members of a tar: the only file that knows their names and what they hold.

    0000000042.json           what the sample is: texts and images in order, spans, where it came from
    0000000042.input_ids.npy  int32 token ids
    0000000042.00.jpg ...     images in reading order

Keys have no dots (webdataset ends a key at the first one), names are short (USTAR: 100 bytes, beyond which some readers
see no samples), and the order of images stands in the JSON, never in the sorting of names.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from interleave.document import Encoded, ImageSpan, Int32s, TextPart
from interleave.errors import ShardError

KEY_DIGITS = 10
JSON_SUFFIX = "json"
IDS_SUFFIX = "input_ids.npy"
MAX_NAME_BYTES = 100
_BLOCK = 512
_NoneType = type(None)
_NPY_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '<i4', 'fortran_order': False, 'shape': \((?P<num_ids>\d{1,10}),\), \} *\n",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a sample's JSON says, checked to be consistent in itself."""

    key: str
    doc_id: str
    part: int
    num_parts: int
    source: str
    url: str | None
    texts: tuple[str | None, ...]
    images: tuple[str | None, ...]
    # Aligned: exactly one of the two is set at each position; images are member names.
    image_info: tuple[dict[str, Any], ...]
    spans: tuple[tuple[int, int], ...]
    # (start, length) among the ids, one an image.
    span_tokens: tuple[int, ...]
    # What each image becomes in the model.
    loss_spans: tuple[tuple[int, int], ...]
    # (start, length) of the ids that are learned.
    loss_weight: float
    # What they count for.
    num_document_images: int
    # Of the whole document that the sample is a part of.
    num_repeated: int
    num_repeated_parts: int
    # Ids, and texts and images, at its start that the part before has, too.
    cuts: tuple[int, ...]
    # Where a sentence with its images begins among the ids.
    similarity: tuple[tuple[float, ...] | None, ...]
    # (num_images,) rows of (num_texts,): of each image to each text; None where the source knows none.
    tokenizer: str
    profile: str

    @property
    def image_members(self) -> tuple[str, ...]:
        return tuple(name for name in self.images if name is not None)


def key_of(number: int) -> str:
    """The key of the sample with this number in its dataset."""
    return f"{number:0{KEY_DIGITS}d}"


def image_member(key: str, position: int) -> str:
    return f"{key}.{position:02d}.jpg"


def json_member(key: str) -> str:
    return f"{key}.{JSON_SUFFIX}"


def ids_member(key: str) -> str:
    return f"{key}.{IDS_SUFFIX}"


def write_body(
    encoded: Encoded, tokenizer: str, profile: str, loss_spans: Sequence[tuple[int, int]], loss_weight: float
) -> bytes:
    """The JSON of a sample without what depends on its key."""
    document = encoded.document
    body = {
        "doc_id": document.id,
        "part": encoded.part,
        "num_parts": encoded.num_parts,
        "source": document.source,
        "url": document.url,
        "texts": [part.text if isinstance(part, TextPart) else None for part in encoded.parts],
        "image_info": [_image_info(span) for span in encoded.spans],
        "spans": [[span.start, span.length] for span in encoded.spans],
        "span_tokens": [span.num_tokens for span in encoded.spans],
        "loss_spans": loss_spans,
        "loss_weight": loss_weight,
        "num_document_images": len(document.images),
        "num_repeated": encoded.num_repeated,
        "num_repeated_parts": sum(part.start < encoded.num_repeated for part in encoded.parts),
        "cuts": encoded.cuts.tolist(),
        "similarity": _similarities(encoded),
        "tokenizer": tokenizer,
        "profile": profile,
    }
    return orjson.dumps(body)


def write_json(key: str, body: bytes, is_image: Sequence[bool]) -> bytes:
    """The JSON of a sample. `is_image` says which of its parts are images. Its length does not depend on the key."""
    names = iter(image_member(key, position) for position in range(sum(is_image)))
    head = orjson.dumps({"key": key, "images": [next(names) if image else None for image in is_image]})
    return head[:-1] + b"," + body[1:]


def write_ids(ids: Int32s) -> bytes:
    """The ids as a .npy file."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(ids, dtype="<i4"), version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def marked(spans: Iterable[tuple[int, int]], num_ids: int) -> npt.NDArray[np.bool_]:
    """(num_ids,) True in each span of (start, length)."""
    mask = np.zeros(num_ids, dtype=np.bool_)
    for start, length in spans:
        mask[start : start + length] = True
    return mask


def read_ids(data: bytes) -> Int32s:
    """(num_ids,) int32.

    Raises:
        ShardError: not a .npy file of one dimension of integers. Nothing is unpickled.
    """
    # Matched, not evaluated as numpy does: this header alone is what a sample has.
    header = _NPY_HEADER.match(data)
    if header is None:
        raise ShardError(f"input_ids.npy begins with {data[:80]!r}, expected the header of an int32 array")
    num_ids, begin = int(header["num_ids"]), header.end()
    if begin % 64 or int.from_bytes(data[8:10], "little") != begin - 10 or len(data) != begin + 4 * num_ids:
        raise ShardError(f"input_ids.npy has {len(data):,} bytes, which do not fit its header of {num_ids:,} ids")
    return np.frombuffer(data, dtype="<i4", offset=begin).astype(np.int32)


def read_record(data: bytes) -> Record:
    """Reads a sample's JSON.

    Raises:
        ShardError: it is no JSON, or lacks what a sample has.
    """
    try:
        fields = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ShardError(f"the sample's JSON cannot be read: {error}") from None
    if not isinstance(fields, dict):
        raise ShardError("the sample's JSON is not an object")
    try:
        record = Record(
            key=_text(fields, "key"),
            doc_id=_text(fields, "doc_id"),
            part=_count(fields["part"]),
            num_parts=_count(fields["num_parts"]),
            source=_text(fields, "source"),
            url=fields["url"] if fields["url"] is None else _text(fields, "url"),
            texts=_all_of(fields["texts"], str, _NoneType),
            images=_all_of(fields["images"], str, _NoneType),
            image_info=tuple(_info(item) for item in fields["image_info"]),
            spans=tuple(map(_pair, fields["spans"])),
            span_tokens=_counts(fields["span_tokens"]),
            loss_spans=tuple(map(_pair, fields["loss_spans"])),
            loss_weight=_weight(fields["loss_weight"]),
            num_document_images=_count(fields["num_document_images"]),
            num_repeated=_count(fields["num_repeated"]),
            num_repeated_parts=_count(fields["num_repeated_parts"]),
            cuts=_counts(fields["cuts"]),
            similarity=_similarity(fields),
            tokenizer=_text(fields, "tokenizer"),
            profile=_text(fields, "profile"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ShardError(f"the sample's JSON is not as expected at {error}") from None
    if [text is None for text in record.texts] != [image is not None for image in record.images]:
        raise ShardError("`texts` and `images` must be equally long, with exactly one of the two at each position")
    num_images = len(record.image_members)
    if not num_images == len(record.image_info) == len(record.spans) == len(record.span_tokens):
        raise ShardError(
            f"{num_images} images, {len(record.image_info)} in image_info, {len(record.spans)} spans, "
            f"{len(record.span_tokens)} in span_tokens: all must be the same"
        )
    return record


def tar_bytes(num_bytes: int) -> int:
    """What a member of this many bytes takes in a tar: a header, and the data in whole blocks."""
    return _BLOCK + -(-num_bytes // _BLOCK) * _BLOCK


def _image_info(span: ImageSpan) -> dict[str, Any]:
    image = span.image
    return {
        "index": image.index,
        "url": image.url,
        "sha256": image.sha256,
        "width": image.width,
        "height": image.height,
        "source_width": image.source_width,
        "source_height": image.source_height,
        "matched_sentence": image.matched_sentence,
    }


def _similarities(encoded: Encoded) -> list[list[float] | None] | None:
    """For each image its similarity to each text of the sample, to four digits; None where no image has any."""
    sentences = [part.sentence for part in encoded.parts if isinstance(part, TextPart)]
    rows = [
        None
        if span.image.similarities is None
        else [round(float(span.image.similarities[sentence]), 4) for sentence in sentences]
        for span in encoded.spans
    ]
    return rows if any(row is not None for row in rows) else None


def _text(fields: dict[str, Any], name: str) -> str:
    return _str(fields[name])


def _str(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40}, expected a string")
    return value


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r:.40}, expected a count")
    return value


def _similarity(fields: dict[str, Any]) -> tuple[tuple[float, ...] | None, ...]:
    num_images = len(fields["image_info"])
    num_texts = len(fields["texts"]) - num_images
    rows = fields["similarity"]
    rows = [None] * num_images if rows is None else rows
    found = tuple(None if row is None else tuple(map(float, _all_of(row, float, int))) for row in rows)
    if len(found) != num_images or any(row is not None and len(row) != num_texts for row in found):
        raise ValueError("`similarity`, expected images x texts")
    return found


def _weight(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value < math.inf:
        raise ValueError(f"{value!r:.40}, expected a weight")
    return float(value)


def _info(value: Any) -> dict[str, Any]:
    info: dict[str, Any] = dict(value)
    _count(info["width"]), _count(info["height"])
    return info


def _pair(value: Any) -> tuple[int, int]:
    start, length = _counts(value)
    return start, length


def _counts(values: Any) -> tuple[int, ...]:
    counts: tuple[int, ...] = _all_of(values, int)
    if counts and min(counts) < 0:
        raise ValueError(f"{min(counts)}, expected counts")
    return counts


def _all_of(values: Any, *types: type) -> tuple[Any, ...]:
    """A list's items, all of these types: looked at as a set, since a sample has hundreds of them."""
    if type(values) is not list:
        raise TypeError(f"{values!r:.40}, expected a list")
    if not set(map(type, values)).issubset(types):
        wrong = next(value for value in values if type(value) not in types)
        raise TypeError(f"{wrong!r:.40}, expected {' or '.join(kind.__name__ for kind in types)}")
    return tuple(values)
