"""How many documents have the ids that VILA's own loader gave: `recipes/vila-parity.yaml` against a reference file.

    python benchmarks/vila_parity.py --documents DOCS.jsonl --images FOLDER --reference REFERENCE.json.gz

The reference, JSON or gzipped JSON, holds for each layout a list of `url`, `input_ids`, `num_images`, as VILA's
`LazyMMC4Dataset` gave them with Llama-2's slow tokenizer. Exit code 1 where a document differs.
"""

from __future__ import annotations

import argparse
import gzip
import sys
import tempfile
from pathlib import Path
from typing import Any

import orjson

from interleave.flow import build
from interleave.recipe_file import load_recipe
from interleave.stream.reader import DatasetReader

RECIPE = Path(__file__).parent.parent / "recipes" / "vila-parity.yaml"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("documents", "images", "reference"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    arguments = parser.parse_args()
    print(f"{'layout':10} {'documents':>9} {'equal':>6}  first that differs")
    reference = read_reference(arguments.reference)
    return max([compare(layout, expected, arguments) for layout, expected in reference.items()], default=1)


def read_reference(path: Path) -> dict[str, list[dict[str, Any]]]:
    data = path.read_bytes()
    found: dict[str, list[dict[str, Any]]] = orjson.loads(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
    return found


def compare(layout: str, expected: list[dict[str, Any]], arguments: argparse.Namespace) -> int:
    """Prints a line; 1 where a document differs."""
    with tempfile.TemporaryDirectory() as folder:
        settings = [f"source.path={arguments.documents}", f"source.images={arguments.images}"]
        settings += [f"encode.layout={layout}", f"output={folder}/out"]
        build(load_recipe(RECIPE, settings), num_workers=2, quiet=True)
        reader = DatasetReader(Path(folder) / "out")
        samples = (reader.read(number) for number in range(len(reader)))
        ours = {record.url: (ids.tolist(), len(jpegs)) for record, ids, jpegs in samples}
    different = [item["url"] for item in expected if ours.get(item["url"]) != (item["input_ids"], item["num_images"])]
    print(f"{layout:10} {len(expected):>9} {len(expected) - len(different):>6}  {different[0] if different else '-'}")
    return int(bool(different) or len(ours) != len(expected))


if __name__ == "__main__":
    sys.exit(main())
