"""A LLaVA with random weights that trains in a minute: image of 28 x 28 px, 4 tokens each."""

from __future__ import annotations

from typing import Any

import torch
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
)

SIDE = 28


def image_processor() -> CLIPImageProcessorPil:
    return CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size=SIDE)


def small_llava(manifest: Any, seed: int = 0) -> LlavaForConditionalGeneration:
    """For the ids of a dataset: its vocabulary, and the id that stands for what is seen."""
    torch.manual_seed(seed)
    small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    placeholder = manifest.model.placeholder
    vocabulary = max(manifest.tokenizer.vocab_size, placeholder + 1)
    model = LlavaForConditionalGeneration(
        LlavaConfig(
            vision_config=CLIPVisionConfig(image_size=SIDE, patch_size=SIDE // 2, **small),
            text_config=LlamaConfig(vocab_size=vocabulary, max_position_embeddings=512, **small),
            image_token_id=placeholder,
        )
    )
    # As in VILA's Stage 2: the language model and the projector learn.
    model.model.vision_tower.requires_grad_(False)
    return model
