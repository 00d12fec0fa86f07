"""A JSON list of conversations with `<image>` in their texts, and the images as files: LLaMA-Factory, ms-swift.

data.json            [{"id", "images": ["images/0000000/0000000042.00.jpg"], "conversations": [...]}, ...]
dataset_info.json    what LLaMA-Factory asks of a folder of datasets
images/              a folder for each thousand samples

conversations   images at the very front are asked, all that follows is answered: LLaMA-Factory takes turns in pairs,
                and learns answers alone
messages        one answer of all, with nothing asked: ms-swift's form for pre-training
"""

from __future__ import annotations

from itertools import groupby, takewhile
from pathlib import Path
from typing import Any, Literal, TypeAlias

import orjson

from interleave.files import atomic_write, write_bytes
from interleave.sample import key_of
from interleave.translate.passages import Part, Passage, Passages, Picture
from interleave.translate.summary import Tally

Style: TypeAlias = Literal["conversations", "messages"]
MARK = "<image>"
DATA_NAME = "data.json"
INFO_NAME = "dataset_info.json"
_PER_FOLDER = 1000


def write_sharegpt(passages: Passages, folder: Path, tally: Tally, *, style: Style) -> None:
    """Writes the list and the images, a sample of the dataset an entry."""
    with atomic_write(folder / DATA_NAME) as file:
        begin = b"[\n"
        for passage in passages.samples("write"):
            tally.saw(passage.parts)
            if not passage.texts:
                tally.left_out("samples of images alone", passage.parts)
                continue
            for picture in passage.pictures:
                path = folder / _path(passage, picture)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(picture.jpeg)
            file.write(begin + orjson.dumps(_entry(passage, passages.separator, style)))
            begin = b",\n"
            tally.wrote(passage.parts)
        file.write(b"\n]\n" if begin == b",\n" else b"[]\n")
    write_bytes(folder / INFO_NAME, orjson.dumps(_info(style), option=orjson.OPT_INDENT_2) + b"\n")


def _entry(passage: Passage, separator: str, style: Style) -> dict[str, Any]:
    images = [_path(passage, picture) for picture in passage.pictures]
    entry: dict[str, Any] = {"id": passage.key, "doc_id": passage.doc_id, "images": images}
    if style == "messages":
        return entry | {"messages": [{"role": "assistant", "content": _text(passage.parts, separator)}]}
    front = _front(passage.parts)
    turns = [("human", passage.parts[:front]), ("gpt", passage.parts[front:])]
    return entry | {"conversations": [{"from": name, "value": _text(parts, separator)} for name, parts in turns]}


def _front(parts: tuple[Part, ...]) -> int:
    """How many images stand at the very front."""
    return sum(1 for _ in takewhile(lambda part: isinstance(part, Picture), parts))


def _text(parts: tuple[Part, ...], separator: str) -> str:
    pieces = []
    for is_text, run in groupby(parts, lambda part: isinstance(part, str)):
        items = list(run)
        pieces.append(separator.join(item for item in items if isinstance(item, str)) if is_text else MARK * len(items))
    return "".join(pieces)


def _path(passage: Passage, picture: Picture) -> str:
    return f"images/{passage.key[: len(key_of(0)) - len(str(_PER_FOLDER - 1))]}/{picture.name}"


def _info(style: Style) -> dict[str, Any]:
    if style == "conversations":
        described: dict[str, Any] = {"columns": {"messages": "conversations", "images": "images"}}
    else:
        described = {
            "columns": {"messages": "messages", "images": "images"},
            "tags": {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"},
        }
    return {"interleave": {"file_name": DATA_NAME, "formatting": "sharegpt", **described}}
