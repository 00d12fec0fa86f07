"""Names for things that depend on their content alone: ids, fingerprints, seeded order.

Nothing here depends on the clock, the host, Python's hash seed or the order of completion.
"""

from __future__ import annotations

import hashlib
from typing import Any

import orjson


def document_id(source: str, file: str, line: int) -> str:
    """The id of a document: 32 hex digits of a hash of where it stands.

    source: name of the source in the recipe; file: path relative to the source; line: 0-based.
    """
    return _blake(f"{source}\0{file}\0{line}".encode(), 16).hex()


def fingerprint(value: Any) -> str:
    """64 hex digits that change when plain data (dicts, lists, numbers, strings) changes."""
    return _blake(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), 32).hex()


def seeded_u64(seed: int, *names: str | int) -> int:
    """A uniform 64-bit number that is a pure function of a seed and names: the project's only randomness."""
    return int.from_bytes(_blake("\0".join(map(str, (seed, *names))).encode(), 8), "big")


def text_digest(text: str) -> bytes:
    """16 bytes that stand for a text."""
    return _blake(text.encode(), 16)


def _blake(data: bytes, num_bytes: int) -> bytes:
    return hashlib.blake2b(data, digest_size=num_bytes).digest()
