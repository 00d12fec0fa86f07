"""The guides for trainers are true: their commands and then their programs run, on a machine without a GPU."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from fixtures_build import command

ROOT = Path(__file__).parent.parent
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
# What a guide imports that is no package, and what the rest of it needs of that. VILA's file is a list of datasets.
STAND_INS = {
    "llava/data/datasets_mixture.py": """
from dataclasses import dataclass

DATASETS = {}


@dataclass
class Dataset:
    dataset_name: str
    dataset_type: str
    data_path: str


def add_dataset(dataset):
    assert dataset.dataset_type in ("mmc4", "coyo")
    DATASETS[dataset.dataset_name] = dataset
"""
}
# Packages that have an environment of their own: `python tests/readers/environments.py` runs these guides in it.
ELSEWHERE = {"energon": "megatron"}
_BLOCK = re.compile(r"```(console|python)\n(.*?)```", re.DOTALL)


def blocks(guide: Path, language: str) -> list[str]:
    return [text for found, text in _BLOCK.findall(guide.read_text()) if found == language]


@pytest.mark.parametrize("guide", GUIDES, ids=[guide.stem for guide in GUIDES])
def test_what_a_guide_tells_to_type_runs_from_a_fresh_checkout(guide: Path, tmp_path: Path) -> None:
    needed = ELSEWHERE.get(guide.stem)
    if needed and find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed; it has an environment of its own")
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    for name, text in STAND_INS.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
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


def test_builds_on_a_cluster_are_told_with_options_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    text = (ROOT / "docs" / "guides" / "cluster.md").read_text()
    lines = [line for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    builds = [line for line in lines if line.startswith("interleave build")]
    assert len(builds) == 4
    for line in builds:
        done = command(*shlex.split(os.path.expandvars(line))[1:])
        assert done.returncode == 2 and done.stderr.startswith("error: cannot read the recipe ")


def run(words: list[str], folder: Path) -> None:
    ran = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, f"{' '.join(words)}\n{ran.stdout[-2000:]}\n{ran.stderr[-4000:]}"
