"""The rules that remove images and documents, each its own configuration.

A rule names what it measures, its bounds and what it removes. `judge` answers with the value and the bound that it
broke, or None where the rule is content or has nothing to measure. Removing an image leaves the document whole.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from pydantic import Field, model_validator

from interleave.clean.signals import DocumentSignals, ImageSignals
from interleave.settings import Settings


class Verdict(NamedTuple):
    """Why a rule removes something: what was measured, and the bound that it broke."""

    value: float | None
    threshold: float | None
    detail: str = ""


def _outside(value: float, minimum: float | None, maximum: float | None) -> Verdict | None:
    if minimum is not None and value < minimum:
        return Verdict(value, minimum)
    if maximum is not None and value > maximum:
        return Verdict(value, maximum)
    return None


class _Bounds(Settings):
    @model_validator(mode="after")
    def _check_order(self) -> _Bounds:
        low, high = getattr(self, "min", None), getattr(self, "max", None)
        if low is None and high is None:
            raise ValueError("give `min`, `max`, or both")
        if low is not None and high is not None and low > high:
            raise ValueError(f"`min` ({low}) is above `max` ({high})")
        return self


class _CountBounds(_Bounds):
    min: Annotated[int, Field(ge=0)] | None = None
    """Least that is kept."""

    max: Annotated[int, Field(ge=0)] | None = None
    """Most that is kept."""


class ImageSide(_CountBounds):
    """Both sides of the picture as the source has it, in px. MMC4: at least 150."""

    kind: Literal["image_side"]
    """Removes images by the length of their sides."""

    def judge(self, image: ImageSignals) -> Verdict | None:
        return _outside(min(image.width, image.height), self.min, None) or _outside(
            max(image.width, image.height), None, self.max
        )


class AspectRatio(_Bounds):
    """Width / height. MMC4: 0.5 to 2, so a portrait picture is no offence."""

    kind: Literal["aspect_ratio"]
    """Removes images by their shape."""

    min: Annotated[float, Field(gt=0)] | None = None
    """Least width / height that is kept."""

    max: Annotated[float, Field(gt=0)] | None = None
    """Most width / height that is kept."""

    def judge(self, image: ImageSignals) -> Verdict | None:
        return _outside(image.width / image.height, self.min, self.max)


class UrlTokens(Settings):
    """Words in an image's URL that betray decoration. MMC4 lists the defaults."""

    kind: Literal["url_tokens"]
    """Removes images by words in their URL's path."""

    tokens: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] = (
        "logo",
        "button",
        "icon",
        "plugin",
        "widget",
    )
    """Words to look for, in lower case, anywhere in the path."""

    def judge(self, image: ImageSignals) -> Verdict | None:
        found = next((token for token in self.tokens if token in image.url_path), None)
        return Verdict(None, None, found) if found else None


class Faces(Settings):
    """Number of faces that the source detected. Images of sources that did not look for faces are kept."""

    kind: Literal["faces"]
    """Removes images by the faces that the source found in them."""

    max: Annotated[int, Field(ge=0)] = 0
    """Most faces that are kept."""

    def judge(self, image: ImageSignals) -> Verdict | None:
        return None if image.num_faces is None else _outside(image.num_faces, None, self.max)


class BestSimilarity(Settings):
    """Similarity to the best-matching sentence. MMC4: at least 0.15 (CLIP ViT-L/14). Unknown similarities are kept."""

    kind: Literal["best_similarity"]
    """Removes images that fit no sentence."""

    min: float
    """Least similarity that is kept."""

    def judge(self, image: ImageSignals) -> Verdict | None:
        return None if image.best_similarity is None else _outside(image.best_similarity, self.min, None)


class ReadableImages(Settings):
    """Share of the images that the source named which could be had and read. VILA's scripts keep 1.0 only."""

    kind: Literal["readable_images"]
    """Removes documents of whose images too many are gone; without this rule the others stay, and the document."""

    min: Annotated[float, Field(gt=0, le=1, strict=False)] = 1.0
    """Least share that is kept."""

    def judge(self, document: DocumentSignals) -> Verdict | None:
        if not document.num_source_images:
            return None
        return _outside(document.num_readable_images / document.num_source_images, self.min, None)


class NumImages(_CountBounds):
    """Images left in the document. MMC4-core: 2 to 15."""

    kind: Literal["num_images"]
    """Removes documents by their number of images; checked again after duplicates are gone."""

    def judge(self, document: DocumentSignals) -> Verdict | None:
        return _outside(document.num_images, self.min, self.max)


class NumSentences(_CountBounds):
    """Sentences that are not empty. MMC4-core: 4 to 40."""

    kind: Literal["num_sentences"]
    """Removes documents by their number of sentences."""

    def judge(self, document: DocumentSignals) -> Verdict | None:
        return _outside(document.num_sentences, self.min, self.max)


class NumWords(_CountBounds):
    """Words; in scripts without spaces between words (Chinese, Japanese, Thai ...) each character counts as one."""

    kind: Literal["num_words"]
    """Removes documents by their number of words."""

    def judge(self, document: DocumentSignals) -> Verdict | None:
        return _outside(document.num_words, self.min, self.max)


class Language(Settings):
    """The language that the source states (`language`). Documents without a stated language are kept."""

    kind: Literal["language"]
    """Removes documents by the language that their source gives."""

    keep: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    """Codes to keep, as the source writes them."""

    def judge(self, document: DocumentSignals) -> Verdict | None:
        if document.language is None or document.language in self.keep:
            return None
        return Verdict(None, None, document.language)


class Preset(Settings):
    """A named group of rules, put in this place."""

    kind: Literal["preset"]
    """Stands for the rules of a published corpus."""

    name: Literal["mmc4", "mmc4-core"]
    """`mmc4`: image sides, aspect ratio, URL words, similarity. `mmc4-core`: 2-15 images, 4-40 sentences."""


ImageRule = ImageSide | AspectRatio | UrlTokens | Faces | BestSimilarity
DocumentRule = ReadableImages | NumImages | NumSentences | NumWords | Language
Rule = Annotated[ImageRule | DocumentRule | Preset, Field(discriminator="kind")]

# Figures of the MMC4 paper (arXiv 2304.06939), sections 3 and 3.3.
PRESETS: dict[str, tuple[ImageRule | DocumentRule, ...]] = {
    "mmc4": (
        ImageSide(kind="image_side", min=150),
        AspectRatio(kind="aspect_ratio", min=0.5, max=2.0),
        UrlTokens(kind="url_tokens"),
        BestSimilarity(kind="best_similarity", min=0.15),
    ),
    "mmc4-core": (
        NumImages(kind="num_images", min=2, max=15),
        NumSentences(kind="num_sentences", min=4, max=40),
    ),
}


def image_rules(rules: tuple[Rule, ...]) -> tuple[ImageRule, ...]:
    """The rules that judge one image, presets unfolded, in the recipe's order."""
    return tuple(rule for rule in _unfold(rules) if isinstance(rule, ImageRule))


def document_rules(rules: tuple[Rule, ...]) -> tuple[DocumentRule, ...]:
    """The rules that judge a document by what is left of it, presets unfolded, in the recipe's order."""
    return tuple(rule for rule in _unfold(rules) if isinstance(rule, DocumentRule))


def _unfold(rules: tuple[Rule, ...]) -> list[ImageRule | DocumentRule]:
    flat: list[ImageRule | DocumentRule] = []
    for rule in rules:
        flat.extend(PRESETS[rule.name] if isinstance(rule, Preset) else (rule,))
    return flat
