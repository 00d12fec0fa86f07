"""The samples of a tar in WebDataset's convention: members side by side under one key, and their JSON.

A key is a member's name up to the first dot behind the last `/`; `a/b/0001.0.jpg` has the key `a/b/0001`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from interleave.acquire.archives.tars import Member, NotFollowed, read_members, read_range
from interleave.acquire.mmc4 import parse_json
from interleave.errors import Unreadable

MAX_JSON_BYTES = 64 * 1024 * 1024
# Values that a JSON may hold: each takes up to 250 bytes in memory.
MAX_JSON_VALUES = 2_000_000
MAX_MEMBERS = 100_000


@dataclass(slots=True, kw_only=True)
class Sample:
    """Members of a tar that stand side by side under one key."""

    key: str
    members: list[Member] = field(default_factory=list)
    # The first MAX_MEMBERS.
    num_members: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What belongs to no sample: a member that is no part of one, or the damage that ends the tar."""

    where: str
    # For a person.
    error: Unreadable


def read_samples(path: str) -> Iterator[Sample | Fault]:
    """The samples of a tar in order, and its faults where they stand.

    Raises:
        TaskError: the file cannot be read on this machine.
    """
    sample: Sample | None = None
    for item in _members(path):
        key = _key(item.name) if isinstance(item, Member) else None
        if sample is not None and key != sample.key and (key is not None or item is None):
            yield sample
            sample = None
        if isinstance(item, Fault):
            yield item
        elif isinstance(item, Member):
            sample = sample or Sample(key=_key(item.name) or "")
            sample.num_members += 1
            if sample.num_members <= MAX_MEMBERS:
                sample.members.append(item)


def body_of(sample: Sample) -> Member:
    """The member that is the sample's JSON.

    Raises:
        Unreadable: `too_many_members`, `no_json`, `two_json_files`, `json_too_large`.
    """
    if sample.num_members > MAX_MEMBERS:
        raise Unreadable("too_many_members", f"{sample.num_members:,}, at most {MAX_MEMBERS:,}")
    begin = len(sample.key) + 1
    found = [member for member in sample.members if member.name[begin:].lower() == "json"]
    # A key with dots, as NeMo Curator writes it: `page.1.json`.
    found = found or [member for member in sample.members if member.name.lower().endswith(".json")]
    if not found:
        raise Unreadable("no_json", f"{sample.num_members:,} members, none of them JSON")
    if len(found) > 1:
        raise Unreadable("two_json_files", f"{len(found):,} members are JSON, expected one")
    if found[0].size > MAX_JSON_BYTES:
        raise Unreadable("json_too_large", f"{found[0].size:,} bytes, at most {MAX_JSON_BYTES:,}")
    return found[0]


def read_body(path: str, offset: int, size: int) -> Mapping[str, Any]:
    """The JSON of a sample.

    Raises:
        Unreadable: `json_too_large`, `bad_utf8`, `bad_json`, `json_too_deep`, `not_an_object`.
    """
    data = read_range(path, offset, size)
    if (num_values := sum(map(data.count, (b",", b"[", b"{")))) > MAX_JSON_VALUES:
        raise Unreadable("json_too_large", f"up to {num_values:,} values, at most {MAX_JSON_VALUES:,}")
    return parse_json(data)


def last_suffix(name: str) -> str:
    return name.rpartition(".")[2].lower()


def _members(path: str) -> Iterator[Member | Fault | None]:
    """Members and faults; None where the members end, so that the last sample comes before the damage."""
    try:
        for member in read_members(path):
            if isinstance(member, NotFollowed):
                yield Fault(where=member.name, error=member.error)
            elif _key(member.name) is None:
                yield Fault(
                    where=repr(member.name[:200]), error=Unreadable("not_in_a_sample", "the name has no key and suffix")
                )
            else:
                yield member
        yield None
    except Unreadable as error:
        yield None
        yield Fault(where="tar", error=Unreadable(error.reason, error.detail))


def _key(name: str) -> str | None:
    """None where there is none: WebDataset leaves out names without a dot, `.hidden` and `__meta__` ones."""
    begin = name.rfind("/") + 1
    end = name.find(".", begin)
    if end <= begin or name.startswith("__", begin):
        return None
    return name[:end]
