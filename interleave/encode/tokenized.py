"""The ids of one text, and which characters they came from."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from interleave.document import Int32s

if TYPE_CHECKING:
    from tokenizers import Encoding


class Tokenized(Protocol):
    """The ids of one text."""

    @property
    def ids(self) -> Int32s:
        """(num_ids,)"""

    def id_at(self, character: int) -> int:
        """Position of the id that holds a character, or of the next one; the number of ids past the end."""

    def starts(self) -> Int32s:
        """(num_ids,) the character where each id begins."""


class HuggingFaceEncoding:
    """An encoding of the `tokenizers` library, which is asked for single characters rather than for all offsets."""

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding
        self.ids: Int32s = np.asarray(encoding.ids, dtype=np.int32)

    def id_at(self, character: int) -> int:
        found = self._encoding.char_to_token(character)
        if found is not None:
            return int(found)
        # The character belongs to no id (white space that a normaliser took): the next id begins behind it.
        return next((at for at, (begin, _) in enumerate(self._encoding.offsets) if begin >= character), len(self.ids))

    def starts(self) -> Int32s:
        return np.asarray([begin for begin, _ in self._encoding.offsets], dtype=np.int32)


class OffsetEncoding:
    """Ids with the character at which each begins; the ids of one character begin together."""

    def __init__(self, ids: Sequence[int], starts: Sequence[int]) -> None:
        self.ids: Int32s = np.asarray(ids, dtype=np.int32)
        self._starts = starts

    def id_at(self, character: int) -> int:
        """The last id that begins at or before the character; of several that begin there, the first."""
        at = bisect_left(self._starts, character)
        begins_here = at < len(self._starts) and self._starts[at] == character
        return at if begins_here else max(at - 1, 0)

    def starts(self) -> Int32s:
        return np.asarray(self._starts, dtype=np.int32)
