"""The members of one large JSON object, one after another: GQA's questions are a few hundred MB in one object.

{"05515938": {"question": ...}, "07333408": ...}   ->   ("05515938", {"question": ...}), ...
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import IO

from pydantic import JsonValue

from interleave.errors import Unreadable

# A question of GQA with its program has about 1 kB.
MAX_MEMBER_CHARACTERS = 1 << 20
_BLOCK_BYTES = 1 << 20
_SPACE = re.compile(r"[ \t\n\r]*")


def read_members(stream: IO[bytes]) -> Iterator[tuple[str, JsonValue]]:
    """(key, value) of each member of the object that a file consists of.

    Raises:
        Unreadable: `bad_json`, `bad_utf8`, at the first place that is not of an object's: there is no reading on.
    """
    text = _Text(stream)
    text.take("{")
    if text.peek() == "}":
        return
    while True:
        key = text.value()
        if not isinstance(key, str):
            raise text.error("a key that is not a string")
        text.take(":")
        yield key, text.value()
        if text.peek() == "}":
            return
        text.take(",")


class _Text:
    """A window on a file's text, from the place that is read next."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._json = json.JSONDecoder()
        self._window = ""
        self._at = 0
        self._num_passed = 0
        self._ended = False

    def peek(self) -> str:
        """The next character that is no white space; "" at the end."""
        while True:
            space = _SPACE.match(self._window, self._at)
            self._at = space.end() if space else self._at
            if self._at < len(self._window) or not self._read_on():
                return self._window[self._at : self._at + 1]

    def take(self, character: str) -> None:
        if self.peek() != character:
            raise self.error(f"{self.peek()!r}, expected {character!r}")
        self._at += 1

    def value(self) -> JsonValue:
        """The next value; it is complete only if something of the file stands behind it, as a number may go on."""
        self.peek()
        while True:
            try:
                value, end = self._json.raw_decode(self._window, self._at)
                if end < len(self._window):
                    self._at = end
                    decoded: JsonValue = value
                    return decoded
                problem = "ends within a value"
            except (ValueError, RecursionError) as error:
                problem = f"{type(error).__name__}: {str(error)[:100]}"
            if len(self._window) - self._at > MAX_MEMBER_CHARACTERS or not self._read_on():
                raise self.error(problem)

    def error(self, what: str) -> Unreadable:
        return Unreadable("bad_json", f"character {self._num_passed + self._at:,}: {what}")

    def _read_on(self) -> bool:
        """Adds a block to the window; whether there was one."""
        if self._ended:
            return False
        block = self._stream.read(_BLOCK_BYTES)
        self._ended = not block
        try:
            added = self._decoder.decode(block, final=self._ended)
        except UnicodeDecodeError as error:
            raise Unreadable(
                "bad_utf8", f"behind character {self._num_passed + len(self._window):,}: {error}"
            ) from None
        self._num_passed += self._at
        self._window = self._window[self._at :] + added
        self._at = 0
        return not self._ended
