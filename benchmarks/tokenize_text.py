"""How fast text becomes ids with the borders of sentences among them, against each tokenizer's own library alone.

    python benchmarks/tokenize_text.py [--text DOCS.JSONL] [--quick]

DOCS.JSONL is MMC4's, by default the sample's, repeated to a few megabytes. Texts are what stands between two images.
Ours is all that encoding does with them: `encode_batch`, the ids as arrays, the check that none of them is special, and
the id with which each sentence begins. The library alone: its batch of the same texts, whose result is thrown away.

    tokenizers        Llama-2's tokenizer.json; `encode_batch`, which also gives the offsets that ours does without
    tokenizers, fast  the same; `encode_batch_fast`, which gives none
    sentencepiece     a model of 8,000 pieces, trained here; ids as lists
    tiktoken          10,000 ranks, trained here; ids as lists

One process without threads, rounds in turn, its CPU time; the rate is of the median, in MB of UTF-8, and the ratio the
median of the rounds' own. Exits with 1 where ours has less than 0.9 of the speed of `tokenizers`.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import cycle, pairwise
from operator import itemgetter
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"

from interleave.encode.special_strings import byte_level_spelling
from interleave.encode.tokenizer import Tokenizer, find_tokenizer, load_tokenizer

SAMPLE = Path(__file__).parents[1] / "recipes" / "sample" / "docs.jsonl"
LLAMA = "package:wordllama/tokenizers/l2_supercat_tokenizer_config.json"
BATCH = 64  # documents, as in encoding
LEAST = 0.9

Run = list[str]  # sentences between two images
Library = Callable[[list[str]], object]


def read(path: Path, num_bytes: int) -> Iterator[list[Run]]:
    """Documents, again and again to this size, as runs of sentences."""
    documents = list(_readable(path))
    if not documents:
        raise SystemExit(f"{path} has no documents as MMC4 has them")
    size = 0
    for number, document in enumerate(cycle(documents)):
        if number and size >= num_bytes:
            return
        size += sum(len(sentence.encode()) for run in document for sentence in run)
        yield document


def _readable(path: Path) -> Iterator[list[Run]]:
    """Some documents of the sample are broken on purpose."""
    for line in path.read_text(encoding="utf-8", errors="ignore").splitlines():
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            fields = json.loads(line)
            sentences = [sentence + "" for sentence in fields["text_list"]]
            at_images = {int(image["matched_text_index"]) for image in fields["image_info"]}
            cuts = sorted({0, len(sentences), *(at for at in at_images if 0 < at < len(sentences))})
            yield [sentences[low:high] for low, high in pairwise(cuts)]


def ours(tokenizer: Tokenizer, batches: Sequence[tuple[list[str], list[Run]]]) -> None:
    for texts, runs in batches:
        for tokenized, run in zip(tokenizer.encode_batch(texts), runs, strict=True):
            character = 0
            assert len(tokenized.ids)
            for sentence in run[:-1]:
                character += len(sentence) + 1
                tokenized.id_at(character)


def alone(library: Library, batches: Sequence[tuple[list[str], list[Run]]]) -> None:
    for texts, _ in batches:
        library(texts)


def sentencepiece_file(sentences: Sequence[str], path: Path) -> Path:
    from sentencepiece import SentencePieceTrainer

    model = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_writer=model,
        model_type="bpe",
        vocab_size=8_000,
        hard_vocab_limit=False,
        minloglevel=2,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        byte_fallback=True,
    )
    path.write_bytes(model.getvalue())
    return path


def tiktoken_file(sentences: Sequence[str], path: Path) -> Path:
    """Ranks are the order in which GPT-2's way of training finds its tokens."""
    from tokenizers import Tokenizer as Backend
    from tokenizers import models, pre_tokenizers, trainers

    backend = Backend(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=10_000, initial_alphabet=alphabet, show_progress=False)
    backend.train_from_iterator(sentences, trainer)
    ranks = {byte_level_spelling(token): rank for token, rank in backend.get_vocab().items()}
    lines = (f"{base64.b64encode(token).decode()} {rank}\n" for token, rank in sorted(ranks.items(), key=itemgetter(1)))
    path.write_text("".join(lines))
    return path


def contenders(folder: Path, sentences: Sequence[str]) -> Iterator[tuple[str, Tokenizer, Library]]:
    """Name, ours, and the library alone."""
    from sentencepiece import SentencePieceProcessor
    from tokenizers import Tokenizer as Backend

    json_file = find_tokenizer(LLAMA)
    backend = Backend.from_file(str(json_file))
    llama = load_tokenizer(json_file)
    yield "tokenizers", llama, lambda texts: backend.encode_batch(texts, add_special_tokens=False)
    yield "tokenizers, fast", llama, lambda texts: backend.encode_batch_fast(texts, add_special_tokens=False)
    model = sentencepiece_file(sentences, folder / "tokenizer.model")
    pieces = SentencePieceProcessor(model_file=str(model))
    yield "sentencepiece", load_tokenizer(model), lambda texts: pieces.encode(texts, num_threads=1)
    tiktoken = load_tokenizer(tiktoken_file(sentences, folder / "small.tiktoken"))
    encoding = tiktoken._backend  # type: ignore[attr-defined]
    yield "tiktoken", tiktoken, lambda texts: [encoding.encode_ordinary(text) for text in texts]


def measure(tokenizer: Tokenizer, library: Library, documents: Sequence[list[Run]], rounds: int) -> dict[str, float]:
    """Megabytes a second of both, and the ratio."""
    lots = [documents[start : start + BATCH] for start in range(0, len(documents), BATCH)]
    runs = [[run for document in lot for run in document] for lot in lots]
    batches = [(["\n".join(run) for run in lot], lot) for lot in runs]
    size = sum(len(text.encode()) for texts, _ in batches for text in texts) / 1e6
    taken: dict[str, list[float]] = {"ours": [], "library": []}
    programs = {"ours": lambda: ours(tokenizer, batches), "library": lambda: alone(library, batches)}
    for turn in range(rounds + 1):
        for name in list(programs)[:: 1 if turn % 2 else -1]:
            began = time.process_time()
            programs[name]()
            taken[name].append(time.process_time() - began)
    taken = {name: times[1:] for name, times in taken.items()}  # the first round fills caches
    ratios = [theirs / mine for mine, theirs in zip(taken["ours"], taken["library"], strict=True)]
    return {name: size / statistics.median(times) for name, times in taken.items()} | {
        "ratio": statistics.median(ratios)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", metavar="DOCS.JSONL", type=Path, default=SAMPLE)
    parser.add_argument("--megabytes", type=float, default=4.0, help="the text is repeated to this size")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--quick", action="store_true", help="1 MB, 3 rounds")
    options = parser.parse_args()
    megabytes, rounds = (1.0, 3) if options.quick else (options.megabytes, options.rounds)
    documents = list(read(options.text, int(megabytes * 1e6)))
    sentences = [sentence for document in documents for run in document for sentence in run]
    num_runs = sum(map(len, documents))
    print(f"{len(documents):,} documents, {num_runs:,} texts between images, {len(sentences):,} sentences")
    ratios = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, tokenizer, library in contenders(Path(folder), sentences[:20_000]):
            found = measure(tokenizer, library, documents, rounds)
            ratios[name] = found["ratio"]
            rates = f"{found['ours']:6.2f} MB/s, the library alone {found['library']:6.2f} MB/s"
            print(f"{name:>16}: {rates}, ratio {found['ratio']:.2f}", flush=True)
    if ratios["tokenizers"] < LEAST:
        sys.exit(f"ours has {ratios['tokenizers']:.2f} of the speed of tokenizers, expected {LEAST}")


if __name__ == "__main__":
    main()
