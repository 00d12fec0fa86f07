"""Files whose names are no UTF-8, as archives from old systems leave them, are read like others, and can be named."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from fixtures_build import ROOT, SAMPLE, ledger, sample_lines
from fixtures_pages import page_of, paragraph
from fixtures_pairs import parsed, read_pairs, sample_pairs, write_img2dataset

from interleave.access.store import Store
from interleave.acquire.html import HtmlSource
from interleave.acquire.listing import list_files
from interleave.acquire.source import Limits, Parsed
from interleave.adopt import adopt
from interleave.errors import RecipeError, Unreadable
from interleave.flow import build
from interleave.recipe_file import load_recipe
from interleave.report import Report

ODD = os.fsdecode(b"caf\xe9")
OTHER = os.fsdecode(b"caf\xe8")
PICTURES = sorted((SAMPLE / "images").glob("*.jpg"))[:2]


@pytest.fixture(autouse=True)
def _may_have_such_names(tmp_path: Path) -> None:
    try:
        (tmp_path / ODD).mkdir()
        (tmp_path / ODD).rmdir()
    except (OSError, UnicodeError) as error:
        pytest.skip(f"this file system has no such names: {error}")


def built(recipe: str, folder: Path, path: Path, *more: str) -> Report:
    settings = [f"output={folder / 'out'}", f"source.path={path}", "images.max_short_side=64", "clean.rules=[]", *more]
    return build(load_recipe(ROOT / "recipes" / recipe, settings), num_workers=1, quiet=True)


def page(*names: str) -> bytes:
    pieces = [paragraph(f"{word} of this page") for word in ("cat", "dog", "fox", "hen")]
    images = [f'<img src="{name}">' for name in names]
    return page_of(f"<article>{pieces[0]}{pieces[1]}{''.join(images)}{pieces[2]}{pieces[3]}</article>")


def write_pages(folder: Path) -> None:
    """A page with two images; of the second there is more than a recipe may take."""
    folder.mkdir()
    (folder / f"{ODD}.html").write_bytes(page("caf%E9.jpg", "caf%E8.jpg"))
    (folder / f"{ODD}.jpg").write_bytes(PICTURES[0].read_bytes())
    (folder / f"{OTHER}.jpg").write_bytes(bytes(1_000_000))


def test_images_of_saved_pages_are_read_and_refused_by_such_names(tmp_path: Path) -> None:
    write_pages(tmp_path / "pages")
    source = HtmlSource(path=str(tmp_path / "pages"))
    limits = Limits(max_image_bytes=500_000)
    found: list[Any] = [
        item for file in source.files() for split in source.cut(file, 1) for item in source.read(split, limits)
    ]
    (item,) = found
    assert isinstance(item, Parsed)
    first, second = item.document.images
    assert first.load is not None and second.load is not None
    assert first.load() == PICTURES[0].read_bytes()
    with pytest.raises(Unreadable) as caught:
        second.load()
    assert caught.value.reason == "too_many_bytes"
    assert caught.value.detail.startswith("caf\\udce8.jpg: ")


def test_a_build_of_saved_pages_of_such_names_counts_what_it_refused(tmp_path: Path) -> None:
    write_pages(tmp_path / "pages")
    report = built("html.yaml", tmp_path, tmp_path / "pages", "images.max_bytes=500_000")
    assert (report.documents_out, report.images_out) == (1, 1)
    (drop,) = [row for row in ledger(tmp_path / "out") if row["rule"] == "too_many_bytes"]
    assert "caf\\udce8.jpg" in drop["detail"]


def test_a_build_of_mmc4_files_of_such_names_keeps_them_apart(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    lines = [line for line in sample_lines() if b"three-planets" in line or b"pulleys" in line]
    assert len(lines) == 2
    for name, line in zip((ODD, OTHER), lines, strict=True):
        (folder / f"docs_{name}.jsonl").write_bytes(line + b"\nno json\n")
    report = built("mmc4.yaml", tmp_path, folder)
    assert report.documents_out == 2
    assert report.images_out > 0
    assert len({row["doc_id"] for row in ledger(tmp_path / "out") if row["rule"] == "bad_json"}) == 2
    built("mmc4.yaml", tmp_path, folder, "seed=1")


def test_folders_of_img2dataset_of_such_names_are_read_and_adopted(tmp_path: Path) -> None:
    pairs = list({pair.url: pair for pair in sample_pairs()[:4]}.values())
    folder = write_img2dataset(tmp_path / "out", pairs, "files")
    (folder / "00000").rename(folder / ODD)
    (folder / "00000.parquet").unlink()
    for suffix in ("jpg", "json", "txt"):
        (folder / ODD / f"000000000.{suffix}").rename(folder / ODD / f"{OTHER}.{suffix}")
    found = [parsed(item) for item in read_pairs(folder, format="files")]
    assert len(found) == len(pairs)
    adopted = adopt(folder, tmp_path / "store")
    assert adopted.images + adopted.known == len(pairs)
    with Store(tmp_path / "store") as store:
        assert all(store.entry(pair.url) is not None for pair in pairs)


def test_a_file_of_another_kind_is_named_in_what_is_said(tmp_path: Path) -> None:
    (tmp_path / f"{ODD}.txt").write_bytes(b"")
    with pytest.raises(RecipeError, match=r"caf\\udce9\.txt is not \.jsonl") as caught:
        list_files("s", str(tmp_path / f"{ODD}.txt"), (".jsonl",))
    str(caught.value).encode()
