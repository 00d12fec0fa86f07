"""Whether one model can learn from several datasets: asked by `build`, and by the loader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from interleave.errors import ShardError

if TYPE_CHECKING:
    from interleave.encode.image_tokens import ImageTokens
    from interleave.shard.manifest import Manifest

# As manifests call it.
_MARKS = {"ids": "marks"}


@dataclass(frozen=True, slots=True, kw_only=True)
class IdsFor:
    """What a dataset's ids are for."""

    tokenizer: str
    tokenizer_sha256: str
    image: ImageTokens


def check_alike(manifests: Mapping[str, Manifest]) -> None:
    """Refuses datasets that no one model can learn from.

    manifests: by what a message calls them.

    Raises:
        ShardError: tokenizers, or what an image is among the ids, differ.
    """
    sentence = unlike(
        {
            name: IdsFor(
                tokenizer=found.tokenizer.name,
                tokenizer_sha256=found.tokenizer.sha256,
                image=found.model.image,
            )
            for name, found in manifests.items()
        }
    )
    if sentence:
        raise ShardError(sentence)


def unlike(datasets: Mapping[str, IdsFor]) -> str | None:
    """Why datasets cannot be mixed, as one sentence; None where they can."""
    first, *others = datasets
    for other in others:
        if difference := _difference(datasets[first], datasets[other]):
            return f"{first} and {other} cannot be mixed: {difference}; build both for one model"
    return None


def _difference(one: IdsFor, two: IdsFor) -> str | None:
    if one.tokenizer_sha256 != two.tokenizer_sha256:
        return (
            f"tokenizer is {one.tokenizer} (SHA-256 {one.tokenizer_sha256[:16]}...) "
            f"and {two.tokenizer} ({two.tokenizer_sha256[:16]}...)"
        )
    for field in fields(one.image):
        if (first := getattr(one.image, field.name)) != (second := getattr(two.image, field.name)):
            return f"model.{_MARKS.get(field.name, field.name)} is {first} and {second}"
    return None
