"""Megatron-Energon: its own check, its own preparation, and samples in both forms that a dataset offers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from braceexpand import braceexpand
from megatron.energon import (
    Cooker,
    DefaultTaskEncoder,
    WorkerConfig,
    get_loader,
    get_savable_loader,
    get_train_dataset,
    get_val_dataset,
)
from reader_seen import Sample, Way, jpeg, pixels, say

from interleave.stream.energon import cook
from interleave.validate.trainers.energon import check_samples


class Cooking(DefaultTaskEncoder):
    """Whole samples, images decoded."""

    cookers = (Cooker(cook),)


class CookingBytes(Cooking):
    """Whole samples, images as they lie in the shard."""

    decoder = None


def ways(folder: str) -> Iterator[Way]:
    yield Way(how='get_val_dataset(split_part="train")', samples=_in_order(folder))
    crude = {"dataset_config": "crude.yaml"}
    how = 'dataset_config="crude.yaml", Cooker(cook)'
    yield Way(how=how, samples=_in_order(folder, task_encoder=Cooking(), **crude))
    yield Way(how=f"{how}, decoder=None", samples=_in_order(folder, task_encoder=CookingBytes(), **crude))
    yield Way(how=f"{how}, shuffled, 2 workers", samples=_trained(folder), is_ordered=False)
    yield Way(how=f"{how}, stopped and restored", samples=_restored(folder), is_ordered=False)
    assert not list(check_samples(Path(folder), 1_000_000))
    yield Way(how="interleave validate --trainer energon")
    _run("lint", folder)
    yield Way(how="energon lint")
    _prepare(folder)
    yield Way(how="energon prepare writes the same")


def _workers(number: int = 0) -> WorkerConfig:
    return WorkerConfig(rank=0, world_size=1, num_workers=number)


def _in_order(folder: str, **options: Any) -> Iterator[Sample]:
    dataset = get_val_dataset(folder, split_part="train", worker_config=_workers(), batch_size=None, **options)
    yield from map(_sample, get_loader(dataset))


def _training(folder: str, number: int) -> Any:
    return get_train_dataset(
        folder,
        dataset_config="crude.yaml",
        task_encoder=CookingBytes(),
        worker_config=_workers(number),
        batch_size=None,
        shuffle_buffer_size=10,
        max_samples_per_sequence=5,
        repeat=False,
    )


def _trained(folder: str) -> Iterator[Sample]:
    yield from map(_sample, get_loader(_training(folder, 2)))


def _restored(folder: str) -> Iterator[Sample]:
    """A third of an epoch, its state, and from that in another loader the rest."""
    loader = get_savable_loader(_training(folder, 2))
    num_samples = sum(_shard_counts(Path(folder)).values())
    samples = iter(loader)
    yield from (_sample(next(samples)) for _ in range(num_samples // 3))
    state = loader.save_state_rank()
    other = get_savable_loader(_training(folder, 2))
    other.restore_state_rank(state)
    yield from map(_sample, other)


def _sample(found: Any) -> Sample:
    """An Energon key is SHARD/KEY or KEY."""
    ids = found.token_ids.tolist() if hasattr(found, "token_ids") else None
    if ids is not None:
        _check_spans(found)
    return {"key": found.__key__.rpartition("/")[2], "parts": list(map(_part, found.sequence)), "ids": ids}


def _check_spans(found: Any) -> None:
    images = sum(not isinstance(part, str) for part in found.sequence)
    assert found.image_spans.shape == (images, 2) and found.image_tokens.shape == (images,)
    for start, length in found.image_spans.tolist():
        assert not found.loss_mask[start : start + length].any()
    assert found.loss_mask.shape == found.token_ids.shape


def _part(part: Any) -> Any:
    if isinstance(part, str):
        return part
    if isinstance(part, bytes):
        return jpeg(part)
    return pixels(part.shape[2], part.shape[1], (part * 255).mean(dim=(1, 2)).tolist())  # (3, height, width)


def _prepare(folder: str) -> None:
    """Energon's own preparation of the same shards writes what lies in the dataset already. It takes no empty ones."""
    with tempfile.TemporaryDirectory() as temporary:
        for shard in _shard_counts(Path(folder)):
            shutil.copy(Path(folder) / shard, temporary)
        _run("prepare", temporary, "--non-interactive", "--split-parts", "train:.*", "--num-workers", "1")
        ours, theirs = _written(Path(folder)), _written(Path(temporary))
        assert ours == theirs, f"energon prepare writes {theirs}, found {ours}"


def _written(folder: Path) -> tuple[dict[str, int], list[str], dict[str, bytes]]:
    """What `energon prepare` writes: samples of each shard, shards of the split, offsets of samples in each shard."""
    counts = _shard_counts(folder)
    split = yaml.safe_load((folder / ".nv-meta" / "split.yaml").read_text())["split_parts"]["train"]
    shards = [shard for pattern in split for shard in braceexpand(pattern) if shard in counts]
    return counts, shards, {shard: (folder / f"{shard}.idx").read_bytes() for shard in counts}


def _shard_counts(folder: Path) -> dict[str, int]:
    """Samples of each shard that has any."""
    counts = json.loads((folder / ".nv-meta" / ".info.json").read_text())["shard_counts"]
    return {shard: count for shard, count in counts.items() if count}


def _run(*arguments: str) -> None:
    program = Path(sys.executable).with_name("energon")
    ran = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


if __name__ == "__main__":
    say(version("megatron-energon"), ways)
