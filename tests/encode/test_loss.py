import numpy as np
import pytest
from records import make_image

from interleave.document import Document, Encoded, ImageSpan, TextPart
from interleave.encode.loss import Loss, loss_spans


def encode(shape: str, *, bos: bool = True, eos: bool = True, num_repeated: int = 0) -> Encoded:
    """`a`, `b` ... are ids of a sentence of that name, `I` an image of one id, `w` text that wraps one."""
    parts: list[TextPart | ImageSpan] = []
    position = int(bos)
    for letter in shape:
        if letter == "I":
            parts.append(ImageSpan(start=position, length=1, num_tokens=4, image=make_image(len(parts))))
        elif letter != "w":
            if parts and isinstance(parts[-1], TextPart) and parts[-1].text[0] == letter:
                before = parts.pop()
                start, length = before.start, before.length + 1
            else:
                start, length = position, 1
            parts.append(TextPart(start=start, length=length, sentence=ord(letter), text=letter * length, borders=None))
        position += 1
    return Encoded(
        document=Document(id="d", source="s", url=None, parts=()),
        part=0,
        num_parts=1,
        token_ids=np.arange(position + int(eos), dtype=np.int32),
        parts=tuple(parts),
        num_structural=int(bos) + int(eos) + shape.count("w"),
        num_repeated=num_repeated,
        cuts=np.array([0], dtype=np.int32),
    )


def learned(encoded: Encoded, loss: Loss) -> str:
    """A digit an id: 1 where it is learned."""
    marks = ["0"] * len(encoded.token_ids)
    for start, length in loss_spans(encoded, loss):
        assert length > 0
        marks[start : start + length] = "1" * length
    return "".join(marks)


def test_all_but_images_is_learned() -> None:
    assert learned(encode("Iaaa Ibb".replace(" ", "")), "text") == "101110111"
    assert loss_spans(encode("IaaaIbb"), "text") == [(0, 1), (2, 3), (6, 3)]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("IaaabIcc", "0011100111"),
        # Two images in front of one sentence; the next sentence, and with it EOS, is not learned.
        ("IIabb", "0001000"),
        # Text that wraps an image is learned with the sentence behind it.
        ("aawIwbb", "000001111"),
        ("aabb", "000000"),
        ("aaI", "00001"),
    ],
)
def test_behind_an_image_its_sentence_alone_is_learned(shape: str, expected: str) -> None:
    assert learned(encode(shape), "after_image") == expected


def test_what_is_repeated_is_not_learned_twice() -> None:
    assert learned(encode("aabbcc", bos=False, num_repeated=2), "text") == "0011111"


def test_a_part_without_ends_is_learned_to_its_last_id() -> None:
    assert learned(encode("Iab", bos=False, eos=False), "after_image") == "010"
    assert learned(encode("ab", bos=False, eos=False), "text") == "11"
