"""A take-down for people, and for programs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from interleave.shard.takedown import Takedown
from interleave.text import harmless

_SHOWN = 20
_LONGEST = 100


def as_json(found: Takedown) -> str:
    return orjson.dumps(asdict(found), option=orjson.OPT_INDENT_2).decode()


def show(found: Takedown, console: Console) -> None:
    """Prints the samples, their sums, and where else what they hold may lie."""
    if found.completed_earlier:
        console.print(f"{escape(found.dataset)}: the take-down that was interrupted is complete now", highlight=False)
    if found.samples:
        console.print(_table(found))
    for line in _lines(found):
        console.print(escape(harmless(line)), highlight=False, soft_wrap=True)


def _table(found: Takedown) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("sample", "shard"):
        table.add_column(name, no_wrap=True)
    table.add_column("images", justify="right")
    for name in ("document", "goes by"):
        table.add_column(name, overflow="fold")
    for hit in found.samples[:_SHOWN]:
        by = ", ".join(hit.by)
        table.add_row(hit.key, hit.shard, f"{hit.num_images:,}", _short(hit.url or hit.doc_id), _short(by))
    return table


def _lines(found: Takedown) -> list[str]:
    if not found.samples and not found.num_forgotten_rows:
        return [] if found.completed_earlier else [f"{found.dataset}: nothing in it matches; nothing was changed"]
    verb = "would go" if found.dry_run else "went"
    lines = [f"... and {len(found.samples) - _SHOWN:,} more"] if len(found.samples) > _SHOWN else []
    lines += [
        "",
        f"{found.dataset}: {found.num_samples:,} samples of {found.num_documents:,} documents {verb}, with "
        f"{found.num_images:,} images, {found.num_bytes:,} bytes, out of {found.num_shards:,} shards; "
        f"{found.num_forgotten_rows:,} rows of the ledger and of fingerprints",
    ]
    lines += [f"  no sample matches {_plain(entry)}" for entry in found.unmatched[:_SHOWN]]
    if len(found.unmatched) > _SHOWN:
        lines.append(f"  ... nor {len(found.unmatched) - _SHOWN:,} other entries")
    if not found.dry_run:
        lines.append(f"  digest {found.digest}")
        advice = "remove it, or build again with takedowns.txt among `blocklists`"
        lines += [f"  {work} still holds what the build measured: {advice}" for work in _works(found)]
    return lines


def _works(found: Takedown) -> list[Path]:
    """Work folders of the build: of the dataset, or of the folder that has it as a split."""
    folder = Path(found.dataset).absolute()
    return [work for at in (folder, folder.parent) if (work := at.with_name(f"{at.name}.work")).is_dir()]


def _short(text: str) -> str:
    return escape(_plain(text))


def _plain(text: str) -> str:
    text = harmless(text)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " ..."
