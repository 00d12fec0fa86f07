"""Writes pairs/00000.tar beside this file: each picture of the sample once, with its sentence as caption.

`python recipes/sample/make_pairs.py`, after make_sample.py. The tar is as img2dataset (format `webdataset`) leaves
COYO: KEY.jpg, KEY.json, KEY.txt. Similarities are made up as those of docs.jsonl, those of ViT-B/32 a little higher.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

HERE = Path(__file__).resolve().parent
SHORT_SIDE = 224  # px
Picture = tuple[str, str, float]


def pictures(path: Path) -> Iterator[Picture]:
    """(file, caption, similarity) of each file that belongs to a sentence; what a whole site shows is no pair."""
    seen: set[str] = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            document = json.loads(line)
            texts = [document["text_list"][info["matched_text_index"]] for info in document["image_info"]]
        except (ValueError, IndexError):  # the damaged lines
            continue
        for info, text in zip(document["image_info"], texts, strict=True):
            if info["image_name"] not in seen and info["matched_sim"] >= 0.25 and len(text) > 1:
                seen.add(info["image_name"])
                yield info["image_name"], " ".join(text.split()), info["matched_sim"]


def reduced(path: Path) -> tuple[bytes, tuple[int, int], tuple[int, int]] | None:
    """JPEG, its size, and the size before; None where there is no picture."""
    try:
        image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    except OSError:
        return None
    before, scale = image.size, min(1, SHORT_SIDE / min(image.size))
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=60, optimize=True)
    return out.getvalue(), image.size, before


def members(key: str, picture: Picture) -> Iterator[tuple[str, bytes]]:
    name, caption, similarity = picture
    found = reduced(HERE / "images" / name)
    if found is None:
        return
    data, (width, height), (original_width, original_height) = found
    fields: dict[str, Any] = {
        "caption": caption,
        "url": f"https://pairs.example/img/{name}",
        "key": key,
        "status": "success",
        "error_message": None,
        "width": width,
        "height": height,
        "original_width": original_width,
        "original_height": original_height,
        "clip_similarity_vitb32": round(similarity + 0.02, 4),
        "clip_similarity_vitl14": similarity,
    }
    yield f"{key}.jpg", data
    yield f"{key}.json", json.dumps(fields, ensure_ascii=False).encode()
    yield f"{key}.txt", caption.encode()


def main() -> None:
    path = HERE / "pairs" / "00000.tar"
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for number, picture in enumerate(pictures(HERE / "docs.jsonl")):
            for name, data in members(f"{number:09d}", picture):
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
