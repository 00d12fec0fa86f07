"""`interleave explore`: what the rules removed, and what others would."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from interleave.commands.options import AsJson


def explore(
    dataset: Annotated[Path, typer.Argument(help="A dataset folder.", show_default=False)],
    rule: Annotated[
        list[str] | None, typer.Argument(help="Rules to show from near.  [default: none]", show_default=False)
    ] = None,
    bound: Annotated[
        list[float] | None, typer.Option(help="Another bound to try; may be repeated.", show_default=False)
    ] = None,
    examples: Annotated[int, typer.Option(min=0, max=1000, help="Examples on either side of the bound.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Show what the rules removed, and others would. Nothing is measured again.

    Examples come from the build's work folder, where that still lies beside the dataset. With pictures, and sliders for
    bounds: `interleave view`, `interleave inspect --html`.
    """
    import orjson
    from rich.console import Console

    from interleave.validate.explore.show import show
    from interleave.validate.explore.view import explore as look

    view = look(dataset, rule or [], bounds=bound or (), num_examples=examples)
    if as_json:
        typer.echo(orjson.dumps(view.as_plain(), option=orjson.OPT_INDENT_2))
    else:
        show(view, Console())
