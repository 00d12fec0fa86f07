"""Samples out of a tar, as far as the tar is sound: what validation and inspection both read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from interleave.errors import ShardError
from interleave.sample import IDS_SUFFIX, JSON_SUFFIX
from interleave.shard.tar import Member, read_members


@dataclass(slots=True)
class RawSample:
    """Members that share a key, side by side in a tar."""

    key: str
    members: list[Member] = field(default_factory=list)

    def named(self, suffix: str) -> Member | None:
        return next((member for member in self.members if member.name == f"{self.key}.{suffix}"), None)

    @property
    def json(self) -> Member | None:
        return self.named(JSON_SUFFIX)

    @property
    def ids(self) -> Member | None:
        return self.named(IDS_SUFFIX)

    @property
    def images(self) -> list[Member]:
        return [member for member in self.members if member.name.endswith(".jpg")]


def read_samples(file: IO[bytes], num_bytes: int) -> Iterator[RawSample]:
    """The samples of a tar; a key is what stands before the first dot, as webdataset has it.

    Raises:
        ShardError: the tar is damaged from some member on; the samples before it were yielded.
    """
    sample: RawSample | None = None
    for member in read_members(file, num_bytes):
        key = member.name.partition(".")[0]
        if sample is None or sample.key != key:
            if sample is not None:
                yield sample
            sample = RawSample(key)
        sample.members.append(member)
    if sample is not None:
        yield sample


def read_sample(file: IO[bytes], num_bytes: int, offset: int, length: int) -> RawSample:
    """The sample at [offset, offset + length) of a tar of `num_bytes`.

    Raises:
        ShardError: there is no sample there, or more than one.
    """
    if offset < 0 or length < 0 or offset + length > num_bytes:
        raise ShardError(f"bytes [{offset:,}, {offset + length:,}) are not in the tar, which has {num_bytes:,}")
    samples: dict[str, RawSample] = {}
    for member in read_members(file, num_bytes, start=offset, stop=offset + length):
        key = member.name.partition(".")[0]
        samples.setdefault(key, RawSample(key)).members.append(member)
    if len(samples) != 1:
        raise ShardError(f"{len(samples)} samples lie in the bytes [{offset:,}, {offset + length:,}), expected one")
    return next(iter(samples.values()))


def read_member(file: IO[bytes], member: Member) -> bytes:
    file.seek(member.data)
    return file.read(member.num_bytes)
