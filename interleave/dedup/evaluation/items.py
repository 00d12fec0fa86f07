"""What an evaluation set consists of, whatever files it comes in: questions and images, each an item of its own.

MME's `count/0001.txt`, 2 lines, beside `count/0001.jpg`  ->  count/0001.txt:1  question
                                                              count/0001.txt:2  question
                                                              count/0001.jpg    image
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from interleave.errors import Unreadable

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif")
# What `ImageTarget` accepts by default.
MAX_IMAGE_BYTES = 20_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationItem:
    """A question, or an image; where one record holds both, they are two items."""

    set: str
    # Name of the evaluation set.
    item: str
    # What the set itself calls it, or where it stands.
    question: str | None = None
    options: tuple[str, ...] = ()
    # Of a multiple-choice question, without their letters.
    load: Callable[[], bytes] | None = None
    # Reads the image's bytes, or raises Unreadable; None for a question.


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedItem:
    """Something of the set that cannot be read, and so will not be found in a corpus."""

    set: str
    item: str
    error: Unreadable
