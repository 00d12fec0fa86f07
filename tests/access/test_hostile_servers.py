"""Whatever a server does, it costs no more than the deadline, a bounded amount of memory, and one row of the ledger."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "hostile_servers.py"


def test_hostile_servers_end_in_time_in_memory_and_with_a_reason() -> None:
    line = [sys.executable, str(SCRIPT), "--json", "--deadline", "3"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert found["wrong"] == []
    assert done.returncode == 0
    assert len(found["outcomes"]) >= 60
    assert {way for way, (reason, _) in found["outcomes"].items() if reason == "ok"} == {
        "robots-redirects",
        "robots-large",  # its first 500 kB forbid nothing
        "image",
    }
