"""When a text contains a question: runs of words as 64-bit hashes, the same ones on both sides.

Words are those of `words` after NFKC and case folding, so punctuation, case and white space play no part; runs go over
the borders of sentences.

How long a run must be. GPT-3 (Brown et al., 2020, appendix C) takes N-grams of 8 to 13 words, "due to spurious
collisions at lower values of N"; so here: a question of 13 words and more is known by its runs of 13, one of 8 to 12 by
the whole of it, a shorter one not at all: "What color is the shirt?" is ordinary English, and its image decides. Among
13,000 questions that people asked about other pictures (VizWiz, TextVQA) none contained one of GQA, MME or MMBench of 8
words or more, but 3 one of 7, 2 one of 6 and 20 one of 5. A Chinese word has 1.75 characters (jieba, on recipes), and
characters are counted as words: 14 and 23 of them.

A multiple-choice question stands with its options, with and without their letters: "Who is this person?" alone names
nobody. What benchmarks' prompts add to every question is taken off.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from string import ascii_uppercase

import numpy as np
import numpy.typing as npt

from interleave.clean.words import UNSPACED, words

Grams = npt.NDArray[np.uint64]

# (shortest question, longest run), in words, and in characters of scripts without spaces.
SPACED_LENGTHS = (8, 13)
UNSPACED_LENGTHS = (14, 23)
# Odd, so that it has an inverse modulo 2^64.
_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 1 << 64)
_MAX_CACHED_WORDS = 1 << 18
_UNSPACED_WORD = re.compile(f"[{UNSPACED}]")


def normalised_words(text: str) -> list[str]:
    """Words of a text in any script, without regard to case, width and punctuation; "what's" however it is written."""
    return words(unicodedata.normalize("NFKC", text).casefold().replace("’", "'"))


# Behind the questions in prompts, again and again: MME's own; LLaVA's (docs/Evaluation.md, model_vqa_mmbench.py);
# VLMEvalKit's (vlmeval/vlm/base.py and others).
_INSTRUCTIONS = tuple(
    normalised_words(text)
    for text in (
        "Please answer yes or no.",
        "Answer the question using a single word or phrase.",
        "Answer with the option's letter from the given choices directly.",
        "Please select the correct answer from the options above.",
        "Answer the question directly.",
        "请直接回答选项字母。",
        "请直接回答问题。",
    )
)


def question_grams(question: str, options: Sequence[str] = ()) -> list[tuple[int, Grams]]:
    """(length of the runs in words, their hashes, sorted and each once) for each way in which a question may stand.

    None for a question that is too short to be told from ordinary language.
    """
    lettered = [f"{letter}. {option}" for letter, option in zip(ascii_uppercase, options, strict=False)]
    ways: list[tuple[int, Grams]] = []
    for parts in (lettered, options) if options else ((),):
        tokens = [*_without_instructions(normalised_words(question)), *normalised_words("\n".join(parts))]
        num_unspaced = sum(1 for token in tokens if _UNSPACED_WORD.match(token))
        shortest, longest = UNSPACED_LENGTHS if 2 * num_unspaced > len(tokens) else SPACED_LENGTHS
        if len(tokens) >= shortest:
            length = min(len(tokens), longest)
            ways.append((length, np.unique(run_hashes(word_hashes(tokens), length))))
    return ways


def word_hashes(tokens: Sequence[str]) -> Grams:
    """(num_words,) a hash of each word."""
    return np.fromiter(map(_word_hash, tokens), dtype=np.uint64, count=len(tokens))


def run_hashes(hashes: Grams, length: int) -> Grams:
    """(num_words - length + 1,) a hash of each run of `length` words; empty where there are fewer.

    A polynomial of the words' hashes modulo 2^64: sums of a run are differences of sums from the start.
    """
    if len(hashes) < length:
        return np.empty(0, dtype=np.uint64)
    powers, inverses = _powers(1 << len(hashes).bit_length())
    sums = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(hashes * powers[: len(hashes)], dtype=np.uint64)])
    runs: Grams = (sums[length:] - sums[:-length]) * inverses[: len(hashes) - length + 1]
    return runs


def _without_instructions(tokens: list[str]) -> list[str]:
    while endings := [ending for ending in _INSTRUCTIONS if tokens[-len(ending) :] == ending]:
        tokens = tokens[: -len(endings[0])]
    return tokens


@lru_cache(maxsize=_MAX_CACHED_WORDS)
def _word_hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


@lru_cache(maxsize=4)
def _powers(count: int) -> tuple[Grams, Grams]:
    """The first powers of _BASE and of its inverse."""
    base = np.full(count, _BASE, dtype=np.uint64)
    inverse = np.full(count, _INVERSE, dtype=np.uint64)
    base[0] = inverse[0] = 1
    return np.multiply.accumulate(base), np.multiply.accumulate(inverse)
