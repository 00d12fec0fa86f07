"""How a loader does: what came out of it, and how long the trainer waited for it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any


class Meter:
    """Counts what a trainer takes from a loader. All of it is of this rank.

    meter = Meter()
    for batch in meter.watch(loader):
        ...
        bar.set_postfix(meter.postfix())
    """

    def __init__(self) -> None:
        self._begin = time.perf_counter()
        self._waited_s = 0.0
        self._sums: Counter[str] = Counter()
        self._by_source: Counter[str] = Counter()

    def watch(self, loader: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """The loader's batches. What it takes until the next one is there is time waited."""
        batches = iter(loader)
        while True:
            asked = time.perf_counter()
            batch = next(batches, None)
            self._waited_s += time.perf_counter() - asked
            if batch is None:
                return
            self._count(batch)
            yield batch

    def as_dict(self) -> dict[str, Any]:
        """Since the meter was made.

        num_batches, num_tokens (without padding), num_images, num_skipped (unreadable samples), num_dummy_images;
        tokens_per_s, images_per_s; waiting (share of the time that the trainer waited), padding (share of positions);
        mixture (share of tokens, by source).
        """
        seconds = time.perf_counter() - self._begin
        sums = self._sums
        return {
            **{name: sums[name] for name in _COUNTED},
            "tokens_per_s": sums["num_tokens"] / seconds,
            "images_per_s": sums["num_images"] / seconds,
            "waiting": self._waited_s / seconds,
            "padding": 1 - sums["num_tokens"] / max(1, sums["num_positions"]),
            "mixture": {source: number / self._by_source.total() for source, number in sorted(self._by_source.items())},
        }

    def postfix(self) -> dict[str, str]:
        """The same in short, for `tqdm.set_postfix`."""
        found = self.as_dict()
        short = {
            "tok/s": f"{found['tokens_per_s']:,.0f}",
            "img/s": f"{found['images_per_s']:,.0f}",
            "wait": f"{found['waiting']:.0%}",
            "pad": f"{found['padding']:.1%}",
        }
        if found["num_skipped"]:
            short["skipped"] = f"{found['num_skipped']:,}"
        return short

    def _count(self, batch: dict[str, Any]) -> None:
        self._sums["num_batches"] += 1
        self._sums["num_skipped"] += len(batch["skipped"])
        for name in ("num_tokens", "num_images", "num_positions", "num_dummy_images"):
            self._sums[name] += batch[name]
        self._by_source.update(batch["source_tokens"])


_COUNTED = ("num_batches", "num_tokens", "num_images", "num_skipped", "num_dummy_images")
