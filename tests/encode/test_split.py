import itertools
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from records import at_most, make_image

from interleave.document import Document, Encoded, ImageSpan, TextPart
from interleave.encode.settings import FewShot, Splitting
from interleave.encode.split import Spans, cut, spans_of, split

# A unit is a sequence of parts: an integer is a text of that many ids, "i" an image.
Unit = Sequence[int | str]


def encode(units: Sequence[Unit], *, tokens_per_image: int = 4, span: int = 1, ends: bool = True) -> Encoded:
    """Ids that count up from 100 (no two alike), each text id a letter of its sentence; images take `span` ids."""
    position = int(ends)
    parts: list[TextPart | ImageSpan] = []
    cuts = []
    for number, unit in enumerate(units):
        cuts.append(position if number else 0)
        for part in unit:
            if isinstance(part, str):
                image = make_image(len(parts), matched=number)
                parts.append(ImageSpan(start=position, length=span, num_tokens=tokens_per_image, image=image))
                position += span
            else:
                text = "".join(chr(0x4E00 + position + at) for at in range(part))
                borders = np.arange(part, dtype=np.int32)
                parts.append(TextPart(start=position, length=part, sentence=number, text=text, borders=borders))
                position += part
    return Encoded(
        document=Document(id="d", source="s", url=None, parts=()),
        part=0,
        num_parts=1,
        token_ids=np.arange(100, 100 + position + int(ends), dtype=np.int32),
        parts=tuple(parts),
        num_structural=2 * int(ends),
        num_repeated=0,
        cuts=np.array(cuts, dtype=np.int32),
    )


def borders(units: Sequence[Unit], context: int, **layout: int) -> tuple[tuple[int, ...], int]:
    encoded = encode(units, **layout)
    cutting = cut(len(encoded.token_ids), spans_of(encoded), encoded.cuts.tolist(), context)
    return cutting.borders, cutting.num_inside_units


def test_the_worked_example_of_the_docstring_holds() -> None:
    # B i a a a i b b E, units at 0 and 5, an image of 4 tokens: 1 + 4 + 3 = 8 and 4 + 2 + 1 = 7
    spans = Spans(starts=[1, 5], lengths=[1, 1], num_tokens=[4, 4])
    cutting = cut(9, spans, [0, 5], 9)
    assert (cutting.borders, cutting.num_inside_units) == ((0, 5, 9), 0)
    assert cut(9, spans, [0, 5], 15).borders == (0, 9)


@pytest.mark.parametrize(
    ("units", "context", "expected"),
    [
        # B aaa bbb ccc E: 4 + 3 fit into 7, 3 + 1 are left
        ([[3], [3], [3]], 7, ((0, 7, 11), 0)),
        ([[3], [3], [3]], 10, ((0, 7, 11), 0)),
        ([[3], [3], [3]], 11, ((0, 11), 0)),
        ([[3], [3], [3]], 6, ((0, 4, 7, 11), 0)),
        # a sentence alone too long is cut between its tokens, what is left of it is filled up with the next ones
        ([[20], [3]], 10, ((0, 10, 20, 25), 2)),
        # between its images first: B i i i a a E, an image is 4
        ([["i", "i", "i", 2]], 9, ((0, 3, 7), 1)),
        ([["i", "i", "i", 2]], 6, ((0, 2, 3, 4, 7), 3)),
        # the short sentence before a long one is not filled up with a piece of it
        ([[3], [20]], 10, ((0, 4, 14, 23, 25), 2)),
    ],
)
def test_parts_are_filled_from_the_front(
    units: list[Unit], context: int, expected: tuple[tuple[int, ...], int]
) -> None:
    assert borders(units, context) == expected


def test_the_end_of_a_document_is_never_alone_in_a_part() -> None:
    # B + 9 ids fill the context of 10; E goes with the last one of them.
    assert borders([[9]], 10) == ((0, 9, 11), 1)
    parts, _ = split(encode([[9]]), 10)
    assert [len(part.token_ids) - part.num_structural for part in parts] == [8, 1]


def test_an_image_beyond_the_context_is_an_error() -> None:
    with pytest.raises(ValueError, match="more than the context of 20 tokens"):
        borders([[3], ["i", 3]], 20, tokens_per_image=21)


@pytest.mark.parametrize("context", [4, 5])
def test_an_image_without_room_for_both_ends_ends_too(context: int) -> None:
    # B i E with an image of 4: an error will do, and so will parts; a loop without an end will not.
    with at_most(1), suppress(ValueError):
        found, _ = borders([["i"]], context)
        assert found[0] == 0 and found[-1] == 3 and list(found) == sorted(set(found))


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        ([["i", "i"]], (0, 1, 2)),
        ([[3], ["i", "i", "i"]], (0, 3, 4, 5, 6)),
        ([[4, "i"]], (0, 4, 5)),
        ([[8]], (0, 6, 8)),
    ],
)
def test_documents_without_a_token_at_their_ends_are_cut_between_images_too(
    units: list[Unit], expected: tuple[int, ...]
) -> None:
    with at_most(1):
        assert borders(units, 7, ends=False)[0] == expected


def test_a_document_that_fits_is_not_touched() -> None:
    encoded = encode([[3], ["i", 3]])
    assert split(encoded, encoded.num_tokens) == ([encoded], 0)
    assert split(encoded, None) == ([encoded], 0)


def test_parts_say_which_they_are_and_their_positions_are_their_own() -> None:
    parts, num_inside_units = split(encode([[3], ["i", 3], [2]]), 8)
    assert [(part.part, part.num_parts) for part in parts] == [(0, 3), (1, 3), (2, 3)]
    assert num_inside_units == 0
    assert [part.token_ids.tolist() for part in parts] == [
        [100, 101, 102, 103],
        [104, 105, 106, 107],
        [108, 109, 110],
    ]
    assert [[(item.start, item.length) for item in part.parts] for part in parts] == [
        [(1, 3)],
        [(0, 1), (1, 3)],
        [(0, 2)],
    ]
    assert [part.cuts.tolist() for part in parts] == [[0], [0], [0]]
    assert [part.num_structural for part in parts] == [1, 0, 1]


units = st.lists(
    st.tuples(st.lists(st.just("i"), max_size=4), st.integers(1, 20)).map(lambda unit: [*unit[0], unit[1]])
    | st.tuples(st.integers(1, 20), st.lists(st.just("i"), min_size=1, max_size=4)).map(
        lambda unit: [unit[0], *unit[1]]
    )
    | st.lists(st.just("i"), min_size=1, max_size=3),
    min_size=1,
    max_size=8,
)


@settings(phases=(Phase.generate,), max_examples=500)  # a case that does not end is not made smaller
@given(units, st.integers(1, 9), st.integers(1, 3), st.booleans(), st.integers(0, 20))
def test_parts_cover_all_ids_within_the_context_and_cut_no_image_and_no_unit_that_fits(
    units: list[Unit], tokens_per_image: int, span: int, ends: bool, room: int
) -> None:
    encoded = encode(units, tokens_per_image=tokens_per_image, span=span, ends=ends)
    context = max(tokens_per_image, span) + 2 + room
    with at_most(1):
        parts, num_inside_units = split(encoded, context)

    assert np.concatenate([part.token_ids for part in parts]).tolist() == encoded.token_ids.tolist()
    assert all(0 < part.num_tokens <= context for part in parts)
    assert [(part.part, part.num_parts) for part in parts] == [(number, len(parts)) for number in range(len(parts))]

    # No image is cut or lost, and no text: the spans of the parts are the spans of the whole, and so are the letters.
    starts = [0, *itertools.accumulate(len(part.token_ids) for part in parts)]
    moved = [(at + span.start, span.length) for at, part in zip(starts, parts, strict=False) for span in part.spans]
    assert moved == [(span.start, span.length) for span in encoded.spans]
    assert [span.image.index for part in parts for span in part.spans] == [span.image.index for span in encoded.spans]
    texts = [item for part in parts for item in part.parts if isinstance(item, TextPart)]
    whole = [item for item in encoded.parts if isinstance(item, TextPart)]
    assert "".join(item.text for item in texts) == "".join(item.text for item in whole)
    assert all(len(item.text) == item.length > 0 for item in texts)

    # What is not text or image is BOS in the first part and EOS in the last one.
    structural = [len(part.token_ids) - sum(item.length for item in part.parts) for part in parts]
    assert structural == [part.num_structural for part in parts]
    assert sum(structural) == encoded.num_structural
    assert not any(structural[1:-1])

    # A border that is no unit's start lies in a unit that is alone too long, and is counted.
    inside = [at for at in starts[1:-1] if at not in encoded.cuts]
    assert len(inside) == num_inside_units
    growth = np.zeros(len(encoded.token_ids) + 1, dtype=int)
    for item in encoded.spans:
        growth[item.start + item.length :] += item.num_tokens - item.length
    unit_borders = [*encoded.cuts.tolist(), len(encoded.token_ids)]
    for at in inside:
        unit = int(np.searchsorted(encoded.cuts, at, side="right")) - 1
        low, high = unit_borders[unit], unit_borders[unit + 1]
        assert high - low + growth[high] - growth[low] > context
    # Each part was filled: the next unit, or the next image of a unit that is too long, had no room.
    for begin, end in itertools.pairwise(starts[:-1]):
        nexts = [border for border in unit_borders if border > end]
        assert nexts[0] - begin + growth[nexts[0]] - growth[begin] > context


def test_a_part_begins_once_more_with_the_last_units_of_the_one_before() -> None:
    # B aaa bbb ccc ddd E in parts of 7: aaa bbb | (bbb) ccc | (ccc) ddd E
    parts, _ = split(encode([[3], [3], [3], [3]]), 7, Splitting(overlap=1))
    assert [part.token_ids.tolist() for part in parts] == [
        [100, *range(101, 107)],
        [*range(104, 110)],
        [*range(107, 114)],
    ]
    assert [part.num_repeated for part in parts] == [0, 3, 3]
    assert [part.cuts.tolist() for part in parts] == [[0, 4], [0, 3], [0, 3]]


def test_units_are_repeated_only_where_a_new_one_has_room_behind_them() -> None:
    # bbb and the four of ccc do not fit into 6 together.
    parts, _ = split(encode([[1], [3], [4], [2]]), 6, Splitting(overlap=1))
    assert [part.num_repeated for part in parts] == [0, 0, 0]
    assert [len(part.token_ids) for part in parts] == [5, 4, 3]


def test_as_many_units_are_repeated_as_there_is_room_for() -> None:
    # Units of 2, 3, 3 and 6 ids in parts of 10: bbb ccc do not fit beside the six of ddd, ccc does.
    spans = Spans(starts=[], lengths=[], num_tokens=[])
    assert cut(14, spans, [0, 2, 5, 8], 10, overlap=1).begins == (0, 5)
    assert cut(14, spans, [0, 2, 5, 8], 10, overlap=2).begins == (0, 5)
    assert cut(14, spans, [0, 2, 5, 8], 10, overlap=2).borders == (0, 8, 14)


def test_a_small_last_part_takes_units_from_the_one_before() -> None:
    # B aa bb cc d E in parts of 7 leaves d E alone; with at least 3 it takes cc.
    units: list[Unit] = [[2], [2], [2], [1]]
    assert borders(units, 7)[0] == (0, 7, 9)
    assert [len(part.token_ids) for part in split(encode(units), 7, Splitting(min_tokens=3))[0]] == [5, 4]
    # The part before must not become too small itself.
    assert [len(part.token_ids) for part in split(encode(units), 7, Splitting(min_tokens=6))[0]] == [7, 2]


def test_documents_with_several_pairs_are_kept_whole_up_to_a_context_of_their_own() -> None:
    policy = Splitting(few_shot=FewShot(min_pairs=2, context=30))
    pairs, text = encode([["i", 5], ["i", 5], [3]]), encode([["i", 5], [5], [10]])
    assert len(split(pairs, 16)[0]) == 2
    assert split(pairs, 16, policy) == ([pairs], 0)
    assert len(split(text, 16, policy)[0]) == 2
    # A longer one is cut as all others.
    assert [part.num_tokens for part in split(encode([["i", 5]] * 4), 16, policy)[0]] == [10, 9, 9, 10]


@settings(phases=(Phase.generate,), max_examples=300)
@given(units, st.integers(1, 9), st.integers(0, 20), st.integers(0, 3), st.integers(0, 12))
def test_with_any_policy_every_id_is_new_in_one_part_alone(
    units: list[Unit], tokens_per_image: int, room: int, overlap: int, min_tokens: int
) -> None:
    encoded = encode(units, tokens_per_image=tokens_per_image)
    context = tokens_per_image + 2 + room
    with at_most(1):
        parts, _ = split(encoded, context, Splitting(overlap=overlap, min_tokens=min_tokens))
    new = [part.token_ids[part.num_repeated :] for part in parts]
    assert np.concatenate(new).tolist() == encoded.token_ids.tolist()
    assert all(part.num_tokens <= context and len(ids) for part, ids in zip(parts, new, strict=True))
    for before, part in itertools.pairwise(parts):
        assert (
            part.token_ids[: part.num_repeated].tolist()
            == before.token_ids[-part.num_repeated :].tolist()[: part.num_repeated]
        )
        assert part.num_repeated <= len(before.token_ids) - before.num_repeated
        assert int(np.count_nonzero(part.cuts < part.num_repeated)) <= overlap
