"""Samples as Megatron-Energon's own loader reads them, against what lies in the shards."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from interleave.stream.reader import DatasetReader


def check_samples(folder: Path, num_samples: int) -> Iterator[str]:
    """Sentences about the first samples that Energon gives.

    Raises:
        ModuleNotFoundError: Energon is not installed.
    """
    from megatron.energon import Cooker, DefaultTaskEncoder, WorkerConfig, get_loader, get_val_dataset

    from interleave.stream.energon import cook

    class Encoder(DefaultTaskEncoder):  # type: ignore[misc]
        cookers = (Cooker(cook),)

    data = get_val_dataset(
        str(folder),
        split_part="train",
        dataset_config="crude.yaml",
        task_encoder=Encoder(),
        worker_config=WorkerConfig(rank=0, world_size=1, num_workers=0),
        batch_size=None,
    )
    reader = DatasetReader(folder)
    num_seen = 0
    for sample in islice(get_loader(data), num_samples):
        num_seen += 1
        key = sample.__key__.rpartition("/")[2]
        record, ids, images = reader.read(int(key))
        if not np.array_equal(sample.token_ids.numpy(), ids):
            yield f"sample {key}: it has other ids than the shard"
        num_images = sum(not isinstance(part, str) for part in sample.sequence)
        if num_images != len(images) or len(sample.image_tokens) != len(images):
            yield f"sample {key}: it has {num_images} images, the shard {len(images)}"
        if [part for part in sample.sequence if isinstance(part, str)] != [t for t in record.texts if t is not None]:
            yield f"sample {key}: it has other texts than the shard"
        if not bool(sample.loss_mask.any()):
            yield f"sample {key}: nothing is learned of it"
    if not num_seen:
        yield "Energon finds no sample"
