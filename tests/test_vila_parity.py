"""`recipes/vila-parity.yaml` gives, id for id, what VILA's `LazyMMC4Dataset` makes of the same documents.

The rules of its releases 1.0 and 2.0 (github.com/NVlabs/VILA, llava/data/dataset.py and llava/mm_utils.py) are said
here once more, by what they do to a text; ids come from the `tokenizers` library itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from fixtures_build import ROOT, SAMPLE, six_documents
from fixtures_tokenizers import LLAMA
from tokenizers import Tokenizer
from typer.testing import CliRunner

from interleave.cli import app
from interleave.encode.tokenizer import find_tokenizer
from interleave.flow import build
from interleave.recipe_file import load_recipe
from interleave.stream.reader import DatasetReader

RECIPE = ROOT / "recipes" / "vila-parity.yaml"
BOS, EOS = 1, 2


def is_here(image: dict[str, Any]) -> bool:
    return (SAMPLE / "images" / image["image_name"]).is_file()


def documents() -> list[dict[str, Any]]:
    """Six of the sample, and some of which VILA's rules make something special."""
    found = [orjson.loads(line) for line in six_documents().read_bytes().splitlines()]
    found = [document for document in found if all(map(is_here, document["image_info"]))]
    images = [image for document in found for image in document["image_info"]] * 2
    special = [
        (["a", "b", "c"], [2, 0, 0, 1, 1, 2, 2, 0]),
        ([" leading", "trailing ", "  two  ", "", "\n"], [0, 1, 2, 3, 4]),
        (["", "all", ""], [0, 2]),
        (["a literal <image> and </s> and <IMAGE>"], [0]),
    ]
    for number, (sentences, places) in enumerate(special):
        infos = [images[position] | {"matched_text_index": place} for position, place in enumerate(places)]
        rows = [[0.1] * len(sentences)] * len(places)
        url = f"https://special.example/{number}"
        found.append({"url": url, "text_list": sentences, "image_info": infos, "similarity_matrix": rows})
    return found


def expected(document: dict[str, Any], layout: str, tokenizer: Tokenizer) -> tuple[list[int], int]:
    """Ids, and how many images, by VILA's rules."""
    sentences = [sentence.replace("<image>", "<IMAGE>") for sentence in document["text_list"]]
    places = [info["matched_text_index"] for info in document["image_info"]][:6]
    mark = "<image>" if layout == "vila-1.0" else "<image>\n"
    for place in places:
        sentences[place] = mark + sentences[place]
    text = " ".join(sentences).replace("<image> ", "<image>").replace(" <image>", "<image>")
    ids = [BOS]
    for number, chunk in enumerate(text.split("<image>")):
        ids += [-200 if layout == "vila-1.0" else 32000] * (number > 0)
        ids += tokenizer.encode(chunk, add_special_tokens=False).ids
    return [*ids, EOS], len(places)


def built(folder: Path, wanted: Sequence[dict[str, Any]], layout: str) -> DatasetReader:
    path = folder / "docs.jsonl"
    path.write_bytes(b"\n".join(orjson.dumps(document) for document in wanted))
    settings = [f"source.path={path}", f"source.images={SAMPLE / 'images'}"]
    settings += [f"encode.layout={layout}", f"output={folder / 'out'}"]
    build(load_recipe(RECIPE, settings), num_workers=1, quiet=True)
    return DatasetReader(folder / "out")


@pytest.mark.parametrize("layout", ["vila-1.0", "vila-2.0"])
def test_every_document_has_the_ids_that_vila_has_for_it(tmp_path: Path, layout: str) -> None:
    tokenizer = Tokenizer.from_file(str(find_tokenizer(LLAMA)))
    tokenizer.encode_special_tokens = True
    wanted = {document["url"]: expected(document, layout, tokenizer) for document in documents()}
    reader = built(tmp_path, documents(), layout)
    samples = [reader.read(number) for number in range(len(reader))]
    assert {record.url: (ids.tolist(), len(jpegs)) for record, ids, jpegs in samples} == wanted
    drops = pq.read_table(tmp_path / "out" / "ledger" / "drops.parquet").to_pylist()
    assert [(drop["rule"], drop["stage"], drop["image"]) for drop in drops] == [
        ("max_images", "settle", 6),
        ("max_images", "settle", 7),
    ]


def test_the_recipe_builds_the_sample_as_it_stands(tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["build", str(RECIPE), "--set", f"output={tmp_path / 'out'}", "--workers", "1"])
    assert ran.exit_code == 0, ran.output
    assert DatasetReader(tmp_path / "out").manifest.model.context is None
    assert CliRunner().invoke(app, ["validate", str(tmp_path / "out"), "--workers", "1"]).exit_code == 0


def test_a_tokenizer_without_eos_has_no_image_at_the_end(tmp_path: Path) -> None:
    """VILA removes image tokens that nothing follows; in its release 2.0 a newline always does."""
    image = documents()[0]["image_info"][0]
    infos = [image | {"matched_text_index": 0}, image | {"matched_text_index": 1}]
    document = {"url": "u", "text_list": ["a", ""], "image_info": infos, "similarity_matrix": [[0.1, 0.1]] * 2}
    (tmp_path / "docs.jsonl").write_bytes(orjson.dumps(document))
    for layout, num_images in (("vila-1.0", 1), ("vila-2.0", 2)):
        settings = [f"source.path={tmp_path / 'docs.jsonl'}", f"source.images={SAMPLE / 'images'}", "encode.eos=null"]
        settings += [f"encode.layout={layout}", f"output={tmp_path / layout}", "shards.multiple_of=1"]
        build(load_recipe(RECIPE, settings), num_workers=1, quiet=True)
        assert DatasetReader(tmp_path / layout).manifest.num_images == num_images
