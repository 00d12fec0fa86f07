"""What a family of models makes of an image among the ids of a text: plain data and one pure function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

# An id that stands in no vocabulary (-200), or a text that the tokenizer is asked for (`<|image_pad|>`, "\n").
Token: TypeAlias = int | str
# A token, and how often it stands there.
Run: TypeAlias = tuple[Token, int]
Options: TypeAlias = Mapping[str, int]
# (width, height, num_images, options) -> what an image is among ids.
Expand: TypeAlias = Callable[[int, int, int, Options], tuple[Run, ...]]
# `stored` of a profile: one image as a prompt writes it, or as the model's processor expands it.
Form: TypeAlias = Literal["compact", "expanded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A family of models, as far as its training data depends on it."""

    name: str
    summary: str
    placeholder: Token
    # What the model replaces by what it sees; one that the tokenizer lacks is put after its vocabulary.
    expand: Expand
    # (width, height, num_images, options) -> all that an image is among the expanded ids: placeholders, and the marks
    # around and between them. Width and height in px, as stored; num_images is that of its document, since some models
    # look closer at an image that is alone.
    write: Expand
    # The same of an image in a prompt, before the model's processor expands it.
    stored: Form
    # Which of the two stands in the shards, unless a recipe says otherwise.
    tokenizer: str = ""
    # Hub id of a model of the family: an example, for messages.
    context: int
    # Longest sequence in expanded tokens, unless a recipe says otherwise.
    image_side: int | None
    # px; longest short side that is stored, unless a recipe says otherwise: more than the model can use is waste.
    seen_side: int | None = None
    # px; images with a smaller short side are enlarged, so that the model sees more pixels than there are. None: images
    # of any size are seen as they are.
    marks: tuple[str, ...] = ()
    # Every text besides the placeholder that `expand` and `write` may name: their ids go into the manifest, so that
    # readers of shards need no tokenizer.
    options: Options = field(default_factory=dict)
    # Of `expand`, with their defaults: a recipe may set others (`encode.options`).
    text_before: str = ""
    text_after: str = ""
    # Ordinary text around an image: it is encoded together with its neighbours, as the model's processor does.
    bos: str | None = "auto"
    eos: str | None = "auto"
    # Tokens at a document's ends; `auto`: the tokenizer's own.
    grid: Callable[[int, int, Options], tuple[int, int]] | None = None
    # (width, height, options) -> rows and columns of placeholders, where a position has more than one number (mRoPE).


def always(*runs: Run) -> Expand:
    """`expand` or `write` of a model that makes the same of every image."""
    return lambda width, height, num_images, options: runs
