"""The profiles that a recipe may name: those here, and what installed packages add by entry points."""

from __future__ import annotations

from collections.abc import Container
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


def known_profiles() -> tuple[dict[str, Profile], dict[str, str]]:
    """Every profile by its name; and for each that cannot be loaded a sentence that says why.

    A broken one is its package's fault, and no obstacle to those who use another.
    """
    profiles = {profile.name: profile for profile in BUILT_IN}
    broken: dict[str, str] = {}
    for entry in entry_points(group=GROUP):
        try:
            found = _load(entry, profiles)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong in one is its package's fault
            reason = str(error) if isinstance(error, RecipeError) else f"{type(error).__name__}: {error}"
            package = entry.dist.name if entry.dist else "?"
            broken[entry.name] = (
                f"the profile {entry.name!r} of the package {package} cannot be loaded: "
                f"{reason.partition(chr(10))[0]}; repair or uninstall that package"
            )
        else:
            profiles[found.name] = found
    return profiles, broken


def _load(entry: EntryPoint, taken: Container[str]) -> Profile:
    found = entry.load()
    if not isinstance(found, Profile):
        raise RecipeError(f"{entry.value} is no interleave.encode.profiles.profile.Profile")
    if found.name != entry.name:
        raise RecipeError(f"it calls itself {found.name!r}; entry point and profile must have one name")
    if found.name in taken:
        raise RecipeError(f"its name {found.name!r} is taken")
    return found


PROFILES, BROKEN = known_profiles()
