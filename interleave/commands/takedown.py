"""`interleave takedown`: removes from a sealed dataset what must not be in it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from interleave.commands.options import AsJson


def takedown(
    dataset: Annotated[str, typer.Argument(help="A dataset folder on this machine.", show_default=False)],
    urls: Annotated[
        list[str] | None, typer.Option("--url", metavar="URL", help="URL of a document or an image. May be repeated.")
    ] = None,
    domains: Annotated[
        list[str] | None, typer.Option("--domain", metavar="DOMAIN", help="A host, with all below it. May be repeated.")
    ] = None,
    sha256: Annotated[
        list[str] | None,
        typer.Option("--sha256", metavar="HEX", help="Of an image as its source had it. May be repeated."),
    ] = None,
    files: Annotated[
        list[str] | None,
        typer.Option("--from", metavar="FILE", help="A file of such entries, one a line. May be repeated."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would go, and change nothing.")] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes.  [default: one a core]", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Remove documents and images from a dataset. They are those that must not be in it any more.

    Exits with 0 also where nothing matches. After an interruption the same command goes on. What was asked for is
    kept in the dataset's takedowns.txt, which a recipe takes among its `blocklists`.
    """
    from rich.console import Console

    from interleave.errors import ShardError
    from interleave.executors import default_workers, open_executor
    from interleave.shard.manifest import REPORT_NAME
    from interleave.shard.takedown import take_down
    from interleave.shard.takedown_request import read_request
    from interleave.shard.takedown_text import as_json as takedown_json
    from interleave.shard.takedown_text import show

    if "://" in dataset:
        raise ShardError(f"{dataset} is not on this machine: take down from a copy here, and put it in its place")
    request = read_request(urls=urls or (), domains=domains or (), sha256=sha256 or (), files=files or ())
    with open_executor(workers or default_workers()) as executor:
        had_report = (Path(dataset) / REPORT_NAME).is_file()
        found = take_down(Path(dataset), request, executor, dry_run=dry_run, quiet=as_json)
    # An interrupted one had removed it.
    if (had_report or found.completed_earlier) and not (Path(dataset) / REPORT_NAME).is_file():
        from interleave.validate.look.file import write_report

        # Of a dataset that has no sample left there is nothing to show.
        with suppress(ShardError):
            write_report(Path(dataset))
    if as_json:
        typer.echo(takedown_json(found))
    else:
        show(found, Console())
