"""What the rules on text have in common: what they look at, and bounds on what they measure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from interleave.clean.bounds import Bounds, CountBounds, Verdict, outside
from interleave.clean.text_view import Text
from interleave.settings import Settings

Level = Literal["sentence", "paragraph", "document", "around_image"]
FromWords = Annotated[int, Field(ge=0)]


class TextCount(CountBounds):
    """A rule on a number of things."""

    def judge(self, value: float | None, text: Text) -> Verdict | None:
        return outside(value, self.min, self.max)


class TextBounds(Bounds):
    """A rule on a length or a ratio."""

    min: Annotated[float, Field(ge=0, strict=False)] | None = None
    """Least that is kept."""

    max: Annotated[float, Field(ge=0, strict=False)] | None = None
    """Most that is kept."""

    def judge(self, value: float | None, text: Text) -> Verdict | None:
        return outside(value, self.min, self.max)


class TextShare(Bounds):
    """A rule on a share of the text."""

    min: Annotated[float, Field(ge=0, le=1, strict=False)] | None = None
    """Least share that is kept."""

    max: Annotated[float, Field(ge=0, le=1, strict=False)] | None = None
    """Largest share that is kept."""

    def judge(self, value: float | None, text: Text) -> Verdict | None:
        return outside(value, self.min, self.max)


class LongEnough(Settings):
    """Rules whose shares mean little in a few words."""

    from_words: FromWords = 0
    """Texts with fewer words are kept; here 1.75 characters of Chinese are a word."""

    def is_short(self, text: Text) -> bool:
        return self.from_words > 0 and text.length_in_words < self.from_words
