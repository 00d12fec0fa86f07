"""How a recipe says where images stand in the text."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from interleave.settings import Settings

SOURCE = "source"
POSITION = "position"


class Align(Settings):
    """Where images stand in the text."""

    similarity: Annotated[str, Field(min_length=1)] = SOURCE
    """Similarity of images and sentences: `source`, what the corpus says; `position`, how near they stand in the page;
    or the name of a `clip` table in `scores`."""

    assign: Literal["given", "linear", "argmax"] = "given"
    """`given`: where the source has an image. `linear`: the assignment with the highest sum of similarities, one image
    a sentence, surplus images to the sentence that they fit best (MMC4). `argmax`: each to the sentence that it fits
    best. Images that fit all sentences alike, or by an unknown measure, stay where the source has them."""

    min_similarity: float | None = None
    """An image that fits the sentence it is assigned to less than this is left out. Unknown similarities are kept."""

    place: Literal["before", "after"] = "before"
    """Put an image before or after the sentence that it belongs to."""
