"""Writes the sample corpus, docs.jsonl and images/, beside this file: `python recipes/sample/make_sample.py`.

The texts are in articles.txt and the drawings in pictures.py. What is here puts the two together as MMC4 does, chooses
a file format for each picture, and plants the flaws that README.md lists; each is marked below with its number.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pictures import PICTURES, dice, pendulum
from PIL import Image, ImageDraw

HERE = Path(__file__).resolve().parent
Record = dict[str, Any]


@dataclass
class Placement:
    """A picture, the sentence it belongs to, and a similarity where the article sets one."""

    picture: str
    sentence: int
    similarity: float | None = None
    raw_url: str = ""


@dataclass
class Article:
    url: str
    sentences: list[str] = field(default_factory=list)
    placements: list[Placement] = field(default_factory=list)


def read_articles(path: Path) -> list[Article]:
    articles: list[Article] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            articles.append(Article(line[2:].strip()))
        elif found := re.fullmatch(r"!\[(\w+)\]\s*([\d.]*)", line):
            similarity = float(found[2]) if found[2] else None
            article = articles[-1]
            article.placements.append(Placement(found[1], len(article.sentences) - 1, similarity))
        elif articles and line.strip():
            articles[-1].sentences.append(line.strip())
    return articles


# ---- the files of the pictures: a function gives the bytes and the extension ---------------------------------------


ENLARGED = {  # how much larger than drawn, for pictures as large as cameras and scanners give
    "bridge_suspension": 1.7,
    "compass_rose": 2.0,
    "golden_spiral": 1.5,
    "leaf_lobed": 1.4,
    "orion": 1.5,
    "quilt_star": 1.6,
    "saturn": 1.5,
    "trail_map": 1.65,
    "volcano": 1.3,
}


def draw(name: str) -> Image.Image:
    return PICTURES[name]().image(ENLARGED.get(name, 1.0))


def pack(image: Image.Image, kind: str, **options: Any) -> tuple[bytes, str]:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue(), {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "GIF": ".gif"}[kind]


def jpeg(name: str, quality: int = 82) -> tuple[bytes, str]:
    return pack(draw(name), "JPEG", quality=quality, optimize=True)


def palette_png(name: str) -> tuple[bytes, str]:
    return pack(draw(name).quantize(64, dither=Image.Dither.NONE), "PNG", optimize=True)


def alpha_png(name: str) -> tuple[bytes, str]:
    """Three discs of light on nothing: outside of them the picture is transparent."""
    image = draw(name).convert("RGBA")
    cover = Image.new("L", (image.width * 3, image.height * 3), 0)
    for x, y in [(210, 130), (130, 265), (290, 265)]:
        ImageDraw.Draw(cover).ellipse([(v - 121) * 3 for v in (x, y)] + [(v + 121) * 3 for v in (x, y)], fill=255)
    image.putalpha(cover.resize(image.size, Image.Resampling.LANCZOS))
    return pack(image, "PNG", optimize=True)


def webp(name: str) -> tuple[bytes, str]:
    return pack(draw(name), "WEBP", quality=80, method=6)


def swinging_gif(_: str) -> tuple[bytes, str]:
    frames = [pendulum(degrees).image().quantize(128, dither=Image.Dither.NONE) for degrees in (28, 20, 0, -20, -28)]
    return pack(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=220, loop=0)


def recompressed_copy(_: str) -> tuple[bytes, str]:
    """Flaw 4: Saturn once more, a little smaller and at a lower quality."""
    saturn = draw("saturn")
    return pack(saturn.resize((880, 550), Image.Resampling.BICUBIC), "JPEG", quality=55)


def truncated(_: str) -> tuple[bytes, str]:
    """Flaw 7: the download stopped after somewhat more than half of the bytes."""
    data, extension = jpeg("sundial")
    return data[: len(data) * 55 // 100], extension


def html_page(_: str) -> tuple[bytes, str]:
    """Flaw 9: the server answered with a page, and it was saved under the name of a picture."""
    page = "<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head>\n<body><h1>Not Found</h1>\n"
    return (page + "<p>The picture you asked for has moved.</p></body></html>\n").encode(), ".jpg"


def with_exif(_: str) -> tuple[bytes, str]:
    """Flaw 17: stored on its side, with the tag that turns it upright (6) and the place where it was taken."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Example Camera"
    gps = exif.get_ifd(0x8825)
    gps.update({1: "N", 2: (51.0, 28.0, 36.8), 3: "W", 4: (0.0, 0.0, 1.8)})
    sideways = draw("snail").transpose(Image.Transpose.ROTATE_90)
    return pack(sideways, "JPEG", quality=82, optimize=True, exif=exif)


def cmyk(_: str) -> tuple[bytes, str]:
    """Flaw 18: a JPEG made for a printing press."""
    return pack(draw("fruit_bowl").convert("CMYK"), "JPEG", quality=82)


def unreadable(_: str) -> tuple[bytes, str]:
    """Flaw 24: a JPEG that ends inside of its header."""
    return jpeg("rain_bars")[0][:180], ".jpg"


FORMATS: dict[str, Callable[[str], tuple[bytes, str]]] = {
    "network_logo": palette_png,
    "colour_wheel": palette_png,
    "colour_mix": alpha_png,
    "fraction_bars": lambda name: pack(draw(name), "PNG", optimize=True),
    "circuit_simple": lambda name: pack(draw(name), "PNG", optimize=True),
    "butterfly": webp,
    "pendulum": swinging_gif,
    "mountain_photo": lambda name: jpeg(name, 72),
    "granite_photo": lambda name: jpeg(name, 60),
    "saturn_again": recompressed_copy,
    "sundial_truncated": truncated,
    "video_html": html_page,
    "snail_exif": with_exif,
    "fruit_bowl_cmyk": cmyk,
    "timetable_unreadable": unreadable,
}
MISSING = "worm_box_missing"  # flaw 8: the record names a file that is not there


class Files:
    """The picture files made so far, by picture; each is drawn once, however many articles use it."""

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {}
        self._names: dict[str, str] = {}

    def name(self, picture: str) -> str:
        """The file name: the first twelve hex digits of the SHA-256 of the bytes, and the extension."""
        if picture not in self._names:
            data, extension = (b"", ".jpg") if picture == MISSING else FORMATS.get(picture, jpeg)(picture)
            digest = hashlib.sha256(data or picture.encode()).hexdigest()[:12]
            self._names[picture] = digest + extension
            if data:
                self.data[digest + extension] = data
        return self._names[picture]


# ---- the flaws that concern a whole article ------------------------------------------------------------------------

LOGO_IN = (
    "https://sky.example/winter-constellations",
    "https://sky.example/three-planets",
    "https://sky.example/eclipses",
    "https://workshop.example/levers",
    "https://workshop.example/gears",
    "https://workshop.example/keeping-time",
    "https://workshop.example/first-circuits",
    "https://workshop.example/mathematical-knots",
    "https://garden.example/from-bean-to-vine",
    "https://garden.example/reading-leaves",
    "https://garden.example/bees",
    "https://garden.example/a-butterfly-in-four-acts",
)
BANNER_IN = (
    "https://sky.example/three-planets",
    "https://sky.example/eclipses",
    "https://garden.example/bees",
    "https://kitchen.example/bread-by-weight",
    "https://maps.example/contour-lines",
    "https://maps.example/climate-of-a-small-town",
    "https://maps.example/under-our-feet",
    "https://maps.example/water-goes-round",
    "https://school.example/shapes-and-numbers",
    "https://school.example/mixing-colours",
    "https://school.example/waves",
    "https://patterns.example/paper-boat",
)
RECRAWLED = {  # the pages with could_have_url_duplicate = 1
    "https://sky.example/moon-phases",
    "https://night.example/archive/phases-of-the-moon",
    "https://garden.example/tree-rings",
    "https://maps.example/ferry-timetable",
}
FACES = {"smiley": [[70.0, 44.0, 362.0, 350.0]]}  # flaw 20: x0, y0, x1, y1 in pixels
SITE_WIDE = ("network_logo", "network_banner")


def add_site_pictures(article: Article) -> None:
    """Flaws 5 and 6: a logo that its address gives away, and a banner that only its many copies give away."""
    site = article.url.split("/")[2]
    taken = {placement.sentence for placement in article.placements}
    free = [i for i in range(len(article.sentences)) if i not in taken]
    if article.url in LOGO_IN:
        article.placements.insert(0, Placement("network_logo", free[0], raw_url=f"https://{site}/assets/logo.png"))
    if article.url in BANNER_IN:
        url = "https://cdn.almanac.example/m/7f31c2.jpg"
        article.placements.append(Placement("network_banner", free[-1], raw_url=url))


def mojibake(sentence: str) -> str:
    """Flaw 12: UTF-8 that was read as Windows-1252."""
    return sentence.encode("utf-8").decode("cp1252")


def strange_characters(sentence: str) -> str:
    """Flaw 13: a byte order mark, zero-width and control characters, no-break and doubled spaces, tabs, line ends."""
    words = sentence.split(" ")
    joints = (" ", "\u00a0", " \u200b", "  ", " ", "\t", " \u200d", "\u2003", " \x07", " ", "\r\n", "\u00ad ", " \x0b")
    joined = "".join(word + joints[i % len(joints)] for i, word in enumerate(words))
    return "\ufeff" + joined


TEXT_FLAWS: dict[str, Callable[[str], str]] = {
    "https://kitchen.example/creperie": mojibake,
    "https://kitchen.example/making-tea": strange_characters,
}


def exact_copy(record: Record) -> Record:
    """Flaw 1: the same document at another address."""
    return record | {"url": "https://night.example/archive/phases-of-the-moon"}


def near_copy(record: Record) -> Record:
    """Flaw 2: the same document with two words changed; more than 0.9 of its word 5-grams stay."""
    text = "\n".join(record["text_list"])
    text = text.replace("The simplest is the beam", "The simplest is a beam").replace("mixture of", "mix of")
    return record | {"url": "https://crossings.example/three-ways-across", "text_list": text.split("\n")}


def cut_line(record: Record) -> str:
    line = json.dumps(record, ensure_ascii=False)
    return line[: len(line) * 3 // 5]


def text_as_string(record: Record) -> str:
    return json.dumps(record | {"text_list": " ".join(record["text_list"])}, ensure_ascii=False)


def index_out_of_range(record: Record) -> str:
    record["image_info"][0]["matched_text_index"] = len(record["text_list"]) + 3
    return json.dumps(record, ensure_ascii=False)


def wrong_matrix(record: Record) -> str:
    record["similarity_matrix"] = [row[:-1] for row in record["similarity_matrix"]]
    return json.dumps(record, ensure_ascii=False)


DAMAGED_LINES: dict[str, Callable[[Record], str]] = {  # flaw 21
    "https://broken.example/cut-off-line": cut_line,
    "https://broken.example/text-as-one-string": text_as_string,
    "https://broken.example/knight-moves": index_out_of_range,
    "https://broken.example/hexagonal-tiles": wrong_matrix,
}


# ---- the records ---------------------------------------------------------------------------------------------------


def similarities(article: Article) -> list[list[float]]:
    """Made-up figures in the manner of CLIP: low for unrelated sentences, higher near the right one, best at it."""
    rows: dict[str, list[float]] = {}
    for placement in article.placements:
        if placement.picture in rows:
            continue
        rng = dice(f"{article.url} {placement.picture}")
        count = len(article.sentences)
        row = rng.uniform(0.07, 0.16, count)
        best = (0.165, 0.185) if placement.picture in SITE_WIDE else (0.25, 0.37)
        if placement.similarity is not None:  # flaw 19
            row, best = rng.uniform(0.03, 0.07, count), (placement.similarity, placement.similarity)
        for other in article.placements:  # a picture that comes twice fits both of its sentences
            if other.picture == placement.picture:
                if placement.picture not in SITE_WIDE and placement.similarity is None:
                    row[max(0, other.sentence - 1) : other.sentence + 2] += 0.05
                row[other.sentence] = rng.uniform(*best)
        rows[placement.picture] = [round(float(value), 4) for value in row]
    return [rows[placement.picture] for placement in article.placements]


def to_record(article: Article, files: Files) -> Record:
    add_site_pictures(article)
    matrix = similarities(article)
    site = article.url.split("/")[2]
    infos = []
    for placement, row in zip(article.placements, matrix, strict=True):
        name = files.name(placement.picture)
        extension = name.rpartition(".")[2]
        plain = placement.picture.replace("_", "-")
        infos.append(
            {
                "image_name": name,
                "raw_url": placement.raw_url or f"https://{site}/img/{plain}.{extension}",
                "matched_text_index": placement.sentence,
                "matched_sim": row[placement.sentence],
                "face_detections": FACES.get(placement.picture),
            }
        )
    flaw = TEXT_FLAWS.get(article.url)
    return {
        "url": article.url,
        "text_list": [flaw(sentence) for sentence in article.sentences] if flaw else article.sentences,
        "image_info": infos,
        "similarity_matrix": matrix,
        "could_have_url_duplicate": int(article.url in RECRAWLED),
    }


def build() -> tuple[list[str], dict[str, bytes]]:
    """The lines of docs.jsonl, and the picture files by name."""
    files = Files()
    records = {article.url: to_record(article, files) for article in read_articles(HERE / "articles.txt")}
    whole = [record for url, record in records.items() if url not in DAMAGED_LINES]
    whole.append(exact_copy(records["https://sky.example/moon-phases"]))
    whole.append(near_copy(records["https://workshop.example/bridges"]))
    lines = [json.dumps(record, ensure_ascii=False) for record in whole]
    for i, (url, damage) in enumerate(DAMAGED_LINES.items()):  # among the good lines, not after them
        lines.insert(10 + 11 * i, damage(records[url]))
    return lines, files.data


def main() -> None:
    lines, files = build()
    folder = HERE / "images"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (HERE / "docs.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    print(f"{len(lines)} lines, {len(files)} files, {sum(map(len, files.values()))} bytes of pictures")


if __name__ == "__main__":
    main()
