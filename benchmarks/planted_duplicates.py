"""Which planted duplicates a whole build finds, and what else it drops: recall and precision by kind of copy.

    python benchmarks/planted_duplicates.py [--docs DOCS.jsonl --images FOLDER] [--originals 60] [--quick] [--json]

Pictures of a corpus (MMC4's schema; without it the sample) are originals or bystanders. One copy of each kind is made
of an original; then `interleave build` runs in this process, at several distances, and its ledger tells what went:

    across    the original and each of its copies in a document of its own, one copy of a picture may stay
    within    the original, its copies and two other pictures in one document

    recall      copies that were dropped, of those that were planted; 0 is expected of turned and mirrored ones
    precision   dropped pictures that are of an original of which another picture stays, of all dropped; a picture that
                the corpus itself has twice counts as wrong
    found       of all pairs within the distance (the ledger's hashes, all compared with all) those of which one goes
                at least: has to be all of them where every copy goes (`drop_all`), and in a document
    as compared pictures of which the ledger says what clusters made by comparing all with all say: whether they go, of
                how many copies, at how many bits from the first one. Has to be all of them
    left        pairs of which `keep_n` drops none: each is the kept one of another cluster

Texts are copied in the same way. Their similarities are computed a second time, from sets of word 5-grams in plain
Python; each that was dropped has to be as near to what is kept as the ledger says.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import tempfile
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps
from rich.console import Console
from rich.table import Table

from interleave.flow import build
from interleave.identity import document_id
from interleave.recipe_file import load_recipe

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "recipes" / "sample"
DISTANCES, NEARS = (0, 2, 5, 7), (0.8, 0.6)
ORIGINAL, OTHER, SAME = "original", "other", "same"
OUT_OF_SCOPE = ("mirrored", "rotated by 90 degrees")
MIN_WORDS = 50  # of a text that is copied
SHINGLE_WORDS = 5

Label = tuple[int, str]  # which original, and which kind of copy
Key = tuple[str, int]  # id of a document, index of an image
Text = list[str]  # its sentences


@dataclass(slots=True, kw_only=True)
class Found:
    """What one build made of the planted copies."""

    recall: dict[str, float]
    precision: float
    num_dropped: int
    num_pairs: int = 0
    pairs_found: float = 1.0
    # Of those that are near enough, the share of which one goes at least.
    as_compared: float = 1.0
    # Pictures that the ledger says of what comparing all with all says.
    left_by_keep_n: int = 0
    near_enough: dict[str, float | None] = field(default_factory=dict)
    # Texts: of copies that are as near to their original as was asked for, the share that was dropped.


# Pictures


def as_jpeg(image: Image.Image, quality: int = 90) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def resized(image: Image.Image, share: float) -> Image.Image:
    return image.resize((round(image.width * share), round(image.height * share)), Image.Resampling.LANCZOS)


def cropped(image: Image.Image, share: float) -> Image.Image:
    x, y = round(image.width * share), round(image.height * share)
    return image.crop((x, y, image.width - x, image.height - y))


def hue_shifted(image: Image.Image, degrees: float) -> Image.Image:
    hue, saturation, value = image.convert("HSV").split()
    shifted = hue.point(lambda level: round(level + degrees / 360 * 256) % 256)
    return Image.merge("HSV", (shifted, saturation, value)).convert("RGB")


def watermarked(image: Image.Image, text: str, height: float, anchor: str, x: float, y: float) -> Image.Image:
    """Half-transparent white text; height: share of the picture's; x, y: where its anchor is, as shares."""
    layer = Image.new("RGBA", image.size, (255, 255, 255, 0))
    font = ImageFont.load_default(max(image.height * height, 8))
    place = (image.width * x, image.height * y)
    ImageDraw.Draw(layer).text(place, text, (255, 255, 255, 128), font, anchor)
    return Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB")


IMAGE_KINDS: dict[str, Callable[[Image.Image], bytes]] = {
    "resized to 50 %": lambda image: as_jpeg(resized(image, 0.5)),
    "resized to 75 %": lambda image: as_jpeg(resized(image, 0.75)),
    "JPEG quality 50": lambda image: as_jpeg(image, 50),
    "JPEG quality 20": lambda image: as_jpeg(image, 20),
    "hue shifted by 30 degrees": lambda image: as_jpeg(hue_shifted(image, 30)),
    "brightness +10 %": lambda image: as_jpeg(ImageEnhance.Brightness(image).enhance(1.1)),
    "cropped by 2 % a side": lambda image: as_jpeg(cropped(image, 0.02)),
    "watermark in a corner": lambda image: as_jpeg(watermarked(image, "© sample", 0.07, "rs", 0.97, 0.97)),
    "watermark in the middle": lambda image: as_jpeg(watermarked(image, "SAMPLE", 0.15, "mm", 0.5, 0.5)),
    "mirrored": lambda image: as_jpeg(ImageOps.mirror(image)),
    "rotated by 90 degrees": lambda image: as_jpeg(image.transpose(Image.Transpose.ROTATE_90)),
}


def readable_jpegs(folder: Path) -> Iterator[Path]:
    """Whole, upright RGB pictures: nothing but the edit tells a copy from its original."""
    for path in sorted(folder.iterdir()):
        with suppress(OSError), Image.open(path) as image:
            image.load()
            if (image.format, image.mode) == ("JPEG", "RGB") and image.getexif().get(0x0112, 1) == 1:
                yield path


def write_pictures(paths: Sequence[Path], num_originals: int, folder: Path) -> list[dict[str, str]]:
    """Writes originals with their copies, then bystanders; the file name of each kind, picture by picture."""
    folder.mkdir(parents=True)
    written = []
    for number, path in enumerate(paths):
        (folder / path.name).write_bytes(path.read_bytes())
        names = {ORIGINAL: path.name} if number < num_originals else {OTHER: path.name}
        if number < num_originals:
            names[SAME] = path.name
            with Image.open(path) as image:
                for place, (kind, edit) in enumerate(IMAGE_KINDS.items()):
                    names[kind] = f"{number}-{place}.jpg"
                    (folder / names[kind]).write_bytes(edit(image))
        written.append(names)
    return written


def write_documents(path: Path, documents: Sequence[tuple[Text, Sequence[tuple[str, Label]]]]) -> dict[Key, Label]:
    """Writes documents of sentences and images, an image a sentence; labels by where images will be in the ledger."""
    path.parent.mkdir(parents=True, exist_ok=True)
    labels, lines = {}, []
    for line, (sentences, images) in enumerate(documents):
        infos = []
        for index, (name, label) in enumerate(images):
            url = f"https://pictures.example/{line}/{index}.jpg"
            infos.append({"image_name": name, "raw_url": url, "matched_text_index": index, "matched_sim": 1.0})
            labels[document_id("mmc4", path.name, line), index] = label
        matrix = [[1.0] * len(sentences)] * len(infos)
        document = {"url": f"https://site.example/{line}", "text_list": sentences, "image_info": infos}
        lines.append(json.dumps(document | {"similarity_matrix": matrix}))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return labels


def across(pictures: Sequence[dict[str, str]], rng: random.Random) -> list[tuple[Text, list[tuple[str, Label]]]]:
    """A document for each picture; those of originals are the longest, and so theirs are kept."""
    documents = []
    for number, names in enumerate(pictures):
        for kind, name in names.items():
            sentences = [f"Picture {number}, {kind}.", *["One sentence more."] * (5 * (kind == ORIGINAL))]
            documents.append((sentences, [(name, (number, kind))]))
    rng.shuffle(documents)
    return documents


def within(pictures: Sequence[dict[str, str]], rng: random.Random) -> list[tuple[Text, list[tuple[str, Label]]]]:
    documents = []
    firsts = [next(iter(names.values())) for names in pictures]
    for number, names in enumerate(pictures):
        if ORIGINAL in names:
            images = [(name, (number, kind)) for kind, name in names.items() if kind != ORIGINAL]
            others = (number + place for place in range(1, min(3, len(firsts))))
            images += [(firsts[other % len(firsts)], (other % len(firsts), OTHER)) for other in others]
            rng.shuffle(images)
            images.insert(0, (names[ORIGINAL], (number, ORIGINAL)))
            documents.append(([f"Sentence {place} of {number}." for place in range(len(images))], images))
    return documents


# Builds


def run_build(folder: Path, docs: Path, images: Path, dedup: dict[str, object], workers: int) -> Path:
    """The dataset; in a folder that has one the build goes on from what is measured."""
    overrides = [f"source.path={docs}", f"source.images={images}", f"output={folder}", "clean.rules=[]"]
    overrides += ["clean.repair={encoding: false, control_characters: false, whitespace: false}"]
    overrides += [f"dedup={json.dumps(dedup)}", "shards.max_bytes=500000000", "shards.multiple_of=1"]
    report = build(load_recipe(ROOT / "recipes" / "mmc4.yaml", overrides), num_workers=workers, quiet=True)
    return Path(report.datasets[0].folder)


def ledger(dataset: Path) -> list[dict[str, object]]:
    rows = pq.read_table(dataset / "ledger" / "drops.parquet").to_pylist()
    assert all(row["stage"] == "dedup" for row in rows), "nothing but duplicates was to be dropped"
    return [row for row in rows if row["rule"] != "document_dropped"]


def dropped_images(dataset: Path) -> dict[Key, float]:
    """With the values of the ledger."""
    return {(row["doc_id"], row["image"]): row["value"] for row in ledger(dataset)}


def hashes_of(dataset: Path, keys: Sequence[Key]) -> np.ndarray:
    """(num_images,) uint64"""
    table = pq.read_table(dataset / "ledger" / "images.parquet", columns=["doc_id", "image", "phash"])
    columns = (table[name].to_pylist() for name in ("doc_id", "image", "phash"))
    found = {(doc_id, image): phash for doc_id, image, phash in zip(*columns, strict=True)}
    assert found.keys() == set(keys), "every picture was to be measured"
    return np.array([found[key] for key in keys], dtype=np.uint64)


def near_pairs(phashes: np.ndarray, distance: int) -> np.ndarray:
    """(num_pairs, 2), by comparing all with all."""
    found = [np.empty((0, 2), dtype=np.int64)]
    for one in range(len(phashes)):
        others = np.flatnonzero(np.bitwise_count(phashes[one + 1 :] ^ phashes[one]) <= distance) + one + 1
        found.append(np.stack([np.full(len(others), one), others], axis=1))
    return np.concatenate(found)


def judge(labels: dict[Key, Label], gone: Collection[Key]) -> Found:
    planted = Counter(kind for _, kind in labels.values())
    dropped = Counter(labels[key][1] for key in gone)
    stay = {label[0] for key, label in labels.items() if key not in gone and label[1] != OTHER}
    num_right = sum(labels[key][1] != OTHER and labels[key][0] in stay for key in gone)
    return Found(
        recall={kind: dropped[kind] / planted[kind] for kind in (SAME, *IMAGE_KINDS)},
        precision=num_right / max(len(gone), 1),
        num_dropped=len(gone),
    )


def leaders(order: Sequence[int], pairs: np.ndarray) -> np.ndarray:
    """(num_images,) the first picture in order that is near each, and led by no other: clusters, the plain way."""
    near = defaultdict(list)
    for one, other in pairs.tolist():
        near[one].append(other)
        near[other].append(one)
    leader = np.full(len(order), -1)
    for one in order:
        if leader[one] < 0:
            members = [other for other in (one, *near[one]) if leader[other] < 0]
            leader[members] = one
    return leader


def compare(
    found: Found, keys: Sequence[Key], pairs: np.ndarray, gone: dict[Key, float], due: dict[Key, float]
) -> Found:
    """due: what is to go, with the ledger's values, by comparing all with all."""
    found.num_pairs = len(pairs)
    found.pairs_found = float(np.array([key in gone for key in keys])[pairs].any(axis=1).mean()) if len(pairs) else 1.0
    found.as_compared = sum(gone.get(key) == due.get(key) for key in keys) / len(keys)
    return found


def find_across(folder: Path, images: Path, labels: dict[Key, Label], distance: int, workers: int) -> Found:
    settings = {"within_document": None, "across": distance, "max_copies": 1, "keep": "longest"}

    def goes(policy: str) -> dict[Key, float]:
        dedup = {"documents": None, "images": settings | {"policy": policy}}
        return dropped_images(run_build(folder / "out", folder / "docs.jsonl", images, dedup, workers))

    every, one_too_many, keys = goes("drop_all"), goes("keep_n"), list(labels)
    phashes = hashes_of(folder / "out", keys)
    pairs, counts = near_pairs(phashes, distance), Counter(phashes.tolist())
    order = sorted(range(len(keys)), key=lambda image: (-counts[int(phashes[image])], phashes[image]))
    leader = leaders(order, pairs)
    sizes = np.bincount(leader)[leader]
    due = {key: float(size) for key, size in zip(keys, sizes.tolist(), strict=True) if size > 1}
    found = compare(judge(labels, one_too_many.keys()), keys, pairs, every, due)
    found.left_by_keep_n = int((~np.array([key in one_too_many for key in keys])[pairs]).all(axis=1).sum())
    return found


def find_within(folder: Path, images: Path, labels: dict[Key, Label], distance: int, workers: int) -> Found:
    dedup = {"documents": None, "images": {"within_document": distance, "max_copies": None}}
    gone = dropped_images(run_build(folder / "out", folder / "docs.jsonl", images, dedup, workers))
    keys = list(labels)
    phashes = hashes_of(folder / "out", keys)
    pairs = near_pairs(phashes, distance)
    document = np.array([key[0] for key in keys])[pairs]
    pairs = pairs[document[:, 0] == document[:, 1]]
    leader = leaders(range(len(keys)), pairs)
    bits = np.bitwise_count(phashes ^ phashes[leader])
    due = {keys[image]: float(bits[image]) for image in np.flatnonzero(leader != np.arange(len(keys)))}
    return compare(judge(labels, gone.keys()), keys, pairs, gone, due)


def find_images(
    paths: Sequence[Path], num_originals: int, distances: Sequence[int], folder: Path, workers: int
) -> dict[str, dict[int, Found]]:
    rng = random.Random(0)
    pictures = write_pictures(paths, num_originals, folder / "images")
    found: dict[str, dict[int, Found]] = {}
    for place, make, find in (("across", across, find_across), ("within", within, find_within)):
        labels = write_documents(folder / place / "docs.jsonl", make(pictures, rng))
        found[place] = {
            distance: find(folder / place, folder / "images", labels, distance, workers) for distance in distances
        }
    return found


# Texts


def changed(text: Text, share: float, rng: random.Random, by_length: dict[int, list[str]]) -> Text:
    """Some words made others that are as long: no copy is longer than its original."""
    return [
        " ".join(rng.choice(by_length[len(word)]) if rng.random() < share else word for word in sentence.split(" "))
        for sentence in text
    ]


def cut(text: Text, share: float) -> Text:
    left = round(sum(len(sentence.split(" ")) for sentence in text) * (1 - share))
    found = []
    for sentence in text:
        words = sentence.split(" ")[: max(left, 0)]
        left -= len(words)
        found.append(" ".join(words))
    return [sentence for sentence in found if sentence]


def respelled(text: Text, rng: random.Random) -> Text:
    """Other case, other punctuation."""

    def spell(letter: str) -> str:
        if is_in_word(letter) or letter == " ":
            return rng.choice((letter.upper(), letter.lower()))
        return rng.choice(",;!?-")

    # In NFKC first: a sign like U+2122 is two letters of a word in it.
    return ["".join(map(spell, unicodedata.normalize("NFKC", sentence))) for sentence in text]


def copies_of(text: Text, rng: random.Random, by_length: dict[int, list[str]]) -> dict[str, Text]:
    return {
        # Whichever text has most characters is kept; this one has the most, and no other words.
        ORIGINAL: [*text, "*" * 50],
        SAME: text,
        "case and punctuation": respelled(text, rng),
        "2 % of words changed": changed(text, 0.02, rng, by_length),
        "20 % of words changed": changed(text, 0.2, rng, by_length),
        "last 10 % cut off": cut(text, 0.1),
        "last 30 % cut off": cut(text, 0.3),
        "sentences shuffled": rng.sample(text, len(text)),
    }


def is_in_word(letter: str) -> bool:
    return letter.isalnum() or unicodedata.category(letter).startswith("M")


def shingles(text: Text) -> set[tuple[str, ...]]:
    """Word 5-grams; a shorter text is one."""
    words: list[str] = []
    for sentence in text:
        folded = unicodedata.normalize("NFKC", sentence).casefold()
        words += "".join(letter if is_in_word(letter) else " " for letter in folded).split()
    return {tuple(words[at : at + SHINGLE_WORDS]) for at in range(max(len(words) - SHINGLE_WORDS + 1, 1))}


def jaccard(one: set[tuple[str, ...]], other: set[tuple[str, ...]]) -> float:
    return len(one & other) / len(one | other)


def read_texts(docs: Path) -> list[Text]:
    """Different texts that are long enough to be copied."""
    texts: dict[str, Text] = {}
    for line in docs.read_text(encoding="utf-8", errors="ignore").splitlines():
        with suppress(ValueError, KeyError, TypeError):
            sentences = [" ".join(sentence.split()) for sentence in json.loads(line)["text_list"]]
            if sum(len(sentence.split()) for sentence in sentences) >= MIN_WORDS:
                texts.setdefault("\n".join(sentences), [sentence for sentence in sentences if sentence])
    return list(texts.values())


def find_texts(
    texts: Sequence[Text], num_originals: int, nears: Sequence[float], folder: Path, workers: int
) -> tuple[dict[float, Found], dict[str, float]]:
    """(what was found at each similarity, mean similarity of each kind's copies to their originals)."""
    num_originals = min(num_originals, len(texts))
    rng, by_length = random.Random(0), defaultdict(list)
    for word in (word for text in texts for sentence in text for word in sentence.split(" ")):
        by_length[len(word)].append(word)
    planted = [
        ((number, kind), copy)
        for number, text in enumerate(texts)
        for kind, copy in (copies_of(text, rng, by_length) if number < num_originals else {OTHER: text}).items()
    ]
    kinds = list(dict.fromkeys(kind for (_, kind), _ in planted if kind not in (ORIGINAL, OTHER)))
    rng.shuffle(planted)
    write_documents(folder / "docs.jsonl", [(copy, []) for _, copy in planted])
    labels = {document_id("mmc4", "docs.jsonl", line): label for line, (label, _) in enumerate(planted)}
    sets = {label: shingles(copy) for label, copy in planted}
    found = {near: _find_texts(folder, labels, sets, kinds, near, workers) for near in nears}
    similar = {
        kind: float(np.mean([jaccard(sets[number, kind], sets[number, ORIGINAL]) for number in range(num_originals)]))
        for kind in kinds
    }
    return found, similar


def _find_texts(
    folder: Path,
    labels: dict[str, Label],
    sets: dict[Label, set[tuple[str, ...]]],
    kinds: Sequence[str],
    near: float,
    workers: int,
) -> Found:
    dedup = {"documents": {"near": near, "keep": "longest"}, "images": None}
    rows = ledger(run_build(folder / "out", folder / "docs.jsonl", folder, dedup, workers))
    gone = {labels[str(row["doc_id"])]: row for row in rows}
    for label, row in gone.items():
        true = jaccard(sets[label], sets[labels[str(row["detail"])]])
        assert abs(true - float(str(row["value"]))) < 1e-3, f"{label}: the ledger says {row['value']}, it is {true}"
        assert true >= near - 1e-9, f"{label} was dropped at a similarity of {true}"
    families: dict[int, list[Label]] = defaultdict(list)
    for label in sets:
        families[label[0]].append(label)
    pairs = [
        pair
        for family in families.values()
        for pair in combinations(family, 2)
        if jaccard(sets[pair[0]], sets[pair[1]]) >= near
    ]
    planted = Counter(kind for _, kind in labels.values())
    dropped = Counter(kind for _, kind in gone)
    near_enough: dict[str, float | None] = {}
    for kind in kinds:
        are = [one for one in labels.values() if one[1] == kind and jaccard(sets[one], sets[one[0], ORIGINAL]) >= near]
        near_enough[kind] = sum(one in gone for one in are) / len(are) if are else None
    return Found(
        recall={kind: dropped[kind] / planted[kind] for kind in kinds},
        precision=sum(kind not in (ORIGINAL, OTHER) for _, kind in gone) / max(len(gone), 1),
        num_dropped=len(gone),
        num_pairs=len(pairs),
        pairs_found=sum(bool(gone.keys() & set(pair)) for pair in pairs) / max(len(pairs), 1),
        near_enough=near_enough,
    )


# Report


def print_images(place: str, found: dict[int, Found], title: str) -> None:
    table = Table(title=f"{place}: {title}", width=80, title_justify="left")
    table.add_column("distance in bits")
    for distance in found:
        table.add_column(f"{distance}", justify="right")
    for kind in (SAME, *IMAGE_KINDS):
        shown = f"{kind} *" if kind in OUT_OF_SCOPE else kind
        table.add_row(shown, *(_percent(one.recall[kind]) for one in found.values()))
    table.add_section()
    _add_totals(table, found, lambda cell: (cell,))
    table.add_row("pictures as compared", *(_percent(one.as_compared) for one in found.values()))
    if place == "across":
        table.add_row("pairs left by keep_n", *(str(one.left_by_keep_n) for one in found.values()))
    table.caption = "Recall, % of planted copies. * Out of scope: expected not to be found."
    Console(width=80).print(table)


def _add_totals(table: Table, found: dict[Any, Found], cells: Callable[[str], tuple[str, ...]]) -> None:
    """cells: those of one build, the rows' first ones left out."""
    empty = ("",) * (len(table.columns) - 1 - len(found) * len(cells("")))
    for name, show in (
        ("precision", lambda one: _percent(one.precision)),
        ("dropped", lambda one: str(one.num_dropped)),
        ("pairs that are near", lambda one: str(one.num_pairs)),
        ("of these found", lambda one: _percent(one.pairs_found)),
    ):
        table.add_row(name, *empty, *(cell for one in found.values() for cell in cells(show(one))))


def print_texts(found: dict[float, Found], similar: dict[str, float], title: str) -> None:
    table = Table(title=f"texts: {title}", width=80, title_justify="left")
    for name in ("near", "Jaccard", *(text for near in found for text in (f"recall\n{near}", f"of near\n{near}"))):
        table.add_column(name, justify="left" if name == "near" else "right")
    for kind, similarity in similar.items():
        cells = (text for one in found.values() for text in (one.recall[kind], one.near_enough[kind]))
        table.add_row(kind, f"{similarity:.3f}", *map(_percent, cells))
    table.add_section()
    _add_totals(table, found, lambda cell: (cell, ""))
    table.caption = "Recall, % of planted copies; of near: of those that are as similar to their original as `near`."
    Console(width=80).print(table)


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=Path, default=SAMPLE / "docs.jsonl")
    parser.add_argument("--images", type=Path, default=SAMPLE / "images")
    parser.add_argument("--originals", type=int, default=60, help="pictures, and texts, that are copied")
    parser.add_argument("--others", type=int, default=10_000, help="most pictures, and texts, that are not")
    parser.add_argument("--workers", type=int, default=1, help="more pay for many pictures only")
    parser.add_argument("--quick", action="store_true", help="10 originals, 20 others")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    num, most = (10, 30) if options.quick else (options.originals, options.originals + options.others)
    paths = list(readable_jpegs(options.images.absolute()))
    texts = read_texts(options.docs)
    for some in (paths, texts):
        random.Random(0).shuffle(some)
    paths, texts = paths[:most], texts[:most]
    with tempfile.TemporaryDirectory() as name:
        images = find_images(paths, num, DISTANCES, Path(name, "images"), options.workers)
        found, similar = find_texts(texts, num, NEARS, Path(name, "texts"), options.workers)
    if options.json:
        every = {place: {str(key): asdict(one) for key, one in some.items()} for place, some in images.items()}
        print(json.dumps(every | {"texts": {str(near): asdict(one) for near, one in found.items()}}))
    else:
        for place, by_distance in images.items():
            print_images(place, by_distance, f"{min(num, len(paths))} copied, {max(len(paths) - num, 0)} others")
        print_texts(found, similar, f"{min(num, len(texts))} copied, {max(len(texts) - num, 0)} others")
    missed = [
        one
        for by_distance in images.values()
        for one in by_distance.values()
        if min(one.pairs_found, one.as_compared) < 1
    ]
    assert not missed, f"pairs within the distance were missed: {missed}"


if __name__ == "__main__":
    main()
