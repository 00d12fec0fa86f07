"""Threads that ask one store, where chance decides at each request which of them goes on, and which one dies.

Whatever can come between two requests comes, without waiting for it; one seed gives one order.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from interleave.remote.object_store import ObjectStore

Answer = TypeVar("Answer")

STEPS_PER_S, MANY_STEPS = 20, 100_000


class Killed(BaseException):
    """Nothing more comes from this machine until it is started again."""


class Turns:
    """Of several threads one runs at a time, until its next step. Stands in for the module `time` too."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._num_steps = 0
        self._gates: dict[int, threading.Semaphore] = {}
        self._shares: dict[int, float] = {}
        self._mine = threading.local()

    def run(self, works: Sequence[Callable[[], None]]) -> None:
        """Does all works to their ends."""
        self._gates = {number: threading.Semaphore(0) for number in range(len(works))}
        # Some come by rarely: between two requests of theirs much has changed.
        self._shares = {number: self.random.random() ** 3 + 0.005 for number in self._gates}
        with ThreadPoolExecutor(len(works)) as threads:
            done = [threads.submit(self._work, number, work) for number, work in enumerate(works)]
            self._call_next()
        for work_done in done:
            work_done.result()

    def step(self) -> None:
        self._num_steps += 1
        assert self._num_steps < MANY_STEPS, "they never come to an end"
        self._call_next()
        self._gates[self._mine.number].acquire()

    def sleep(self, _seconds: float) -> None:
        self.step()

    def monotonic(self) -> float:
        return self._num_steps / STEPS_PER_S

    def _work(self, number: int, work: Callable[[], None]) -> None:
        self._mine.number = number
        self._gates[number].acquire()
        try:
            work()
        finally:
            del self._gates[number]
            if self._gates:
                self._call_next()

    def _call_next(self) -> None:
        numbers = list(self._gates)
        [number] = self.random.choices(numbers, [self._shares[number] for number in numbers])
        self._gates[number].release()


class StoreInTurns(ObjectStore):
    """An object store that is a dictionary, as one machine sees it: each request is a step."""

    def __init__(self, turns: Turns, objects: dict[str, bytes], chance_of_death: float) -> None:
        super().__init__("memory://bucket/six.work")
        self.is_dead = False
        self.chance_of_death = chance_of_death
        self._turns, self._objects = turns, objects

    def read(self, name: str) -> bytes | None:
        return self._ask(lambda: self._objects.get(name))

    def create(self, name: str, data: bytes) -> bool:
        return self._ask(lambda: self._objects.setdefault(name, data) == data)

    def write(self, name: str, data: bytes) -> None:
        self._ask(lambda: self._objects.update({name: data}))

    def remove(self, name: str) -> None:
        self._ask(lambda: self._objects.pop(name, None))

    def _ask(self, request: Callable[[], Answer]) -> Answer:
        """A machine that dies may have asked before."""
        if self.is_dead:
            raise Killed
        self._turns.step()
        self.is_dead = self._turns.random.random() < self.chance_of_death
        if self.is_dead and self._turns.random.random() < 0.5:
            raise Killed
        answer = request()
        if self.is_dead:
            raise Killed
        return answer
