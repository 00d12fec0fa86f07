"""The model that shards are for: a profile and a tokenizer, resolved to ids before any work begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from interleave.encode.image_tokens import ImageTokens
from interleave.encode.layouts import LAYOUTS, Layout
from interleave.encode.profiles.known import PROFILES
from interleave.encode.profiles.profile import Form, Profile
from interleave.encode.tokenizer import Tokenizer, bos_and_eos, find_tokenizer, load_tokenizer, tokenizer_fingerprint
from interleave.errors import RecipeError

# Images that every profile is tried with: width and height in px, images of the document.
_TRIED = ((64, 64, 1), (64, 64, 3), (900, 500, 1), (900, 500, 3), (300, 1100, 1), (300, 1100, 3))


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetModel:
    """What encoding needs to know of a model."""

    tokenizer_file: str
    tokenizer_name: str
    # As the recipe calls it, without the folders of this machine.
    tokenizer_sha256: str
    vocab_size: int
    has_placeholder: bool
    # Whether the tokenizer has the profile's placeholder, where neither layout nor recipe say another.
    reserved: tuple[str, ...]
    # Names that no text has as one of these tokens, whatever the tokenizer's file says of them.
    layout: str
    image: ImageTokens
    text_before: str
    text_after: str
    # Around each image.
    context: int | None
    bos: int | None
    eos: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a recipe says of a model; None: as the profile says."""

    profile: str
    layout: str
    tokenizer: str
    placeholder: int | str | None
    tokens_per_image: int | None
    form: Form | None
    options: Mapping[str, int]
    context: int | None
    # None: documents are stored whole.
    bos: str | None
    eos: str | None
    # `auto`: as the profile says, or else the tokenizer's own.


def target_model(wanted: Wanted) -> TargetModel:
    """Resolves what a recipe says of a model.

    Raises:
        RecipeError: the tokenizer cannot be had, loses text, or lacks a token that the profile needs.
    """
    profile, layout = PROFILES[wanted.profile], LAYOUTS[wanted.layout]
    if not wanted.tokens_per_image:
        _check_profile(profile, {**profile.options, **wanted.options})
    path = find_tokenizer(wanted.tokenizer)
    reserved = _reserved(wanted, profile, layout)
    tokenizer = load_tokenizer(path, reserved)
    image = _image_tokens(wanted, profile, layout, tokenizer)
    bos, eos = bos_and_eos(tokenizer, path, _end(wanted.bos, profile.bos), _end(wanted.eos, profile.eos))
    return TargetModel(
        tokenizer_file=str(path),
        tokenizer_name=path.name if Path(wanted.tokenizer).is_absolute() else wanted.tokenizer,
        tokenizer_sha256=tokenizer_fingerprint(path),
        vocab_size=tokenizer.vocab_size,
        has_placeholder=(wanted.placeholder or layout.placeholder) is not None
        or image.placeholder < tokenizer.vocab_size,
        reserved=reserved,
        layout=wanted.layout,
        image=image,
        text_before=profile.text_before,
        text_after=profile.text_after + layout.text_after,
        context=wanted.context,
        bos=bos,
        eos=eos,
    )


def _end(wanted: str | None, of_profile: str | None) -> str | None:
    return of_profile if wanted == "auto" else wanted


def _reserved(wanted: Wanted, profile: Profile, layout: Layout) -> tuple[str, ...]:
    marks = () if wanted.tokens_per_image else profile.marks
    ends = (_end(wanted.bos, profile.bos), _end(wanted.eos, profile.eos))
    named = [_placeholder(wanted, profile, layout), *(end for end in ends if end != "auto")]
    return (*(name for name in named if isinstance(name, str)), *marks)


def _placeholder(wanted: Wanted, profile: Profile, layout: Layout) -> int | str:
    asked = layout.placeholder if wanted.placeholder is None else wanted.placeholder
    return profile.placeholder if asked is None else asked


def _image_tokens(wanted: Wanted, profile: Profile, layout: Layout, tokenizer: Tokenizer) -> ImageTokens:
    return ImageTokens(
        profile=profile.name,
        form=wanted.form or profile.stored,
        options={**profile.options, **wanted.options},
        placeholder=_placeholder_id(tokenizer, _placeholder(wanted, profile, layout)),
        ids={} if wanted.tokens_per_image else {mark: _mark_ids(tokenizer, mark, profile) for mark in profile.marks},
        tokens_per_image=wanted.tokens_per_image,
    )


def _for_example(profile: Profile) -> str:
    return f", for example `tokenizer: {profile.tokenizer}`" if profile.tokenizer else ""


def _check_profile(profile: Profile, options: Mapping[str, int]) -> None:
    """Tries what a profile makes of some images: one that a package brought may be wrong.

    Raises:
        RecipeError: it gives something else than tokens that it has named, and how often they stand there.
    """
    named = {profile.placeholder, *profile.marks}
    for width, height, num_images in _TRIED:
        try:
            runs = profile.expand(width, height, num_images, options)
        except ValueError:
            continue
        except Exception as error:  # noqa: BLE001 - whatever a package's function raises
            raise RecipeError(f"the profile {profile.name}: expand fails: {type(error).__name__}: {error}") from None
        for token, times in runs:
            if token not in named or type(times) is not int or times < 1:
                raise RecipeError(
                    f"the profile {profile.name}: expand gives {token!r} {times!r} times for an image of "
                    f"{width} x {height} px; expected the placeholder or one of `marks`, once or more"
                )


def _mark_ids(tokenizer: Tokenizer, mark: str, profile: Profile) -> tuple[int, ...]:
    """The id of a special token, or the ids of what is ordinary text between them, as a newline between rows."""
    found = tokenizer.token_id(mark)
    if found is not None and (tokenizer.is_special(found) or not mark.strip()):
        return (found,)
    if mark.strip():
        raise RecipeError(
            f"tokenizer: it has no special token {mark!r}, which the profile {profile.name} puts around images; "
            f"name that model's own{_for_example(profile)}"
        )
    return tuple(tokenizer.encode_batch([mark])[0].ids.tolist())


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
