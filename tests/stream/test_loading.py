"""How batches are made: threads, pixels, augmentation, epochs in persistent workers, iterations that were overtaken."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import torch
from fixtures_build import build_sample, sample_dataset, small_dataset, whole_documents
from torch.utils.data import DataLoader

from interleave import StreamingDataset
from interleave.stream.mix import Part

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),
]


def opened(data: Any = None, **options: Any) -> StreamingDataset:
    return StreamingDataset(data or sample_dataset(), **{"rank": 0, "world_size": 1, "window": 12} | options)


def same(one: dict[str, Any], two: dict[str, Any]) -> bool:
    return all(
        torch.equal(one[name], two[name]) if isinstance(one[name], torch.Tensor) else _same(one[name], two[name])
        for name in one
    )


def _same(one: Any, two: Any) -> bool:
    if isinstance(one, list) and one and isinstance(one[0], torch.Tensor):
        return len(one) == len(two) and all(map(torch.equal, one, two))
    return bool(one == two)


@pytest.mark.parametrize("options", [{"num_threads": 1}, {"num_threads": 3, "num_ahead": 1}, {"num_ahead": 7}])
def test_threads_change_nothing_but_the_time(options: dict[str, int]) -> None:
    one, two = list(opened(num_threads=0)), list(opened(**options))
    assert len(one) == len(two) and all(map(same, one, two))


def test_images_lie_in_one_buffer_in_either_layout() -> None:
    for channels_first, channels_last in zip(opened(images="nchw"), opened(images="nhwc"), strict=True):
        for one, two in zip(channels_first["images"], channels_last["images"], strict=True):
            assert one.shape[0] == 3 and torch.equal(one.permute(1, 2, 0), two)
        assert len({image.untyped_storage().data_ptr() for image in channels_last["images"]}) <= 1


def test_images_go_between_processes_as_one_tensor_and_stay_what_they_are() -> None:
    images = next(batch["images"] for batch in opened() if batch["images"])
    again = pickle.loads(pickle.dumps(images))
    assert len(again) == len(images) and all(map(torch.equal, again, images))
    assert len({image.untyped_storage().data_ptr() for image in again}) == 1
    (batch,) = list(DataLoader(opened(batch_size=100), batch_size=None, num_workers=1))
    assert len({image.untyped_storage().data_ptr() for image in batch["images"]}) == 1


def test_augmentation_has_random_numbers_that_are_the_images_own() -> None:
    def drawn(**options: Any) -> dict[str, float]:
        """The random number of each image, by its sample and its place there."""
        found = {}
        for batch in opened(augment=lambda image, random: torch.tensor(random.random()), **options):
            at = iter(batch["images"])
            for keys in batch["keys"]:
                for key in keys:
                    found[key] = [float(next(at)) for _ in range(num_images[key])]
        return found  # type: ignore[return-value]

    reader = opened().reader
    num_images = {reader.read(number)[0].key: len(reader.read(number)[2]) for number in range(len(reader))}
    first = drawn()
    assert first == drawn(window=30, batch_size=3, num_threads=2)
    assert first != drawn(seed=1)
    numbers = np.concatenate([np.array(values) for values in first.values()])
    assert len(set(numbers.tolist())) == len(numbers)


def test_workers_that_persist_hear_of_the_next_epoch() -> None:
    dataset = opened(images="bytes")
    loader = DataLoader(dataset, batch_size=None, num_workers=2, persistent_workers=True)
    epochs = []
    for epoch in range(3):
        dataset.set_epoch(epoch)
        epochs.append([batch["keys"] for batch in loader])
    for epoch, keys in enumerate(epochs):
        alone = opened(images="bytes")
        alone.set_epoch(epoch)
        assert keys == [batch["keys"] for batch in alone]
    assert epochs[0] != epochs[1]


def test_workers_that_persist_go_on_from_a_state_that_is_loaded_later() -> None:
    dataset = opened(images="bytes")
    batches = list(opened(images="bytes"))
    loader = DataLoader(dataset, batch_size=None, num_workers=2, persistent_workers=True)
    assert [batch["keys"] for batch in loader] == [batch["keys"] for batch in batches]
    dataset.load_state_dict(batches[2]["state"])
    assert [batch["keys"] for batch in loader] == [batch["keys"] for batch in batches[3:]]


def test_an_iteration_that_was_begun_before_a_state_is_loaded_goes_on_from_it_or_not_at_all() -> None:
    dataset = opened(images="bytes")
    batches = list(opened(images="bytes"))
    begun, not_yet = iter(dataset), iter(dataset)
    next(begun)
    dataset.load_state_dict(batches[2]["state"])
    assert next(not_yet)["keys"] == batches[3]["keys"]
    with pytest.raises(RuntimeError, match="set to another place while it was iterated"):
        next(begun)


def test_after_the_end_the_next_iteration_is_the_whole_epoch() -> None:
    dataset = opened(images="bytes")
    batches = list(opened(images="bytes"))
    dataset.load_state_dict(batches[-2]["state"])
    assert [batch["keys"] for batch in dataset] == [batches[-1]["keys"]]
    assert [batch["keys"] for batch in dataset] == [batch["keys"] for batch in batches]


@pytest.mark.parametrize("options", [{}, {"drop_last": True}, {"packing": False, "batch_size": 3}, {"world_size": 3}])
def test_the_length_is_exact(options: dict[str, Any]) -> None:
    dataset = opened(images="bytes", **options)
    assert len(dataset) == len(list(dataset)) > 0
    dataset.set_epoch(1)
    assert len(dataset) == len(list(dataset))


def test_a_mixture_without_end_has_no_length_and_one_with_an_end_has() -> None:
    endless = opened([Part(sample_dataset(), max_epochs=None), Part(small_dataset(), max_epochs=None)])
    with pytest.raises(TypeError, match="has no length"):
        len(endless)
    ending = opened([Part(sample_dataset()), Part(small_dataset(), max_epochs=None)], images="bytes")
    assert len(ending) == len(list(ending))


def test_a_mixture_gives_every_sample_of_each_dataset_as_often_as_it_may() -> None:
    data = opened([Part(sample_dataset()), Part(small_dataset(), 2.0, max_epochs=3)], until="all", images="bytes")
    sources = [(key, row.source) for row in data.planned_rows() for key, _, _ in row.items]
    assert sorted(sources) == sorted(
        [(number, 0) for number in range(44)] + [(number, 1) for number in range(6) for _ in range(3)]
    )
    read = sum(len(keys) for batch in data for keys in batch["keys"])
    assert read == 44 + 3 * 6


@pytest.mark.parametrize("packing", [True, False])
def test_text_without_images_is_a_source_like_others(packing: bool, tmp_path: Path) -> None:
    lines = [
        {
            "url": f"https://text.example/{at}",
            "text_list": [f"Sentence {n} of {at}." for n in range(6)],
            "image_info": [],
        }
        for at in range(5)
    ]
    (tmp_path / "docs.jsonl").write_bytes(b"\n".join(map(orjson.dumps, lines)))
    build_sample(tmp_path / "text", f"source.path={tmp_path}/docs.jsonl", "clean.rules=[]")
    alone = opened(tmp_path / "text", packing=packing)
    assert [batch["num_images"] for batch in alone] == [0] * len(alone)
    mixed = opened([Part(sample_dataset()), Part(tmp_path / "text")], until="all", packing=packing)
    counted = Counter(source for batch in mixed for row in batch["sources"] for source in row)
    assert counted == {"mmc4": 44 + 5}
    assert sum(batch["num_images"] for batch in mixed) == mixed.reader.manifest.num_images


@pytest.mark.parametrize("make", [sample_dataset, whole_documents])
@pytest.mark.parametrize("budget", ["batch_images", "batch_pixels"])
def test_batches_stay_within_a_budget_of_images_or_of_their_pixels(make: Callable[[], Path], budget: str) -> None:
    """Pixels are those of the images that come out, whole documents being cut for the rows."""
    limit = {"batch_images": 5, "batch_pixels": 800_000}[budget]
    options = {"packing": False, "batch_size": 20, "seq_len": 2500 if make is whole_documents else 4096}
    num_images = sizes = 0
    for batch in opened(make(), **options, **{budget: limit}):
        pixels = [image.shape[1] * image.shape[2] for image in batch["images"]]
        spent = len(pixels) if budget == "batch_images" else sum(pixels)
        assert spent <= limit or len(batch["input_ids"]) == 1
        num_images += len(pixels)
        sizes += len(batch["input_ids"]) > 1
    assert num_images == opened(make(), **options).reader.manifest.num_images and sizes > 3


def test_rows_of_one_sample_are_as_long_as_the_longest_of_their_batch() -> None:
    for batch in opened(packing=False, batch_size=4, images="bytes"):
        longest = int((batch["segment_ids"] > 0).sum(dim=1).max())
        assert batch["input_ids"].shape[1] == -(-longest // 8) * 8
        assert all(len(keys) == 1 for keys in batch["keys"])


def test_the_rows_of_an_epoch_are_planned_alike_everywhere_and_read_by_number() -> None:
    dataset = opened(batch_size=2, images="bytes")
    rows = list(dataset.planned_rows())
    batches = list(dataset)
    assert len(rows) == sum(len(batch["keys"]) for batch in batches)
    assert dataset.read_batch(rows[2:4])["keys"] == batches[1]["keys"]
    assert list(opened(batch_size=2, rank=1, world_size=2).planned_rows()) == rows


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"images": "png"}, "images is 'png', expected one of nchw, nhwc, bytes"),
        ({"form": "qwen"}, "form is 'qwen', expected one of pad, varlen, vila, llava, qwen2_vl"),
        ({"mix_by": "rows"}, "mix_by is 'rows', expected one of tokens, samples"),
        ({"batch_tokens": 9000}, "it is for packing=False"),
        ({"packing": False, "batch_tokens": 100}, "at least seq_len=4,096"),
        ({"batch_images": 8}, "batch_images is for packing=False"),
        ({"batch_pixels": 8}, "batch_pixels is for packing=False"),
        ({"block_size": 0}, "block_size is 0, expected 1 or more"),
        ({"world_size": 4, "model_parallel": 3}, "expected a divisor of the world size 4"),
    ],
)
def test_an_impossible_argument_is_refused_in_one_sentence(options: dict[str, Any], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        opened(**options)


@pytest.mark.parametrize(
    ("part", "what"),
    [
        (Part("x", weight=0), "the weight of x is 0"),
        (Part("x", weight=float("nan")), "the weight of x is nan"),
        (Part("x", max_epochs=0), "max_epochs of x is 0"),
    ],
)
def test_an_impossible_part_is_refused(part: Part, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        opened([part])
    with pytest.raises(ValueError, match="no dataset is given"):
        StreamingDataset([])


def test_ranks_that_share_a_model_see_the_same_batches() -> None:
    keys = [
        [batch["keys"] for batch in opened(rank=rank, world_size=4, model_parallel=2, images="bytes")]
        for rank in range(4)
    ]
    assert keys[0] == keys[1] != keys[2] == keys[3]


def test_datasets_for_other_models_are_not_mixed(tmp_path: Path) -> None:
    from fixtures_build import build_small

    from interleave.errors import ShardError

    build_small(tmp_path / "other", "profile=vila-1.5")
    with pytest.raises(
        ShardError, match=r"cannot be mixed: model\.profile is vila-1\.0 and vila-1\.5; build both for one model"
    ):
        opened([small_dataset(), tmp_path / "other"])


def test_images_are_spread_evenly_over_batches() -> None:
    dataset = opened(whole_documents(), seq_len=4096, window=1000, images="bytes")
    rows = [row.num_images for row in dataset.planned_rows()]
    mean = sum(rows) / len(rows)
    furthest = max(abs(number - mean) for number in rows)
    sums = np.cumsum(rows) - mean * np.arange(1, len(rows) + 1)
    assert np.abs(sums).max() <= furthest + 1e-9
    assert rows != sorted(rows)
