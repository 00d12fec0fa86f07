"""Tiny evaluation sets in the layouts of the real ones, with generated images."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from interleave.dedup.evaluation.items import EvaluationItem, RefusedItem


def picture(seed: int, width: int = 160, height: int = 120) -> Image.Image:
    """A picture of smooth patches, of its own for each seed."""
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, form: str = "JPEG", quality: int = 90) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **({"quality": quality} if form == "JPEG" else {}))
    return out.getvalue()


def write(path: Path, data: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def make_mme(root: Path) -> Path:
    """Both layouts of subtasks, below a folder more, as the release unpacks."""
    tasks = root / "MME_Benchmark"
    write(tasks / "existence" / "0001.jpg", encoded(picture(1)))
    write(
        tasks / "existence" / "0001.txt",
        "Is there a dog in this image? Please answer yes or no.\tYes\r\n"
        "Is there a cat in this image? Please answer yes or no.\tNo\r\n\r\n",
    )
    write(tasks / "artwork" / "images" / "14777.png", encoded(picture(2), "PNG"))
    write(
        tasks / "artwork" / "questions_answers_YN" / "14777.txt",
        "Does this artwork belong to the type of still-life? Please answer yes or no.\tYes\n",
    )
    write(root / "eval_tool" / "Your_Results" / "existence.txt", "0001.jpg\tIs there a dog?\tYes\tYes, there is.\n")
    write(root / "readme.txt", "Put your results here.\n")
    return root


def make_mmbench(path: Path, *more_rows: str) -> Path:
    """Columns as in `mmbench_dev_20230712.tsv`; the second row has the first one's image."""
    columns = [
        "index", "question", "hint", "A", "B", "C", "D", "answer", "category", "image", "source", "l2-category",
        "comment", "split",
    ]  # fmt: skip
    image = base64.b64encode(encoded(picture(3))).decode()
    rows = [
        ["241", "What is the highlighted area?", '"A passage\nof ""two"" lines,\twith a tab."', "the sea", "a road",
         "nan", "", "A", "identity", image, "scienceqa", "reasoning", "nan", "dev"],
        ["1000241", "What is the highlighted area?", "nan", "a road", "the sea", "", "", "B", "identity", "241",
         "scienceqa", "reasoning", "nan", "dev"],
    ]  # fmt: skip
    lines = ["\t".join(columns), *("\t".join(row) for row in rows), *more_rows]
    return write(path, "\n".join(lines) + "\n")


def make_gqa(root: Path) -> Path:
    questions = {
        "201307251": {"question": "Is it overcast?", "imageId": "n161313", "answer": "no", "semantic": []},
        "201640614": {"question": "Who is wearing the dress?", "imageId": "n235859", "answer": "woman"},
        "201640615": {"question": "Who is wearing the hat?", "imageId": "n235859", "answer": "man"},
    }
    write(root / "testdev_balanced_questions.json", json.dumps(questions))
    write(root / "train_balanced_questions.json", json.dumps({"1": {"question": "Train?", "imageId": "1"}}))
    write(root / "val_sceneGraphs.json", json.dumps({"n161313": {"width": 4, "objects": {}}}))
    for seed, image in enumerate(("n161313", "n235859", "999"), 4):
        write(root / "images" / f"{image}.jpg", encoded(picture(seed)))
    return root


def questions_of(items: list[EvaluationItem | RefusedItem]) -> dict[str, str]:
    return {item.item: item.question for item in items if isinstance(item, EvaluationItem) and item.question}


def images_of(items: list[EvaluationItem | RefusedItem]) -> dict[str, bytes]:
    return {item.item: item.load() for item in items if isinstance(item, EvaluationItem) and item.load}


def refused_of(items: list[EvaluationItem | RefusedItem]) -> dict[str, str]:
    return {item.item: item.error.reason for item in items if isinstance(item, RefusedItem)}
