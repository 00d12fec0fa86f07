"""Readiness for people: a table of 80 columns and the verdict."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from interleave.text import harmless
from interleave.validate.prose import item
from interleave.validate.readiness.judge import Grade, Readiness

_STYLES = {Grade.GOOD: "green", Grade.LOOK: "yellow", Grade.BAD: "bold red", Grade.INFO: "dim"}


def show(readiness: Readiness, console: Console) -> None:
    """Prints the table, the verdict, and its reasons."""
    console.print("\nFor Stage 2", highlight=False)
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    table.add_column("here", justify="right")
    table.add_column("MMC4-core", justify="right")
    table.add_column("")
    for line in readiness.lines:
        word = "" if line.grade is Grade.INFO else f"[{_STYLES[line.grade]}]{line.grade}[/]"
        table.add_row(line.name, escape(harmless(line.here)), line.published, word)
    console.print(table)
    console.print(f"\n{readiness.verdict}", style=_STYLES[readiness.grade], highlight=False)
    for reason in readiness.reasons:
        console.print(escape(item("-", reason, console.width)), highlight=False)
