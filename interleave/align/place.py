"""Where images stand in the text."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from interleave.document import Image, Sentence


def place(
    sentences: Sequence[str],
    images: Sequence[Image],
    where: Literal["before", "after"],
    keep_empty: Collection[int] = frozenset(),
) -> tuple[Sentence | Image, ...]:
    """Sentences in order, each image before or after the sentence that it is matched with.

    Images of one sentence keep the source's order. Empty sentences are left out, but for those of `keep_empty`; their
    images stay where they were.

        place(["a", "", "b"], [x -> 1, y -> 2], "before")  ->  a x y b
    """
    at: dict[int, list[Image]] = {}
    for image in sorted(images, key=lambda image: image.index):
        at.setdefault(image.matched_sentence, []).append(image)
    parts: list[Sentence | Image] = []
    for index, text in enumerate(sentences):
        sentence = [Sentence(index=index, text=text)] if text or index in keep_empty else []
        here = at.get(index, [])
        parts.extend([*here, *sentence] if where == "before" else [*sentence, *here])
    return tuple(parts)
