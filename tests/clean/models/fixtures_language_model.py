"""A tiny random language model in its real format."""

from __future__ import annotations

from pathlib import Path

_WORDS = ["a", "cat", "dog", "sat", "on", "the", "mat", "and", "moon", "rises", "over", "hill"]


def tiny_language_model(folder: Path) -> Path:
    """A GPT-2 whose words are whole words."""
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    torch.manual_seed(3)
    vocab = {word: number for number, word in enumerate(["<s>", "<unk>", *_WORDS])}
    words = Tokenizer(WordLevel(vocab, unk_token="<unk>"))
    words.pre_tokenizer = Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, bos_token="<s>", unk_token="<unk>")
    config = GPT2Config(
        vocab_size=len(vocab), n_positions=16, n_embd=16, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
