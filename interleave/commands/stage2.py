"""`interleave stage2`: run it, or skip it?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from interleave.commands.options import AsJson
from interleave.validate.stage2.cost import DEFAULT_MFU, Gpu
from interleave.validate.stage2.needs import Need


def stage2(
    dataset: Annotated[Path, typer.Argument(help="A dataset folder.", show_default=False)],
    need: Annotated[
        list[Need] | None,
        typer.Option(help="What the model is to do; may be repeated.  [default: asks]", show_default=False),
    ] = None,
    gpu_hours: Annotated[
        float | None, typer.Option(min=0, help="GPU hours that there are.  [default: enough]", show_default=False)
    ] = None,
    size: Annotated[float, typer.Option(min=0.01, help="Parameters of the language model, in billions.")] = 7,
    gpu: Annotated[Gpu, typer.Option(help="What it is trained on.")] = Gpu.A100,
    mfu: Annotated[float, typer.Option(min=0.01, max=1, help="Model FLOPs utilisation.")] = DEFAULT_MFU,
    as_json: AsJson = False,
) -> None:
    """Advise to run Stage 2, or to skip it. With reasons, costs, and the commands of either path."""
    import orjson
    from rich.console import Console

    from interleave.validate.stage2.advise import advise
    from interleave.validate.stage2.cost import Machine
    from interleave.validate.stage2.show import show

    needs = need or _asked()
    advice = advise(dataset, needs, Machine(billions=size, gpu=gpu, mfu=mfu), gpu_hours)
    if as_json:
        typer.echo(orjson.dumps(advice.as_plain(), option=orjson.OPT_INDENT_2))
    else:
        show(advice, Console())


def _asked() -> list[Need]:
    """The answers of who sits at the terminal."""
    from interleave.errors import RecipeError

    if not sys.stdin.isatty():
        raise RecipeError(f"what is the model to do? Give --need, one or more of {', '.join(Need)}")
    found = [need for need in Need if typer.confirm(need.question, default=False)]
    return found or [Need.BENCHMARKS]
