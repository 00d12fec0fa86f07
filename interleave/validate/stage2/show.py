"""Advice for people, 80 columns wide."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from interleave.validate.prose import item
from interleave.validate.stage2.advise import SKIPPED, Advice, Answer, hours
from interleave.validate.stage2.cost import Cost

_SOURCES = "VILA-7B as released (VILA's README); one user's run (github.com/NVlabs/VILA/issues/12)"


def show(advice: Advice, console: Console) -> None:
    """Prints the answer, why, what it costs, and how to do it."""
    console.print(f"{advice.answer.upper()} Stage 2", style="bold", highlight=False)
    for reason in advice.reasons:
        console.print(escape(item("-", reason, console.width)), highlight=False)
    for caution in advice.cautions:
        console.print(escape(item("!", caution, console.width)), highlight=False, style="yellow")
    machine = advice.machine
    console.print(
        f"\nOne epoch, {machine.billions:g} B parameters, {machine.gpu.upper()} "
        f"({machine.gpu.peak_flops / 1e12:,.0f} TFLOPS in BF16), MFU {machine.mfu:g}",
        highlight=False,
    )
    console.print(_cost_table(advice))
    console.print("\nWhat skipping it cost others", highlight=False)
    console.print(_skip_table())
    console.print(f"[dim]{_SOURCES}[/dim]", highlight=False)
    paths = [
        (f"Stage 2 with this dataset, then Stage 3[/bold], in VILA's folder, {advice.release}", advice.commands_run),
        ("Without Stage 2[/bold], in VILA's folder, release 1.0", advice.commands_skip),
    ]
    if advice.answer is Answer.SKIP:
        paths.reverse()
    for title, commands in paths:
        console.print(f"\n[bold]{title}", highlight=False)
        for command in commands:
            console.print(f"  {escape(command)}", highlight=False, soft_wrap=True)


def _cost_table(advice: Advice) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for name in ("images", "tokens", "GPU hours"):
        table.add_column(name, justify="right")
    for name, cost in (("this dataset", advice.cost), ("VILA's own Stage 2", advice.vilas_cost)):
        table.add_row(name, *_cells(cost))
    return table


def _cells(cost: Cost) -> tuple[str, str, str]:
    return _short(cost.num_images), _short(cost.num_tokens), hours(cost.gpu_hours)


def _short(number: int) -> str:
    for unit, name in ((1e9, "G"), (1e6, "M")):
        if number >= 10 * unit:
            return f"{number / unit:,.0f} {name}"
    return f"{number:,}"


def _skip_table() -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("zero-shot")
    table.add_column("VILA-7B", justify="right")
    table.add_column("without Stage 2", justify="right")
    for line in SKIPPED:
        table.add_row(line.benchmark, line.with_stage2, line.without)
    return table
