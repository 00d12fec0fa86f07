"""`interleave export`: a dataset in the forms that other trainers read."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from interleave.commands.options import AsJson

if TYPE_CHECKING:
    from interleave.translate.run import Write

export_app = typer.Typer(help="Write a dataset in the form of another trainer.", no_args_is_help=True)

Dataset = Annotated[Path, typer.Argument(help="A dataset folder, as a build leaves it.", show_default=False)]
Output = Annotated[Path, typer.Argument(help="A folder that does not exist yet.", show_default=False)]
Context = Annotated[int, typer.Option(min=16, help="The trainer's --model_max_length, in expanded tokens.")]
WorldSize = Annotated[int, typer.Option(min=1, help="Ranks that the trainer deals shards to.")]
Shards = Annotated[
    int | None,
    typer.Option(min=1, help="A multiple of --world-size.  [default: the fewest of 1 GiB]", show_default=False),
]
TokensPerImage = Annotated[
    int | None, typer.Option(min=1, help="Of the trainer's model.  [default: the dataset's]", show_default=False)
]
Tokenizer = Annotated[
    str | None,
    typer.Option(
        help="The trainer's, as a recipe names one, to count with.  [default: the dataset's]", show_default=False
    ),
]
MaxBytes = Annotated[int, typer.Option("--max-bytes", min=1, help="Largest file, in bytes.")]

# What webdataset's users aim at: few files, each read in seconds.
_SHARD_BYTES = 500_000_000


class ImageColumn(StrEnum):
    """What `images` holds."""

    URLS = "urls"
    BYTES = "bytes"


class Style(StrEnum):
    """Whose conversations."""

    CONVERSATIONS = "conversations"
    MESSAGES = "messages"


@export_app.command("vila-pkl")
def vila_pkl(
    dataset: Dataset,
    output: Output,
    context: Context = 4096,
    world_size: WorldSize = 1,
    shards: Shards = None,
    tokens_per_image: TokensPerImage = None,
    tokenizer: Tokenizer = None,
    attach: Annotated[
        bool,
        typer.Option("--attach/--leave-out", help="Text without an image goes behind another sample, or is left out."),
    ] = True,
    as_json: AsJson = False,
) -> None:
    """VILA's LazyMMC4Dataset: pickled documents. They are cut so that it loses no text and no image."""
    _vila(dataset, output, context, world_size, shards, tokens_per_image, tokenizer, attach, as_json, pairs=False)


@export_app.command("vila-coyo-pkl")
def vila_coyo_pkl(
    dataset: Dataset,
    output: Output,
    context: Context = 4096,
    world_size: WorldSize = 1,
    shards: Shards = None,
    tokens_per_image: TokensPerImage = None,
    tokenizer: Tokenizer = None,
    as_json: AsJson = False,
) -> None:
    """VILA's LazyCoyoDataset: pickled image-text pairs. Documents that are no pair are left out."""
    _vila(dataset, output, context, world_size, shards, tokens_per_image, tokenizer, False, as_json, pairs=True)


@export_app.command()
def openflamingo(
    dataset: Dataset,
    output: Output,
    max_bytes: MaxBytes = _SHARD_BYTES,
    as_placed: Annotated[
        bool, typer.Option("--as-placed", help="Similarities that lead every image to where the dataset has it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """OpenFlamingo: tars of MMC4 documents. Their images lie in the JSON."""
    from interleave.translate.openflamingo import write_openflamingo

    write = partial(write_openflamingo, max_shard_bytes=max_bytes, as_placed=as_placed)
    _export("openflamingo", dataset, output, write, as_json)


@export_app.command()
def obelics(
    dataset: Dataset,
    output: Output,
    images: Annotated[
        ImageColumn, typer.Option(help="URLs as in OBELICS, their bytes in `image_bytes`; or the bytes themselves.")
    ] = ImageColumn.URLS,
    max_bytes: MaxBytes = _SHARD_BYTES,
    as_json: AsJson = False,
) -> None:
    """OBELICS: Parquet, one document a row. Its lists of images and texts are aligned."""
    from interleave.translate.obelics import write_obelics

    write = partial(write_obelics, images=images.value, max_shard_bytes=max_bytes)
    _export("obelics", dataset, output, write, as_json)


@export_app.command("sharegpt-json")
def sharegpt_json(
    dataset: Dataset,
    output: Output,
    style: Annotated[
        Style, typer.Option(help="LLaMA-Factory's conversations, or ms-swift's messages for pre-training.")
    ] = Style.CONVERSATIONS,
    as_json: AsJson = False,
) -> None:
    """LLaMA-Factory and ms-swift: a list in JSON. Its texts have <image>, its images lie in a folder."""
    from interleave.translate.sharegpt import write_sharegpt

    _export("sharegpt-json", dataset, output, partial(write_sharegpt, style=style.value), as_json)


@export_app.command()
def packed(
    dataset: Dataset,
    output: Output,
    seq_len: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=10_000_000,
            help="Length of a row, expanded.  [default: the dataset's context]",
            show_default=False,
        ),
    ] = None,
    window: Annotated[int, typer.Option(min=1, help="Samples that are packed together.")] = 1000,
    seed: Annotated[int, typer.Option(help="Order of the samples, as the loader has it in its first epoch.")] = 0,
    max_images: Annotated[
        int | None, typer.Option(min=1, help="Images in a row.  [default: any number]", show_default=False)
    ] = None,
    group_below: Annotated[
        int, typer.Option(min=0, help="Samples of fewer tokens side by side in a row share a segment.")
    ] = 0,
    padding: Annotated[int, typer.Option(min=-(2**31), max=2**31 - 1, help="Id of padding.")] = 0,
    max_bytes: MaxBytes = _SHARD_BYTES,
    as_json: AsJson = False,
) -> None:
    """Tars of packed rows, for trainers that do not pack. A row has ids, labels, positions, segments and images."""
    from interleave.translate.packed import PackedSettings, write_packed

    settings = PackedSettings(
        seq_len=seq_len,
        window=window,
        seed=seed,
        max_images=max_images,
        group_below=group_below,
        padding=padding,
        max_shard_bytes=max_bytes,
    )
    _export("packed", dataset, output, partial(write_packed, settings=settings), as_json)


def _vila(
    dataset: Path,
    output: Path,
    context: int,
    world_size: int,
    shards: int | None,
    tokens_per_image: int | None,
    tokenizer: str | None,
    attach: bool,
    as_json: bool,
    *,
    pairs: bool,
) -> None:
    from interleave.shard.manifest import read_manifest
    from interleave.translate.tokenizers import tokenizer_of
    from interleave.translate.vila_coyo import write_vila_coyo
    from interleave.translate.vila_pkl import VilaSettings, write_vila_pkl

    settings = VilaSettings(
        context=context, num_ranks=world_size, num_shards=shards, tokens_per_image=tokens_per_image, attach=attach
    )
    counting = tokenizer_of(read_manifest(dataset), tokenizer)
    write = partial(write_vila_coyo if pairs else write_vila_pkl, tokenizer=counting, settings=settings)
    _export("vila-coyo-pkl" if pairs else "vila-pkl", dataset, output, write, as_json)


def _export(form: str, dataset: Path, output: Path, write: Write, as_json: bool) -> None:
    from dataclasses import asdict

    import orjson

    from interleave.translate.run import export

    found = export(form, dataset, output, write, quiet=as_json)
    typer.echo(orjson.dumps(asdict(found), option=orjson.OPT_INDENT_2) if as_json else found.as_text())
