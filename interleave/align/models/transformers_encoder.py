"""CLIP, SigLIP and other models of images and texts in the format of `transformers`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from interleave.align.models.scoring import Pixels, embedding_rows, torch_device
from interleave.align.models.transformers_loading import NEWEST, load_model
from interleave.errors import RecipeError

if TYPE_CHECKING:
    import torch


class TransformersEncoder:
    """A loaded model with what prepares its pictures and its texts."""

    def __init__(self, model: Any, image_processor: Any, tokenizer: Any, device: torch.device) -> None:
        self._model = model
        self._image_processor = image_processor
        self._tokenizer = tokenizer
        self._device = device
        text = model.config.text_config
        # SigLIP has only ever seen texts filled up to its whole context, and looks at the filling, too.
        self._padding = "max_length" if text.model_type.startswith("siglip") else "longest"
        self._context = int(text.max_position_embeddings)

    def images(self, images: Sequence[Pixels]) -> pa.Table:
        if not images:
            return self._empty()
        pictures = self._image_processor(images=list(images), input_data_format="channels_last", return_tensors="pt")
        return self._embed(self._model.get_image_features, pictures)

    def sentences(self, sentences: Sequence[str]) -> pa.Table:
        if not sentences:
            return self._empty()
        tokens = self._tokenizer(
            list(sentences), padding=self._padding, truncation=True, max_length=self._context, return_tensors="pt"
        )
        return self._embed(self._model.get_text_features, tokens)

    def _embed(self, features: Any, inputs: Any) -> pa.Table:
        import torch

        with torch.inference_mode():
            output = features(**{name: value.to(self._device) for name, value in inputs.items()})
        # Tensors up to transformers 4, records since.
        embeddings = output if isinstance(output, torch.Tensor) else output.pooler_output
        return embedding_rows(embeddings.float().cpu().numpy())

    def _empty(self) -> pa.Table:
        return self._embed(self._model.get_text_features, self._tokenizer(["a"], return_tensors="pt")).slice(0, 0)


def open_encoder(model: str, revision: str | None, device: str | None) -> TransformersEncoder:
    """Loads a model from a folder or a hub.

    Raises:
        RecipeError: the model has no embeddings of images and texts, or lacks weights.
    """
    import transformers

    on = torch_device(device)
    loaded = load_model(transformers.AutoModel, model, revision, on)
    if not (hasattr(loaded, "get_image_features") and hasattr(loaded, "get_text_features")):
        raise RecipeError(f"{model} is a {type(loaded).__name__}, expected a model like CLIPModel or SiglipModel")
    auto_images: Any = transformers.AutoImageProcessor
    # Pillow's way of resizing, which the models were published with; it needs no torchvision.
    image_processor = auto_images.from_pretrained(model, revision=revision or NEWEST, backend="pil")
    tokenizer = transformers.AutoTokenizer.from_pretrained(model, revision=revision or NEWEST)
    return TransformersEncoder(loaded, image_processor, tokenizer, on)
