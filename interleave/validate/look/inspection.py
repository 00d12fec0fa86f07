"""What is inside? Sizes of a shard or a dataset, and one sample, for a terminal of 80 columns or as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from interleave.document import Int32s
from interleave.errors import Unreadable
from interleave.images.stored import decode_rgb, preview
from interleave.sample import Record
from interleave.text import harmless
from interleave.validate.look.histogram import histogram
from interleave.validate.look.opened import Opened, open_samples
from interleave.validate.look.tokens import ImageRun, Token, open_speller, token_view

_LONGEST_TEXT = 400
_BAR = 48
# Of a picture in a terminal: columns, and px that are decoded for them.
_COLUMNS, _SIDE = 60, 320
_SIZES = {
    "num_texts": "texts",
    "num_images": "images",
    "num_ids": "stored ids",
    "num_tokens": "tokens with images",
    "num_bytes": "bytes",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What was found, and the sample that is shown."""

    opened: Opened
    record: Record
    ids: Int32s
    jpegs: tuple[bytes, ...]

    def as_plain(self, *, tokens: bool = False) -> dict[str, Any]:
        """For JSON: sums, quantiles, lengths, and the sample."""
        opened, rows = self.opened, self.opened.rows
        manifest = opened.manifest
        return {
            "path": opened.path,
            "num_shards": opened.num_shards,
            "num_samples": len(rows),
            "sums": {name: pc.sum(rows[name]).as_py() for name in _SIZES},
            "quantiles": {name: _quantiles(opened, name) for name in _SIZES},
            "lengths": [asdict(stretch) for stretch in histogram(rows["num_tokens"].to_numpy())],
            "profile": manifest.model.model_dump() if manifest else None,
            "tokenizer": manifest.tokenizer.model_dump() if manifest else None,
            "sample": self._plain_sample(),
            **({"tokens": [asdict(token) for token in self.tokens()]} if tokens else {}),
        }

    def tokens(self) -> Iterator[Token | ImageRun]:
        """The sample's ids; with pieces where the tokenizer is at hand."""
        return token_view(self.record, self.ids, open_speller(self.opened.manifest)[0])

    def _plain_sample(self) -> dict[str, Any]:
        names = ("key", "doc_id", "part", "num_parts", "source", "url", "texts", "images", "spans")
        plain = {name: getattr(self.record, name) for name in names}
        return plain | {"image_sizes": list(_image_sizes(self.record, self.jpegs))}


def inspect(path: str | Path, key: str | None = None) -> Inspection:
    """Looks into a tar or a dataset; shows the sample `key`, or the first one.

    Raises:
        ShardError: it cannot be read, or has no such sample.
    """
    opened = open_samples(path)
    number = int(opened.rows["number"][0].as_py()) if key is None else opened.number_of(key)
    record, ids, jpegs = opened.read(number)
    return Inspection(opened=opened, record=record, ids=ids, jpegs=jpegs)


def show(found: Inspection, console: Console, *, tokens: bool = False, pictures: bool = False) -> None:
    """Prints sizes and the sample: its text with images in place, or its tokens."""
    _show_head(found.opened, console)
    console.print(_size_table(found.opened))
    console.print(_length_table(found.opened))
    record = found.record
    part = f", part {record.part + 1} of {record.num_parts}" if record.num_parts > 1 else ""
    console.print(f"\nSample {record.key}{part}  {escape(harmless(record.url or record.doc_id))}", highlight=False)
    if tokens:
        _show_tokens(found, console)
    else:
        _show_text(found, console, pictures)


def _show_head(opened: Opened, console: Console) -> None:
    what = "1 shard" if opened.num_shards == 1 else f"{opened.num_shards:,} shards"
    console.print(f"{escape(opened.path)}: {what}, {len(opened.rows):,} samples", highlight=False)
    if opened.manifest is not None:
        model, tokenizer = opened.manifest.model, opened.manifest.tokenizer
        context = "whole documents" if model.context is None else f"context {model.context:,}"
        console.print(
            f"for {model.profile} ({model.form}), placeholder {model.placeholder}, {context}\n"
            f"tokenizer {escape(tokenizer.name)} ({tokenizer.vocab_size:,} tokens)",
            highlight=False,
        )


def _size_table(opened: Opened) -> Table:
    table = _table("\nA sample has", "", "least", "median", "most", "sum")
    for name, label in _SIZES.items():
        table.add_row(
            label, *(f"{value:,}" for value in (*_quantiles(opened, name), pc.sum(opened.rows[name]).as_py()))
        )
    return table


def _quantiles(opened: Opened, name: str) -> list[int]:
    values = opened.rows[name].to_numpy()
    return [int(np.quantile(values, share, method="lower")) for share in (0, 0.5, 1)]


def _length_table(opened: Opened) -> Table:
    table = _table("\nTokens of a sample, images expanded", "", "samples")
    table.add_column("")
    stretches = histogram(opened.rows["num_tokens"].to_numpy(), most=16)
    most = max(stretch.count for stretch in stretches)
    for stretch in stretches:
        bar = "█" * max(round(_BAR * stretch.count / most), 1 if stretch.count else 0)
        table.add_row(f"{stretch.low:,} - {stretch.high:,}", f"{stretch.count:,}", bar)
    return table


def _show_text(found: Inspection, console: Console, pictures: bool) -> None:
    sizes = iter(zip(_image_sizes(found.record, found.jpegs), found.jpegs, strict=True))
    for text in found.record.texts:
        if text is not None:
            shown = text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + " ..."
            console.print("  " + escape(harmless(shown)), highlight=False)
            continue
        image, jpeg = next(sizes)
        console.print(
            f"  [bold]\\[{escape(harmless(image['member']))}][/bold]  {image['width']} x {image['height']} px, "
            f"{image['num_bytes'] / 1000:,.1f} kB, {image['num_tokens']} tokens",
            highlight=False,
        )
        if pictures:
            _show_picture(jpeg, console)


def _show_picture(jpeg: bytes, console: Console) -> None:
    """Two pixels a character, one above the other: every terminal with colours can show that."""
    from PIL import Image
    from rich_pixels import Pixels

    try:
        image = Image.fromarray(decode_rgb(preview(jpeg, _SIDE)))
    except Unreadable as error:
        console.print(f"  (cannot be decoded: {escape(str(error))})", highlight=False)
        return
    width = min(_COLUMNS, console.width - 2, image.width)
    smaller = image.resize((width, max(2, image.height * width // image.width)), Image.Resampling.LANCZOS)
    console.print(Pixels.from_image(smaller))


def _show_tokens(found: Inspection, console: Console) -> None:
    _, reason = open_speller(found.opened.manifest)
    if reason:
        console.print(f"  ids alone, since {escape(harmless(reason))}", highlight=False)
    table = _table("", "position", "id", "segment", "learned")
    table.add_column("piece", overflow="fold")
    for token in found.tokens():
        table.add_row(*_token_cells(token))
    console.print(table)


def _token_cells(token: Token | ImageRun) -> Iterable[str]:
    if isinstance(token, Token):
        piece = "" if token.piece is None else escape(repr(token.piece)[1:-1].replace("\\\\", "\\"))
        learned = "x" if token.is_learned else "."
        return f"{token.position:,}", f"{token.token_id:,}", f"{token.segment:,}", learned, piece
    runs = ", ".join(f"{token_id} x {times}" if times > 1 else f"{token_id}" for token_id, times in token.runs)
    shown = escape(f"[image {token.image}, {token.num_tokens:,} tokens]")
    return f"{token.position:,}", runs, f"{token.segment:,}", ".", shown


def _image_sizes(record: Record, jpegs: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    described = zip(record.image_members, record.image_info, jpegs, record.span_tokens, strict=True)
    for member, info, jpeg, num_tokens in described:
        yield {
            "member": member,
            "width": info["width"],
            "height": info["height"],
            "num_bytes": len(jpeg),
            "num_tokens": num_tokens,
        }


def _table(title: str, first: str, *numbers: str) -> Table:
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right")
    return table
