"""The model that shards are for: a profile and a tokenizer, resolved to ids before any work begins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from interleave.encode.tokenizer import Tokenizer, bos_and_eos, find_tokenizer, load_tokenizer, tokenizer_fingerprint
from interleave.errors import RecipeError


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetModel:
    """What encoding needs to know of a model."""

    profile: str
    tokenizer_file: str
    tokenizer_name: str
    # As the recipe calls it, without the folders of this machine.
    tokenizer_sha256: str
    vocab_size: int
    placeholder: int
    tokens_per_image: int
    context: int | None
    bos: int | None
    eos: int | None


def target_model(
    *,
    profile: str,
    tokenizer: str,
    placeholder: int | str,
    tokens_per_image: int,
    context: int | None,
    bos: str | None,
    eos: str | None,
) -> TargetModel:
    """Resolves what a recipe says of a model.

    Raises:
        RecipeError: the tokenizer cannot be had, loses text, or a named token is not in it.
    """
    path = find_tokenizer(tokenizer)
    loaded = load_tokenizer(path)
    bos_id, eos_id = bos_and_eos(loaded, path, bos, eos)
    return TargetModel(
        profile=profile,
        tokenizer_file=str(path),
        tokenizer_name=path.name if Path(tokenizer).is_absolute() else tokenizer,
        tokenizer_sha256=tokenizer_fingerprint(path),
        vocab_size=loaded.vocab_size,
        placeholder=_placeholder_id(loaded, placeholder),
        tokens_per_image=tokens_per_image,
        context=context,
        bos=bos_id,
        eos=eos_id,
    )


def _placeholder_id(tokenizer: Tokenizer, placeholder: int | str) -> int:
    """An id that no text can have: a special token, one after the vocabulary, or a negative one."""
    if isinstance(placeholder, str):
        found = tokenizer.token_id(placeholder)
        found = tokenizer.vocab_size if found is None else found
    else:
        found = placeholder
    if 0 <= found < tokenizer.vocab_size and not tokenizer.is_special(found):
        raise RecipeError(f"encode.placeholder: {placeholder!r} is id {found}, which text can have too; choose another")
    return found
