"""Benchmarks are run by hand: each still finds what it imports."""

from __future__ import annotations

import subprocess
import sys

import pytest
from fixtures_build import ROOT, TIMEOUT_S

BENCHMARKS = ROOT / "benchmarks"


def test_every_benchmark_can_be_imported() -> None:
    pytest.importorskip("ray")
    names = sorted(path.stem for path in BENCHMARKS.glob("*.py"))
    assert len(names) > 20
    code = f"import sys\nsys.path.insert(0, {str(BENCHMARKS)!r})\n" + "".join(f"import {name}\n" for name in names)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert not ran.returncode, ran.stderr[-2000:]
