"""Near-duplicate text: documents a second of the whole step, and which of several kinds of copies it finds.

    python benchmarks/near_text.py [DOCS.jsonl] [--quick] [--documents 20000]

Ours is everything from sentences to who goes: words, shingles, MinHash, bands, LSH, and the true Jaccard similarity of
whom a band brought together. rensa is given lists of shingles that were made before, which is most of the work; a
second line has the time to make them, as its users must. datasketch, where it is installed, is given the same lists.
Rounds alternate. Documents are as long as those of DOCS.jsonl (MMC4's schema; without it the sample), and made of their
words.
"""

from __future__ import annotations

import argparse
import random
import re
import statistics
import tempfile
import time
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
from rensa import RMinHash, RMinHashLSH

from interleave.dedup import near_documents
from interleave.dedup.near_documents import shared_bands
from interleave.dedup.scratch import Scratch
from interleave.dedup.tables import BANDS
from interleave.dedup.text_fingerprints import NUM_BANDS, ROWS_PER_BAND, TextFingerprints, fingerprint_texts
from interleave.dedup.word_hashes import hash_words

SAMPLE = Path(__file__).parent.parent / "recipes" / "sample" / "docs.jsonl"
NEAR = 0.8
BATCH = 256
NUM_PERMUTATIONS = NUM_BANDS * ROWS_PER_BAND

Document = list[str]  # its sentences


def read(path: Path) -> list[Document]:
    found = []
    for line in path.read_bytes().splitlines():
        try:
            found.append(orjson.loads(line)["text_list"])
        except (orjson.JSONDecodeError, KeyError):
            continue
    return [sentences for sentences in found if sentences]


def make_corpus(path: Path, num_documents: int, rng: random.Random) -> list[Document]:
    """Documents as long as those of the file, of its words as often as they are there; no two are alike."""
    originals = read(path)
    every = [word for sentences in originals for sentence in sentences for word in sentence.split()]
    return [
        [" ".join(rng.choices(every, k=len(sentence.split()))) for sentence in originals[number % len(originals)]]
        for number in range(num_documents)
    ]


def ours(documents: Sequence[Document], near: float = NEAR) -> dict[int, int]:
    """Document -> the one that is kept in its place."""
    prints = [fingerprint(documents[start : start + BATCH]) for start in range(0, len(documents), BATCH)]
    bands = np.concatenate([one.bands for one in prints])
    sizes = np.concatenate([np.diff(one.offsets) for one in prints])
    every = np.arange(len(bands))
    scratch = Scratch(folder=Path(tempfile.gettempdir()))
    shared = shared_bands(lambda name: scratch.by_key(iter([(bands[:, BANDS.index(name)], every)])), scratch)
    items = shared.items

    def shingles(place: int) -> np.ndarray:
        batch, row = divmod(int(items[place]), BATCH)
        return prints[batch].shingles[prints[batch].offsets[row] : prints[batch].offsets[row + 1]]

    nobody = np.zeros(len(items), dtype=np.bool_)
    gone, keepers, _ = near_documents._follow_leaders(shared, nobody, sizes[items], shingles, near)
    return dict(zip(items[gone].tolist(), items[keepers].tolist(), strict=True))


def fingerprint(documents: Sequence[Document]) -> TextFingerprints:
    words = hash_words(pa.array([sentence for document in documents for sentence in document]))
    borders = np.concatenate([[0], np.cumsum([len(document) for document in documents])])
    return fingerprint_texts(words.hashes, words.offsets[borders])


def shingle_sets(documents: Sequence[Document]) -> list[list[str]]:
    found = []
    for document in documents:
        words = re.findall(r"\w+", unicodedata.normalize("NFKC", " ".join(document)).casefold())
        found.append([" ".join(words[at : at + 5]) for at in range(max(len(words) - 4, 1))])
    return found


def with_rensa(sets: Sequence[list[str]]) -> list[bool]:
    matrix = RMinHash.digest_matrix_from_token_sets(sets, num_perm=NUM_PERMUTATIONS, seed=1)
    index = RMinHashLSH(threshold=NEAR, num_perm=NUM_PERMUTATIONS, num_bands=NUM_BANDS)
    return list(index.query_duplicate_flags_matrix_one_shot(matrix))


def with_datasketch(sets: Sequence[list[str]]) -> int:
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(num_perm=NUM_PERMUTATIONS, params=(NUM_BANDS, ROWS_PER_BAND))
    num_found = 0
    for number, shingles in enumerate(sets):
        sketch = MinHash(num_perm=NUM_PERMUTATIONS)
        sketch.update_batch([shingle.encode() for shingle in shingles])
        num_found += bool(index.query(sketch))
        index.insert(number, sketch)
    return num_found


def print_speed(documents: list[Document], rounds: int) -> None:
    sets = shingle_sets(documents)
    some = max(len(documents) // 20, 100)
    programs: dict[str, tuple[int, Callable[[], object]]] = {
        "interleave, all of it": (len(documents), lambda: ours(documents)),
        "rensa, shingles made before": (len(documents), lambda: with_rensa(sets)),
        "rensa, shingles made in Python": (len(documents) // 4, lambda: with_rensa(shingle_sets(documents[::4]))),
    }
    try:
        import datasketch

        name = f"datasketch {datasketch.__version__}, shingles made before"
        programs[name] = (some, lambda: with_datasketch(sets[:some]))
    except ImportError:
        print("datasketch is not installed: left out")
    times: dict[str, list[float]] = {name: [] for name in programs}
    for turn in range(rounds):
        for name in list(programs)[:: 1 if turn % 2 else -1]:
            start = time.perf_counter()
            programs[name][1]()
            times[name].append(time.perf_counter() - start)
    speed = {name: programs[name][0] / statistics.median(values) for name, values in times.items()}
    for name, value in speed.items():
        print(f"{name:>40}: {value:10,.0f} documents/s, median of {rounds} rounds")
    whole, *others = speed
    print("ours / theirs: " + ", ".join(f"{speed[whole] / speed[name]:.2f} ({name})" for name in others))


def change_words(document: Document, share: float, rng: random.Random, others: list[str]) -> Document:
    return [
        " ".join(rng.choice(others) if rng.random() < share else word for word in sentence.split())
        for sentence in document
    ]


def truncate(document: Document, share: float) -> Document:
    words = [(number, word) for number, sentence in enumerate(document) for word in sentence.split()]
    left = words[: round(len(words) * (1 - share))]
    return [" ".join(word for at, word in left if at == number) for number in range(len(document))]


def shout(document: Document, rng: random.Random) -> Document:
    return [
        " ".join(word.upper().strip(".,") + rng.choice(["", "!", ",", " –", "…"]) for word in sentence.split())
        for sentence in document
    ]


def print_recall(documents: list[Document], rng: random.Random) -> None:
    others = [word for document in documents[:50] for sentence in document for word in sentence.split()]
    kinds: dict[str, Callable[[Document], Document]] = {
        "other case and punctuation": lambda document: shout(document, rng),
        "last 10 % cut off": lambda document: truncate(document, 0.1),
        "last 30 % cut off": lambda document: truncate(document, 0.3),
        "sentences in another order": lambda document: rng.sample(document, len(document)),
        "2 % of words changed": lambda document: change_words(document, 0.02, rng, others),
        "20 % of words changed": lambda document: change_words(document, 0.2, rng, others),
    }
    print(f"\n{'copies of ' + str(len(documents)) + ' documents':>28} {'Jaccard':>8}", end="")
    levels = (0.8, 0.6, 0.2)
    print("".join(f"   found, near {near}" for near in levels) + "   of those that are")
    num_false = 0
    for name, change in kinds.items():
        copies = [change(document) for document in documents]
        sets = [list(map(set, shingle_sets(some))) for some in (documents, copies)]
        similarity = np.array([len(a & b) / len(a | b) for a, b in zip(*sets, strict=True)])
        line = f"{name:>28} {similarity.mean():8.3f}"
        for near in levels:
            gone = ours(documents + copies, near)
            found = np.array([gone.get(number + len(documents)) == number for number in range(len(documents))])
            num_false += len(gone) - int(found.sum())
            are = similarity >= near
            recall = f"{found[are].mean():7.1%}" if are.any() else "   none"
            line += f" {found.mean():10.1%} {recall}"
        print(line)
    print(f"dropped that are no copy: {num_false}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("docs", nargs="?", type=Path, default=SAMPLE)
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--quick", action="store_true", help="2,000 documents, 3 rounds")
    args = parser.parse_args()
    rng = random.Random(0)
    documents = make_corpus(args.docs, 2_000 if args.quick else args.documents, rng)
    num_words = sum(len(sentence.split()) for document in documents for sentence in document)
    print(f"{len(documents):,} documents of {num_words / len(documents):.0f} words on average")
    # One in ten is a copy with its end cut off, so that there is something to verify.
    copies = [truncate(document, 0.05) for document in documents[: len(documents) // 10]]
    print_speed(documents[len(copies) :] + copies, 3 if args.quick else 5)
    print_recall(documents[: 300 if args.quick else 1_000], rng)


if __name__ == "__main__":
    main()
