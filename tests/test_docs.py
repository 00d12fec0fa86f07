"""README and docs are true: what they tell a reader to type is typed here."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "CONTRIBUTING.md",
    ROOT / "examples" / "README.md",
]


def commands(page: Path) -> list[str]:
    blocks = re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a newcomer has it after README's first command."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "recipes", folder / "recipes")
    run(["interleave", "build", "recipes/mmc4.yaml", "--workers", "1"], folder)
    return folder


def run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).with_name(words[0]))
    return subprocess.run([program, *words[1:]], cwd=folder, capture_output=True, text=True, check=True)


def test_readme_shows_commands() -> None:
    assert len(commands(PAGES[0])) >= 5


# Guides are followed from their beginning, in `test_guides`.
SHOWN = dict.fromkeys(command for page in PAGES if page.parent.name != "guides" for command in commands(page))


@pytest.mark.parametrize("command", SHOWN)
def test_every_command_in_the_docs_runs(command: str, checkout: Path) -> None:
    result = run(shlex.split(command), checkout)
    assert result.stdout.strip()


def test_the_trainer_in_readme_runs(checkout: Path) -> None:
    code = re.findall(r"```python\n(.*?)```", PAGES[0].read_text(), re.DOTALL)
    assert len(code) == 1
    check = "\nassert batch['input_ids'].shape[1] == 4096 and state['epoch'] == 1\n"
    guarded = "if __name__ == '__main__':\n" + "\n".join("    " + line for line in (code[0] + check).splitlines())
    script = checkout / "trainer.py"
    script.write_text(guarded)
    subprocess.run([sys.executable, str(script)], cwd=checkout, check=True, capture_output=True)


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_recipe_reference_is_what_the_schema_says() -> None:
    page = ROOT / "docs" / "recipe.md"
    before = page.read_text()
    code = "import make_recipe_reference as page; print(page.reference())"
    made = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "docs", capture_output=True, text=True, check=True
    ).stdout
    assert made.rstrip("\n") == before.rstrip("\n"), "run python docs/make_recipe_reference.py"
