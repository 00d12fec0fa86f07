"""How large plain data is to one who walks it, where parts of it may be the same object many times over."""

from __future__ import annotations

from typing import Any

from interleave.errors import Unreadable

# A document in MMC4's schema has seven levels.
_MAX_DEPTH = 16
_MAX_RECORD = 256 << 20
# Objects and bytes of one record.
_LONG_TEXT = 64
_WEIGHTY = (str, bytes, list, tuple, dict, set, frozenset)


class Room:
    """What the records of a file may weigh in all: they may share objects, so that a small file seems endless."""

    def __init__(self, most: int) -> None:
        self._most = self._left = most
        self._failed = dict[int, tuple[Any, Unreadable]]()
        # By id; a record that is kept here is not freed, so that its id stays its own.

    def take(self, record: Any) -> None:
        """Takes a record's weight away.

        Raises:
            Unreadable: `nested_too_deeply` (also: a list within itself), `bad_utf8`: a text that no file can hold,
                `record_too_large`, `shared_too_often`: all the records together are larger than this file should be.
        """
        if self._left >= 0:
            self._left -= self._weigh(record)
        if self._left < 0:
            raise Unreadable("shared_too_often", f"the records have more than {self._most:,} objects and bytes")

    def _weigh(self, record: Any) -> int:
        if (failed := self._failed.get(id(record))) is not None:
            raise Unreadable(failed[1].reason, failed[1].detail)
        scales = _Scales()
        try:
            found = scales.weigh(record)
            if found > _MAX_RECORD:
                raise Unreadable("record_too_large", f"more than {_MAX_RECORD:,} objects and bytes")
        except Unreadable as error:
            self._failed[id(record)] = record, Unreadable(error.reason, error.detail)
            self._left -= scales.num_walked
            raise
        return found


class _Scales:
    """Weighs one value; what is shared in it is walked once and counted as often as it is there."""

    def __init__(self) -> None:
        self.num_walked = 0
        # Objects, and characters or bytes of them: what weighing has cost so far, also where it fails.
        self._known = dict[int, int]()
        # Weight by id.

    def weigh(self, value: Any, depth: int = 0) -> int:
        """How much there is to see for one who walks the whole of a value: objects, and characters or bytes of them."""
        self.num_walked += 1
        if type(value) not in _WEIGHTY:
            return 1
        if (found := self._known.get(id(value))) is not None:
            return found
        if depth > _MAX_DEPTH:
            raise Unreadable("nested_too_deeply", f"more than {_MAX_DEPTH} levels")
        if isinstance(value, str | bytes):
            self.num_walked += len(value)
            total = 1 + len(value)
            _check_encodable(value)
            if len(value) < _LONG_TEXT:
                return total
        elif isinstance(value, dict):
            total = 1 + sum(self.weigh(item, depth + 1) for entry in value.items() for item in entry)
        else:
            total = 1 + sum(self.weigh(item, depth + 1) for item in value)
        self._known[id(value)] = total
        return total


def _check_encodable(text: str | bytes) -> None:
    if isinstance(text, bytes) or text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Unreadable("bad_utf8", f"a lone surrogate at character {error.start:,} of a text") from None
