"""What an export came to: written and left out, with reasons, and the proof that nothing was lost on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from interleave.errors import TaskError
from interleave.translate.passages import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """What was not written, for one reason."""

    reason: str
    num_passages: int
    num_images: int
    num_chars: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """An export in numbers. Characters are those that are no white space."""

    form: str
    output: str
    num_files: int
    num_items: int
    # Records, rows or lines: what the form counts in.
    num_images: int
    num_chars: int
    num_tokens: int
    # Of forms that hold ids instead of text.
    left_out: tuple[LeftOut, ...]
    notes: dict[str, int]
    # What else is worth knowing, by a phrase that says so.

    def as_text(self) -> str:
        amount = f"{self.num_tokens:,} tokens" if self.num_tokens else f"{self.num_chars:,} characters of text"
        lines = [
            f"{self.output}: {self.num_items:,} items in {self.num_files:,} files, {self.num_images:,} images, {amount}"
        ]
        lines += [
            f"  left out: {item.num_passages:,} {item.reason} "
            f"({item.num_images:,} images, {item.num_chars:,} characters)"
            for item in self.left_out
        ]
        return "\n".join(lines + [f"  {number:,} {phrase}" for phrase, number in self.notes.items() if number])


class Tally:
    """Counts while an export runs."""

    def __init__(self) -> None:
        self.num_items = 0
        self.notes: Counter[str] = Counter()
        self._seen: Counter[str] = Counter()
        self._written: Counter[str] = Counter()
        self._left_out: dict[str, Counter[str]] = {}

    def saw(self, parts: Iterable[Part]) -> None:
        self._seen += _sizes(parts)

    def wrote(self, parts: Iterable[Part], num_items: int = 1) -> None:
        self.num_items += num_items
        self._written += _sizes(parts)

    def saw_ids(self, num_images: int, num_tokens: int) -> None:
        self._seen += Counter(images=num_images, tokens=num_tokens)

    def wrote_ids(self, num_images: int, num_tokens: int) -> None:
        self.num_items += 1
        self._written += Counter(images=num_images, tokens=num_tokens)

    def left_out(self, reason: str, parts: Iterable[Part], num_passages: int = 1) -> None:
        found = self._left_out.setdefault(reason, Counter())
        found += _sizes(parts)
        found["passages"] += num_passages

    def summary(self, form: str, output: str, num_files: int) -> Summary:
        """
        Raises:
            TaskError: something is neither written nor left out: a fault of this program.
        """
        for what in ("images", "chars", "tokens"):
            out = sum(found[what] for found in self._left_out.values())
            if self._seen[what] != self._written[what] + out:
                raise TaskError(
                    f"{form}: of {self._seen[what]:,} {what} in the dataset {self._written[what]:,} are written and "
                    f"{out:,} left out; this is a fault of interleave, please report it"
                )
        return Summary(
            form=form,
            output=output,
            num_files=num_files,
            num_items=self.num_items,
            num_images=self._written["images"],
            num_chars=self._written["chars"],
            num_tokens=self._written["tokens"],
            left_out=tuple(
                LeftOut(
                    reason=reason,
                    num_passages=found["passages"],
                    num_images=found["images"],
                    num_chars=found["chars"],
                )
                for reason, found in sorted(self._left_out.items())
            ),
            notes={phrase: self.notes[phrase] for phrase in sorted(self.notes)},
        )


def num_chars(text: str) -> int:
    """Characters that are no white space: forms differ in how they join."""
    return sum(map(len, text.split()))


def _sizes(parts: Iterable[Part]) -> Counter[str]:
    sizes: Counter[str] = Counter()
    for part in parts:
        if isinstance(part, str):
            sizes["chars"] += num_chars(part)
        else:
            sizes["images"] += 1
    return sizes
