"""How VILA's `LazyMMC4Dataset` counts, and what of a document may become one of its samples.

It reads a document so: `<image>` (1.0), or `<image>` and a newline (1.5 and later), in front of the image's sentence,
sentences joined by one space, no space at `<image>`; BOS and EOS around it; then at most `model_max_length` tokens with
each image as what it becomes. It takes the first six images, and fails on a document without any.

    units of "A." x y "B." "C."     [A.] [x y B.] [C.]
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from interleave.encode.tokenizer import Tokenizer
from interleave.errors import RecipeError
from interleave.translate.mmc4_fields import Numbered, numbered
from interleave.translate.passages import Passage, Picture

MAX_IMAGES = 6
MARK = "<image>"
# Behind an image: VILA 1.0, and later releases.
_BEHIND = ("", "\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A sentence with the images that belong to it, or as much of that as VILA can take."""

    parts: tuple[Numbered, ...]
    num_images: int
    num_tokens: int
    # At most, whatever stands around it.


class VilaUnits:
    """Documents in units, as long as VILA finds them."""

    def __init__(self, tokenizer: Tokenizer, *, context: int, tokens_per_image: int | None) -> None:
        self.room = context - 2  # BOS and EOS
        self._tokenizer = tokenizer
        self._tokens_per_image = tokens_per_image
        self._newline = len(tokenizer.encode_batch(["\n"])[0].ids)

    def units(self, passage: Passage, *, images_follow: bool) -> list[Unit]:
        """The units of a passage, each within the context and with at most six images.

        Raises:
            RecipeError: an image does not fit into the context.
        """
        groups = _groups(numbered(passage.parts), images_follow=images_follow)
        lengths = self._lengths(part for group in groups for part, _ in group if isinstance(part, str))
        units: list[Unit] = []
        for group in groups:
            unit = self._unit(group, lengths)
            if unit.num_tokens <= self.room and unit.num_images <= MAX_IMAGES:
                units.append(unit)
            else:
                units.extend(self._pieces(group, lengths))
        return units

    def num_tokens(self, parts: Sequence[Numbered]) -> int:
        """What VILA makes of these parts, BOS and EOS included: the most of its releases."""
        images = sum(self._image_tokens(part) for part, _ in parts if isinstance(part, Picture))
        return 2 + images + max(self._num_text_tokens(as_text(parts, behind)) for behind in _BEHIND)

    def _unit(self, parts: Sequence[Numbered], lengths: dict[str, int]) -> Unit:
        pictures = [part for part, _ in parts if isinstance(part, Picture)]
        return Unit(
            parts=tuple(parts),
            num_images=len(pictures),
            num_tokens=sum(map(self._image_tokens, pictures))
            + len(pictures) * self._newline
            + sum(lengths[part] for part, _ in parts if isinstance(part, str)),
        )

    def _pieces(self, parts: Sequence[Numbered], lengths: dict[str, int]) -> Iterable[Unit]:
        """A unit that is alone too much: its images one by one, its text in pieces that fit beside an image."""
        largest = max([self._image_tokens(part) for part, _ in parts if isinstance(part, Picture)], default=0)
        if largest + self._newline >= self.room:
            raise RecipeError(f"an image takes {largest:,} tokens, the context has {self.room + 2:,}")
        for part, number in parts:
            if isinstance(part, Picture) or lengths[part] + largest + self._newline <= self.room:
                yield self._unit([(part, number)], lengths)
                continue
            for piece in self._cut(part, max(self.room - largest - self._newline - 1, 1)):
                yield self._unit([(piece, number)], self._lengths([piece]))

    def _cut(self, text: str, num_tokens: int) -> Iterable[str]:
        """A text in pieces of at most so many tokens, at spaces where there are any: VILA puts a space between them."""
        while True:
            tokenized = self._tokenizer.encode_batch([text])[0]
            if len(tokenized.ids) <= num_tokens:
                yield text
                return
            end = max(int(tokenized.starts()[num_tokens]), 1)
            space = text.rfind(" ", 1, end + 1)
            end = space if space > end // 2 else end
            yield text[:end]
            text = text[end:].removeprefix(" ")

    def _lengths(self, texts: Iterable[str]) -> dict[str, int]:
        found = sorted(set(texts))
        return {text: len(item.ids) for text, item in zip(found, self._tokenizer.encode_batch(found), strict=True)}

    def _num_text_tokens(self, text: str) -> int:
        return sum(
            len(item.ids) for item in self._tokenizer.encode_batch([chunk for chunk in text.split(MARK) if chunk])
        )

    def _image_tokens(self, picture: Picture) -> int:
        return picture.num_tokens if self._tokens_per_image is None else self._tokens_per_image


def as_text(parts: Iterable[Numbered], behind: str) -> str:
    """The text that VILA's loader makes of these parts. behind: what it puts behind an image."""
    words: list[str] = []
    marks = ""
    for part, _ in parts:
        if isinstance(part, Picture):
            marks += MARK + behind
        else:
            words.append(marks + part)
            marks = ""
    text = " ".join([*words, marks] if marks else words)
    return text.replace(f"{MARK} ", MARK).replace(f" {MARK}", MARK)


def _groups(parts: Sequence[Numbered], *, images_follow: bool) -> list[list[Numbered]]:
    """Each sentence with the images in front of it, or behind it; images at the other end are groups of their own."""
    groups: list[list[Numbered]] = []
    closed = True
    for part in parts:
        is_text = isinstance(part[0], str)
        if closed or (images_follow and is_text):
            groups.append([])
        groups[-1].append(part)
        closed = is_text and not images_follow
    return groups
