"""Ten thousand inputs for each parser that are nearly right; `run_fuzz.py` gives them a million."""

from __future__ import annotations

import random
import sys
import types
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))  # as the script finds them
import run_fuzz
from parsers import PARSERS, Parser

NUM_MUTATIONS = 10_000


@pytest.mark.parametrize("name", PARSERS)
def test_no_input_crashes_a_parser_takes_long_or_raises_what_it_does_not_say(name: str, tmp_path: Path) -> None:
    found = run_fuzz.fuzz_apart(name, NUM_MUTATIONS, seed=0, keep=tmp_path / "kept")
    assert found["findings"] == {}
    assert found["mutations"] == NUM_MUTATIONS
    assert not list((tmp_path / "kept").iterdir())


def test_what_a_parser_does_wrong_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(data: bytes, folder: Path) -> None:
        if data.startswith(b"x"):
            raise KeyError("x")
        if data.startswith(b"y"):
            raise ValueError("a refusal")

    def mutate(data: bytes, draw: random.Random, others: object) -> bytes:
        return draw.choice((b"x1", b"x2", b"y", b"z"))

    wrong = Parser(seeds=lambda: [b"good"], read=read, refusals=(ValueError,), mutate=mutate)
    monkeypatch.setitem(sys.modules, "parsers", types.SimpleNamespace(PARSERS={"wrong": wrong}))
    found = run_fuzz.fuzz("wrong", 100, 0, tmp_path)
    findings = found["findings"]
    assert isinstance(findings, dict) and isinstance(found["refused"], int)
    ((what, number),) = findings.items()
    assert what.startswith("KeyError-test_fuzz-")
    assert number > 20 and found["refused"] > 5 and number + found["refused"] < 100
    assert (tmp_path / f"wrong.{what}").read_bytes() in (b"x1", b"x2")


def test_a_parser_that_ends_its_process_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_fuzz, "__file__", str(tmp_path / "dies.py"))
    (tmp_path / "dies.py").write_text("import os; os.kill(os.getpid(), 11)")
    assert run_fuzz.fuzz_apart("any", 1, 0, tmp_path / "kept")["findings"] == {"ended with -11": ""}
