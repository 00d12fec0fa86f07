"""What every profile must be like, and the counts of those whose models transformers does not have."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.encode.profiles.known import BUILT_IN, PROFILES, known_profiles
from interleave.encode.profiles.nvila import num_tiles_lite
from interleave.encode.profiles.profile import Profile, Run

PAGE = Path(__file__).parents[3] / "docs" / "profiles.md"
sides = st.integers(1, 6000)


def length(runs: tuple[Run, ...]) -> int:
    return sum(times for _, times in runs)


def expanded(profile: Profile, width: int, height: int, num_images: int = 1) -> tuple[Run, ...]:
    try:
        return profile.expand(width, height, num_images, profile.options)
    except ValueError as error:
        assert re.fullmatch(r"an image of \d+ x \d+ px is .*", str(error))
        return ((profile.placeholder, 1),)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
@given(width=sides, height=sides, num_images=st.integers(1, 30))
def test_an_image_of_any_shape_fits_the_context_and_has_a_place_for_what_the_model_sees(
    profile: Profile, width: int, height: int, num_images: int
) -> None:
    runs = expanded(profile, width, height, num_images)
    assert all(times > 0 for _, times in runs)
    assert profile.placeholder in {token for token, _ in runs}
    assert length(runs) <= profile.context
    prompt = profile.write(width, height, num_images, profile.options)
    assert {token for token, _ in (*runs, *prompt)} <= {profile.placeholder, *profile.marks}


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_a_larger_image_than_is_stored_would_not_be_more_tokens(profile: Profile) -> None:
    """Square images are as many tokens at the side that is kept as at any larger one."""
    assert profile.image_side is not None
    at_side = expanded(profile, profile.image_side, profile.image_side)
    assert at_side == expanded(profile, 4 * profile.image_side, 4 * profile.image_side)


@pytest.mark.parametrize(
    ("size", "num_tiles", "num_blocks"),
    # Counted by VILA's own dynamic_preprocess with 6 and with 12 tiles, and by its dynamic_s2_preprocess.
    [
        ((448, 448), (1, 1), 9),
        ((633, 634), (1, 1), 9),
        ((634, 634), (5, 5), 9),
        ((640, 480), (7, 13), 12),
        ((1000, 500), (3, 3), 10),
        ((2000, 300), (7, 8), 9),
        ((300, 2000), (7, 8), 9),
        ((1, 5000), (7, 13), 12),
    ],
)
def test_nvila_has_as_many_tiles_as_its_own_code_makes(
    size: tuple[int, int], num_tiles: tuple[int, int], num_blocks: int
) -> None:
    assert tuple(num_tiles_lite(*size, {"max_tiles": max_tiles}) for max_tiles in (6, 12)) == num_tiles
    nvila = PROFILES["nvila"]
    assert nvila.expand(*size, 1, nvila.options) == (("<image>", 256 * num_blocks), ("\n", 1))


def test_an_nvila_prompt_has_a_mark_a_tile_and_the_model_a_newline_of_its_own_behind_each() -> None:
    profile = PROFILES["nvila-lite"]
    prompt = profile.write(1000, 500, 1, profile.options)
    tile: tuple[Run, ...] = (("<image>", 1), ("\n", 1))
    assert prompt == (*tile, *tile, tile[0]), "two tiles and a thumbnail; the last newline is text"
    assert profile.text_after == "\n"
    in_model = profile.expand(1000, 500, 1, profile.options)
    assert in_model == (("<image>", 121), ("\n", 2), ("<image>", 121), ("\n", 2), ("<image>", 121), ("\n", 1))


@pytest.mark.parametrize(("name", "num_tokens"), [("nvila-lite", 121), ("nvila", 256)])
def test_one_tile_is_all_of_an_image_where_nvila_is_told_so(name: str, num_tokens: int) -> None:
    profile = PROFILES[name]
    assert profile.expand(2000, 900, 5, {"max_tiles": 1}) == (("<image>", num_tokens), ("\n", 1))


def test_an_image_in_more_tiles_than_idefics3_has_names_for_is_refused() -> None:
    profile = PROFILES["idefics3"]
    with pytest.raises(ValueError, match=r"an image of 900 x 800 px is 7 x 7 tiles, and the model knows 6 x 6; lower"):
        profile.expand(900, 800, 1, {**profile.options, "longest_edge": 7 * 364})


@pytest.mark.parametrize(
    ("name", "option"), [("nvila", "max_tiles"), ("nvila-lite", "max_tiles"), ("internvl3", "max_patches")]
)
def test_a_number_of_tiles_that_would_take_minutes_is_refused(name: str, option: str) -> None:
    profile = PROFILES[name]
    with pytest.raises(ValueError, match="1,000,000,000 tiles an image are asked for, at most 1,024 can be"):
        profile.expand(900, 800, 1, {**profile.options, option: 10**9})


def test_internvl_shares_its_tiles_among_the_images_of_a_document_where_it_is_told_so() -> None:
    profile = PROFILES["internvl3"]
    for num_images in (1, 3, 12, 40):
        alone = {**profile.options, "max_patches": max(1, 12 // num_images)}
        shared = {**profile.options, "shared_patches": 1}
        assert profile.expand(1600, 900, num_images, shared) == profile.expand(1600, 900, 1, alone)


def test_the_page_of_profiles_lists_each_with_its_options_and_context() -> None:
    table = PAGE.read_text().partition("\n| profile |")[2].partition("\n\n")[0]
    rows = {row.split("|")[1].strip(" `"): row for row in table.splitlines() if row.startswith("| `")}
    assert set(rows) == set(known_profiles()[0])
    for name, row in rows.items():
        profile = PROFILES[name]
        assert f"{profile.context:,}" in row, name
        assert re.findall(r"`(\w+): (\d+)`", row) == [(key, str(value)) for key, value in profile.options.items()], name
        assert f"`{profile.stored}`" in row, name


def install(folder: Path, module: str) -> None:
    """A package with one profile, as pip leaves it."""
    (folder / "other_profile.py").write_text(module)
    info = folder / "other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[interleave.profiles]\nother = other_profile:OTHER\n")


MODULE = """
from interleave.encode.profiles.profile import Profile, always
OTHER = Profile(name="{}", summary="", placeholder="<i>", expand=always(("<i>", 5)), write=always(("<i>", 1)),
                stored="compact", context=512, image_side=None)
"""


@pytest.fixture
def other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "other_profile", raising=False)
    return tmp_path


def test_an_installed_package_adds_a_profile(other: Path) -> None:
    install(other, MODULE.format("other"))
    profiles, broken = known_profiles()
    assert (profiles["other"].context, broken) == (512, {})


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (MODULE.format("gemma-3"), "it calls itself 'gemma-3'; entry point and profile must have one name"),
        ("OTHER = 5", "other_profile:OTHER is no interleave.encode.profiles.profile.Profile"),
        ("import not_there", "ModuleNotFoundError: No module named 'not_there'"),
        ("", "AttributeError: module 'other_profile' has no attribute 'OTHER'"),
    ],
)
def test_a_broken_profile_of_a_package_is_named_with_its_package(other: Path, module: str, reason: str) -> None:
    install(other, module)
    profiles, broken = known_profiles()
    assert set(profiles) == {profile.name for profile in BUILT_IN}
    assert broken["other"].startswith(f"the profile 'other' of the package other cannot be loaded: {reason}; ")
