"""Batches in the forms of VILA, LLaVA and Qwen2-VL: are they what the model takes?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from interleave.errors import ShardError
from interleave.pack.row import IGNORED
from interleave.shard.manifest import Manifest
from interleave.stream.dataset import StreamingDataset
from interleave.validate.trainers.known import Trainer

_FORMS = {Trainer.VILA: "vila", Trainer.LLAVA: "llava", Trainer.QWEN2_VL: "qwen2_vl"}
# Without a context in the dataset: rows as long as Stage 2's.
_SEQ_LEN = 4096
# Side in px of an image as CLIP ViT-L/14-336 sees it: VILA's and LLaVA-1.5's.
_CLIP_SIDE = 336


def check_batches(folder: Path, trainer: Trainer, model: Path | None, num_batches: int) -> Iterator[str]:
    """Sentences about the first batches.

    Raises:
        ValueError: the collator refuses the dataset; its sentence says why.
    """
    options = _options(folder, trainer, model)
    try:
        data = StreamingDataset(folder, form=_FORMS[trainer], rank=0, world_size=1, **options)
        manifest = data.readers[0].manifest
        sizes = {row["key"]: (row["num_tokens"], row["num_images"]) for row in data.readers[0].rows(_COLUMNS)}
        for number, batch in enumerate(islice(data, num_batches)):
            for message in _messages(batch, trainer, manifest, sizes):
                yield f"batch {number}: {message}"
    except ShardError as error:
        yield f"the loader stops: {error}"


_COLUMNS = ("key", "num_tokens", "num_images")


def _options(folder: Path, trainer: Trainer, model: Path | None) -> dict[str, Any]:
    from interleave.shard.manifest import read_manifest

    entry = read_manifest(folder).model
    return {
        "processor": _processor(trainer, entry.options) if model is None else _processor_of(model),
        "seq_len": entry.context or _SEQ_LEN,
        "max_skipped": 0,
    }


def _processor(trainer: Trainer, options: Mapping[str, int]) -> Any:
    """The image processor that the family has, with the options that images were counted with."""
    import transformers

    if trainer is Trainer.QWEN2_VL:
        if not {"min_pixels", "max_pixels"} <= options.keys():
            raise ValueError("the dataset's profile is no Qwen's: expected one such as qwen2.5-vl")
        return transformers.Qwen2VLImageProcessorPil(
            size={"shortest_edge": options["min_pixels"], "longest_edge": options["max_pixels"]}
        )
    return transformers.CLIPImageProcessorPil(size={"shortest_edge": _CLIP_SIDE}, crop_size=_CLIP_SIDE)


def _processor_of(model: Path) -> Any:
    import transformers

    for folder in (model, model / "vision_tower"):
        if (folder / "preprocessor_config.json").is_file():
            # A folder's own code is never run, and nothing is fetched.
            open_processor: Any = transformers.AutoImageProcessor.from_pretrained
            return open_processor(folder, local_files_only=True, trust_remote_code=False, backend="pil")
    raise ShardError(f"--model: {model} has no preprocessor_config.json, the image processor of --trainer")


def _messages(
    batch: Mapping[str, Any], trainer: Trainer, manifest: Manifest, sizes: Mapping[str, tuple[int, int]]
) -> Iterator[str]:
    inputs = batch["inputs"]
    ids, labels, mask = inputs["input_ids"], inputs["labels"], inputs["attention_mask"]
    keys = [key for row in batch["keys"] for key in row]
    placeholder = manifest.model.placeholder
    strange = ids[(ids < 0) & (ids != placeholder) | (ids >= max(manifest.tokenizer.vocab_size, placeholder + 1))]
    if len(strange):
        yield f"the id {int(strange[0])} is not in the vocabulary of {manifest.tokenizer.vocab_size:,}"
    learned = labels != IGNORED
    if not bool((labels[learned] == ids[learned]).all()):
        yield "labels are other ids than those at their places"
    if not bool(learned.any()):
        yield "nothing is learned of it"
    if bool((learned & (ids == placeholder)).any()):
        yield "an image is learned"
    if trainer is Trainer.VILA and bool((learned & ~mask).any()):
        yield "padding is learned"
    num_images = sum(sizes[key][1] for key in keys)
    found = _num_images(inputs)
    if found != num_images:
        yield f"it has {found} images, its samples {num_images}"
    if trainer is Trainer.VILA and int((ids == placeholder).sum()) != num_images:
        yield f"{int((ids == placeholder).sum())} ids stand for {num_images} images"
    num_tokens = sum(sizes[key][0] for key in keys)
    if int(batch["num_tokens"]) != num_tokens:
        yield f"it has {int(batch['num_tokens']):,} tokens, its samples {num_tokens:,}"
    for name, value in inputs.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            yield f"{name} has numbers that are none"


def _num_images(inputs: Mapping[str, torch.Tensor]) -> int:
    for name in ("image_grid_thw", "images", "pixel_values"):
        if name in inputs:
            return len(inputs[name])
    return 0
