"""A package outside the project adds a kind of source by an entry point, with one file."""

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from fixtures_build import TIMEOUT_S

SOURCE = '''
from pathlib import Path
from typing import Literal

from interleave.acquire.listing import list_files, whole
from interleave.acquire.source import Parsed, Refused
from interleave.document import SourceDocument
from interleave.errors import Unreadable
from interleave.identity import document_id
from interleave.settings import Location, Settings


class LettersSource(Settings):
    """A folder of letters, a line a sentence."""

    kind: Literal["letters"] = "letters"
    name: str = "letters"
    path: Location

    def files(self):
        return list_files(self.name, self.path, (".letter",))

    def cut(self, file, num_bytes):
        return whole(file, 1)

    def read(self, split, limits):
        doc_id = document_id(split.source, split.name, 0)
        sentences = tuple(Path(split.path).read_text().splitlines())
        if not sentences:
            yield Refused(doc_id=doc_id, where=split.name, error=Unreadable("empty_letter", "no line"))
            return
        yield Parsed(document=SourceDocument(id=doc_id, url=None, sentences=sentences, images=(), meta={}))
'''
RECIPE = """
source: {kind: letters, path: letters}
output: out
clean: {rules: []}
tokenizer: package:wordllama/tokenizers/l2_supercat_tokenizer_config.json
profile: vila-1.0
shards: {max_bytes: 1_000_000}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A package as pip leaves it, letters, and a recipe."""
    info = tmp_path / "packages" / "letters-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: letters\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[interleave.sources]\nletters = letters:LettersSource\n")
    (tmp_path / "packages" / "letters.py").write_text(SOURCE)
    (tmp_path / "letters").mkdir()
    for number in range(3):
        (tmp_path / "letters" / f"{number}.letter").write_text("Dear cat.\nHow are you?\n" * number)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("interleave")
    environment = os.environ | {"PYTHONPATH": str(folder / "packages")}
    return subprocess.run(
        [program, *arguments], capture_output=True, text=True, env=environment, timeout=TIMEOUT_S, check=False
    )


def test_documents_of_a_kind_that_a_package_brings_are_built_and_counted(folder: Path) -> None:
    done = run(folder, "build", str(folder / "recipe.yaml"), "--workers", "1", "--json")
    assert done.returncode == 0, done.stderr
    report = orjson.loads(done.stdout)
    assert (report["documents_in"], report["documents_out"]) == (3, 2)
    assert {line["rule"]: line["documents"] for line in report["drops"]} == {"empty_letter": 1}


def test_a_wrong_key_of_such_a_source_is_named(folder: Path) -> None:
    done = run(folder, "recipe", "check", str(folder / "recipe.yaml"), "--set", "source.paht=x")
    assert done.returncode == 2
    assert "source.paht: unknown key; did you mean 'path'?" in done.stderr


@pytest.mark.parametrize("code", ["import nowhere_to_be_found", "1 / 0", "LettersSource = 7", ""])
def test_a_package_that_cannot_be_loaded_is_one_sentence(folder: Path, code: str) -> None:
    (folder / "packages" / "letters.py").write_text(code)
    done = run(folder, "recipe", "check", str(folder / "recipe.yaml"))
    assert done.returncode == 2
    assert done.stderr.startswith("error: the source kind 'letters' of the package letters cannot be loaded: ")
    assert done.stderr.count("\n") == 1
