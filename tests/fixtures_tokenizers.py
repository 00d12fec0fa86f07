"""Small tokenizers of every kind, trained or written in a moment.

`MARKS` are what models put around images; some stand in a tokenizer's file as special tokens, some as ordinary ones.
"""

from __future__ import annotations

import atexit
import base64
import io
import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers import Tokenizer as Backend

from interleave.encode.tokenizer import Tokenizer, find_tokenizer, load_tokenizer

LLAMA = "package:wordllama/tokenizers/l2_supercat_tokenizer_config.json"
CORPUS = [
    "The quick brown fox jumps over the lazy dog.",
    "A cat sat on the mat while it rained outside.",
    "Numbers like 3.14 and 50% are text too, aren't they?",
    "It was a naïve café — with “quoted” words.",
] * 10
MARKS = (
    "<|im_start|>",
    "<|image_pad|>",
    "<|vision_start|>",
    "<image>",
    "<fake_token_around_image>",
    "<row_1_col_1>",
    "<IMG_CONTEXT>",
    "<start_of_image>",
    "<image_soft_token>",
    "[IMG_BREAK]",
    "<img>",
    "<｜image▁pad｜>",
)
ENDS = ("<s>", "</s>", "<unk>")
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def write_sentencepiece(path: Path, **options: Any) -> Path:
    from sentencepiece import SentencePieceTrainer

    model = io.BytesIO()
    as_llama = {"normalization_rule_name": "identity", "remove_extra_whitespaces": False, "byte_fallback": True}
    options = {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}
    num_symbols = sum(len(options.get(kind, ())) for kind in ("control_symbols", "user_defined_symbols"))
    SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS),
        model_writer=model,
        vocab_size=(340 if options.get("byte_fallback", True) else 90) + num_symbols,
        minloglevel=2,
        **({"model_type": "bpe"} | as_llama | options),
    )
    path.write_bytes(model.getvalue())
    return path


def write_tiktoken(path: Path, merges: tuple[bytes, ...] = (b"th", b"the")) -> Path:
    tokens = [*(bytes([byte]) for byte in range(256)), *merges]
    path.write_text("".join(f"{base64.b64encode(token).decode()} {rank}\n" for rank, token in enumerate(tokens)))
    return path


def byte_level(
    *, special: Sequence[str] = ENDS, ordinary: Sequence[str | AddedToken] = (), in_vocabulary: bool = False
) -> Backend:
    """As GPT-2's, Qwen's and Llama-3's; `in_vocabulary`: the names are words of it, and a word of it is not merged."""
    backend = Backend(models.BPE(ignore_merges=in_vocabulary))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not in_vocabulary)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=list(special) if in_vocabulary else [],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(CORPUS, trainer)
    backend.add_special_tokens(list(special))
    backend.add_tokens(list(ordinary))
    return backend


def unigram(*, special: Sequence[str] = ENDS, ordinary: Sequence[str] = (), unknown: bool = False) -> Backend:
    """As T5's and Gemma's: names of special tokens, and of bytes, are pieces that the vocabulary offers to texts."""
    letters = sorted({letter for line in CORPUS for letter in line if letter.isascii() and letter != " "})
    pieces = [("<unk>", 0.0), *((name, 0.0) for name in (*special, *ordinary) if name != "<unk>"), ("▁", -2.0)]
    pieces += [*((letter, -3.0) for letter in letters), ("▁the", -4.0), ("at", -4.5)]
    pieces += [] if unknown else [(name, 0.0) for name in BYTES]
    backend = Backend(models.Unigram(pieces, 0, not unknown))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    backend.add_special_tokens([name for name in special if name != "<unk>"])
    backend.add_tokens(list(ordinary))
    return backend


def merged(name: str) -> Backend:
    """Merges that make the name of its letters, one after the other."""
    backend = byte_level(special=())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    vocabulary = {token: number for token, number in backend.get_vocab().items() if len(token) == 1}
    vocabulary = {token: number for number, token in enumerate(sorted(vocabulary, key=vocabulary.__getitem__))}
    merges = [(name[:end], name[end]) for end in range(1, len(name))]
    for left, right in merges:
        vocabulary.setdefault(left + right, len(vocabulary))
    backend.model = models.BPE(vocabulary, merges)
    backend.add_special_tokens([name])
    return backend


def composing(normalizer: normalizers.Normalizer) -> Backend:
    """As Qwen's: characters that can be one (NFC), or that are alike (NFKC), are made one before anything else."""
    backend = byte_level(special=(*ENDS, *MARKS))
    backend.normalizer = normalizer
    return backend


def save(backend: Backend, path: Path) -> Path:
    backend.save(str(path))
    return path


VARIANTS = (
    AddedToken("<image>", special=False, normalized=True),
    AddedToken("<img>", special=False, normalized=False, lstrip=True, rstrip=True),
    AddedToken("<IMG_CONTEXT>", special=False, single_word=True),
    AddedToken("<row_1_col_1>", special=False, normalized=False, single_word=True, rstrip=True),
    AddedToken("[IMG_BREAK]", special=False, lstrip=True),
    AddedToken("\n\n", special=False, normalized=False),
)
OTHERS = tuple(mark for mark in MARKS if mark not in {variant.content for variant in VARIANTS})
# How each kind is written into a folder; every one of them has all of `ENDS`, or its own, and all of `MARKS`.
WRITERS: dict[str, Callable[[Path], Path]] = {
    "byte-level, marks special": lambda folder: save(byte_level(special=(*ENDS, *MARKS)), folder / "a.json"),
    "byte-level, marks ordinary": lambda folder: save(
        byte_level(special=(*ENDS, *OTHERS), ordinary=VARIANTS), folder / "b.json"
    ),
    "byte-level, names in the vocabulary": lambda folder: save(
        byte_level(special=(*ENDS, *MARKS), in_vocabulary=True), folder / "c.json"
    ),
    "unigram, marks special": lambda folder: save(unigram(special=(*ENDS, *MARKS)), folder / "d.json"),
    "unigram, marks ordinary": lambda folder: save(unigram(ordinary=MARKS), folder / "e.json"),
    "NFC": lambda folder: save(composing(normalizers.NFC()), folder / "f.json"),
    "NFKC": lambda folder: save(composing(normalizers.NFKC()), folder / "g.json"),
    "sentencepiece bpe": lambda folder: write_sentencepiece(
        folder / "h.model", control_symbols=MARKS[:4], user_defined_symbols=(*MARKS[4:], "\n\n")
    ),
    "sentencepiece unigram": lambda folder: write_sentencepiece(
        folder / "i.model",
        model_type="unigram",
        hard_vocab_limit=False,
        control_symbols=MARKS[:4],
        user_defined_symbols=MARKS[4:],
    ),
    "tiktoken": lambda folder: write_tiktoken(folder / "j.tiktoken"),
}
KINDS = ("llama-2", *WRITERS)
# The kinds for which "▁" is a space, and which put one in front of a text.
WITH_SPACE = tuple(kind for kind in KINDS if kind.startswith(("llama", "unigram", "sentencepiece")))


@cache
def path_of(kind: str) -> Path:
    if kind == "llama-2":
        return find_tokenizer(LLAMA)
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    return WRITERS[kind](folder)


@cache
def open_kind(kind: str) -> Tokenizer:
    """With all marks reserved."""
    return load_tokenizer(path_of(kind), MARKS)


def is_back(kind: str, text: str, given_back: str) -> bool:
    """Whether a text came back, as far as its kind gives any back."""
    if kind in ("NFC", "NFKC"):
        return given_back == unicodedata.normalize(kind, text)
    if kind not in WITH_SPACE:
        return given_back == text
    return given_back.removeprefix(" ") == text.replace("▁", " ").removeprefix(" ")
