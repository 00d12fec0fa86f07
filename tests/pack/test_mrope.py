"""Positions of Qwen's models: a worked example, and the real models' own function on many segments."""

from __future__ import annotations

import random

import numpy as np
import pytest

from interleave.document import Int32s
from interleave.pack.mrope import mrope_positions
from interleave.pack.row import Segment, build_row

TEXT, START, PAD, END = 7, 1, 2, 3
MERGE = 2
# family -> its classes in transformers
MODELS = {
    "qwen2_vl": ("Qwen2VLConfig", "Qwen2VLModel"),
    "qwen2_5_vl": ("Qwen2_5_VLConfig", "Qwen2_5_VLModel"),
    "qwen3_vl": ("Qwen3VLConfig", "Qwen3VLModel"),
}


def positions(ids: list[int], *grids: tuple[int, int]) -> list[list[int]]:
    found = mrope_positions(np.array(ids) == PAD, np.array(grids, dtype=np.int32).reshape(-1, 2))
    assert found.shape == (3, len(ids)) and found.dtype == np.int32
    return found.tolist()


def test_the_example_of_the_docstring() -> None:
    assert positions([TEXT, START, *[PAD] * 6, END, TEXT], (2, 3)) == [
        [0, 1, 2, 2, 2, 2, 2, 2, 5, 6],
        [0, 1, 2, 2, 2, 3, 3, 3, 5, 6],
        [0, 1, 2, 3, 4, 2, 3, 4, 5, 6],
    ]


def test_text_alone_counts_on_in_all_three_dimensions() -> None:
    assert positions([TEXT] * 3) == [[0, 1, 2]] * 3
    assert positions([]) == [[], [], []]


def test_behind_a_tall_image_text_goes_on_after_its_height() -> None:
    assert [found[-1] for found in positions([PAD] * 4 + [TEXT], (4, 1))] == [4, 4, 4]


@pytest.mark.parametrize(
    ("ids", "grid"),
    [
        ([PAD] * 5, (2, 3)),  # one too few
        ([PAD] * 7, (2, 3)),  # one too many
        ([PAD, PAD, PAD, TEXT, PAD, PAD, PAD], (2, 3)),  # broken up
        ([TEXT], (0, 3)),  # no image at all
    ],
)
def test_placeholders_that_do_not_form_the_grid_are_refused(ids: list[int], grid: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="placeholders do not form grids of"):
        positions(ids, grid)


@pytest.mark.parametrize("family", MODELS)
def test_positions_are_those_of_the_real_model(family: str) -> None:
    """300 segments, packed by three into rows: each begins at 0 again, as if it were alone."""
    torch = pytest.importorskip("torch")
    model = real_model(family)
    rng = random.Random(family)
    for _ in range(100):
        segments = [random_segment(rng) for _ in range(3)]
        length = sum(num_tokens(segment) for segment in segments) + rng.randrange(5)
        row = build_row(segments, length, padding=0)
        assert row.mrope_positions is not None
        for number, segment in enumerate(segments):
            here = slice(*row.cu_seqlens[number : number + 2].tolist())
            ids = torch.from_numpy(row.token_ids[here].astype(np.int64))[None]
            assert segment.span_grids is not None
            grids = [(1, rows * MERGE, columns * MERGE) for rows, columns in segment.span_grids.tolist()]
            expected, _ = model.get_rope_index(
                ids, (ids == PAD).int(), image_grid_thw=torch.tensor(grids).reshape(-1, 3)
            )
            assert np.array_equal(row.mrope_positions[:, here], expected[:, 0].numpy())
        assert not row.mrope_positions[:, row.cu_seqlens[-1] :].any()


def real_model(family: str):  # type: ignore[no-untyped-def]
    """The model's class with its smallest shape, without any weights."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    module = pytest.importorskip(f"transformers.models.{family}")
    config_name, model_name = MODELS[family]
    text = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = getattr(module, config_name)(
        text_config=text | {"num_key_value_heads": 2, "vocab_size": 16},
        vision_config={"depth": 1, "spatial_merge_size": MERGE},
        image_token_id=PAD,
        vision_start_token_id=START,
        vision_end_token_id=END,
    )
    with torch.device("meta"):
        return getattr(module, model_name)(config)


def random_segment(rng: random.Random) -> Segment:
    """Text and images in any order, images side by side among them; stored as a prompt writes them."""
    ids: list[int] = []
    starts: list[int] = []
    grids: list[tuple[int, int]] = []
    for _ in range(rng.randrange(1, 8)):
        if rng.random() < 0.5:
            ids += [TEXT] * rng.randrange(1, 9)
        else:
            starts.append(len(ids))
            grids.append((rng.randrange(1, 7), rng.randrange(1, 7)))
            ids += [START, PAD, END]
    spans = tuple(np.array([START, *[PAD] * (rows * columns), END], dtype=np.int32) for rows, columns in grids)
    return Segment(
        token_ids=np.array(ids, dtype=np.int32),
        loss_mask=np.array(ids) == TEXT,
        span_starts=np.array(starts, dtype=np.int32),
        span_lengths=np.full(len(starts), 3, dtype=np.int32),
        span_ids=spans,
        span_grids=grid_array(grids),
        placeholder=PAD,
        images=tuple(b"" for _ in grids),
        key="0",
        doc_id="0",
        source="mmc4",
        weight=1.0,
    )


def grid_array(grids: list[tuple[int, int]]) -> Int32s:
    return np.array(grids, dtype=np.int32).reshape(-1, 2)


def num_tokens(segment: Segment) -> int:
    return len(segment.token_ids) + sum(len(ids) - 3 for ids in segment.span_ids)
