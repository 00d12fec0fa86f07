"""What a task counted: plain numbers that add up over tasks, and from which the summary is made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from interleave.document import Drop


class Counts(Counter[str]):
    """Numbers by name. Drops are counted under `drop/<unit>/<stage>/<rule>`; units are document, image, sentence."""

    def add_drops(self, drops: Iterable[Drop]) -> None:
        for drop in drops:
            self[f"drop/{drop.unit}/{drop.stage}/{drop.rule}"] += 1

    def dropped(self, unit: str) -> int:
        return sum(number for name, number in self.items() if name.startswith(f"drop/{unit}/"))


@dataclass(frozen=True, slots=True, kw_only=True)
class DropLine:
    """What one rule took by itself; images that went with their document are counted where it went."""

    stage: str
    rule: str
    documents: int
    images: int
    sentences: int
