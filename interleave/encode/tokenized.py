"""The ids of one text, and which characters they came from.

    text    "A naïve cat.\nIt sat."
    ids     "▁A" "▁na" "ï" "ve" "▁cat" "." "\n" "It" "▁sat" "."
    ends      1    4    6   8    12   13   14   16   20    21      in bytes of UTF-8: "ï" has two
    id_at(13) is 7: the second sentence begins with its "It"

Libraries find such borders slowly. Where the spellings of the ids, one behind the other, are the text to the byte, the
lengths of the spellings give them, and that is so wherever a tokenizer changes nothing before it cuts.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from interleave.document import Int32s


class Tokenized(Protocol):
    """The ids of one text."""

    @property
    def ids(self) -> Int32s:
        """(num_ids,)"""

    def id_at(self, character: int) -> int:
        """Position of the first id that holds something of a character, or of one behind it; else the number of ids."""

    def starts(self) -> Int32s:
        """(num_ids,) the character where each id begins, or of which it holds a part; it never falls."""


class SpelledEncoding:
    """Ids whose spellings, one behind the other, are the text."""

    def __init__(self, text: str, ids: Int32s, ends: npt.NDArray[np.int64]) -> None:
        self.ids = ids
        self._text = text
        self._ends = ends  # (num_ids,) in bytes of UTF-8

    def id_at(self, character: int) -> int:
        byte = character if self._text.isascii() else self._byte_at(character)
        return bisect_right(self._ends.data, byte)  # numpy's own search costs three times as much

    def starts(self) -> Int32s:
        return self._starts

    @cached_property
    def _starts(self) -> Int32s:
        begins = np.concatenate([np.zeros(min(len(self._ends), 1), dtype=np.int64), self._ends[:-1]])
        if not self._text.isascii():
            begins = self._character_begins.searchsorted(begins, "right") - 1
        found: Int32s = begins.astype(np.int32)
        return found

    def _byte_at(self, character: int) -> int:
        begins = self._character_begins
        return int(begins[character]) if character < len(begins) else int(self._ends[-1:].sum())

    @cached_property
    def _character_begins(self) -> npt.NDArray[np.int64]:
        """(num_characters,) the byte where each begins: any but 10xxxxxx."""
        encoded = np.frombuffer(self._text.encode(), dtype=np.uint8)
        return np.flatnonzero((encoded & 0xC0) != 0x80)


class OffsetEncoding:
    """Ids with the characters that a library says they came from, where a text was changed before it was cut.

    Without their ends, each reaches to where the next one begins that does not begin together with it. A character that
    no id came from, such as white space that a library trims, belongs to the next one.
    """

    def __init__(self, ids: Sequence[int] | Int32s, starts: Sequence[int], ends: Sequence[int] | None = None) -> None:
        self.ids: Int32s = np.asarray(ids, dtype=np.int32)
        self._starts: Int32s = np.maximum.accumulate(np.asarray(starts, dtype=np.int32))
        behind = self._starts.searchsorted(self._starts, "right")
        found = np.append(self._starts, np.iinfo(np.int32).max)[behind] if ends is None else ends
        self._ends: Int32s = np.maximum.accumulate(np.asarray(found, dtype=np.int32))

    def id_at(self, character: int) -> int:
        return bisect_right(self._ends.data, character)

    def starts(self) -> Int32s:
        return self._starts


class Spellings:
    """What each id of a vocabulary is in a text, in bytes."""

    def __init__(self, spellings: Sequence[bytes]) -> None:
        self._spellings = np.array(spellings, dtype=np.object_)
        self._lengths = np.array([len(spelling) for spelling in spellings], dtype=np.int64)

    def spell(self, ids: Int32s) -> bytes:
        """What ids are, one behind the other; they must be in the vocabulary."""
        return b"".join(self._spellings[ids].tolist())

    def read(self, texts: Sequence[str], ids: Int32s, lengths: Sequence[int]) -> Iterator[SpelledEncoding | Int32s]:
        """The ids of each text, given one behind the other; as a plain array where they do not spell the text.

        A space before the text that only the ids have is none of its characters.
        """
        spelled = self.spell(ids)
        ends = np.concatenate([np.zeros(1, dtype=np.int64), self._lengths[ids].cumsum()])
        low = 0
        for text, length in zip(texts, lengths, strict=True):
            high = low + length
            begin, num_bytes = int(ends[low]), int(ends[high] - ends[low])
            encoded = text.encode()
            num_added = num_bytes - len(encoded)
            is_text = num_added in (0, 1) and spelled.startswith(b" " * num_added + encoded, begin)
            of_text = ids[low:high]
            yield SpelledEncoding(text, of_text, ends[low + 1 : high + 1] - (begin + num_added)) if is_text else of_text
            low = high
