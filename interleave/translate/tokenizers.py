"""The tokenizer that a dataset was built with, for forms whose readers count tokens."""

from __future__ import annotations

from pathlib import Path

from interleave.encode.tokenizer import Tokenizer, find_tokenizer, load_tokenizer, tokenizer_fingerprint
from interleave.errors import RecipeError
from interleave.shard.manifest import Manifest


def tokenizer_of(manifest: Manifest, named: str | None) -> Tokenizer:
    """The tokenizer that is named, or else the dataset's own.

    Raises:
        RecipeError: it is not here, or another one than the dataset's has its name.
    """
    if named is not None:
        return load_tokenizer(find_tokenizer(named))
    name = manifest.tokenizer.name
    try:
        path = find_tokenizer(name)
    except RecipeError as error:
        raise RecipeError(f"{error}; or say where the dataset's tokenizer lies: --tokenizer") from None
    if tokenizer_fingerprint(path) != manifest.tokenizer.sha256:
        raise RecipeError(
            f"{path} is not the tokenizer that the dataset was built with ({name}, SHA-256 "
            f"{manifest.tokenizer.sha256[:16]}...); say where that lies: --tokenizer"
        )
    return load_tokenizer(Path(path))
