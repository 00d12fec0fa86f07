"""The rules that remove images, each its own configuration.

`measure` gives a number, or None where there is nothing to measure; `judge` gives the verdict on it. Removing an image
leaves its document whole around it.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from interleave.clean.bounds import Bounds, CountBounds, Verdict, outside
from interleave.clean.signals import ImageSignals
from interleave.settings import Settings

# Words of languages that end in a token, or begin with it: silicon, lexicon, rubicon, catalogo, psicologo.
_OTHER_WORDS = re.compile(r"(?:sil|lex|rub|panopt|stereopt|hel)icon|(?:cata|ana|dia|deca|pro|epi|mono|[a-z]{2,}o)logo")
# What makes a token a longer word of the same meaning: logotype, buttonset.
_ENDINGS = ("s", "set", "type", "mark", "bar")
_MIN_COMPOUND = 4


def _names(word: str, token: str) -> bool:
    """Whether a word of a URL is a token, or is made with it."""
    if word == token or not token.isascii():  # without spaces words are not told apart
        return token in word
    if word.startswith(token) and word[len(token) :] in _ENDINGS:
        return True
    # A short token is the end of too many words: ad of road.
    return len(token) >= _MIN_COMPOUND and word.endswith(token) and not _OTHER_WORDS.fullmatch(word)


def _check_token(token: str) -> str:
    if not token.isalpha() or token != token.lower():
        raise ValueError(f"expected lower-case letters alone, got {token!r}: URLs are searched word by word")
    return token


class ImageSide(CountBounds):
    """Both sides of the picture as the source has it, in px. MMC4: at least 150."""

    kind: Literal["image_side"]
    """Removes images by the length of their sides."""

    def measure(self, image: ImageSignals) -> float | None:
        """The side that comes first to a bound."""
        shortest, longest = min(image.width, image.height), max(image.width, image.height)
        is_short = self.min is not None and shortest < self.min
        return shortest if is_short or self.max is None or (self.min is not None and longest <= self.max) else longest

    def judge(self, value: float | None, image: ImageSignals) -> Verdict | None:
        return outside(value, self.min, self.max)


class AspectRatio(Bounds):
    """Width / height. MMC4: 0.5 to 2, so a portrait picture is no offence."""

    kind: Literal["aspect_ratio"]
    """Removes images by their shape."""

    min: Annotated[float, Field(gt=0)] | None = None
    """Least width / height that is kept."""

    max: Annotated[float, Field(gt=0)] | None = None
    """Most width / height that is kept."""

    def measure(self, image: ImageSignals) -> float | None:
        return image.width / image.height

    def judge(self, value: float | None, image: ImageSignals) -> Verdict | None:
        return outside(value, self.min, self.max)


class UrlTokens(Settings):
    """Words in an image's URL that betray decoration. MMC4 lists the defaults, and looks for them within words too."""

    kind: Literal["url_tokens"]
    """Removes images by words in their URL's path."""

    tokens: Annotated[tuple[Annotated[str, AfterValidator(_check_token)], ...], Field(strict=False, min_length=1)] = (
        "logo",
        "button",
        "icon",
        "plugin",
        "widget",
    )
    """Words to look for, lower-case letters. `icon` is found in `icons`, `siteIcon` and `favicon`, not in `silicon`."""

    def measure(self, image: ImageSignals) -> float | None:
        """How many of the words are in the path."""
        return sum(any(_names(word, token) for word in image.url_words) for token in self.tokens)

    def judge(self, value: float | None, image: ImageSignals) -> Verdict | None:
        if not value:
            return None
        found = (token for token in self.tokens if any(_names(word, token) for word in image.url_words))
        return Verdict(value, 0, next(found))


class Sharpness(Settings):
    """How steep the edges of a picture are for their height, whatever its size and contrast."""

    kind: Literal["sharpness"]
    """Removes images that are blurred, or enlarged beyond what they show."""

    min: Annotated[float, Field(ge=0)] = 0.9
    """Least that is kept. Photographs have 2 to 6, those blurred by 4 px at 600 px 0.2 to 0.8, gradients less."""

    def measure(self, image: ImageSignals) -> float | None:
        return image.looks.sharpness

    def judge(self, value: float | None, image: ImageSignals) -> Verdict | None:
        return outside(value, self.min, None)


class Entropy(Settings):
    """Bits of the histogram of luma: how many levels a picture has, and how evenly."""

    kind: Literal["entropy"]
    """Removes images of hardly more than one colour."""

    min: Annotated[float, Field(ge=0, le=8)] = 0.1
    """Least that is kept. Photographs have 6 to 8 bits, charts 0.2 to 3."""

    def measure(self, image: ImageSignals) -> float | None:
        return image.looks.entropy

    def judge(self, value: float | None, image: ImageSignals) -> Verdict | None:
        return outside(value, self.min, None)


class Blank(Settings):
    """Share of a picture that hardly differs from the pixels beside it, gradients included."""

    kind: Literal["blank"]
    """Removes images that show nothing: spacers, plain colours, gradients."""

    max: Annotated[float, Field(ge=0, le=1)] = 0.995
    """Most that is kept. Line charts have up to 0.97, flags of two colours 0.99."""

    def measure(self, image: ImageSignals) -> float | None:
        return image.looks.flat

    def judge(self, value: float | None, image: ImageSignals) -> Verdict | None:
        return outside(value, None, self.max)


class TextBanner(Settings):
    """Share of a picture's strokes that lie in up to six lines of text on a plain ground.

    Scanned pages, code and screens have more lines, charts and maps have other strokes: they stay.
    """

    kind: Literal["text_banner"]
    """Removes images that show hardly anything but a few words: banners, headings, buttons, lettering of logos."""

    max: Annotated[float, Field(ge=0, le=1)] = 0.7
    """Most that is kept. Most banners have 1; pictures with a caption have less than 0.5."""

    def measure(self, image: ImageSignals) -> float | None:
        return image.looks.text

    def judge(self, value: float | None, image: ImageSignals) -> Verdict | None:
        return outside(value, None, self.max)


class Animated(Settings):
    """Number of frames of a GIF, WebP or PNG, of which the first one is the picture."""

    kind: Literal["animated"]
    """Removes animations."""

    max: Annotated[int, Field(ge=1)] = 1
    """Most frames that are kept."""

    def measure(self, image: ImageSignals) -> float | None:
        return image.looks.num_frames

    def judge(self, value: float | None, image: ImageSignals) -> Verdict | None:
        return outside(value, None, self.max)


class ImageBudget(Settings):
    """The image's place among those of its document that stay. VILA: the first 6."""

    kind: Literal["image_budget"]
    """Removes the images of a document beyond the first ones, in place of the document."""

    max: Annotated[int, Field(ge=0)]
    """Most images of a document that are kept, in the source's order."""

    def measure(self, image: ImageSignals) -> float | None:
        return image.num_before + 1

    def judge(self, value: float | None, image: ImageSignals) -> Verdict | None:
        return outside(value, None, self.max)


class Faces(Settings):
    """Number of faces that the source detected. Images of sources that did not look for faces are kept."""

    kind: Literal["faces"]
    """Removes images by the faces that the source found in them."""

    max: Annotated[int, Field(ge=0)] = 0
    """Most faces that are kept."""

    def measure(self, image: ImageSignals) -> float | None:
        return image.num_faces

    def judge(self, value: float | None, image: ImageSignals) -> Verdict | None:
        return outside(value, None, self.max)


class BestSimilarity(Settings):
    """Similarity to the best-matching sentence. MMC4: at least 0.15 (CLIP ViT-L/14). Unknown similarities are kept."""

    kind: Literal["best_similarity"]
    """Removes images that fit no sentence."""

    min: float
    """Least similarity that is kept."""

    def measure(self, image: ImageSignals) -> float | None:
        return image.best_similarity

    def judge(self, value: float | None, image: ImageSignals) -> Verdict | None:
        return outside(value, self.min, None)


ImageRule = (
    ImageSide
    | AspectRatio
    | UrlTokens
    | Sharpness
    | Entropy
    | Blank
    | TextBanner
    | Animated
    | ImageBudget
    | Faces
    | BestSimilarity
)
