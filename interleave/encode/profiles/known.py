"""The profiles that a recipe may name: those here, and what installed packages add by entry points."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from interleave.encode.profiles.gemma3 import GEMMA_3
from interleave.encode.profiles.idefics3 import IDEFICS3, SMOLVLM
from interleave.encode.profiles.internvl import INTERNVL3
from interleave.encode.profiles.llava import LLAVA_1_5, LLAVA_1_5_HF
from interleave.encode.profiles.llava_next import LLAVA_NEXT, LLAVA_ONEVISION
from interleave.encode.profiles.nvila import NVILA, NVILA_LITE
from interleave.encode.profiles.profile import Profile
from interleave.encode.profiles.qwen_vl import QWEN2_5_VL, QWEN2_VL, QWEN3_VL
from interleave.encode.profiles.vila import VILA_1_0, VILA_1_5
from interleave.errors import RecipeError

BUILT_IN = (
    VILA_1_0,
    VILA_1_5,
    NVILA_LITE,
    NVILA,
    LLAVA_1_5,
    LLAVA_1_5_HF,
    LLAVA_NEXT,
    LLAVA_ONEVISION,
    QWEN2_VL,
    QWEN2_5_VL,
    QWEN3_VL,
    IDEFICS3,
    SMOLVLM,
    INTERNVL3,
    GEMMA_3,
)
GROUP = "interleave.profiles"


def known_profiles() -> dict[str, Profile]:
    """Every profile by its name.

    Raises:
        RecipeError: a package's profile cannot be loaded, or has a name that is taken.
    """
    profiles = {profile.name: profile for profile in BUILT_IN}
    for entry in entry_points(group=GROUP):
        profile = _load(entry)
        if profile.name in profiles:
            raise _broken(entry, f"its name {profile.name!r} is taken")
        profiles[profile.name] = profile
    return profiles


def _load(entry: EntryPoint) -> Profile:
    try:
        found = entry.load()
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in one is its package's fault
        raise _broken(entry, f"{type(error).__name__}: {error}".partition("\n")[0]) from None
    if not isinstance(found, Profile):
        raise _broken(entry, f"{entry.value} is no interleave.encode.profiles.profile.Profile")
    return found


def _broken(entry: EntryPoint, reason: str) -> RecipeError:
    package = entry.dist.name if entry.dist else "?"
    return RecipeError(
        f"the profile {entry.name!r} of the package {package} cannot be loaded: {reason}; "
        "repair or uninstall that package"
    )


PROFILES: dict[str, Profile] = known_profiles()
