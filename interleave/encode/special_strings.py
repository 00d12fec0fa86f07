"""How the names of special tokens in a text stay text: `</s>` in a page is four characters.

Libraries look for added tokens in a text before anything else, and can leave that out. Two ways are left, by which a
special token comes from text all the same, and both are closed here:

- a token that the file calls ordinary is one of the model's marks (`<image>`, added with `special: false`; a
  user-defined symbol of SentencePiece): it is called special, or a control symbol, before the library reads the file;
- the vocabulary itself has the name as a piece (Unigram's `</s>`, any name where merges are ignored): the text is cut
  behind the first character of the name, and no piece reaches over a cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_BYTE_PIECE = re.compile(r"<0x([0-9A-F]{2})>")
_USER_DEFINED, _CONTROL = 4, 3  # sentencepiece_model.proto, ModelProto.SentencePiece.Type
_VARINT, _EIGHT_BYTES, _MESSAGE, _FOUR_BYTES = 0, 1, 2, 5  # wire types of protocol buffers


def marked_as_special(fields: dict[str, Any], reserved: Sequence[str]) -> bool:
    """Calls the reserved tokens of a `tokenizer.json` special, and takes chance out of its merges; whether it changed.

    White space is never a mark: a model that writes a newline after an image reads newlines in texts too.
    """
    marks = [
        added
        for added in fields.get("added_tokens") or ()
        if added["content"] in reserved and not added["special"] and not added["content"].isspace()
    ]
    for added in marks:
        added["special"] = True
    had_chance = bool(fields["model"].pop("dropout", None))
    return bool(marks) or had_chance


def keep_from_text(backend: Tokenizer, fields: dict[str, Any]) -> dict[int, str]:
    """Cuts texts inside the names that the vocabulary has as pieces; returns the ids that no text has then."""
    from tokenizers import Regex, pre_tokenizers

    special = {number: added.content for number, added in backend.get_added_tokens_decoder().items() if added.special}
    special |= _unknown(fields["model"])
    pieces = {number: backend.model.id_to_token(number) for number in special}
    in_reach = {number: piece for number, piece in pieces.items() if piece and _comes_from_text(backend, piece)}
    names = [piece for piece in (*in_reach.values(), *_byte_pieces(backend)) if len(piece) > 1]
    if names:
        cut = pre_tokenizers.Split(Regex(_first_characters(names)), "isolated")
        before = backend.pre_tokenizer
        backend.pre_tokenizer = cut if before is None else pre_tokenizers.Sequence([before, cut])
    # A cut needs two characters.
    return {number: name for number, name in special.items() if number not in in_reach or len(in_reach[number]) > 1}


def _first_characters(names: Sequence[str]) -> str:
    """A pattern of the first character of each name, wherever a text has it: `<(?=s>|/s>)|\\[(?=CLS\\])`."""
    rests: dict[str, list[str]] = {}
    for name in names:
        rests.setdefault(re.escape(name[0]), []).append(re.escape(name[1:]))
    return "|".join(f"{first}(?={'|'.join(others)})" for first, others in rests.items())


def _unknown(model: dict[str, Any]) -> dict[int, str]:
    """The unknown token, which a file need not list among the special ones."""
    if model.get("unk_id") is not None:
        return {model["unk_id"]: model["vocab"][model["unk_id"]][0]}
    name = model.get("unk_token")
    return {model["vocab"][name]: name} if isinstance(name, str) and name in model["vocab"] else {}


def _comes_from_text(backend: Tokenizer, piece: str) -> bool:
    """Whether the vocabulary alone makes this piece of its own letters.

    Merges that make it inside a longer word make it of the word alone: none of them crosses its ends.
    """
    from tokenizers import models

    if not isinstance(backend.model, models.BPE):
        return True
    return [token.value for token in backend.model.tokenize(piece)] == [piece]


def _byte_pieces(backend: Tokenizer) -> Iterator[str]:
    """Names of single bytes that the vocabulary would take for the byte: `<0x41>` in a text is no "A"."""
    for byte in range(256):
        piece = f"<0x{byte:02X}>"
        if backend.model.token_to_id(piece) is not None and _comes_from_text(backend, piece):
            yield piece


def spelling(piece: str) -> bytes:
    """What a piece of SentencePiece's kind is in a text: `▁the` is " the", `<0x41>` is one byte."""
    byte = _BYTE_PIECE.fullmatch(piece)
    return bytes([int(byte[1], 16)]) if byte else piece.replace("▁", " ").encode()


def byte_level_spelling(piece: str) -> bytes:
    """What a piece of GPT-2's kind is in a text: each of its characters stands for one byte."""
    try:
        return piece.translate(_BYTE_OF).encode("latin-1")
    except UnicodeEncodeError:
        return piece.encode()


def _byte_alphabet() -> dict[int, int]:
    """GPT-2's character -> byte: printable ones stand for themselves, others for those from 256 on (its encoder.py)."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: byte for byte in printable} | {256 + number: byte for number, byte in enumerate(others)}


_BYTE_OF = _byte_alphabet()


def marked_as_control(model: bytes, reserved: Sequence[str]) -> bytes:
    """A SentencePiece model whose user-defined symbols of these names are control symbols, which no text has."""
    names = {name.encode() for name in reserved if not name.isspace()}
    return b"".join(
        _as_control(field, names) if number == 1 and wire == _MESSAGE else field
        for number, wire, field, _ in _protobuf_fields(model)
    )


def _as_control(field: bytes, names: set[bytes]) -> bytes:
    """One piece of a model: `1: its text, 2: its score, 3: its type`."""
    _, _, _, message = next(_protobuf_fields(field))
    values = {number: value for number, _, _, value in _protobuf_fields(message)}
    if values.get(1) not in names or values.get(3) != bytes([_USER_DEFINED]):
        return field
    changed = b"".join(
        bytes([3 << 3, _CONTROL]) if number == 3 else part for number, _, part, _ in _protobuf_fields(message)
    )
    return field[: len(field) - len(message)] + changed


def _protobuf_fields(message: bytes) -> Iterator[tuple[int, int, bytes, bytes]]:
    """Number, wire type, all bytes and the value's bytes of each field, in the order of the file."""
    at = 0
    while at < len(message):
        begin = at
        tag, at = _varint(message, at)
        wire = tag & 7
        value = at
        if wire == _VARINT:
            _, at = _varint(message, at)
        elif wire == _MESSAGE:
            length, value = _varint(message, at)
            at = value + length
        elif wire in (_EIGHT_BYTES, _FOUR_BYTES):
            at += 8 if wire == _EIGHT_BYTES else 4
        else:
            raise ValueError(f"wire type {wire} at byte {begin}")
        yield tag >> 3, wire, message[begin:at], message[value:at]


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number in groups of 7 bits, lowest first, and the byte behind it."""
    number = shift = 0
    while message[at] & 0x80:
        number |= (message[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return number | message[at] << shift, at + 1
