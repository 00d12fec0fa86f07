"""Pickles that can hold nothing but plain data: a reader that knows no operation with which code could run.

Python's own unpickler imports and calls what a file names; this one has no such operations at all, and refuses a file
that holds one by its name. What is left are None, bool, int, float, str, bytes, list, tuple, dict, set and frozenset,
as protocols 2 to 5 write them, within bounds on what the file may make of itself in memory.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import IO, Any

from interleave.errors import Unreadable

# Objects take more memory than their bytes in the file; a crafted file of one-byte operations 100 times as much.
_MEMORY_PER_BYTE = 2
_SPARE_MEMORY = 256 << 20
_OBJECT, _REFERENCE, _ENTRY = 64, 10, 110
# Estimated bytes of an object, of a place in a list, of an entry of a dict or set.
_NEWEST_PROTOCOL = 5
_MAX_INT_BYTES = 8
# Larger integers are in no data of this kind, and printing or hashing them is an attack of its own.
_KEYS = (str, bytes, int, bool, type(None))

_UNSAFE = {
    b"c": "GLOBAL", b"\x93": "STACK_GLOBAL", b"R": "REDUCE", b"b": "BUILD", b"i": "INST", b"o": "OBJ",
    b"\x81": "NEWOBJ", b"\x92": "NEWOBJ_EX", b"P": "PERSID", b"Q": "BINPERSID", b"\x82": "EXT1", b"\x83": "EXT2",
    b"\x84": "EXT4", b"\x97": "NEXT_BUFFER", b"\x98": "READONLY_BUFFER",
}  # fmt: skip
_TEXTUAL = {b"I": "INT", b"L": "LONG", b"F": "FLOAT", b"S": "STRING", b"V": "UNICODE", b"p": "PUT", b"g": "GET"}


def read_pickle(file: IO[bytes], num_bytes: int) -> tuple[Any, int]:
    """The object of a pickle, and the number of bytes that it took of the file's `num_bytes`.

    Shared references stay shared: what is small here may be endless to whoever walks it (see `weigh`).

    Raises:
        Unreadable: `unsafe_pickle` (it would import, build or call something), `unsupported_pickle` (protocol 0),
            `pickle_too_large` (in memory), `damaged_file`.
    """
    machine = _Machine(file, num_bytes)
    try:
        return machine.run(), machine.position
    except (IndexError, struct.error, UnicodeDecodeError, TypeError) as error:
        raise machine.damage(f"{type(error).__name__}: {error}") from None


class _Machine:
    """The stack machine of the pickle format (PEP 307, PEP 3154), of plain data alone."""

    def __init__(self, file: IO[bytes], num_bytes: int) -> None:
        self._file = file
        self._num_bytes = num_bytes
        self._room = _MEMORY_PER_BYTE * num_bytes + _SPARE_MEMORY
        self._stack: list[Any] = []
        # Below each mark its own stack, as Python's unpickler has it.
        self._marks: list[list[Any]] = []
        self._memo: list[Any] = []
        self.position = 0

    def run(self) -> Any:
        read, operations = self._file.read, _OPERATIONS
        while True:
            code = read(1)
            self.position += 1
            operation = operations.get(code)
            if operation is not None:
                operation(self)
            elif code == b".":
                return self._result()
            else:
                raise self._refusal(code)

    def damage(self, what: str) -> Unreadable:
        return Unreadable("damaged_file", f"at byte {min(self.position, self._num_bytes):,}: {what}"[:200])

    def _result(self) -> Any:
        if self._marks or len(self._stack) != 1:
            raise self.damage(f"ends with {len(self._stack)} objects and {len(self._marks)} marks, expected one object")
        return self._stack[0]

    def _refusal(self, code: bytes) -> Unreadable:
        where = f"at byte {self.position - 1:,}"
        if code in _UNSAFE:
            return Unreadable("unsafe_pickle", f"{_UNSAFE[code]} {where}: it would run code; plain data is read")
        if code in _TEXTUAL:
            return Unreadable("unsupported_pickle", f"{_TEXTUAL[code]} {where}: protocol 0; write it with protocol 2-5")
        return self.damage(f"no pickle operation: {code!r}" if code else "cut off")

    # What operations are made of

    def take(self, num_bytes: int) -> bytes:
        if num_bytes > self._num_bytes - self.position:
            raise self.damage(f"an object of {num_bytes:,} bytes, the file ends at {self._num_bytes:,}")
        data = self._file.read(num_bytes)
        self.position += num_bytes
        if len(data) < num_bytes:
            raise self.damage("cut off")
        return data

    def number(self, num_bytes: int) -> int:
        return int.from_bytes(self.take(num_bytes), "little")

    def push(self, value: Any, num_bytes: int = _OBJECT) -> None:
        self._stack.append(value)
        self._spend(num_bytes)

    def _spend(self, num_bytes: int) -> None:
        self._room -= num_bytes
        if self._room < 0:
            raise Unreadable(
                "pickle_too_large",
                f"at byte {self.position:,}: takes more memory than {self._num_bytes:,} bytes should",
            )

    def mark(self) -> None:
        self._marks.append(self._stack)
        self._stack = []
        self._spend(_OBJECT)

    def pop_mark(self) -> list[Any]:
        items = self._stack
        self._stack = self._marks.pop()
        return items

    def pop(self) -> Any:
        return self._stack.pop()

    def memoize(self, index: int | None = None) -> None:
        """Python's pickler numbers what it remembers from 0 on."""
        if index is not None and index != len(self._memo):
            raise self.damage(f"remembers an object under {index:,}, expected {len(self._memo):,}")
        self._memo.append(self._stack[-1])
        self._spend(_REFERENCE)

    def recall(self, index: int) -> None:
        if index >= len(self._memo):
            raise self.damage(f"refers to object {index:,} of {len(self._memo):,}")
        self.push(self._memo[index], _REFERENCE)

    def text(self, num_bytes: int) -> None:
        # Lone surrogates are legal here; `weigh` finds them.
        self.push(self.take(num_bytes).decode("utf-8", "surrogatepass"), num_bytes + _OBJECT)

    def data(self, num_bytes: int) -> None:
        self.push(self.take(num_bytes), num_bytes + _OBJECT)

    def long(self, num_bytes: int) -> None:
        if num_bytes > _MAX_INT_BYTES:
            raise self.damage(f"an integer of {num_bytes:,} bytes, at most {_MAX_INT_BYTES}")
        self.push(int.from_bytes(self.take(num_bytes), "little", signed=True))

    def extend(self, items: list[Any]) -> None:
        if type(target := self._stack[-1]) is not list:
            raise self.damage(f"appends to {type(target).__name__}")
        target.extend(items)
        self._spend(_REFERENCE * len(items))

    def insert(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not dict or len(items) % 2:
            raise self.damage(f"sets {len(items)} keys and values of {type(target).__name__}")
        self._hashable(items[::2])
        target.update(zip(items[::2], items[1::2], strict=True))

    def add(self, items: list[Any]) -> None:
        if type(target := self._stack[-1]) is not set:
            raise self.damage(f"adds to {type(target).__name__}")
        self._hashable(items)
        target.update(items)

    def frozen(self, items: list[Any]) -> None:
        self._hashable(items)
        self.push(frozenset(items))

    def dictionary(self, items: list[Any]) -> None:
        self.push({})
        self.insert(items)

    def take_tuple(self, num_items: int) -> None:
        if num_items > len(self._stack):
            raise self.damage(f"a tuple of {num_items} of {len(self._stack)} objects")
        items = tuple(self._stack[-num_items:])
        del self._stack[-num_items:]
        self.push(items)

    def _hashable(self, keys: list[Any]) -> None:
        """Hashing deeply nested tuples overflows the C stack; some floats and integers collide by design."""
        for key in keys:
            if type(key) not in _KEYS:
                raise self.damage(f"a key of type {type(key).__name__}")
        self._spend(_ENTRY * len(keys))


def _protocol(machine: _Machine) -> None:
    if (protocol := machine.number(1)) > _NEWEST_PROTOCOL:
        raise machine.damage(f"protocol {protocol}, at most {_NEWEST_PROTOCOL} is known")


def _frame(machine: _Machine) -> None:
    """A frame's length is a hint for buffering: there is nothing to do."""
    machine.take(8)


def _float(machine: _Machine) -> None:
    machine.push(struct.unpack(">d", machine.take(8))[0])


def _pop(machine: _Machine) -> None:
    machine.pop()


def _pop_mark(machine: _Machine) -> None:
    machine.pop_mark()


def _setitem(machine: _Machine) -> None:
    value, key = machine.pop(), machine.pop()
    machine.insert([key, value])


_OPERATIONS: dict[bytes, Callable[[_Machine], None]] = {
    b"\x80": _protocol,
    b"\x95": _frame,
    b"(": _Machine.mark,
    b"0": _pop,
    b"1": _pop_mark,
    b"N": lambda m: m.push(None, _REFERENCE),
    b"\x88": lambda m: m.push(True, _REFERENCE),
    b"\x89": lambda m: m.push(False, _REFERENCE),
    b"J": lambda m: m.long(4),  # BININT
    b"K": lambda m: m.push(m.number(1), _REFERENCE),
    b"M": lambda m: m.push(m.number(2)),
    b"\x8a": lambda m: m.long(m.number(1)),  # LONG1
    b"\x8b": lambda m: m.long(m.number(4)),
    b"G": _float,
    b"X": lambda m: m.text(m.number(4)),  # BINUNICODE
    b"\x8c": lambda m: m.text(m.number(1)),
    b"\x8d": lambda m: m.text(m.number(8)),
    b"B": lambda m: m.data(m.number(4)),  # BINBYTES
    b"C": lambda m: m.data(m.number(1)),
    b"\x8e": lambda m: m.data(m.number(8)),
    b"T": lambda m: m.text(m.number(4)),  # BINSTRING: text of Python 2
    b"U": lambda m: m.text(m.number(1)),
    b"]": lambda m: m.push([]),
    b"l": lambda m: m.push(m.pop_mark()),
    b"a": lambda m: m.extend([m.pop()]),
    b"e": lambda m: m.extend(m.pop_mark()),
    b"}": lambda m: m.push({}),
    b"d": lambda m: m.dictionary(m.pop_mark()),
    b"s": _setitem,
    b"u": lambda m: m.insert(m.pop_mark()),
    b")": lambda m: m.push((), _REFERENCE),
    b"\x85": lambda m: m.take_tuple(1),
    b"\x86": lambda m: m.take_tuple(2),
    b"\x87": lambda m: m.take_tuple(3),
    b"t": lambda m: m.push(tuple(m.pop_mark())),
    b"\x8f": lambda m: m.push(set()),
    b"\x90": lambda m: m.add(m.pop_mark()),
    b"\x91": lambda m: m.frozen(m.pop_mark()),
    b"\x94": lambda m: m.memoize(),
    b"q": lambda m: m.memoize(m.number(1)),
    b"r": lambda m: m.memoize(m.number(4)),
    b"h": lambda m: m.recall(m.number(1)),
    b"j": lambda m: m.recall(m.number(4)),
}
