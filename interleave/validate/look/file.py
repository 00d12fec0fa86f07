"""The page as one file that anybody can open: it holds some of the samples, and asks nobody for anything."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from interleave.errors import ShardError, Unreadable
from interleave.files import write_bytes
from interleave.images.stored import preview
from interleave.shard.manifest import REPORT_NAME
from interleave.validate.look.answers import Answers
from interleave.validate.look.document import page
from interleave.validate.look.opened import open_samples

_NUM_IN_REPORT = 24
_MOST_UNITS_IN_REPORT = 100_000
# px, of the longer side of a picture.
_SIDE = 400
_SIDE_OF_EXAMPLE = 256
# Of one sample, and of one file.
_MOST_PICTURES = (12, 400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A page that was written."""

    path: str
    num_samples: int
    num_held: int
    num_damaged: int
    # Samples that could not be read, and are not in the file.
    num_bytes: int


def write_report(folder: Path, location: str | None = None) -> Written:
    """Writes the page of a dataset that was just built: small, and quickly, however large that is.

    folder: gets the page, and holds the ledger; location: the URL of the dataset, where its shards lie elsewhere.
    """
    return write_page(
        location or folder,
        folder / REPORT_NAME,
        num_samples=_NUM_IN_REPORT,
        most_units=_MOST_UNITS_IN_REPORT,
        ledger_in=folder,
    )


def write_page(
    dataset: str | Path,
    path: Path,
    *,
    num_samples: int,
    most_units: int | None = None,
    ledger_in: Path | None = None,
) -> Written:
    """Writes the page of a dataset or a tar, with about so many samples, evenly spaced over it.

    ledger_in: the folder of a dataset's ledger, where that is another one.
    most_units: of rules that measured more documents, images or sentences than that a part is looked at.

    Raises:
        ShardError: there is nothing to look at.
    """
    opened = open_samples(dataset)
    if ledger_in is not None:
        opened = replace(opened, folder=ledger_in)
    answers = Answers(opened)
    positions = np.unique(np.linspace(0, len(opened.rows) - 1, num_samples).astype(int))
    rows = opened.rows.take(positions)
    data, num_damaged = _data(answers, rows.to_pylist())
    rules = answers.read_rules(most_units)
    data["lost"] = answers.lost(rows)
    data["rules"] = {name: answers.rule(name) for name in rules}
    pictures = {f"{name}/{at}": jpeg for name in rules for at, jpeg in enumerate(answers.rule_pictures(name))}
    data["examples"] = {
        name: url for name, jpeg in pictures.items() if jpeg and (url := _data_url(jpeg, _SIDE_OF_EXAMPLE))
    }
    title = Path(dataset).name if opened.manifest is None else opened.manifest.name
    body = page(title, data).encode("utf-8", "replace")
    write_bytes(path, body)
    return Written(
        path=str(path),
        num_samples=len(opened.rows),
        num_held=len(data["rows"]),
        num_damaged=num_damaged,
        num_bytes=len(body),
    )


def _data(answers: Answers, rows: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], int]:
    """What the page asks, by number; and samples that were left out since they are damaged."""
    found: dict[str, Any] = {"overview": answers.overview(), "rows": [], "samples": {}, "tokens": {}, "packed": {}}
    images: dict[str, str] = {}
    for row in rows:
        number = row["number"]
        try:
            sample, tokens, packed = answers.sample(number), answers.tokens(number), answers.packed(number)
        except ShardError:
            continue
        found["rows"].append(row)
        found["samples"][number], found["tokens"][number], found["packed"][number] = sample, tokens, packed
        room = min(_MOST_PICTURES[0], _MOST_PICTURES[1] - len(images))
        for image in range(min(row["num_images"], max(room, 0))):
            if url := _data_url(answers.image(number, image), _SIDE):
                images[f"{number}/{image}"] = url
    found["images"] = images
    return found, len(rows) - len(found["rows"])


def _data_url(jpeg: bytes, side: int) -> str | None:
    try:
        return "data:image/jpeg;base64," + base64.b64encode(preview(jpeg, side)).decode()
    except Unreadable:
        return None
