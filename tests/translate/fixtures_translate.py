"""Exports of the sample, and datasets that are built again from them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from fixtures_build import ROOT, records, sample_dataset
from typer.testing import CliRunner

from interleave.commands.export import export_app
from interleave.flow import build
from interleave.recipe_file import load_recipe

TOKENIZER = "package:wordllama/tokenizers/l2_supercat_tokenizer_config.json"
assert ROOT.is_dir()


def export(form: str, dataset: Path, output: Path, *options: str) -> str:
    """What an export prints; it must succeed."""
    result = CliRunner().invoke(export_app, [form, str(dataset), str(output), *options], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def build_from(source: Mapping[str, Any], output: Path, **more: Any) -> Path:
    """A dataset of a source, without rules and deduplication."""
    recipe = {"source": dict(source), "output": str(output), "tokenizer": TOKENIZER, "profile": "vila-1.0", **more}
    path = output.with_suffix(".yaml")
    path.write_text(yaml.safe_dump(recipe))
    build(load_recipe(path, []), num_workers=1, fresh=True, quiet=True)
    return output


def contents(dataset: Path | None = None) -> dict[tuple[str | None, str], list[str]]:
    """Texts and SHA-256 of images, in reading order, of every document: by its URL and its first part.

    The parts of a document that was cut are joined.
    """
    documents: dict[str, tuple[str | None, list[str]]] = {}
    for record, _, jpegs in records(dataset or sample_dataset()):
        images = iter(jpegs)
        parts = [hashlib.sha256(next(images)).hexdigest() if text is None else text for text in record.texts]
        documents.setdefault(record.doc_id, (record.url, []))[1].extend(parts)
    return {(url, parts[0]): parts for url, parts in documents.values()}


def squeezed(text: str) -> str:
    """Without white space: forms differ in how they join."""
    return re.sub(r"\s+", "", text)


def files(folder: Path) -> dict[str, str]:
    """SHA-256 of every file."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def sha256s(jpegs: Sequence[bytes]) -> list[str]:
    return [hashlib.sha256(jpeg).hexdigest() for jpeg in jpegs]
