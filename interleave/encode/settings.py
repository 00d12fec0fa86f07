"""How a recipe says what documents become as token ids."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from interleave.encode.layouts import LayoutName
from interleave.encode.loss import Loss
from interleave.encode.profiles.profile import Form
from interleave.settings import Settings


class FewShot(Settings):
    """Documents that teach a model to learn from examples in its context: they are worth a longer one."""

    min_pairs: Annotated[int, Field(ge=2, lt=2**31)] = 3
    """Images with a sentence directly behind, from which a document is one."""

    context: Annotated[int, Field(ge=16, lt=2**31)]
    """Such documents are kept whole up to this many expanded tokens. Longer ones are cut as all others."""


class Splitting(Settings):
    """How documents that are longer than the context are cut. A sentence keeps the images that belong to it."""

    overlap: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Sentences, with their images, with which a part begins once more. They are context there, and not learned."""

    min_tokens: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """A last part of fewer expanded tokens takes sentences from the part before it."""

    few_shot: FewShot | None = None
    """Documents with several (image, sentence) pairs, kept whole where others are cut. null: none."""


class Encode(Settings):
    """How documents become token ids."""

    layout: LayoutName = "document"
    """`document`: BOS, all sentences with all images in their places, EOS. `vila-1.0`, `vila-2.0`: what VILA's own
    loader makes of a document, id for id: its first six images, each in front of its sentence (1.0: -200; 2.0:
    `<image>` after the vocabulary, and a newline)."""

    context: Annotated[int, Field(ge=16, lt=2**31)] | Literal["profile"] | None = "profile"
    """Longest sample in expanded tokens. Longer documents are cut between sentences. null: the loader cuts."""

    split: Splitting = Splitting()
    """How longer documents are cut."""

    tokens_per_image: Annotated[int, Field(ge=1, le=100_000)] | Literal["profile"] = "profile"
    """Tokens that every image becomes inside the model. `profile`: as many as the profile says for its size."""

    options: dict[str, Annotated[int, Field(ge=0, lt=2**31)]] = Field(default_factory=dict)
    """Settings of the profile's image processor, for example `{max_pixels: 200704}`; `interleave profile show` lists
    them with their defaults."""

    form: Form | Literal["profile"] = "profile"
    """How an image stands among the stored ids. `compact`: as in a prompt, one placeholder. `expanded`: as the model's
    processor passes it on, every placeholder and mark."""

    placeholder: Annotated[int, Field(ge=-(2**31), lt=2**31)] | Annotated[str, Field(min_length=1)] = "profile"
    """What stands for an image: an id (-200), or a text (`<image>`) that is looked up or put after the vocabulary."""

    separator: str = " "
    """Joins sentences."""

    bos: str | None = "auto"
    """Token at a document's start. `auto`: the profile's or the tokenizer's own, where there is one. null: none."""

    eos: str | None = "auto"
    """Token at a document's end. `auto`: the profile's or the tokenizer's own, where there is one. null: none."""

    loss: Loss = "text"
    """What is learned. `text`: all but images. `after_image`: the sentence directly behind each image alone."""

    source_weights: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """What a source's tokens count for in the loss, by the source's name; 1 where nothing is said."""
