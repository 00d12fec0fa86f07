"""What a page is read into: blocks of text and pictures in reading order, and the containers they stand in."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from interleave.acquire.pages.pictures import Picture
from interleave.acquire.sequence import split_sentences

_MAX_CAPTION_CHARS = 700  # a picture
_MAX_FIGURE_BLOCKS = 200  # a gallery; beyond it is a page in a box that is called figure
# Stands for a `<br>`.
BREAK = "\u2028"
_SPACES = re.compile(r"\s+")
_DENSE = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]")


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, heading, item of a list, row of a table or caption, or a part of one that a picture divides."""

    text: str
    kind: str = "p"
    # p, heading, item, row, pre, caption
    level: int = 0
    # Of a heading, 1-6.
    num_chars: int = 0
    # Of the paragraph, where pictures divide it.
    link_share: float = 0.0
    # Of the paragraph's characters.
    group: int = 0
    # The list or table that it stands in; 0: none.


@dataclass(frozen=True, slots=True)
class Container:
    """An element that holds blocks [start, end) of the page."""

    start: int
    end: int
    parent: int
    # Position in the list of containers; -1: none.
    is_article: bool
    name: str
    # Tag and class; "" where they say nothing of what it is, as a table's cell.


@dataclass(frozen=True, slots=True)
class Walked:
    """What a walk over a page found."""

    blocks: list[Text | Picture]
    containers: list[Container]
    # Each behind those that it stands in.


def captioned(blocks: list[Text | Picture]) -> list[Text | Picture]:
    """The blocks of a figure: text is its caption, and stands behind its picture.

    ["Figure 1.", x, "A cat."]  ->  [x, "Figure 1.", "A cat."]
    ["Two cats.", x, y]  ->  [x, y, "Two cats."]
    """
    if len(blocks) > _MAX_FIGURE_BLOCKS:
        return blocks
    pictures = [block for block in blocks if isinstance(block, Picture)]
    texts = [block for block in blocks if isinstance(block, Text)]
    if not pictures:
        return blocks
    if sum(len(text.text) for text in texts) > _MAX_CAPTION_CHARS * len(pictures):
        return blocks
    first = blocks.index(pictures[0])
    title = blocks[:first]
    rest = blocks[first:]
    # With captions of their own the pictures are one by one, else they share the title.
    after = 1 if any(isinstance(block, Text) for block in rest) else len(rest)
    return [
        replace(block, kind="caption", level=0) if isinstance(block, Text) else block
        for block in (*rest[:after], *title, *rest[after:])
    ]


def caption_of(blocks: Sequence[Text | Picture], position: int) -> Text | None:
    """What is said of the picture, or of the pictures, that begin here."""
    behind = next((block for block in islice(blocks, position, None) if isinstance(block, Text)), None)
    return behind if behind is not None and behind.kind == "caption" else None


def pictures_between_sentences(pieces: list[str | Picture], language: str) -> list[str | Picture]:
    """A picture inside of a sentence is put before it: text and pictures alternate, and no sentence is torn.

    ["One. Click on", x, "the icon. Two."]  ->  ["One.", x, "Click on the icon. Two."]
    """
    words: list[str] = []
    places: list[tuple[int, Picture]] = []
    length = 0
    before = ""  # the last of the text so far
    for piece in pieces:
        if isinstance(piece, Picture):
            places.append((length, piece))
            # Between words; Chinese and Japanese have no blanks between theirs.
            said = "" if _DENSE.match(before) else " "
        else:
            said = _SPACES.sub(" ", piece)
            if places and places[-1][0] == length and _DENSE.match(before) and _DENSE.match(said.lstrip()):
                said = said.lstrip()
            before = said.rstrip()[-1:] or before
        words.append(said)
        length += len(said)
    text = "".join(words)
    starts = _sentence_starts(text, language)
    parts: list[str | Picture] = []
    done, end = 0, len(text.rstrip())
    for place, picture in places:
        # The end of the text, where nothing but white space is left.
        begins = starts[bisect_right(starts, _next_word(text, place)) - 1] if place < end else length
        parts += [text[done:begins], picture]
        done = max(done, begins)
    return [part for part in [*parts, text[done:]] if isinstance(part, Picture) or part.strip()]


def _sentence_starts(text: str, language: str) -> list[int]:
    starts, position = [0], 0
    for sentence in split_sentences(text, language):
        position = max(text.find(sentence, position), position)
        starts.append(position)
        position += len(sentence)
    return starts


def _next_word(text: str, place: int) -> int:
    while place < len(text) and text[place].isspace():
        place += 1
    return place


def paragraphs_of(pieces: list[str | Picture]) -> list[list[str | Picture]]:
    """Pieces between which two `<br>` or more stand are paragraphs of their own."""
    if pieces.count(BREAK) < 2:
        return [pieces]
    paragraphs: list[list[str | Picture]] = [[]]
    blank: list[str | Picture] = []
    for piece in pieces:
        if isinstance(piece, str) and not piece.strip():  # a break is white space, too
            blank.append(piece)
            continue
        if blank.count(BREAK) >= 2:
            paragraphs.append([])
        else:
            paragraphs[-1] += blank
        blank = []
        paragraphs[-1].append(piece)
    return paragraphs


def num_chars_of(pieces: list[str | Picture]) -> int:
    """Characters of the text among pieces, as it will be written."""
    return len(" ".join("".join(piece for piece in pieces if isinstance(piece, str)).split()))
