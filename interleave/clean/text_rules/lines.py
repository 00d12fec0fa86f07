"""Rules on lines: how they begin and end, and whether they are repeated.

The lines of a document are its paragraphs, where the source knows them, else its sentences. A paragraph or sentence is
one line: as on the page, it begins with its first word and ends with its last mark.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from interleave.clean import characters
from interleave.clean.text_rules.bounds import Level, TextShare
from interleave.clean.text_view import Text

_BULLETS = tuple("•‣◦⁃∙▪■●○►▶*-・·")
_ELLIPSES = ("...", "…")
# C4: a full stop, exclamation or question mark, or a quotation mark. Those of other scripts, with what closes behind.
_TERMINAL = re.compile(r"""[.!?。！？．｡؟۔।॥։።፧။។"”」』»](?:['’)\]）】》〉]*)$""")


class BulletLines(TextShare):
    """Share of the lines that begin with a bullet point. Gopher: documents at most 0.9."""

    kind: Literal["bullet_lines"]
    """Removes texts that are lists."""

    of: Level = "document"
    """What is looked at, and removed."""

    def measure(self, text: Text) -> float | None:
        return _share([line.startswith(_BULLETS) for line in _lines(text, self.of)])


class EllipsisLines(TextShare):
    """Share of the lines that end in an ellipsis. Gopher: documents at most 0.3."""

    kind: Literal["ellipsis_lines"]
    """Removes lists of teasers."""

    of: Level = "document"
    """What is looked at, and removed."""

    def measure(self, text: Text) -> float | None:
        return _share([line.rstrip().endswith(_ELLIPSES) for line in _lines(text, self.of)])


class TerminalPunctuation(TextShare):
    """Share of the lines that end as a sentence does: in . ! ? 。 ！ ？ or a closing quotation mark, not in an
    ellipsis; not measured in Thai, which ends sentences without a mark. C4: each line, `min: 1`."""

    kind: Literal["terminal_punctuation"]
    """Removes titles, menus and lists."""

    of: Level = "paragraph"
    """What is looked at, and removed."""

    def measure(self, text: Text) -> float | None:
        lines = _lines(text, self.of)
        if text.num_unspaced and 2 * text.num(characters.THAI + characters.OTHER_UNSPACED) > len(text.words):
            return None
        return _share([_is_ended(line.rstrip()) for line in lines])


class DuplicateLines(TextShare):
    """Share of the lines that were there before, above them. Gopher: documents at most 0.3."""

    kind: Literal["duplicate_lines"]
    """Removes texts that repeat whole lines."""

    of: Level = "document"
    """What is looked at, and removed."""

    def measure(self, text: Text) -> float | None:
        return 1 - len(set(text.lines)) / len(text.lines) if text.lines else None


class DuplicateLineCharacters(TextShare):
    """Share of the characters that stand in lines which were there before. Gopher: documents at most 0.2."""

    kind: Literal["duplicate_line_characters"]
    """Removes texts of which much is repeated lines."""

    of: Level = "document"
    """What is looked at, and removed."""

    def measure(self, text: Text) -> float | None:
        return 1 - sum(map(len, set(text.lines))) / sum(map(len, text.lines)) if text.lines else None


def _lines(text: Text, of: Level) -> Sequence[str]:
    return text.lines if of == "document" else (text.whole,) if text.lines else ()


def _share(are: Sequence[bool]) -> float | None:
    return sum(are) / len(are) if are else None


def _is_ended(line: str) -> bool:
    # No closing mark is looked for far from the end: a line of a million of them takes no longer.
    return _TERMINAL.search(line[-8:]) is not None and not line.endswith(_ELLIPSES)
