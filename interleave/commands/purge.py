"""`interleave purge`: gives back the room of work folders."""

from __future__ import annotations

from typing import Annotated

import typer

from interleave.commands.options import AsJson


def purge(
    output: Annotated[
        str,
        typer.Argument(
            metavar="OUTPUT", help="Of a recipe, a folder or a URL, or its work folder OUTPUT.work.", show_default=False
        ),
    ],
    unfinished: Annotated[
        bool, typer.Option("--unfinished", help="Also where the dataset is not finished: the build starts over.")
    ] = False,
    store: Annotated[bool, typer.Option("--store", help="Downloaded images in it, too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and remove nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove the work folder of a finished dataset.

    The dataset stays as it is. What only the work folder had is gone: the next build of the recipe starts over, and
    images that were downloaded into it (`store`) stay unless --store is given.
    """
    import orjson

    from interleave.estimate_text import bytes_text
    from interleave.purge import purge as run_purge

    found = run_purge(output, unfinished=unfinished, store=store, dry_run=dry_run)
    if as_json:
        plain = {"work": found.work, "removed": found.removed, "kept": found.kept, "dry_run": dry_run}
        typer.echo(orjson.dumps(plain, option=orjson.OPT_INDENT_2))
        return
    for name, num_bytes in found.removed.items():
        typer.echo(f"  {bytes_text(num_bytes):>10}  {name}")
    for name, num_bytes in found.kept.items():
        typer.echo(f"  {bytes_text(num_bytes):>10}  {name} (kept; --store removes it)")
    total = bytes_text(sum(found.removed.values()))
    typer.echo(f"{found.work}: {total} {'would be given back' if dry_run else 'given back'}")
