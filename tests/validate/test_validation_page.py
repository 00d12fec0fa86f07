"""The page about validation has every code, as it is."""

from __future__ import annotations

from pathlib import Path

from interleave.validate.invariants import INVARIANTS

PAGE = Path(__file__).parent.parent.parent / "docs" / "validation.md"


def test_the_page_lists_every_code_with_its_severity_and_its_sentence() -> None:
    rows = PAGE.read_text().split("## Codes")[1].splitlines()
    expected = [f"| `{code}` | {invariant.severity} | {invariant.holds} |" for code, invariant in INVARIANTS.items()]
    assert [row for row in rows if row.startswith("| `")] == expected
