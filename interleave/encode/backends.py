"""The libraries that read tokenizers' files, behind one interface: text becomes ids that are never special."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Protocol

import numpy as np
import orjson

from interleave.document import Int32s
from interleave.encode.special_strings import (
    byte_level_spelling,
    keep_from_text,
    marked_as_control,
    marked_as_special,
    spelling,
)
from interleave.encode.tokenized import OffsetEncoding, Spellings, Tokenized
from interleave.errors import RecipeError

# Every byte that UTF-8 has, in one text: what the vocabulary lacks becomes the unknown token.
EVERY_BYTE = "".join(map(chr, (*range(0x800), *range(0x1000, 0x10000, 0x1000), *range(0x40000, 0x110000, 0x40000))))
# Characters. tiktoken's matcher runs out of stack, and takes the process with it, in about 500,000 of white space.
LONGEST_SPACE = 100_000


class HuggingFaceTokenizer:
    """A `tokenizer.json`, read by the `tokenizers` library."""

    def __init__(self, path: Path, reserved: Sequence[str] = ()) -> None:
        from tokenizers import Tokenizer as Backend

        self._backend = Backend.from_file(str(path))
        fields = orjson.loads(path.read_bytes())
        if marked_as_special(fields, reserved):
            self._backend = Backend.from_str(orjson.dumps(fields).decode())
        self._backend.encode_special_tokens = True  # "</s>" in a text is text
        self._backend.no_truncation()
        self._backend.no_padding()
        vocabulary = self._backend.get_vocab(with_added_tokens=True)
        self.vocab_size: int = max(vocabulary.values(), default=-1) + 1
        self.special = _Special(keep_from_text(self._backend, fields), self.vocab_size)
        self.special.leave_out(self._backend.encode(EVERY_BYTE, add_special_tokens=False).ids)
        self.spellings = Spellings(self._spell(vocabulary, fields))

    def _spell(self, vocabulary: dict[str, int], fields: dict[str, object]) -> list[bytes]:
        of_one = byte_level_spelling if b'"ByteLevel"' in orjson.dumps(fields.get("decoder")) else spelling
        spellings = [b""] * self.vocab_size
        for token, number in vocabulary.items():
            spellings[number] = of_one(token)
        for number, added in self._backend.get_added_tokens_decoder().items():
            spellings[number] = added.content.encode()
        return spellings

    def encode_batch(self, texts: Sequence[str]) -> Sequence[Tokenized]:
        ids = [item.ids for item in self._backend.encode_batch_fast(texts, add_special_tokens=False)]
        return _tokenized(texts, *_flat(ids), self)

    def with_offsets(self, text: str, ids: Int32s) -> Tokenized:
        return _from_offsets(ids, self._backend.encode(text, add_special_tokens=False).offsets)

    def decode(self, ids: Sequence[int]) -> str:
        return str(self._backend.decode(ids, skip_special_tokens=False))

    def token_id(self, token: str) -> int | None:
        found: int | None = self._backend.token_to_id(token)
        return found

    def is_special(self, token_id: int) -> bool:
        return token_id in self.special


class SentencePieceTokenizer:
    """A SentencePiece `.model`, read by its own library: the exact rules, where conversions differ in corners."""

    def __init__(self, path: Path, reserved: Sequence[str] = ()) -> None:
        from sentencepiece import SentencePieceProcessor

        self._backend = SentencePieceProcessor(model_file=str(path))
        if reserved:
            model = marked_as_control(path.read_bytes(), reserved)
            self._backend = SentencePieceProcessor(model_proto=model)
        self.vocab_size: int = self._backend.get_piece_size()
        every = range(self.vocab_size)
        pieces = [self._backend.id_to_piece(number) for number in every]
        special = [number for number in every if self._backend.is_control(number) or self._backend.is_unknown(number)]
        self.special = _Special({number: pieces[number] for number in special}, self.vocab_size)
        self.special.leave_out(self._backend.encode(EVERY_BYTE))
        self.spellings = Spellings([spelling(piece) for piece in pieces])

    def encode_batch(self, texts: Sequence[str]) -> Sequence[Tokenized]:
        ids = self._backend.encode(list(texts), num_threads=1, out_type="numpy")
        flat = np.concatenate([*ids, np.zeros(0, dtype=np.int32)])
        return _tokenized(texts, flat, list(map(len, ids)), self)

    def with_offsets(self, text: str, ids: Int32s) -> Tokenized:
        return _from_offsets(ids, self._backend.encode(text, out_type="offset_mapping")["offsets"])

    def decode(self, ids: Sequence[int]) -> str:
        return str(self._backend.decode(list(ids)))

    def token_id(self, token: str) -> int | None:
        found = self._backend.piece_to_id(token)
        return None if found == self._backend.unk_id() and token != self._backend.id_to_piece(found) else int(found)

    def is_special(self, token_id: int) -> bool:
        return token_id in self.special


class TiktokenTokenizer:
    """A `.tiktoken` file of ranks, with the splitting pattern and special tokens of Qwen's first models."""

    _PATTERN = (
        r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"""
        r""" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
    )

    def __init__(self, path: Path, reserved: Sequence[str] = ()) -> None:
        """Nothing has to be reserved: `encode_ordinary` knows ranks only, and no special token has one."""
        from tiktoken import Encoding

        ranks = _read_ranks(path)
        names = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
        self._ids = {name: len(ranks) + number for number, name in enumerate(names)}
        self._backend = Encoding(path.stem, pat_str=self._PATTERN, mergeable_ranks=ranks, special_tokens=self._ids)
        self.vocab_size: int = len(ranks) + len(names)
        self.special = _Special({number: name for name, number in self._ids.items()}, self.vocab_size)
        self.spellings = Spellings([*sorted(ranks, key=ranks.__getitem__), *(name.encode() for name in names)])

    def encode_batch(self, texts: Sequence[str]) -> Sequence[Tokenized]:
        ids = [self._encode(text) for text in texts]
        return _tokenized(texts, *_flat(ids), self)

    def _encode(self, text: str) -> list[int]:
        if len(text) <= LONGEST_SPACE:
            return self._backend.encode_ordinary(text)
        return [token_id for piece in _cut_spaces(text) for token_id in self._backend.encode_ordinary(piece)]

    def with_offsets(self, text: str, ids: Int32s) -> Tokenized:
        return OffsetEncoding(ids, self._backend.decode_with_offsets(ids.tolist())[1])

    def decode(self, ids: Sequence[int]) -> str:
        return self._backend.decode(list(ids))

    def token_id(self, token: str) -> int | None:
        return self._ids.get(token)

    def is_special(self, token_id: int) -> bool:
        return token_id in self.special


class _Reader(Protocol):
    """What makes texts of a library's ids."""

    special: _Special
    spellings: Spellings

    def with_offsets(self, text: str, ids: Int32s) -> Tokenized:
        """As the library says, for a text that its ids do not spell."""


class _Special:
    """The ids that no text may have."""

    def __init__(self, names: dict[int, str], vocab_size: int) -> None:
        self._names = names
        self._is_special = np.zeros(vocab_size, dtype=np.bool_)
        self._is_special[list(names)] = True

    def leave_out(self, ids: Iterable[int]) -> None:
        """Takes out what text has after all, such as the unknown token of a vocabulary without all characters."""
        self._is_special[list(ids)] = False

    def __contains__(self, token_id: int) -> bool:
        return 0 <= token_id < len(self._is_special) and bool(self._is_special[token_id])

    def refuse(self, ids: Int32s) -> None:
        """
        Raises:
            RecipeError: a special token came from text.
        """
        are_special = self._is_special[ids]
        if not are_special.any():
            return
        found = int(ids[are_special.argmax()])
        raise RecipeError(
            f"tokenizer: a text has the special token {self._names[found]!r} (id {found}), "
            "which this tokenizer cannot keep from it; use another tokenizer file of the model"
        )


def _flat(ids: Sequence[Sequence[int]]) -> tuple[Int32s, list[int]]:
    """The ids of all texts, one behind the other, and how many each has."""
    lengths = list(map(len, ids))
    return np.fromiter(chain.from_iterable(ids), dtype=np.int32, count=sum(lengths)), lengths


def _tokenized(texts: Sequence[str], flat: Int32s, lengths: Sequence[int], reader: _Reader) -> list[Tokenized]:
    reader.special.refuse(flat)
    found = reader.spellings.read(texts, flat, lengths)
    return [
        reader.with_offsets(text, item) if isinstance(item, np.ndarray) else item
        for text, item in zip(texts, found, strict=True)
    ]


def _from_offsets(ids: Int32s, offsets: Sequence[tuple[int, int]]) -> Tokenized:
    return OffsetEncoding(ids, [begin for begin, _ in offsets], [end for _, end in offsets])


def _cut_spaces(text: str) -> Iterator[str]:
    """The text in pieces, cut inside white space that is too long."""
    begin = 0
    for space in re.finditer(r"\s+", text):
        for cut in range(space.start() + LONGEST_SPACE, space.end(), LONGEST_SPACE):
            yield text[begin:cut]
            begin = cut
    yield text[begin:]


def _read_ranks(path: Path) -> dict[bytes, int]:
    """The lines `base64(token) rank` of a .tiktoken file; tiktoken's own reader caches by path, not by content."""
    lines = (line.split() for line in path.read_bytes().splitlines() if line)
    return {base64.b64decode(token, validate=True): int(rank) for token, rank in lines}
