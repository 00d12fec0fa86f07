"""`interleave inspect` and `interleave view`: what is inside, in a terminal, in a file, and in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from interleave.commands.options import AsJson


def inspect(
    path: Annotated[str, typer.Argument(help="A .tar, or a dataset folder, or the URL of either.", show_default=False)],
    key: Annotated[
        str | None, typer.Option(help="The sample to show.  [default: the first]", show_default=False)
    ] = None,
    tokens: Annotated[
        bool, typer.Option("--tokens", help="Its ids, pieces, segments and what is learned, not its text.")
    ] = False,
    images: Annotated[
        bool | None,
        typer.Option(
            "--images/--no-images", help="Its pictures.  [default: where the terminal has colours]", show_default=False
        ),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page to browse it.", show_default=False)] = None,
    samples: Annotated[int, typer.Option(min=1, max=5000, help="Samples that the page holds.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Show what is in a shard or a dataset. That is sizes, and one sample with its images in place.

    The page of --html is one file that asks nobody for anything: samples, their tokens and packed rows, what each rule
    removed, with sliders for its bounds. `interleave view` shows the same of all samples.
    """
    import orjson
    from rich.console import Console

    from interleave.errors import ShardError
    from interleave.validate.look.inspection import inspect as look
    from interleave.validate.look.inspection import show

    if html is not None:
        if not html.parent.is_dir():
            raise ShardError(f"--html: there is no folder {html.parent}")
        from interleave.validate.look.file import write_page

        written = write_page(path, html, num_samples=samples)
        held = f"{written.num_held:,} of {written.num_samples:,} samples, {written.num_bytes / 1e6:,.1f} MB"
        damaged = f"; {written.num_damaged:,} could not be read" if written.num_damaged else ""
        typer.echo(f"{html}: {held}{damaged}")
        return
    found = look(path, key)
    if as_json:
        typer.echo(orjson.dumps(found.as_plain(tokens=tokens), option=orjson.OPT_INDENT_2))
        return
    console = Console()
    has_colours = console.is_terminal and console.color_system in ("256", "truecolor")
    show(found, console, tokens=tokens, pictures=has_colours if images is None else images)


def view(
    path: Annotated[str, typer.Argument(help="A dataset folder, or a .tar, or the URL of either.", show_default=False)],
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 0,
    open_browser: Annotated[bool, typer.Option("--open", help="Open it in this machine's browser.")] = False,
) -> None:
    """Browse a dataset in a browser. A server on this machine alone.

    It goes on until it is interrupted. On another machine: `ssh -L 8000:localhost:8000 MACHINE`, and there
    `interleave view DATASET --port 8000`.
    """
    import webbrowser
    from contextlib import suppress

    from interleave.errors import InterleaveError
    from interleave.validate.look.answers import Answers
    from interleave.validate.look.opened import open_samples
    from interleave.validate.look.server import ViewServer

    opened = open_samples(path)
    title = Path(path).name if opened.manifest is None else opened.manifest.name
    try:
        server = ViewServer(Answers(opened), title, port)
    except OSError as error:
        raise InterleaveError(f"port {port}: {error.strerror}; give another --port, or none") from None
    with server, suppress(KeyboardInterrupt):
        typer.echo(f"{server.url} shows {len(opened.rows):,} samples of {path}; stop it with Ctrl-C")
        if open_browser:
            webbrowser.open(server.url)
        server.serve_forever()
