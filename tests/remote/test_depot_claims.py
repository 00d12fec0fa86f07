"""Who may be at work in a depot: one build, or the slices of one."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest

from interleave.errors import RecipeError, TaskError, Unfinished
from interleave.remote import claims, depot_claims
from interleave.remote.claims import claim
from interleave.remote.depot_claims import alone, hold_slice, hold_whole
from interleave.remote.object_store import ObjectStore
from interleave.work_folder import Slice


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(f"file://{tmp_path}/six.work")


def machine(tmp_path: Path, name: str) -> Path:
    """The work folder on one machine."""
    folder = tmp_path / name
    folder.mkdir(exist_ok=True)
    return folder / "six.work"


def test_a_build_keeps_out_others_and_leaves_nothing(store: ObjectStore, tmp_path: Path) -> None:
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
            (
                hold_slice(store, machine(tmp_path, "x"), Slice(2, 3), "other", take_over=False),
                "slice 0 of 3 slices of r is at work there",
            ),
            (
                hold_slice(store, machine(tmp_path, "x"), Slice(3, 4), "r", take_over=False),
                "slice 0 of 3 slices of r is at work there",
            ),
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


def test_one_that_looks_who_is_there_is_waited_for(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "_POLL_S", 0.01)
    claim(store, "door.claim", "word", to="coming in there")
    looks = threading.Timer(0.2, store.remove, ["door.claim"])
    looks.start()
    with hold_slice(store, machine(tmp_path, "0"), Slice(0, 2), "r", take_over=False):
        assert set(store.sizes("")) == {"slices", "slice-0.claim"}
    looks.join()


def test_one_that_died_in_the_door_is_named_and_can_be_set_aside(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(depot_claims, "_LONGEST_IN_DOOR_S", 0.05)
    monkeypatch.setattr(claims, "_POLL_S", 0.01)
    claim(store, "door.claim", "word", to="coming in there")
    with pytest.raises(RecipeError, match=r"is coming in there since .*--take-over"):
        hold_whole(store, machine(tmp_path, "0"), take_over=False).__enter__()
    with hold_whole(store, machine(tmp_path, "0"), take_over=True):
        assert set(store.sizes("")) == {"claim"}


def test_the_door_is_waited_for_as_long_as_they_go_in(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(depot_claims, "_LONGEST_IN_DOOR_S", 3.0)
    seconds = iter(range(100))

    def another_comes(_s: float) -> None:
        store.remove("door.claim")
        if (second := next(seconds)) < 10:
            claim(store, "door.claim", f"word {second}", to="coming in there")

    monkeypatch.setattr(claims, "time", SimpleNamespace(sleep=another_comes, monotonic=lambda: next(seconds)))
    claim(store, "door.claim", "word", to="coming in there")
    with hold_whole(store, machine(tmp_path, "0"), take_over=False):
        assert next(seconds) > 10


def test_a_machine_goes_on_after_the_recipe_of_its_slices_has_changed(store: ObjectStore, tmp_path: Path) -> None:
    kept = machine(tmp_path, "0").with_name("six.work.slice-0.claim")
    with hold_slice(store, machine(tmp_path, "0"), Slice(0, 2), "old", take_over=False):
        word = kept.read_text()
    kept.write_text(word)  # as if it had died
    claim(store, "slice-0.claim", word, to="at work")
    with pytest.raises(RecipeError, match="slice 0 of 2 slices of old is at work there"):
        hold_slice(store, machine(tmp_path, "1"), Slice(1, 2), "new", take_over=False).__enter__()
    with hold_slice(store, machine(tmp_path, "0"), Slice(0, 2), "new", take_over=False):
        pass


def test_who_was_taken_for_dead_leaves_the_claim_of_the_next_one(store: ObjectStore, tmp_path: Path) -> None:
    slow = hold_whole(store, machine(tmp_path, "0"), take_over=False)
    slow.__enter__()
    with hold_whole(store, machine(tmp_path, "1"), take_over=True):
        slow.__exit__(None, None, None)
        assert set(store.sizes("")) == {"claim"}
    assert store.sizes("") == {}


def test_claims_of_machines_that_died_are_set_aside(store: ObjectStore, tmp_path: Path) -> None:
    died = ExitStack()
    died.enter_context(hold_slice(store, machine(tmp_path, "0"), Slice(0, 2), "r", take_over=False))
    with hold_slice(store, machine(tmp_path, "1"), Slice(0, 2), "r", take_over=True):
        pass
    died.enter_context(hold_slice(store, machine(tmp_path, "2"), Slice(1, 2), "r", take_over=False))
    with hold_slice(store, machine(tmp_path, "3"), Slice(0, 2), "other", take_over=True):
        assert set(store.sizes("")) == {"slices", "slice-0.claim"}
    with hold_whole(store, machine(tmp_path, "4"), take_over=True):
        pass
    died.enter_context(hold_whole(store, machine(tmp_path, "5"), take_over=False))
    with hold_slice(store, machine(tmp_path, "6"), Slice(0, 2), "r", take_over=True):
        assert set(store.sizes("")) == {"slices", "slice-0.claim"}
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
