"""`fetch.engine: img2dataset`: the real program makes the images, and never speaks to the web itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from fixtures_build import built_files, ledger
from fixtures_site import Answer, serving

from interleave.access.img2dataset import form_of
from interleave.access.settings import Img2dataset
from interleave.access.store import Store
from interleave.errors import RecipeError, Unreadable
from interleave.flow import build
from interleave.images.stored import decode_rgb
from interleave.recipe_file import load_recipe
from interleave.stream.reader import DatasetReader

RECIPES = Path(__file__).parents[1] / "recipes"
IMAGES = RECIPES / "sample" / "images"
HOST = "images.example"
# An interpreter that has img2dataset, whose requirements are not this project's.
PYTHON = os.environ.get("INTERLEAVE_IMG2DATASET_PYTHON", sys.executable)
has_img2dataset = subprocess.run([PYTHON, "-c", "import img2dataset"], capture_output=True, check=False).returncode == 0
needs_img2dataset = pytest.mark.skipif(not has_img2dataset, reason="no img2dataset; name an interpreter that has it")
BROKEN = b"\xff\xd8\xff\xe0" + bytes(50)


def answer(path: str) -> Answer:
    found = IMAGES / path.lstrip("/")
    if path == "/broken.jpg":
        return Answer(BROKEN, "image/jpeg")
    return Answer(found.read_bytes(), "image/jpeg") if found.is_file() else Answer(status=404)


def recipe_settings(folder: Path, place: str, names: list[str], *more: str) -> list[str]:
    document = {
        "url": "http://a.example/",
        "text_list": [f"This is the sentence that belongs to the picture called {name}." for name in names],
        "image_info": [
            {"image_name": name, "raw_url": f"http://{HOST}/{name}", "matched_text_index": number, "matched_sim": 0.3}
            for number, name in enumerate(names)
        ],
    }
    path = folder / "docs.jsonl"
    path.write_bytes(orjson.dumps(document) + b"\n")
    return [
        f"source.path={path}",
        f"output={folder / 'out'}",
        f"fetch.store={folder / 'store'}",
        "fetch.contact=somebody@lab.example",
        f'fetch.resolve={{{HOST}: "{place}"}}',
        "fetch.politeness.requests_per_second=null",
        "fetch.engine=img2dataset",
        f"fetch.img2dataset.python={PYTHON}",
        "fetch.img2dataset.image_size=96",
        "clean.rules=[]",
        "dedup.images=null",
        "shards.multiple_of=1",
        *more,
    ]


@pytest.fixture(autouse=True)
def _contact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTACT", "somebody@lab.example")


def some_images(number: int) -> list[str]:
    """Readable ones that are larger than the sizes asked for here."""
    return [path.name for path in sorted(IMAGES.glob("*.jpg")) if is_large(path)][:number]


def is_large(path: Path) -> bool:
    try:
        return min(decode_rgb(path.read_bytes()).shape[:2]) > 96
    except Unreadable:
        return False


@needs_img2dataset
def test_images_are_as_img2dataset_makes_them_and_each_failure_is_in_the_ledger(tmp_path: Path) -> None:
    names = some_images(6)
    with serving(answer) as site:
        settings = recipe_settings(tmp_path, site.place, [*names, "broken.jpg", "missing.jpg"])
        report = build(load_recipe(RECIPES / "mmc4-urls.yaml", settings), num_workers=1, quiet=True)
        assert {path: number for path, number in site.asked.items() if path.endswith(".jpg")} == {
            f"/{name}": 1 for name in [*names, "broken.jpg", "missing.jpg"]
        }
        first = built_files(tmp_path / "out")
        build(load_recipe(RECIPES / "mmc4-urls.yaml", settings), num_workers=1, quiet=True)
    assert all(agent.startswith("interleave/") for agent in site.agents), "img2dataset itself asks nobody"
    assert built_files(tmp_path / "out") == first
    assert report.images_out == len(names)
    with Store(tmp_path / "store") as store:
        made = [store.read(entry.sha256, form_of(Img2dataset(image_size=96, python=PYTHON)))
                for entry in store.entries() if entry.sha256 and entry.url != f"http://{HOST}/broken.jpg"]  # fmt: skip
        assert len(made) == len(names)
        assert all(min(decode_rgb(jpeg).shape[:2]) <= 96 for jpeg in made)
    reasons = {(row["image"], row["rule"]) for row in ledger(tmp_path / "out")}
    assert reasons == {(6, "truncated"), (7, "http_4xx")}
    assert not (tmp_path / "out.work" / "fetch" / "img2dataset").exists()


@needs_img2dataset
def test_another_size_is_made_without_asking_the_web_again(tmp_path: Path) -> None:
    with serving(answer) as site:
        for size in (96, 64):
            settings = recipe_settings(tmp_path, site.place, some_images(3), f"fetch.img2dataset.image_size={size}")
            build(load_recipe(RECIPES / "mmc4-urls.yaml", settings), num_workers=1, quiet=True)
            assert {min(decode_rgb(jpeg).shape[:2]) for jpeg in images_in(tmp_path / "out")} == {size}
        assert max(site.asked.values()) == 1


def images_in(dataset: Path) -> list[bytes]:
    reader = DatasetReader(dataset)
    return [jpeg for number in range(len(reader)) for jpeg in reader.read(number)[2]]


def test_where_it_is_not_installed_the_recipe_is_refused() -> None:
    with pytest.raises(RecipeError, match="has no img2dataset; `pip install img2dataset` there"):
        form_of(Img2dataset(python="/usr/bin/false"))
