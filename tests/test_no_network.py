"""Importing, validating and building from local files ask nobody: each process is watched, workers too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures_build import RECIPE, ROOT, TIMEOUT_S, cli, sample_dataset

# Python imports this in each process that finds it: what asks for an address or connects to one is written down.
WATCH = """
import socket, sys

def note(event, arguments):
    if event == "socket.getaddrinfo" or (
        event in ("socket.connect", "socket.sendto") and arguments[0].family != socket.AF_UNIX
    ):
        with open({asked!r}, "a") as file:
            file.write(f"{{event}} {{arguments[0 if event.endswith('info') else 1]}}\\n")

sys.addaudithook(note)
"""
EVERY_MODULE = """
import pkgutil, importlib, interleave
for module in pkgutil.walk_packages(interleave.__path__, "interleave."):
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:  # of an extra
        assert not error.name.startswith("interleave"), error
"""


def asked_by(arguments: list[str], folder: Path) -> list[str]:
    """What a Python and all its children asked of the network."""
    asked = folder / "asked"
    asked.touch()
    (folder / "sitecustomize.py").write_text(WATCH.format(asked=str(asked)))
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    subprocess.run(
        arguments, env=os.environ | {"PYTHONPATH": path}, check=True, timeout=TIMEOUT_S,
        capture_output=True, cwd=ROOT,
    )  # fmt: skip
    return asked.read_text().splitlines()


def test_what_asks_is_seen_in_processes_of_processes(tmp_path: Path) -> None:
    ask = "import socket; socket.getaddrinfo('localhost', 1)"
    within = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {ask!r}], check=True)"
    assert asked_by([sys.executable, "-c", within], tmp_path) == ["socket.getaddrinfo localhost"]


def test_importing_every_module_asks_nobody(tmp_path: Path) -> None:
    assert not asked_by([sys.executable, "-W", "ignore", "-c", EVERY_MODULE], tmp_path)


@pytest.mark.parametrize(
    "words", [["validate"], ["validate", "--readiness"], ["inspect"], ["inspect", "--html", "page.html"]]
)
def test_looking_at_a_dataset_asks_nobody(words: list[str], tmp_path: Path) -> None:
    arguments = [str(tmp_path / word) if word.endswith(".html") else word for word in words]
    assert not asked_by([*cli(), *arguments, str(sample_dataset())], tmp_path)


def test_building_from_local_files_asks_nobody(tmp_path: Path) -> None:
    output = tmp_path / "out"
    words = ["build", str(RECIPE), "--workers", "2", "--set", f"output={output}"]
    assert not asked_by([*cli(), *words], tmp_path)
    assert (output / "manifest.json").is_file()
