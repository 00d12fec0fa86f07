"""`interleave estimate` against the build that it speaks of, on documents repeated with changes.

    python benchmarks/estimate.py [--documents 10000] [--corpus DOCS.jsonl IMAGES ...] [--quick]

Each copy of a document has its words in another order and its images cropped, mirrored and of another brightness, so
that it is a document of its own; one in 25 is a copy of the one before but for its URL. Printed are estimate over build
for documents, images, tokens and bytes, and for the time, measured one after the other.

--quick takes the 53 documents of the project's sample ten times over: few pictures, each so often that some are
dropped as copies, which a sample of them does not show. It exits with 1 where a count is off by more than 30 %.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from PIL import Image, ImageEnhance, ImageOps

from interleave.estimate import Estimate, estimate
from interleave.executors import default_workers, open_executor
from interleave.flow import build
from interleave.recipe_file import load_recipe
from interleave.report import Report

ROOT = Path(__file__).parent.parent
RECIPE = ROOT / "recipes" / "mmc4.yaml"
SAMPLE = (ROOT / "recipes" / "sample" / "docs.jsonl", ROOT / "recipes" / "sample" / "images")
# One document in so many is a copy.
COPY_EVERY = 25
QUICK_DOCUMENTS, QUICK_SAMPLE, QUICK_SHARE = 500, 250, 0.30


def changed_text(text: str, chance: random.Random) -> str:
    """The same words, or for lack of spaces the same characters, in another order."""
    parts = text.split(" ") if " " in text else list(text)
    chance.shuffle(parts)
    return (" " if " " in text else "").join(parts)


def changed_image(path: Path, to: Path, chance: random.Random) -> None:
    try:
        with Image.open(path) as opened:
            image = opened.convert("RGB")
    except (OSError, Image.DecompressionBombError):
        to.write_bytes(path.read_bytes())  # damaged in the original: damaged in every copy
        return
    width, height = image.size
    left, upper, right, lower = (chance.uniform(0, 0.12) for _ in range(4))
    image = image.crop((int(width * left), int(height * upper), int(width * (1 - right)), int(height * (1 - lower))))
    if chance.random() < 0.5:
        image = ImageOps.mirror(image)
    ImageEnhance.Brightness(image).enhance(chance.uniform(0.6, 1.4)).save(to, "JPEG", quality=chance.randint(75, 92))


def changed_document(task: tuple[int, dict[str, Any], str], *, images: str) -> bytes:
    """A copy with changes, its images written."""
    number, document, folder = task
    if number % COPY_EVERY == COPY_EVERY - 1:
        number -= 1
        url = f"{document['url']}?copy={number + 1}"
    else:
        url = f"{document['url']}?copy={number}"
    chance = random.Random(number)
    infos = []
    for at, info in enumerate(document["image_info"]):
        name = f"{number:06d}-{at:02d}.jpg"
        source, to = Path(folder) / info["image_name"], Path(images) / name
        if source.is_file() and not to.exists():
            changed_image(source, to, chance)
        infos.append(info | {"image_name": name})
    texts = [changed_text(text, chance) for text in document["text_list"]]
    return orjson.dumps(document | {"url": url, "text_list": texts, "image_info": infos})


def documents_of(docs: Path) -> Iterator[dict[str, Any]]:
    """Those that can be read: the project's sample has some that cannot, and none of these would be a change of it."""
    for line in docs.read_bytes().splitlines():
        try:
            document = orjson.loads(line)
            if all(isinstance(text, str) for text in document["text_list"]) and document["url"]:
                [info["image_name"] for info in document["image_info"]]
                yield document
        except (orjson.JSONDecodeError, KeyError, TypeError):
            continue


def write_corpus(folder: Path, parts: list[tuple[Path, Path]], num_documents: int) -> None:
    images = folder / "images"
    images.mkdir(parents=True)
    originals = [(document, str(of_images)) for docs, of_images in parts for document in documents_of(docs)]
    # A copy has the document of the one before.
    tasks = []
    for number in range(num_documents):
        original = number - 1 if number % COPY_EVERY == COPY_EVERY - 1 else number
        tasks.append((number, *originals[original % len(originals)]))
    with open_executor(default_workers()) as executor:
        lines = dict(executor.map(partial(changed_document, images=str(images)), tasks))
    (folder / "docs.jsonl").write_bytes(b"\n".join(lines[number] for number in range(num_documents)) + b"\n")


def compare(folder: Path, num_sample: int, output: Path) -> dict[str, float]:
    """Estimate over build."""
    settings = [f"source.path={folder / 'docs.jsonl'}", f"source.images={folder / 'images'}", f"output={output}"]
    recipe = load_recipe(RECIPE, [*settings, "shards.max_bytes=50000000"])
    workers = default_workers()
    began = time.perf_counter()
    said = estimate(recipe, num_documents=num_sample, num_workers=workers, num_machines=1)
    took = time.perf_counter() - began
    began = time.perf_counter()
    built = build(recipe, num_workers=workers, quiet=True, fresh=True)
    seconds = time.perf_counter() - began
    print(f"sample of {said.sample_documents:,} documents; the estimate took {took / seconds:.2f} of the build's time")
    ratios = {name: mine / theirs for name, (mine, theirs) in figures(said, built).items()}
    ratios["time"] = said.seconds / seconds
    for name, ratio in ratios.items():
        print(f"{name:16} {ratio:.3f} of the build's")
    for stage in said.stages:
        real = next(line.seconds for line in built.stages if line.stage == stage.name)
        if real > seconds / 50:
            print(f"  {stage.name:14} {stage.seconds / real:.2f}, which is {real / seconds:.0%} of the build")
    return ratios


def figures(said: Estimate, built: Report) -> dict[str, tuple[int, int]]:
    shards = built.datasets
    work = sum(path.stat().st_size for path in Path(built.work).rglob("*") if path.is_file())
    return {
        "documents in": (said.documents_in, built.documents_in),
        "documents": (said.documents_out, built.documents_out),
        "images": (said.images_out, built.images_out),
        "samples": (said.samples, built.samples),
        "text tokens": (said.text_tokens, built.tokens_out),
        "tokens": (said.tokens, sum(line.num_tokens for line in shards)),
        "dataset bytes": (said.dataset_bytes, sum(line.num_bytes for line in shards)),
        "work bytes": (said.work_bytes, work),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--sample", type=int, default=1_000)
    parser.add_argument("--corpus", type=Path, nargs=2, action="append", metavar=("DOCS", "IMAGES"))
    parser.add_argument("--folder", type=Path, help="keep the corpus there, or take the one that is there")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch) / "corpus"
        if not folder.is_dir():
            parts = [tuple(pair) for pair in options.corpus or [SAMPLE]]
            write_corpus(folder, parts, QUICK_DOCUMENTS if options.quick else options.documents)
        sample = QUICK_SAMPLE if options.quick else options.sample
        ratios = compare(folder, sample, Path(scratch) / "built")
    if options.quick and any(abs(ratio - 1) > QUICK_SHARE for name, ratio in ratios.items() if name != "time"):
        raise SystemExit(f"a figure is off by more than {QUICK_SHARE:.0%}")


if __name__ == "__main__":
    main()
