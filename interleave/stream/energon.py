"""A dataset in Megatron-Energon, whole: token ids beside texts and images.

    from megatron.energon import Cooker, DefaultTaskEncoder, WorkerConfig, get_loader, get_train_dataset
    from interleave.stream.energon import cook

    class Encoder(DefaultTaskEncoder):
        cookers = [Cooker(cook)]

    dataset = get_train_dataset("shards/NAME", dataset_config="crude.yaml", task_encoder=Encoder(),
                                worker_config=WorkerConfig.default_worker_config(), batch_size=1, ...)

The only file that imports megatron.energon, and nothing here imports it: its samples must be classes that worker
processes can import, too.
"""

from __future__ import annotations

from typing import Any

import orjson
import torch
from megatron.energon import InterleavedSample, basic_sample_keys, edataclass, stateless

from interleave.sample import marked, read_ids


@edataclass
class TokenizedSample(InterleavedSample):  # type: ignore[misc]
    """Texts and images in reading order (`sequence`), and the token ids that the dataset holds for them.

    An image in `sequence` is what the task encoder's `decoder` makes of a JPEG: by default a (3, height, width) float32
    tensor between 0 and 1; its bytes with `decoder = None`.
    """

    token_ids: torch.Tensor
    # (num_ids,) int32, as stored: `form` in the manifest says how an image stands among them.
    loss_mask: torch.Tensor
    # (num_ids,) bool: True where an id is learned.
    loss_weight: float
    # What the learned ids count for.
    image_spans: torch.Tensor
    # (num_images, 2) int32: start and length of each image among the ids.
    image_tokens: torch.Tensor
    # (num_images,) int32: what each image becomes in the model.
    doc_id: str
    # Of the document, which may have become several samples.


@stateless  # type: ignore[untyped-decorator]
def cook(crude: dict[str, Any]) -> TokenizedSample:
    """Makes a sample of what a `CrudeWebdataset` reads, decoded or as bytes; given to `megatron.energon.Cooker`."""
    record, ids = crude["json"], crude["input_ids.npy"]
    if isinstance(record, bytes):
        record = orjson.loads(record)
    if isinstance(ids, bytes):
        ids = read_ids(ids)
    behind_key = len(record["key"]) + 1
    return TokenizedSample(
        **basic_sample_keys(crude),
        sequence=[
            crude[image[behind_key:]] if text is None else text
            for text, image in zip(record["texts"], record["images"], strict=True)
        ],
        token_ids=torch.from_numpy(ids),
        loss_mask=torch.from_numpy(marked(record["loss_spans"], len(ids))),
        loss_weight=float(record["loss_weight"]),
        image_spans=torch.tensor(record["spans"], dtype=torch.int32).reshape(-1, 2),
        image_tokens=torch.tensor(record["span_tokens"], dtype=torch.int32),
        doc_id=record["doc_id"],
    )
