"""Inputs that are nearly right: bytes flipped, cut, doubled and moved; JSON values in the place of others."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import orjson

Mutate = Callable[[bytes, random.Random, Sequence[bytes]], bytes]

_NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**63, 2**64 - 1)
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**53, 2**63, -(2**63), 1.5, 1e308, -0.0, "", " ", "a", "\0", "\u202e", "é" * 9,
    "NaN", "-1", "../../etc/passwd", "https://[", "x" * 5000, [], {}, [None], [[]], [[[[]]]], {"": {}}, [0] * 300,
)  # fmt: skip


def mutate_bytes(data: bytes, draw: random.Random, others: Sequence[bytes]) -> bytes:
    """One to eight changes; `others`: what pieces are taken from."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 2, 3, 5, 8))):
        draw.choice(_CHANGES)(changed, draw, others)
    return bytes(changed)


def mutate_json(data: bytes, draw: random.Random, others: Sequence[bytes]) -> bytes:
    """Values exchanged, removed, renamed; what it gives is JSON still."""
    value = orjson.loads(data)
    for _ in range(draw.choice((1, 1, 2, 4))):
        value = _changed(value, draw)
    try:
        return orjson.dumps(value)
    except (TypeError, ValueError):
        return data


def either(one: Mutate, other: Mutate) -> Mutate:
    """The one or the other, as it comes."""
    return lambda data, draw, others: (one if draw.random() < 0.5 else other)(data, draw, others)


def tar_with_checksums(data: bytes, draw: random.Random, others: Sequence[bytes]) -> bytes:
    """Bytes of a tar are changed, and each header's checksum is made right again: else hardly any would be read."""
    changed = bytearray(mutate_bytes(data, draw, others))
    for start in range(0, len(changed) - 511, 512):
        if changed[start + 257 : start + 262] == b"ustar":
            block = changed[start : start + 512]
            block[148:156] = b" " * 8
            changed[start + 148 : start + 156] = b"%06o\0 " % (sum(block) & 0o777777)
    return bytes(changed)


def _flip(data: bytearray, draw: random.Random, others: Sequence[bytes]) -> None:
    if data:
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def _set_byte(data: bytearray, draw: random.Random, others: Sequence[bytes]) -> None:
    if data:
        data[draw.randrange(len(data))] = draw.randrange(256)


def _set_number(data: bytearray, draw: random.Random, others: Sequence[bytes]) -> None:
    width = draw.choice((1, 2, 4, 8))
    number = (draw.choice(_NUMBERS) & ((1 << 8 * width) - 1)).to_bytes(width, draw.choice(("little", "big")))
    place = draw.randrange(len(data) + 1)
    data[place : place + width] = number


def _set_digits(data: bytearray, draw: random.Random, others: Sequence[bytes]) -> None:
    digits = [place for place, byte in enumerate(data[:4096]) if 48 <= byte <= 57]
    if digits:
        place = draw.choice(digits)
        data[place : place + 1] = str(draw.choice((-1, 0, 9, 99999, 2**31, 2**64))).encode()


def _cut_off(data: bytearray, draw: random.Random, others: Sequence[bytes]) -> None:
    del data[draw.randrange(len(data) + 1) :]


def _cut_out(data: bytearray, draw: random.Random, others: Sequence[bytes]) -> None:
    place = draw.randrange(len(data) + 1)
    del data[place : place + draw.choice((1, 4, 16, 64, 512))]


def _insert(data: bytearray, draw: random.Random, others: Sequence[bytes]) -> None:
    place = draw.randrange(len(data) + 1)
    data[place:place] = draw.randbytes(draw.choice((1, 2, 8, 64)))


def _double(data: bytearray, draw: random.Random, others: Sequence[bytes]) -> None:
    place, size = draw.randrange(len(data) + 1), draw.choice((1, 8, 64, 512))
    piece = data[place : place + size]
    data[place:place] = piece * draw.choice((1, 2, 30))


def _splice(data: bytearray, draw: random.Random, others: Sequence[bytes]) -> None:
    other = draw.choice(others)
    start, size = draw.randrange(len(other) + 1), draw.choice((4, 32, 256, 4096))
    place = draw.randrange(len(data) + 1)
    data[place : place + draw.choice((0, size))] = other[start : start + size]


_CHANGES = (_flip, _set_byte, _set_number, _set_digits, _cut_off, _cut_out, _insert, _double, _splice)


def _changed(value: Any, draw: random.Random) -> Any:
    """The value with one place in it changed."""
    inside = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    if not inside or draw.random() < 0.15:
        return draw.choice(_VALUES)
    key, old = draw.choice(inside)
    how = draw.random()
    if isinstance(value, dict):
        changed = dict(value)
        if how < 0.15:
            del changed[key]
        elif how < 0.25:
            changed[draw.choice((key + "x", key.upper(), ""))] = changed.pop(key)
        else:
            changed[key] = _changed(old, draw)
        return changed
    items = list(value)
    if how < 0.15:
        del items[key]
    elif how < 0.3:
        items.insert(key, old)
    else:
        items[key] = _changed(old, draw)
    return items
