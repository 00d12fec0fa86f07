"""CLIP models in the format of `open_clip`, which needs torchvision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from interleave.align.models.scoring import Pixels, embedding_rows, is_folder, torch_device

if TYPE_CHECKING:
    import torch


class OpenClipEncoder:
    """A loaded model with what prepares its pictures and its texts."""

    def __init__(self, model: Any, preprocess: Any, tokenizer: Any, device: torch.device) -> None:
        self._model = model
        self._preprocess = preprocess
        self._tokenizer = tokenizer
        self._device = device

    def images(self, images: Sequence[Pixels]) -> pa.Table:
        import torch
        from PIL import Image

        if not images:
            return self.sentences(["a"]).slice(0, 0)
        pictures = torch.stack([self._preprocess(Image.fromarray(image)) for image in images])
        return self._embed(self._model.encode_image, pictures)

    def sentences(self, sentences: Sequence[str]) -> pa.Table:
        # open_clip's tokenizers cut at the model's context themselves.
        rows = self._embed(self._model.encode_text, self._tokenizer(list(sentences) or ["a"]))
        return rows.slice(0, len(sentences))

    def _embed(self, encode: Any, inputs: Any) -> pa.Table:
        import torch

        with torch.inference_mode():
            return embedding_rows(encode(inputs.to(self._device)).float().cpu().numpy())


def open_encoder(model: str, device: str | None) -> OpenClipEncoder:
    """Loads a model from a folder with `open_clip_config.json` and weights, or from a hub."""
    import open_clip

    name = f"local-dir:{model}" if is_folder(model) else f"hf-hub:{model}"
    on = torch_device(device)
    # Without weights, open_clip would go on with random ones; this way it refuses.
    loaded, preprocess = open_clip.create_model_from_pretrained(name, device=on)
    return OpenClipEncoder(loaded.eval(), preprocess, open_clip.get_tokenizer(name), on)
