"""An estimate for people, 80 columns wide."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from interleave.estimate import Estimate

_MOST_LOSSES = 8


def print_estimate(estimate: Estimate, console: Console) -> None:
    """Prints what a build would come to."""
    about = "" if estimate.is_counted else "about "
    console.print(
        f"Input: {estimate.num_files:,} files, {bytes_text(estimate.input_bytes)}, {about}"
        f"{estimate.documents_in:,} documents with {estimate.images_in:,} images.\n"
        f"{estimate.sample_documents:,} of them were built to see what becomes of all:",
        highlight=False,
    )
    console.print(_table(estimate))
    if estimate.losses:
        console.print("\nWhat would be dropped, the most first", highlight=False)
        console.print(_losses(estimate))
    console.print(f"\nTime with {estimate.num_workers} processes", highlight=False)
    console.print(_times(estimate))
    console.print(f"\nMost expensive: {estimate.most_expensive}, where {escape(estimate.setting)}", highlight=False)


def _table(estimate: Estimate) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column("")
    table.add_column("", justify="right")
    for name, value in (
        ("documents out", f"{estimate.documents_out:,}"),
        ("images out", f"{estimate.images_out:,}"),
        ("samples", f"{estimate.samples:,}"),
        ("tokens of text", f"{estimate.text_tokens:,}"),
        ("tokens with images", f"{estimate.tokens:,}"),
        ("dataset", bytes_text(estimate.dataset_bytes)),
        ("work folder", bytes_text(estimate.work_bytes)),
        ("disk at the peak", bytes_text(estimate.dataset_bytes + estimate.work_bytes)),
    ):
        table.add_row(name, value)
    return table


def _losses(estimate: Estimate) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("rule")
    for name in ("documents", "images"):
        table.add_column(name, justify="right")
    for loss in estimate.losses[:_MOST_LOSSES]:
        if loss.documents or loss.images:
            table.add_row(f"{loss.stage} {loss.rule}", f"{loss.documents:,}", f"{loss.images:,}")
    return table


def _times(estimate: Estimate) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("stage")
    table.add_column("here", justify="right")
    several = estimate.num_machines > 1
    if several:
        table.add_column(f"{estimate.num_machines:,} machines", justify="right")
    rows = [(stage.name, stage.seconds, stage.seconds_on_several) for stage in estimate.stages]
    for name, here, there in [*rows, ("sum", estimate.seconds, estimate.seconds_on_several)]:
        table.add_row(name, time_text(here), *([time_text(there)] if several else []))
    return table


def time_text(seconds: float) -> str:
    """`7.3 s`, `4.1 min`, `2.5 h`, `3.2 days`."""
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def bytes_text(number: int) -> str:
    """`870 B`, `1.3 MB`, `2.4 TB`."""
    value = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:,.0f} {unit}" if unit == "B" else f"{value:,.1f} {unit}"
        value /= 1000
    return f"{value:,.1f} TB"
