"""Documents of a source as pages to look at: does a reader find every paragraph, and every image where it belongs?

    python benchmarks/look_at_pages.py RECIPE_OR_PATH FOLDER [--number 10] [--seed 0] [--min-images 2] [--min-side 100]

A path that ends in .warc or .warc.gz is read as `warc`, any other as `html`. Writes one HTML file a document: its
sentences one by one with the images between them, nothing from outside, no script. Documents are chosen by the seed
among those with enough images of the least size that can be read.
"""

from __future__ import annotations

import argparse
import base64
import html
from collections.abc import Iterator
from pathlib import Path

from interleave.acquire.html import HtmlSource
from interleave.acquire.listing import split_bytes
from interleave.acquire.source import Limits, Parsed, Source
from interleave.acquire.warc import WarcSource
from interleave.document import SourceDocument, SourceImage
from interleave.errors import Unreadable
from interleave.identity import seeded_u64
from interleave.images.normalise import ImageTarget, NormalisedImage, normalise
from interleave.recipe_file import load_recipe

STYLE = """body{font:15px/1.45 serif;width:780px;margin:20px auto}
p{margin:3px 0;border-left:3px solid #cde;padding-left:8px}
img{max-width:260px;max-height:220px;display:block;margin:6px 0;border:1px solid #c60}
small{color:#a40} h1{font-size:13px}"""


def main() -> None:
    options = parse_options()
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    documents = [document for source in sources(options.source) for document in documents_of(source)]
    documents.sort(key=lambda parsed: seeded_u64(options.seed, parsed.document.id))
    written = 0
    for parsed in documents:
        large = sum(is_large(image, options.min_side) for image in map(picture, parsed.document.images))
        if written < options.number and large >= options.min_images:
            path = folder / f"{written:02d}.html"
            path.write_text(as_html(parsed), encoding="utf-8")
            print(path, parsed.document.url, f"{large} images of {options.min_side} px")
            written += 1
    print(f"{written} written of {len(documents)} documents")


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help="a recipe, a WARC file, or a folder or .zip of pages")
    parser.add_argument("folder", help="where the pages go")
    parser.add_argument("--number", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--min-images", type=int, default=2)
    parser.add_argument("--min-side", type=int, default=100, help="px, of both sides")
    return parser.parse_args()


def sources(path: str) -> tuple[Source, ...]:
    if path.endswith((".yaml", ".yml")):
        return load_recipe(Path(path), ["output=/nowhere"]).all_sources
    location = str(Path(path).absolute())
    return (WarcSource(path=location) if path.endswith((".warc", ".warc.gz")) else HtmlSource(path=location),)


def documents_of(source: Source) -> Iterator[Parsed]:
    files = source.files()
    for file in files:
        for split in source.cut(file, split_bytes(files)):
            for record in source.read(split, Limits(max_image_bytes=20_000_000)):
                if isinstance(record, Parsed):
                    yield record


def picture(image: SourceImage) -> NormalisedImage | Unreadable:
    if image.load is None:
        return Unreadable("not_at_hand", str(image.url))
    try:
        return normalise(image.load(), ImageTarget(max_short_side=400))
    except Unreadable as error:
        return error


def is_large(image: NormalisedImage | Unreadable, side: int) -> bool:
    return not isinstance(image, Unreadable) and min(image.source_width, image.source_height) >= side


def as_html(parsed: Parsed) -> str:
    document = parsed.document
    body = [f"<h1>{html.escape(str(document.url))} [{document.id}]</h1>"]
    for number, sentence in enumerate(document.sentences):
        body += [image_html(image) for image in images_at(document, number)]
        body.append(f"<p>{html.escape(sentence)}</p>" if sentence else "")
    body += [
        f"<small>unusable image {index}: {html.escape(str(error))}</small><br>" for index, error in parsed.unusable
    ]
    return f"<!DOCTYPE html><meta charset=utf-8><style>{STYLE}</style>\n" + "\n".join(body)


def images_at(document: SourceDocument, sentence: int) -> list[SourceImage]:
    return [image for image in document.images if image.matched_sentence == sentence]


def image_html(image: SourceImage) -> str:
    found = picture(image)
    if isinstance(found, Unreadable):
        return f"<small>[image {image.index}: {html.escape(str(found))}]</small><br>"
    data = base64.b64encode(found.jpeg).decode("ascii")
    label = f"{image.index}: {image.name}, {found.source_width} x {found.source_height}"
    return f'<img src="data:image/jpeg;base64,{data}"><small>{html.escape(label)}</small>'


if __name__ == "__main__":
    main()
