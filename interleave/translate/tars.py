"""Tars of a bounded size, written as their samples come."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from interleave.files import atomic_write
from interleave.sample import tar_bytes
from interleave.shard.tar import END, write_member

# Names and data of a sample's files.
Members: TypeAlias = list[tuple[str, bytes]]


def write_tars(folder: Path, samples: Iterable[Members], *, max_bytes: int) -> None:
    """Writes `shard-000000.tar` and following. A sample that is alone too large has a tar of its own."""
    waiting = iter(samples)
    sample = next(waiting, None)
    number = 0
    while sample is not None:
        with atomic_write(folder / f"shard-{number:06d}.tar") as file:
            num_bytes = len(END)
            while sample is not None and (num_bytes == len(END) or num_bytes + _size(sample) <= max_bytes):
                num_bytes += sum(write_member(file, name, data) for name, data in sample)
                sample = next(waiting, None)
            file.write(END)
        number += 1


def _size(sample: Members) -> int:
    return sum(tar_bytes(len(data)) for _, data in sample)
