"""Ten thousand documents, wrong in more than forty ways, go through a whole build: none is lost, none stops it."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from pathlib import Path

import orjson
import pyarrow.parquet as pq
from fixtures_build import build_sample
from malformed import KINDS, good_document, write_images

from interleave.executors import InProcess
from interleave.identity import document_id
from interleave.shard.index import read_index
from interleave.validate.dataset import validate

NUM_DOCUMENTS = 10_000
NUM_GOOD = 300
# These are no documents, whatever else is made of them.
REFUSED = {
    "cut off", "empty object", "null", "a list", "a number", "a string", "two documents on a line", "no closing brace",
    "a trailing comma", "Python's repr", "deep", "NaN", "infinity", "no text_list", "text_list null",
    "text_list a string", "text_list a dict", "text_list of numbers", "text_list of lists", "texts of white space",
    "image_info a dict", "half a surrogate", "UTF-16",
}  # fmt: skip


def write_documents(path: Path) -> dict[str, str]:
    """The kind of each document, by its id."""
    names = sorted(KINDS)
    kinds = {}
    with path.open("wb") as file:
        for number in range(NUM_DOCUMENTS):
            kind = "good" if number < NUM_GOOD else names[number % len(names)]
            document = good_document(number)
            data = orjson.dumps(document) if kind == "good" else KINDS[kind](document, random.Random(number))
            assert data.strip() and b"\n" not in data, kind
            file.write(data + b"\n")
            kinds[document_id("mmc4", path.name, number)] = kind
    return kinds


def test_of_malformed_documents_every_one_is_accounted_for_and_those_that_stay_are_sound(tmp_path: Path) -> None:
    assert len(KINDS) >= 40
    write_images(tmp_path / "images")
    kinds = write_documents(tmp_path / "docs.jsonl")
    output = tmp_path / "set"
    report = build_sample(
        output,
        f"source.path={tmp_path / 'docs.jsonl'}",
        f"source.images={tmp_path / 'images'}",
        "dedup={documents: null, images: null}",
    )
    assert report.documents_in == NUM_DOCUMENTS
    index = read_index(output / "index.arrow")
    kept = set(index["doc_id"].to_pylist())
    rows = pq.read_table(
        output / "ledger" / "drops.parquet", columns=["doc_id", "image", "sentence", "rule"]
    ).to_pylist()
    dropped = Counter(row["doc_id"] for row in rows if row["image"] is None and row["sentence"] is None)
    assert set(dropped.values()) == {1}
    assert kept | set(dropped) == set(kinds) and not kept & set(dropped)
    fates: defaultdict[str, Counter[bool]] = defaultdict(Counter)
    for doc_id, kind in kinds.items():
        fates[kind][doc_id in kept] += 1
    assert set(fates) == {"good", *KINDS}
    assert fates["good"] == {True: NUM_GOOD}
    assert {kind for kind, fate in fates.items() if not fate[True]} >= REFUSED
    outcome = validate(output, InProcess(), quiet=True)
    # Some kinds are the same text again and again, and their pictures are small.
    assert set(outcome.counts) <= {"duplicate-sample", "image-small"}, outcome.findings[:3]
