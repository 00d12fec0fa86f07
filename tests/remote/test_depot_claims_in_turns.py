"""Whoever comes to a depot, in whatever order, and whoever dies there: those at work are of one build."""

from __future__ import annotations

from collections import Counter
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest
from fixtures_turns import Killed, StoreInTurns, Turns

from interleave.errors import RecipeError
from interleave.remote import claims
from interleave.remote.depot_claims import hold_slice, hold_whole
from interleave.work_folder import Slice

# Of each machine so many tries; those who died in them come again until they have been in, and die no more.
NUM_ORDERS, NUM_TRIES = 120, 3
WHOLE = Slice(0, 1)
# Two builds, and some slices of two others.
COMING = [("one", WHOLE), ("another", WHOLE), *(("two", Slice(n, 2)) for n in (0, 1))]
COMING += [("three", Slice(n, 3)) for n in (0, 2)]


class Depot:
    """Machines come to it, are turned away, or work there for a while."""

    def __init__(self, seed: int, folder: Path, chance_of_death: float) -> None:
        self.turns = Turns(seed)
        self.objects: dict[str, bytes] = {}
        self.at_work: Counter[str] = Counter()
        self.num_refused = self.num_killed = self.num_in = 0
        self._folder, self._chance_of_death = folder, chance_of_death

    def opens(self) -> None:
        self.turns.run([partial(self._machine, *who) for who in COMING])

    def _machine(self, build: str, part: Slice) -> None:
        store = StoreInTurns(self.turns, self.objects, self._chance_of_death)
        num_tries, has_died = 0, False
        while num_tries < NUM_TRIES or has_died:
            num_tries += 1
            if num_tries > NUM_TRIES:
                store.chance_of_death = 0
            try:
                self._come(store, build, part)
                has_died = False
            except RecipeError:
                self.num_refused += 1
            except Killed:
                self.num_killed += 1
                store.is_dead, has_died = False, True

    def _come(self, store: StoreInTurns, build: str, part: Slice) -> None:
        work = self._folder / f"{build}-{part.index}"
        held: AbstractContextManager[None] = (
            hold_whole(store, work, take_over=False)
            if part.is_whole
            else hold_slice(store, work, part, build, take_over=False)
        )
        with held:
            self.num_in += 1
            self.at_work[build] += 1
            assert len(+self.at_work) == 1, self.at_work
            for _ in range(3):
                self.turns.step()
            self.at_work[build] -= 1


@pytest.mark.parametrize("chance_of_death", [0, 0.02])
def test_those_at_work_are_of_one_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chance_of_death: float
) -> None:
    count: Counter[str] = Counter()
    for seed in range(NUM_ORDERS):
        folder = tmp_path / f"{seed}"
        folder.mkdir()
        depot = Depot(seed, folder, chance_of_death)
        monkeypatch.setattr(claims, "time", depot.turns)
        depot.opens()
        assert depot.num_in, "not all of them may turn each other away"
        assert set(depot.objects) <= {"slices"}
        count.update(refused=depot.num_refused, killed=depot.num_killed, came_in=depot.num_in)
    assert min(count["refused"], count["came_in"]) > NUM_ORDERS
    assert bool(count["killed"]) == bool(chance_of_death)
