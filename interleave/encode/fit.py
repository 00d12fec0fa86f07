"""Which images of a document its layout and the model have no room for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from interleave.document import Drop, Image
from interleave.encode.image_tokens import ImageTokens

STAGE = "settle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What an image must fit into."""

    max_images: int | None = None
    # Of a document.
    tokens: ImageTokens | None = None
    # What each becomes; None: not known here, and not asked for.
    room: int | None = None
    # Tokens that one image may take; None: any number.
    may_end: bool = True
    # Whether ids may end with an image.
    keep_empty: bool = False
    # Whether an empty sentence of the source still counts where sentences are joined.


ANYTHING = Fit()


def unfit_images(doc_id: str, images: Sequence[Image], fit: Fit) -> list[Drop]:
    """Drops of those that do not fit: first by number, then by size."""
    ordered = sorted(images, key=lambda image: image.index)
    drops = []
    if fit.max_images is not None:
        for position, image in enumerate(ordered[fit.max_images :], start=fit.max_images + 1):
            drops.append(_drop(doc_id, image, "max_images", position, fit.max_images))
        ordered = ordered[: fit.max_images]
    # A model may take an image that is alone in another way than several: what is left is asked again.
    while found := list(_too_large(doc_id, ordered, fit)):
        drops.extend(found)
        gone = {drop.image for drop in found}
        ordered = [image for image in ordered if image.index not in gone]
    return drops


def _too_large(doc_id: str, images: Sequence[Image], fit: Fit) -> Iterator[Drop]:
    if fit.tokens is None:
        return
    for image in images:
        try:
            num_tokens = len(fit.tokens.expanded(image.width, image.height, len(images)))
        except ValueError as error:
            yield _drop(doc_id, image, "image_tokens", None, None, str(error))
            continue
        if fit.room is not None and num_tokens > fit.room:
            yield _drop(doc_id, image, "image_tokens", num_tokens, fit.room)


def _drop(doc_id: str, image: Image, rule: str, value: float | None, threshold: float | None, detail: str = "") -> Drop:
    return Drop(
        doc_id=doc_id, image=image.index, stage=STAGE, rule=rule, value=value, threshold=threshold, detail=detail
    )
