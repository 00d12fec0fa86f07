"""A build's report for people: two tables and some lines, 80 columns wide."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from interleave.report import Report
from interleave.shard.manifest import REPORT_NAME


def print_report(report: Report, console: Console) -> None:
    """Prints what a build came to."""
    console.print(_stage_table(report))
    console.print(_drop_table(report))
    console.print(_text_lines(report), highlight=False, soft_wrap=True)


def _stage_table(report: Report) -> Table:
    table = Table(title="What is left after each stage", title_justify="left", box=None, pad_edge=False)
    table.add_column("stage")
    for name in ("documents", "images", "tasks", "seconds"):
        table.add_column(name, justify="right")
    table.add_row("input", f"{report.documents_in:,}", f"{report.images_in:,}")
    for line in report.stages:
        tasks = f"{line.num_tasks:,}" + (f" ({line.num_done_before:,} done before)" if line.num_done_before else "")
        table.add_row(line.stage, _number(line.documents), _number(line.images), tasks, f"{line.seconds:.1f}")
    return table


def _drop_table(report: Report) -> Table:
    table = Table(title="\nWhat was dropped", title_justify="left", box=None, pad_edge=False)
    table.add_column("stage")
    table.add_column("rule")
    table.add_column("documents", justify="right")
    table.add_column("images", justify="right")
    table.add_column("sentences", justify="right")
    units = ("documents", "images", "sentences")
    for line in report.drops:
        table.add_row(line.stage, line.rule, *(_number(getattr(line, unit) or None) for unit in units))
    table.add_row("", "sum", *(f"{sum(getattr(line, unit) for line in report.drops):,}" for unit in units))
    return table


def _text_lines(report: Report) -> str:
    lines = [
        "",
        "In = out + dropped",
        _sum_line("documents", report.documents_in, report.documents_out),
        _sum_line("images", report.images_in, report.images_out),
        _sum_line("sentences", report.sentences_in, report.sentences_out) + _with_documents(report),
        _sum_line("tokens", report.tokens_in, report.tokens_out) + "  (of text)",
        "",
        f"{report.documents_cut:,} documents were longer than the context and became several samples; "
        f"{report.cuts_inside_sentences:,} cuts fell inside a sentence.",
    ]
    if report.documents_kept_whole:
        lines.append(f"{report.documents_kept_whole:,} longer ones with several pairs were kept whole.")
    if report.images_repeated:
        lines.append(f"{report.images_repeated:,} images stand in two parts of their document, which overlap.")
    if report.added_placeholder is not None:
        lines.append(
            f"The placeholder is not in the tokenizer, and has id {report.added_placeholder:,}, behind its vocabulary: "
            "is it your model's?"
        )
    if num_urls := report.urls_fetched + report.urls_not_fetched:
        lines.append(f"{report.urls_fetched:,} of {num_urls:,} image URLs were had, now or earlier.")
    if report.urls_to_retry:
        lines.append(
            f"{report.urls_to_retry:,} failed for reasons that may pass; run the same command to try them again."
        )
    if report.placeholders_escaped:
        lines.append(f"{report.placeholders_escaped:,} literal image placeholders in texts were escaped.")
    if report.replaced:
        kinds = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in report.replaced.items())
        lines.append(f"Personal data was replaced in texts: {kinds}.")
    if report.faces_blurred:
        lines.append(f"{report.faces_blurred:,} faces were blurred.")
    if report.evaluation_items or report.evaluation_items_refused:
        lines.append(
            f"{report.evaluation_items:,} images and questions of evaluation sets were looked for; "
            f"{report.evaluation_items_refused:,} could not be read."
        )
    for line in report.datasets:
        lines += [
            "",
            line.folder,
            f"  {line.num_shards:,} shards, {line.num_samples:,} samples, {line.num_images:,} images, "
            f"{line.num_tokens:,} tokens with images, {line.num_bytes / 1e6:,.1f} MB",
            *([f"  to browse: {page}"] if (page := Path(line.folder) / REPORT_NAME).is_file() else []),
            f"  digest {line.digest}",
        ]
    return "\n".join(lines)


def _with_documents(report: Report) -> str:
    """Sentences that no rule took by themselves are in no line of the table."""
    gone = report.sentences_in - report.sentences_out - sum(line.sentences for line in report.drops)
    return f"  ({gone:,} with their documents)" if gone else ""


def _sum_line(name: str, going_in: int, out: int) -> str:
    return f"{name:<10} {going_in:,} = {out:,} + {going_in - out:,}"


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
