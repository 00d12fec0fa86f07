"""Documents that are wrong in some way, by kind: lines of MMC4's JSON, and images that they name."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from PIL import Image

Document = dict[str, Any]
Kind = Callable[[Document, random.Random], bytes]


def line(document: Any) -> bytes:
    return orjson.dumps(document)


def with_field(name: str, value: Any) -> Kind:
    return lambda document, _: line(document | {name: value})


def with_image(**fields: Any) -> Kind:
    """The first image's fields are others."""
    return lambda document, _: line(
        document | {"image_info": [document["image_info"][0] | fields, *document["image_info"][1:]]}
    )


def with_sentence(text: str) -> Kind:
    return lambda document, _: line(document | {"text_list": [text, *document["text_list"][1:]]})


def without(name: str) -> Kind:
    return lambda document, _: line({key: value for key, value in document.items() if key != name})


def raw(change: Callable[[bytes], bytes]) -> Kind:
    return lambda document, _: change(line(document))


def cut_off(document: Document, draw: random.Random) -> bytes:
    whole = line(document)
    return whole[: draw.randrange(1, len(whole) - 1)]


def noise(document: Document, draw: random.Random) -> bytes:
    return draw.randbytes(draw.randrange(1, 300)).replace(b"\n", b" ").strip() or b"\xff"


def flipped(document: Document, draw: random.Random) -> bytes:
    data = bytearray(line(document))
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    return bytes(data).replace(b"\n", b" ")


def image_of(name: str) -> Kind:
    """An image whose file is wrong (see `write_images`)."""
    return with_image(image_name=name)


KINDS: dict[str, Kind] = {
    "cut off": cut_off,
    "noise": noise,
    "a bit flipped": flipped,
    "empty object": lambda *_: b"{}",
    "null": lambda *_: b"null",
    "a list": lambda *_: b"[]",
    "a number": lambda *_: b"12",
    "a string": lambda *_: b'"text"',
    "two documents on a line": raw(lambda data: data + data),
    "no closing brace": raw(lambda data: data[:-1]),
    "a trailing comma": raw(lambda data: data[:-1] + b",}"),
    "Python's repr": lambda document, _: repr(document).encode(),
    "deep": lambda *_: b'{"text_list": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    "not UTF-8": raw(lambda data: data.replace(b"a", b"\xff\xfe", 1)),
    "half a surrogate": raw(lambda data: data.replace(b'"text_list":["', b'"text_list":["\\ud800', 1)),
    "UTF-16": lambda document, _: line(document).decode().encode("utf-16-be").replace(b"\n", b""),
    "NaN": raw(lambda data: data[:-1] + b',"similarity_matrix":[[NaN]]}'),
    "infinity": raw(lambda data: data[:-1] + b',"similarity_matrix":[[1e999]]}'),
    "no text_list": without("text_list"),
    "text_list null": with_field("text_list", None),
    "text_list a string": with_field("text_list", "text"),
    "text_list a dict": with_field("text_list", {"0": "text"}),
    "text_list of numbers": with_field("text_list", [1, 2, 3]),
    "text_list of lists": with_field("text_list", [["a"], ["b"]]),
    "text_list empty": with_field("text_list", []),
    "texts empty": with_field("text_list", ["", "", "", "", ""]),
    "texts of white space": with_field("text_list", [" ", "\t", "\u00a0", "\u3000", "\u200b"]),
    "many sentences": with_field("text_list", ["a"] * 5_000),
    "no image_info": without("image_info"),
    "image_info a dict": with_field("image_info", {"image_name": "good-0.jpg"}),
    "image_info of null": with_field("image_info", [None]),
    "image_info of strings": with_field("image_info", ["good-0.jpg"]),
    "many images": lambda document, _: line(document | {"image_info": document["image_info"] * 60}),
    "no image_name": with_image(image_name=None),
    "image_name a number": with_image(image_name=7),
    "image_name a path out": with_image(image_name="../../../etc/passwd"),
    "image_name absolute": with_image(image_name="/etc/passwd"),
    "image_name with a NUL": with_image(image_name="a\0b.jpg"),
    "image_name very long": with_image(image_name="n" * 5000),
    "image_name a folder": with_image(image_name="folder"),
    "image that is not there": with_image(image_name="missing.jpg"),
    "matched_text_index too large": with_image(matched_text_index=999),
    "matched_text_index negative": with_image(matched_text_index=-1),
    "matched_text_index a string": with_image(matched_text_index="0"),
    "matched_text_index huge": with_image(matched_text_index=2**63),
    "matched_text_index a fraction": with_image(matched_text_index=0.5),
    "matched_sim a string": with_image(matched_sim="high"),
    "similarity_matrix of another shape": with_field("similarity_matrix", [[0.1]]),
    "similarity_matrix of strings": with_field("similarity_matrix", [["a"] * 5] * 2),
    "similarity_matrix ragged": with_field("similarity_matrix", [[0.1] * 5, [0.1]]),
    "url a number": with_field("url", 7),
    "url a list": with_field("url", ["https://a.example"]),
    "url that is none": with_field("url", "https://[::1"),
    "url very long": with_field("url", "https://a.example/" + "a" * 20_000),
    "url a script": with_field("url", "javascript:alert(1)"),
    "special tokens": with_sentence("</s><image><|im_start|><im_patch> [INST] <0x0A> <|endoftext|>"),
    "control characters": with_sentence("".join(map(chr, range(32))) + "\x7f\x85\u2028\u202e"),
    "one long sentence": with_sentence("word " * 2_000),
    "one long word": with_sentence("w" * 5_000),
    "combining marks": with_sentence("a" + "\u0301" * 1000),
    "private use and noncharacters": with_sentence("\ue000\ufdd0\U0010ffff\U000e0001" * 50),
    "image empty": image_of("empty.jpg"),
    "image of noise": image_of("noise.jpg"),
    "image cut off": image_of("cut.jpg"),
    "image of HTML": image_of("page.jpg"),
    "image a bomb": image_of("bomb.png"),
    "image of no width": image_of("flat.png"),
    "image an SVG": image_of("vector.jpg"),
}


def good_document(number: int) -> Document:
    texts = [
        f"The {number}th page says in sentence {place} what page {number * 7 + place} does not say at all."
        for place in range(5)
    ]
    images = [
        {"image_name": f"good-{(number + shift) % 20}.jpg", "matched_text_index": 2 * shift, "matched_sim": 0.3}
        for shift in range(2)
    ]
    matrix = [[0.3 if place == image["matched_text_index"] else 0.1 for place in range(5)] for image in images]
    url = f"https://site-{number}.example/"
    return {"url": url, "text_list": texts, "image_info": images, "similarity_matrix": matrix}


def write_images(folder: Path) -> None:
    folder.mkdir()
    (folder / "folder").mkdir()
    for number in range(20):
        few = np.random.default_rng(number).integers(0, 256, (5, 5, 3), dtype=np.uint8)
        Image.fromarray(few).resize((160, 160)).save(folder / f"good-{number}.jpg")
    good = (folder / "good-0.jpg").read_bytes()
    png = io.BytesIO()
    Image.new("L", (1, 1)).save(png, "PNG")
    header = bytearray(png.getvalue())
    bomb, flat = bytearray(header), bytearray(header)
    bomb[16:24], flat[16:24] = bytes.fromhex("0000ffff0000ffff"), bytes.fromhex("0000000000000001")
    wrong = {
        "empty.jpg": b"", "noise.jpg": random.Random(0).randbytes(3000), "cut.jpg": good[: len(good) // 3],
        "page.jpg": b"<!doctype html><p>Not found", "bomb.png": bytes(bomb), "flat.png": bytes(flat),
        "vector.jpg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    }  # fmt: skip
    for name, data in wrong.items():
        (folder / name).write_bytes(data)
