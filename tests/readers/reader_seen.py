"""What a reader saw of a dataset, said so that another process can compare it. Needs Python alone.

A check script beside this one opens a dataset in each way that its reader knows, and prints one line of JSON a way:

    {"how": "streaming", "version": "5.2.0", "ordered": true, "samples": [{"key", "parts", "ids"}, ...]}
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

# {"key": of the sample, "parts": texts and images in order, "ids": token ids, or None where a reader has none}
Sample = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to open a dataset."""

    how: str
    samples: Iterable[Sample] | None = None
    # None: a check that gives no samples, and passed.
    is_ordered: bool = True
    # Samples come in the dataset's order.


def sample(record: dict[str, Any], images: Sequence[Any], ids: Iterable[int] | None = None) -> Sample:
    """A sample by its JSON, whose images are given in the order of the JSON."""
    names = iter(images)
    parts = [next(names) if text is None else text for text in record["texts"]]
    assert next(names, None) is None, "more images than the JSON names"
    return {"key": record["key"], "parts": parts, "ids": None if ids is None else [int(number) for number in ids]}


def jpeg(data: bytes) -> dict[str, str]:
    """An image by its bytes."""
    return {"sha256": hashlib.sha256(data).hexdigest()}


def pixels(width: int, height: int, mean: Iterable[float]) -> dict[str, list[float]]:
    """A decoded image by its size in px and its mean colour, 0 to 255: decoders differ in the last bit."""
    return {"size": [width, height], "mean": [round(float(value), 3) for value in mean]}


def members(record: dict[str, Any], dot: str = "") -> list[str]:
    """Names of a sample's images behind its key, in reading order."""
    return [dot + name.split(".", 1)[1] for name in record["images"] if name is not None]


def say(version: str, ways: Callable[[str], Iterator[Way]]) -> None:
    """Runs a check script on the folder that it was given."""
    for way in ways(sys.argv[1]):
        samples = None if way.samples is None else list(way.samples)
        line = {"how": way.how, "version": version, "ordered": way.is_ordered, "samples": samples}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
