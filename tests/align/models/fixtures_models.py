"""Tiny random models in the real formats of the libraries that load them."""

from __future__ import annotations

import json
from pathlib import Path

SIDE = 32  # px that a tiny model sees
CONTEXT = 8
_TOWER = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
_WORDS = ["a", "cat", "dog", "sat", "on", "the", "mat", "and", "moon", "rises", "over", "hill"]


def tiny_clip(folder: Path) -> Path:
    """A CLIPModel with its byte-pair tokenizer and its image processor."""
    import torch
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

    torch.manual_seed(0)
    vocab = [letter + end for end in ("", "</w>") for letter in "abcdefghijklmnopqrstuvwxyz.0123456789"]
    merges = [("c", "a"), ("ca", "t</w>")]
    vocab = [*vocab, "ca", "cat</w>", "<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(vocab={word: number for number, word in enumerate(vocab)}, merges=merges)
    ends = {"bos_token_id": len(vocab) - 2, "eos_token_id": len(vocab) - 1, "pad_token_id": len(vocab) - 1}
    config = CLIPConfig(
        text_config=_TOWER | {"vocab_size": len(vocab), "max_position_embeddings": CONTEXT} | ends,
        vision_config=_TOWER | {"image_size": SIDE, "patch_size": 8},
        projection_dim=16,
    )
    CLIPModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size=SIDE).save_pretrained(folder)
    return folder


def tiny_siglip(folder: Path) -> Path:
    """A SiglipModel with a SentencePiece tokenizer and its image processor."""
    import sentencepiece
    import torch
    from transformers import SiglipConfig, SiglipImageProcessorPil, SiglipModel, SiglipTokenizer

    torch.manual_seed(1)
    folder.mkdir(parents=True, exist_ok=True)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([" ".join(_WORDS)] * 20), model_prefix=str(folder / "spiece"), vocab_size=40,
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1, hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    tokenizer = SiglipTokenizer(vocab_file=str(folder / "spiece.model"))
    config = SiglipConfig(
        text_config=_TOWER | {"vocab_size": 64, "max_position_embeddings": CONTEXT},
        vision_config=_TOWER | {"image_size": SIDE, "patch_size": 8},
    )
    SiglipModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    SiglipImageProcessorPil(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)
    return folder


def tiny_open_clip(folder: Path) -> Path:
    """A CLIP of open_clip, with the tokenizer that the package carries."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(2)
    config = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": SIDE, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
        "text_cfg": {"context_length": CONTEXT, "vocab_size": 49_408, "width": 32, "heads": 2, "layers": 2},
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file(open_clip.CLIP(**config).state_dict(), folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": {}}))
    return folder
