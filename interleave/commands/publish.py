"""`interleave publish`: brings a finished dataset to an object store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from interleave.commands.options import AsJson


def publish(
    dataset: Annotated[Path, typer.Argument(help="Folder of a finished dataset.", show_default=False)],
    url: Annotated[str, typer.Argument(help="Where to, for example s3://bucket/mmc4.", show_default=False)],
    workers: Annotated[int, typer.Option(min=1, help="Files at a time.")] = 8,
    replace: Annotated[bool, typer.Option("--replace", help="Another dataset there gives way.")] = False,
    take_over: Annotated[bool, typer.Option("--take-over", help="Set aside the claim of somebody who died.")] = False,
    as_json: AsJson = False,
) -> None:
    """Copy a finished dataset to an object store, its manifest last.

    After an interruption the same command goes on. Of two that bring different datasets to one place one works, and the
    other says so. Needs the package of the store: s3fs for s3://, gcsfs for gs://.
    """
    from dataclasses import asdict

    import orjson
    from tqdm import tqdm

    from interleave.estimate_text import bytes_text
    from interleave.remote.publish import publish as run_publish

    with tqdm(desc=" publish", unit="B", unit_scale=True, disable=True if as_json else None, leave=False) as bar:

        def tick(num_bytes: int, total: int) -> None:
            bar.total = total
            bar.update(num_bytes)

        found = run_publish(dataset, url, num_workers=workers, replace=replace, take_over=take_over, tick=tick)
    if as_json:
        typer.echo(orjson.dumps(asdict(found), option=orjson.OPT_INDENT_2))
        return
    before = f", {found.num_there_before:,} were there before" if found.num_there_before else ""
    typer.echo(
        f"{found.url}: {found.num_files:,} files and the manifest{before}; {bytes_text(found.num_bytes)} went over"
    )
