"""Who may be at work in a depot: one build, or the slices of one."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from interleave.errors import RecipeError, TaskError, Unfinished
from interleave.remote import depot_claims
from interleave.remote.claims import claim
from interleave.remote.depot_claims import alone, hold_slice, hold_whole
from interleave.remote.object_store import ObjectStore
from interleave.work_folder import Slice

NUM_TURNS = 20  # of each build, and of those that are turned away


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(f"file://{tmp_path}/six.work")


def machine(tmp_path: Path, name: str) -> Path:
    """The work folder on one machine."""
    folder = tmp_path / name
    folder.mkdir(exist_ok=True)
    return folder / "six.work"


def test_a_build_keeps_out_others_and_leaves_nothing(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(depot_claims, "_TURN_AWAY_S", 0.0)
    monkeypatch.setattr(depot_claims, "_POLL_S", 0.01)
    with hold_whole(store, machine(tmp_path, "one"), take_over=False):
        with pytest.raises(RecipeError, match="building there since"):
            hold_whole(store, machine(tmp_path, "two"), take_over=False).__enter__()
        with pytest.raises(RecipeError, match=r"is building there, not in slices, since .*--take-over"):
            hold_slice(store, machine(tmp_path, "two"), Slice(0, 2), "r", take_over=False).__enter__()
        with pytest.raises(TaskError, match="another build is at work"):
            hold_whole(store, machine(tmp_path, "one"), take_over=False).__enter__()
    assert store.sizes("") == {}


def test_slices_of_one_build_are_together_and_keep_out_others(store: ObjectStore, tmp_path: Path) -> None:
    with ExitStack() as stack:
        for index in range(2):
            held = hold_slice(store, machine(tmp_path, f"{index}"), Slice(index, 3), "r", take_over=False)
            stack.enter_context(held)
        for wrong, said in (
            (hold_slice(store, machine(tmp_path, "x"), Slice(1, 3), "r", take_over=False), "at work as slice 1 since"),
            (hold_slice(store, machine(tmp_path, "x"), Slice(2, 3), "other", take_over=False), "on another build"),
            (hold_slice(store, machine(tmp_path, "x"), Slice(3, 4), "r", take_over=False), "on another build"),
            (hold_whole(store, machine(tmp_path, "x"), take_over=False), "slice 0 of 3 slices of r is at work"),
        ):
            with pytest.raises(RecipeError, match=said):
                wrong.__enter__()
    assert set(store.sizes("")) == {"slices"}, "so that other slices of the same build may still come"
    with hold_slice(store, machine(tmp_path, "x"), Slice(0, 2), "other", take_over=False):
        pass
    with hold_whole(store, machine(tmp_path, "x"), take_over=False):
        pass
    assert store.sizes("") == {}


def test_a_build_that_only_asks_turns_no_slice_away(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(depot_claims, "_POLL_S", 0.01)
    claim(store, "claim", "word", to="building there")
    asks = threading.Timer(0.2, store.remove, ["claim"])
    asks.start()
    with hold_slice(store, machine(tmp_path, "0"), Slice(0, 2), "r", take_over=False):
        assert set(store.sizes("")) == {"slices", "slice-0.claim"}
    asks.join()


def test_slices_of_another_build_may_come_together_when_those_of_the_last_have_gone(
    store: ObjectStore, tmp_path: Path
) -> None:
    with hold_slice(store, machine(tmp_path, "0"), Slice(0, 2), "old", take_over=False):
        pass
    # Slice 1 has made its claim, and has not come further.
    claim(store, "slice-1.claim", "word", to="at work", build="2 slices of new")
    with hold_slice(store, machine(tmp_path, "0"), Slice(0, 2), "new", take_over=False):
        pass


def test_a_slice_that_comes_back_at_the_last_moment_is_seen(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hold_slice(store, machine(tmp_path, "0"), Slice(0, 2), "old", take_over=False):
        named = store.read("slices")
    write = store.write

    def write_late(name: str, data: bytes) -> None:
        if store.read("slice-1.claim") is None:
            claim(store, "slice-1.claim", "word", to="at work", build="2 slices of old")
        write(name, data)

    monkeypatch.setattr(store, "write", write_late)
    with pytest.raises(RecipeError, match=r"slice 1 is at work on another build \(2 slices of old, this is one of 2"):
        hold_slice(store, machine(tmp_path, "0"), Slice(0, 2), "new", take_over=False).__enter__()
    assert store.read("slices") == named


def test_whoever_comes_when_those_who_are_at_work_are_of_one_build(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(depot_claims, "_TURN_AWAY_S", 0.05)
    monkeypatch.setattr(depot_claims, "_POLL_S", 0.001)
    lock, at_work, turns, mixed = threading.Lock(), Counter[str](), Counter[str](), list[str]()
    deadline = time.monotonic() + 100

    def goes_on() -> bool:
        fewest = min(turns[name] for name in ("whole", "r", "other", "refused"))
        return fewest < NUM_TURNS and time.monotonic() < deadline

    def one(name: str, identity: str, part: Slice) -> None:
        generator = random.Random(name)
        while goes_on():
            held: AbstractContextManager[None] = (
                hold_whole(store, machine(tmp_path, name), take_over=False)
                if part.is_whole
                else hold_slice(store, machine(tmp_path, name), part, identity, take_over=False)
            )
            try:
                with held:
                    with lock:
                        at_work[identity] += 1
                        turns[identity] += 1
                        if len(+at_work) > 1:
                            mixed.append(f"{dict(+at_work)}")
                    time.sleep(generator.random() / 200)
                    with lock:
                        at_work[identity] -= 1
            except RecipeError:
                turns["refused"] += 1
            time.sleep(generator.random() / 100)

    all_who_come = [("whole", "whole", Slice(0, 1))]
    all_who_come += [(f"{build}-{n}", build, Slice(n, 2)) for build in ("r", "other") for n in range(2)]
    threads = [threading.Thread(target=one, args=who) for who in all_who_come]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert mixed == []
    assert not goes_on() and time.monotonic() < deadline, turns


def test_claims_of_machines_that_died_are_set_aside(store: ObjectStore, tmp_path: Path) -> None:
    died = ExitStack()
    died.enter_context(hold_slice(store, machine(tmp_path, "0"), Slice(0, 2), "r", take_over=False))
    with hold_slice(store, machine(tmp_path, "1"), Slice(0, 2), "r", take_over=True):
        pass
    died.enter_context(hold_slice(store, machine(tmp_path, "2"), Slice(1, 2), "r", take_over=False))
    with hold_slice(store, machine(tmp_path, "3"), Slice(0, 2), "other", take_over=True):
        pass
    with hold_whole(store, machine(tmp_path, "4"), take_over=True):
        pass
    died.enter_context(hold_whole(store, machine(tmp_path, "5"), take_over=False))
    with hold_slice(store, machine(tmp_path, "6"), Slice(0, 2), "r", take_over=True):
        pass
    died.close()


def test_slices_wait_for_one_that_is_alone_and_it_goes_on_after_it_died(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(depot_claims, "_POLL_S", 0.01)
    died = alone(store, Slice(0, 2), 0)
    died.__enter__()
    with alone(store, Slice(0, 2), 0):
        pass
    died = alone(store, Slice(0, 2), 0)
    died.__enter__()
    monkeypatch.setattr(depot_claims, "_LEAST_WAIT_S", 0.05)
    with pytest.raises(Unfinished, match=r"slice 0 does what one slice may do .* start it again first"):
        alone(store, Slice(1, 2), 0).__enter__()
    ends: list[str] = []

    def wait() -> None:
        with alone(store, Slice(1, 2), 60):
            ends.append("second")

    second = threading.Thread(target=wait)
    second.start()
    time.sleep(0.1)
    ends.append("first")
    died.__exit__(None, None, None)
    second.join()
    assert ends == ["first", "second"]


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"count": "many"}', b'{"count": -1}', b"\xff"])
def test_what_nobody_wrote_there_is_nobodys_claim(store: ObjectStore, tmp_path: Path, data: bytes) -> None:
    store.write("slices", data)
    with hold_whole(store, machine(tmp_path, "one"), take_over=False):
        pass
