"""Every profile against the processor of its model: the same ids, to the token, for images of all shapes."""

from __future__ import annotations

import random

import pytest
from real_processors import CASES, Case, Size, ids_of_processor, ids_of_profile, open_case

pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

TEXTS = ("The cat", "sat on the mat.\nA dog", "", "ran home")
CORNERS: tuple[Size, ...] = (
    (1, 1),
    (13, 2600),
    (2600, 13),
    (14, 14),
    (27, 29),
    (42, 98),
    (336, 336),
    (448, 448),
    (560, 448),
    (672, 337),
    (1344, 448),
    (1332, 333),
    (1456, 365),
    (999, 1001),
    (2000, 11),
    (11, 2000),
    (3000, 2100),
    # Hardly wider than their grid, and hardly more patches than LLaVA-OneVision takes.
    (348, 1000),
    (1000, 348),
    (1152, 1394),
    (1152, 1422),
    # So thin that less than a square is left of a side.
    (60, 11_000),
    (11_000, 60),
)


def sizes_of(case: Case) -> list[Size]:
    """Corners, and images of any shape: tiny ones, usual ones and stripes. The default options get most."""
    rng = random.Random(str(case))
    num_sizes = 200 if not case.options else 40
    sizes = list(CORNERS)
    while len(sizes) < num_sizes:
        short, aspect = int(10 ** rng.uniform(0.5, 2.95)), rng.choice((1, 1.5, 3, 30)) ** rng.random()
        sizes.append((short, int(short * aspect))[:: rng.choice((1, -1))])
    return sizes


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_document_of_one_image_has_the_ids_that_the_processor_makes(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The prompt is the compact form, what the processor returns the expanded one. Resizing gives black pixels here."""
    profile, options, processor = open_case(case, monkeypatch)
    wrong = []
    for size in sizes_of(case):
        theirs, _ = ids_of_processor(processor, profile, TEXTS[:2], [size], case.unchanged)
        ours = ids_of_profile(processor.tokenizer, profile, TEXTS[:2], [size], options)
        wrong += [(size, len(ours), len(theirs))] * (ours != theirs)
    assert wrong == []


@pytest.mark.parametrize("case", [case for case in CASES if not case.options], ids=str)
def test_the_ids_are_the_same_where_the_processor_sees_real_pixels(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    profile, options, processor = open_case(case, monkeypatch, with_pixels=True)
    for size in sizes_of(case)[6:18]:
        theirs, _ = ids_of_processor(processor, profile, TEXTS[:2], [size], {})
        assert ids_of_profile(processor.tokenizer, profile, TEXTS[:2], [size], options) == theirs, size


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_document_of_several_images_has_the_ids_that_the_processor_makes(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of the images have no text between them, and one stands at an end."""
    profile, options, processor = open_case(case, monkeypatch)
    rng = random.Random(f"several {case}")
    for texts in (TEXTS, ("", "The cat", "")):
        for _ in range(3):
            sizes = rng.sample(sizes_of(case), len(texts) - 1)
            theirs, _ = ids_of_processor(processor, profile, texts, sizes, case.unchanged)
            assert ids_of_profile(processor.tokenizer, profile, texts, sizes, options) == theirs, sizes


@pytest.mark.parametrize("case", [case for case in CASES if case.profile.startswith("qwen")], ids=str)
def test_the_grid_is_the_one_that_positions_are_made_of(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    profile, options, processor = open_case(case, monkeypatch)
    assert profile.grid is not None
    for width, height in sizes_of(case)[:40]:
        _, returned = ids_of_processor(processor, profile, ("", ""), [(width, height)], case.unchanged)
        rows, columns = profile.grid(width, height, options)
        # (time, height, width) in patches, 2 x 2 of which are a token.
        assert [list(map(int, grid)) for grid in returned["image_grid_thw"]] == [[1, rows * 2, columns * 2]]
        runs = dict(profile.expand(width, height, 1, options))
        assert runs[profile.placeholder] == rows * columns


@pytest.mark.parametrize("case", [case for case in CASES if not case.options], ids=str)
@pytest.mark.parametrize("size", [(1, 5000), (5000, 1), (10_000, 10), (10, 2001), (1, 201)])
def test_a_stripe_is_taken_or_refused_as_the_processor_does(
    case: Case, size: Size, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile, options, processor = open_case(case, monkeypatch)
    try:
        theirs, _ = ids_of_processor(processor, profile, TEXTS[:2], [size], case.unchanged)
    except ValueError:
        with pytest.raises(ValueError, match=r"an image of \d+ x \d+ px is more than 200 times as long as wide"):
            profile.expand(*size, 1, options)
        return
    assert ids_of_profile(processor.tokenizer, profile, TEXTS[:2], [size], options) == theirs
