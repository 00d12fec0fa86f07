"""A sample as its model sees it: ids, the pieces of text that they are, and which of them are learned.

ids      1   319  6635  869  -200   739  3290  29889    2
pieces  <s>  ▁A   ▁cat   .  [image] It   sat    .     </s>
segment  0    0     0    0    1      1    1     1       1     sentences with the images in front of them
learned  .    x     x    x    .      x    x     x       x
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Protocol

import numpy as np

from interleave.document import Int32s
from interleave.errors import RecipeError
from interleave.sample import Record, marked
from interleave.shard.manifest import Manifest

if TYPE_CHECKING:
    from interleave.encode.tokenizer import Tokenizer


class Speller(Protocol):
    """What an id is in a text."""

    def __call__(self, token_id: int, /) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One id of text."""

    position: int
    token_id: int
    piece: str | None
    # None where the tokenizer is not at hand.
    segment: int
    # Number of the sentence with its images.
    is_learned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRun:
    """All ids of one image."""

    position: int
    image: int
    segment: int
    runs: tuple[tuple[int, int], ...]
    # (id, times): as stored.
    num_tokens: int
    # In the model.


def token_view(record: Record, ids: Int32s, speller: Speller | None) -> Iterator[Token | ImageRun]:
    """The ids of a sample in order, those of an image as one."""
    learned = marked(record.loss_spans, len(ids))
    spans = {start: (image, length) for image, (start, length) in enumerate(record.spans) if length}
    position = 0
    while position < len(ids):
        segment = max(bisect_right(record.cuts, position) - 1, 0)
        if position in spans:
            image, length = spans[position]
            runs = tuple((int(key), len(list(run))) for key, run in groupby(ids[position : position + length].tolist()))
            yield ImageRun(
                position=position, image=image, segment=segment, runs=runs, num_tokens=record.span_tokens[image]
            )
            position += length
            continue
        token_id = int(ids[position])
        yield Token(
            position=position,
            token_id=token_id,
            piece=None if speller is None else speller(token_id),
            segment=segment,
            is_learned=bool(learned[position]),
        )
        position += 1


def open_speller(manifest: Manifest | None) -> tuple[Speller | None, str]:
    """Spells the ids of a dataset, or the reason why nothing here can. Nothing is downloaded."""
    from interleave.encode.tokenizer import find_tokenizer, load_tokenizer, tokenizer_fingerprint

    if manifest is None:
        return None, "no manifest beside the tar says which tokenizer made the ids"
    try:
        path = find_tokenizer(manifest.tokenizer.name, offline=True)
        if tokenizer_fingerprint(path) != manifest.tokenizer.sha256:
            return None, f"{path} is another tokenizer than the one that made the ids"
        tokenizer = load_tokenizer(path)
    except RecipeError as error:
        return None, str(error)
    except ModuleNotFoundError as error:
        return None, f"{error}; pip install 'interleave-vlm[build]'"
    return _Spelled(tokenizer), ""


class _Spelled:
    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._known: dict[int, str] = {}

    def __call__(self, token_id: int) -> str:
        if token_id not in self._known:
            self._known[token_id] = self._spell(token_id)
        return self._known[token_id]

    def _spell(self, token_id: int) -> str:
        """Of an id that is part of a character its bytes, of one that is none of the vocabulary its number."""
        if not 0 <= token_id < self._tokenizer.vocab_size:
            return f"[{token_id}]"
        spelled = self._tokenizer.spellings.spell(np.array([token_id]))
        try:
            return spelled.decode() or self._tokenizer.decode([token_id]) or f"[{token_id}]"
        except UnicodeDecodeError:
            return "".join(f"<0x{byte:02X}>" for byte in spelled)
