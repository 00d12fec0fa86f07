"""The guides for trainers are true: their commands and then their programs run, on a machine without a GPU."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
_BLOCK = re.compile(r"```(console|python)\n(.*?)```", re.DOTALL)


def blocks(guide: Path, language: str) -> list[str]:
    return [text for found, text in _BLOCK.findall(guide.read_text()) if found == language]


@pytest.mark.parametrize("guide", GUIDES, ids=[guide.stem for guide in GUIDES])
def test_what_a_guide_tells_to_type_runs_from_a_fresh_checkout(guide: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    for block in blocks(guide, "console"):
        for line in re.sub(r"\\\n\s*", "", block).splitlines():
            if line.startswith("$ "):
                words = shlex.split(line.removeprefix("$ "))
                run([str(Path(sys.executable).with_name(words[0])), *words[1:]], tmp_path)
    programs = blocks(guide, "python")
    assert programs, f"{guide.name} has nothing to paste"
    script = tmp_path / "trainer.py"
    # Workers that are spawned import the program again.
    body = "\n".join(f"    {line}" if line else "" for line in "\n".join(programs).splitlines())
    script.write_text(f"if __name__ == '__main__':\n{body}\n")
    run([sys.executable, str(script)], tmp_path)


def run(words: list[str], folder: Path) -> None:
    ran = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, f"{' '.join(words)}\n{ran.stdout[-2000:]}\n{ran.stderr[-4000:]}"
