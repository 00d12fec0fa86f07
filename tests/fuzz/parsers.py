"""Everything that reads what others wrote: what it is given to begin with, and how it may refuse what it gets."""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import orjson
from mutations import Mutate, either, mutate_bytes, mutate_json, tar_with_checksums
from PIL import Image

from interleave.acquire.archives.pickles import read_pickle
from interleave.acquire.archives.tars import read_members as read_foreign_members
from interleave.acquire.lines import read_records
from interleave.acquire.listing import Split
from interleave.acquire.mmc4 import parse_mmc4
from interleave.acquire.pages.page import read_page
from interleave.acquire.source import Limits
from interleave.acquire.vila_pkl import VilaPklSource
from interleave.acquire.warc import WarcSource
from interleave.errors import RecipeError, ShardError, TaskError, Unreadable
from interleave.images.normalise import ImageTarget, normalise
from interleave.recipe_file import load_recipe
from interleave.sample import read_ids, read_record
from interleave.shard.index import read_index
from interleave.shard.manifest import manifest_bytes, read_manifest
from interleave.shard.tar import read_members

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "recipes" / "sample"
LIMITS = Limits(max_image_bytes=1 << 20)
TARGET = ImageTarget(max_short_side=64, max_pixels=4_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parser:
    """One reader of what comes from outside."""

    seeds: Callable[[], list[bytes]]
    # Good inputs.
    read: Callable[[bytes, Path], None]
    # The input, and a folder for files.
    refusals: tuple[type[Exception], ...]
    # How a bad input may be refused; any other exception is a finding.
    mutate: Mutate = mutate_bytes


def sample_lines() -> list[bytes]:
    return [line for line in (SAMPLE / "docs.jsonl").read_bytes().splitlines() if _is_json(line)][:12]


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except ValueError:
        return False
    return True


def split_of(path: Path, end: int) -> Split:
    return Split(source="fuzz", path=str(path), name=path.name, sha256="0" * 64, start=0, end=end)


def put(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def read_all_lines(data: bytes, folder: Path) -> None:
    path = put(folder, "docs.jsonl", data)
    list(read_records(split_of(path, len(data)), parse_mmc4))


def packed_lines() -> list[bytes]:
    import gzip
    import zipfile

    import pyarrow as pa

    lines = b"\n".join(sample_lines()[:2])
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("docs.jsonl", lines)
    return [gzip.compress(lines), archive.getvalue(), pa.Codec("zstd").compress(lines, asbytes=True)]


def read_packed_lines(data: bytes, folder: Path) -> None:
    suffix = ".gz" if data[:1] == b"\x1f" else ".zip" if data[:1] == b"P" else ".zst"
    path = put(folder, f"docs.jsonl{suffix}", data)
    list(read_records(split_of(path, len(data)), parse_mmc4))


@cache
def pictures() -> list[bytes]:
    draw = np.random.default_rng(0)
    pixels = Image.fromarray(draw.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize((40, 30))
    made = []
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a picture"
    for mode, name, options in (
        ("RGB", "JPEG", {"quality": 80, "exif": exif}), ("L", "JPEG", {"progressive": True}), ("CMYK", "JPEG", {}),
        ("RGB", "PNG", {}), ("P", "PNG", {}), ("RGBA", "PNG", {}), ("I;16", "PNG", {}), ("1", "PNG", {}),
        ("RGB", "WEBP", {}), ("RGBA", "WEBP", {"lossless": True}), ("P", "GIF", {}),
    ):  # fmt: skip
        file = io.BytesIO()
        picture = pixels.convert("L").convert(mode) if mode == "I;16" else pixels.convert(mode)
        picture.save(file, name, **options)
        made.append(file.getvalue())
    frames = io.BytesIO()
    pixels.convert("P").save(frames, "GIF", save_all=True, append_images=[pixels.rotate(9).convert("P")])
    return [*made, frames.getvalue()]


def pages() -> list[bytes]:
    text = "The whole round takes about twenty-nine and a half days, which is where a month comes from. " * 4
    whole = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><base href="/x/"><title>Moon</title>
<link rel="canonical" href="https://a.example/moon"><meta name="robots" content="all"></head><body>
<nav><a href="/">Home</a></nav><article><h1>Moon</h1><p>{text}</p><figure><picture>
<source srcset="a.webp 2x, b.webp 1x">
<img src="a.jpg" width=300 alt="The Moon &amp; a roof"></picture><figcaption>A caption.</figcaption></figure>
<p>{text}</p><table><tr><td>1<td>two</table><ul><li>one<li>two &#x41; &nbsp;</ul><pre>code
 more</pre><noscript><img src="lazy.jpg"></noscript><img data-src="b.png" src="data:image/gif;base64,R0lGODlhAQABACw=">
<p>{text}</p></article><script>if (a < b) document.write("<p>")</script></body></html>"""
    chinese = f"<html lang=zh><body><article><p>{'月亮绕着地球转。' * 40}<img src=a.jpg></p></article>"
    return [whole.encode(), chinese.encode("gb18030"), f"<p>{text}<p>{text}<img src=x.jpg>{text}".encode("utf-16")]


def read_one_page(data: bytes, folder: Path) -> None:
    read_page(data, "https://a.example/x", alt_text="caption")


def warcs() -> list[bytes]:
    import gzip

    sys.path.append(str(ROOT / "tests" / "acquire" / "pages"))
    from fixtures_warc import PAGE, image, page, redirect, revisit, same_as

    records = [page(), image(), redirect(f"{PAGE}/old", PAGE), revisit(f"{PAGE}/again", *same_as(PAGE))]
    return [b"".join(records), b"".join(map(gzip.compress, records)), gzip.compress(b"".join(records))]


def read_warc(data: bytes, folder: Path) -> None:
    path = put(folder, "crawl.warc.gz" if data[:2] == b"\x1f\x8b" else "crawl.warc", data)
    list(WarcSource(path=str(path)).read(split_of(path, len(data)), LIMITS))


@cache
def small_set() -> Path:
    sys.path.append(str(ROOT / "tests"))
    from fixtures_build import small_dataset

    return small_dataset()


def our_tars() -> list[bytes]:
    ours = (small_set() / "shard-0000.tar").read_bytes()
    members = list(read_members(io.BytesIO(ours), len(ours)))
    return [ours[: members[number].header] + bytes(1024) for number in (2, 4)]


def foreign_tars() -> list[bytes]:
    import tarfile

    made = our_tars()
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w", format=form) as archive:
            for name in ("000.json", "n" * 120 + ".jpg", "000.é.txt"):
                info = tarfile.TarInfo(
                    name if form != tarfile.USTAR_FORMAT else name[:80].encode("ascii", "replace").decode()
                )
                info.size = 700
                archive.addfile(info, io.BytesIO(bytes(700)))
        made.append(file.getvalue())
    return made


def read_our_tar(data: bytes, folder: Path) -> None:
    list(read_members(io.BytesIO(data), len(data)))


def read_foreign_tar(data: bytes, folder: Path) -> None:
    list(read_foreign_members(str(put(folder, "shard.tar", data))))


def indexes() -> list[bytes]:
    return [(small_set() / "index.arrow").read_bytes()]


def read_whole_index(data: bytes, folder: Path) -> None:
    read_index(put(folder, "index.arrow", data)).to_pylist()


def manifests() -> list[bytes]:
    return [(small_set() / "manifest.json").read_bytes()]


def mutate_manifest(data: bytes, draw: object, others: object) -> bytes:
    """What a manifest says is changed, and its own SHA-256 made right again."""
    changed = orjson.loads(mutate_json(data, draw, others))  # type: ignore[arg-type]
    if not isinstance(changed, dict):
        return orjson.dumps(changed)
    changed.pop("sha256", None)
    return manifest_bytes(changed)


def read_one_manifest(data: bytes, folder: Path) -> None:
    put(folder, "manifest.json", data)
    read_manifest(folder)


def recipes() -> list[bytes]:
    found = [path.read_bytes() for path in sorted((ROOT / "recipes").glob("*.yaml"))]
    return [data.replace(b"${CONTACT}", b"you@example.org") for data in found if b"\nmixture:" not in data]


def read_recipe(data: bytes, folder: Path) -> None:
    load_recipe(put(folder, "recipe.yaml", data))


def pickles() -> list[bytes]:
    documents = [orjson.loads(line) for line in sample_lines()[:3]]
    plain = {"a": [1, -1, 2**40, 1.5, None, True, (), (1, 2, 3, 4)], "b": b"bytes"}
    sets = {"a": {b"bytes", "text"}, "b": frozenset([1])}
    values = [
        (documents, 2),
        (documents, 3),
        (documents, 4),
        (documents, 5),
        (plain, 3),
        (plain, 5),
        (sets, 4),
        (sets, 5),
    ]
    return [pickle.dumps(value, protocol) for value, protocol in values]


def read_one_pickle(data: bytes, folder: Path) -> None:
    read_pickle(io.BytesIO(data), len(data))


def read_vila_file(data: bytes, folder: Path) -> None:
    path = put(folder, "part.pkl", data)
    list(VilaPklSource(path=str(path)).read(split_of(path, len(data)), LIMITS))


def members_of_samples(suffix: str) -> list[bytes]:
    data = (small_set() / "shard-0000.tar").read_bytes()
    members = read_members(io.BytesIO(data), len(data))
    return [data[item.data : item.data + item.num_bytes] for item in members if item.name.endswith(suffix)][:4]


PARSERS: dict[str, Parser] = {
    "jsonl": Parser(seeds=lambda: [b"\n".join(sample_lines()[:3])], read=read_all_lines, refusals=()),
    "jsonl-packed": Parser(seeds=packed_lines, read=read_packed_lines, refusals=(TaskError,)),
    "mmc4": Parser(
        seeds=sample_lines,
        read=lambda data, _: [parse_mmc4(data, "0" * 32), None][1],
        refusals=(Unreadable,),
        mutate=either(mutate_bytes, mutate_json),
    ),
    "image": Parser(seeds=pictures, read=lambda data, _: [normalise(data, TARGET), None][1], refusals=(Unreadable,)),
    "html": Parser(seeds=pages, read=read_one_page, refusals=(Unreadable,)),
    "warc": Parser(seeds=warcs, read=read_warc, refusals=(TaskError,)),
    "tar": Parser(
        seeds=our_tars, read=read_our_tar, refusals=(ShardError,), mutate=either(mutate_bytes, tar_with_checksums)
    ),
    "tar-foreign": Parser(
        seeds=foreign_tars,
        read=read_foreign_tar,
        refusals=(Unreadable,),
        mutate=either(mutate_bytes, tar_with_checksums),
    ),
    "index": Parser(seeds=indexes, read=read_whole_index, refusals=(ShardError,)),
    "manifest": Parser(
        seeds=manifests, read=read_one_manifest, refusals=(ShardError,), mutate=either(mutate_bytes, mutate_manifest)
    ),
    "recipe": Parser(seeds=recipes, read=read_recipe, refusals=(RecipeError,)),
    "pickle": Parser(seeds=pickles, read=read_one_pickle, refusals=(Unreadable,)),
    "vila-pkl": Parser(seeds=pickles, read=read_vila_file, refusals=()),
    "sample-json": Parser(
        seeds=lambda: members_of_samples(".json"),
        read=lambda data, _: [read_record(data), None][1],
        refusals=(ShardError,),
        mutate=either(mutate_bytes, mutate_json),
    ),
    "sample-ids": Parser(
        seeds=lambda: members_of_samples(".npy"),
        read=lambda data, _: [read_ids(data), None][1],
        refusals=(ShardError,),
    ),
}
