"""A view of the ledger in a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from interleave.text import harmless
from interleave.validate.explore.effect import Bin, Effect
from interleave.validate.explore.examples import Example
from interleave.validate.explore.ledger import Bounds
from interleave.validate.explore.view import RuleView, View

_BAR = 32


def show(view: View, console: Console) -> None:
    """Prints the funnel and the rules, or the rules that were asked for from near."""
    console.print(_funnel(view))
    console.print(_lines(view))
    for rule in view.rules:
        _show_rule(rule, console)


def _funnel(view: View) -> Table:
    table = _table("What is left after each stage", "stage", "documents", "images")
    most = max([step.documents for step in view.steps], default=0)
    table.add_column("documents left")
    for step in view.steps:
        table.add_row(step.stage, f"{step.documents:,}", f"{step.images:,}", _bar(step.documents, most))
    return table


def _lines(view: View) -> Table:
    table = _table("\nWhat each rule removed", "rule", "documents", "images", "sentences")
    for line in view.lines:
        counts = (f"{count:,}" if count else "" for count in (line.documents, line.images, line.sentences))
        table.add_row(f"{line.stage} {escape(line.rule)}", *counts)
    return table


def _show_rule(rule: RuleView, console: Console) -> None:
    console.print(
        f"\n[bold]{escape(rule.rule)}[/bold]: keeps {_kept(rule.bounds)}; measured {rule.num_measured:,} of "
        f"{rule.num_units:,} {rule.level}, removed {rule.num_removed:,}",
        highlight=False,
    )
    console.print(_histogram(rule.bins, rule.bounds))
    console.print(_effects(rule.effects, rule.bounds))
    for name, found in (("Removed", rule.removed), ("Kept", rule.kept)):
        if found:
            console.print(f"\n{name}, next to the bound first", highlight=False)
        for example in found:
            _show_example(example, console)


def _histogram(bins: Sequence[Bin], bounds: Bounds) -> Table:
    table = _table("", "from", "kept", "removed", "by others")
    table.add_column("")
    most = max([each.num_kept + each.num_by_this + each.num_by_other for each in bins], default=0)
    for each in bins:
        counts = (each.num_kept, each.num_by_this, each.num_by_other)
        bars = _bar(each.num_kept, most) + f"[red]{_bar(each.num_by_this, most)}[/red]"
        bars += f"[dim]{_bar(each.num_by_other, most)}[/dim]"
        marks = "".join(f" < {mark}" for mark in _marks(each, bounds))
        table.add_row(f"{each.low:.4g}", *(f"{count:,}" if count else "" for count in counts), bars + marks)
    return table


def _marks(each: Bin, bounds: Bounds) -> list[str]:
    """The bounds that lie in a stretch."""
    named = (("min", bounds.minimum), ("max", bounds.maximum))
    return [f"{name} {bound:g}" for name, bound in named if bound is not None and each.low <= bound < each.high]


def _effects(effects: Sequence[Effect], bounds: Bounds) -> Table:
    side = "max" if bounds.minimum is None and bounds.maximum is not None else "min"
    table = _table("With another bound", side, "break it", "removed more", "kept more")
    for each in effects:
        bound = each.maximum if side == "max" else each.minimum
        now = " (now)" if bound == (bounds.maximum if side == "max" else bounds.minimum) else ""
        table.add_row(f"{bound:.4g}{now}", f"{each.num_broken:,}", f"{each.num_more:,}", f"{each.num_fewer:,}")
    return table


def _show_example(example: Example, console: Console) -> None:
    unit = example.unit
    what = f" image {unit.image}" if unit.image is not None else ""
    what += f" sentence {unit.sentence}" if unit.sentence is not None else ""
    lines = [f"  [bold]{unit.value:.4g}[/bold]  {escape(harmless(example.url or unit.doc_id))}{what}"]
    lines += [f"        {escape(harmless(text))}" for text in (example.image_url, example.text) if text]
    console.print("\n".join(lines), highlight=False)


def _kept(bounds: Bounds) -> str:
    low = "" if bounds.minimum is None else f"{bounds.minimum:g} and more"
    high = "" if bounds.maximum is None else f"{bounds.maximum:g} and less"
    return " and ".join(filter(None, (low, high))) or "everything that it saw"


def _bar(count: int, most: int) -> str:
    length = round(_BAR * count / most) if most else 0
    return "█" * max(length, 1 if count else 0)


def _table(title: str, first: str, *numbers: str) -> Table:
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    table.add_column(first)
    for name in numbers:
        table.add_column(name, justify="right")
    return table
