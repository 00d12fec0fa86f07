"""Who may build in a depot: one build, or the slices of one, as `work_folder` has it where files can be locked.

mmc4.work/door.claim       somebody looks who is at work, and goes in or away: one at a time
mmc4.work/claim            a build is at work
mmc4.work/slices           slices are, or were: of which build, and how many
mmc4.work/slice-2.claim    slice 2 is at work
mmc4.work/alone.claim      a slice does what only one may do at a time

Only who stands in the door adds to what the others say. What is looked at there so holds good until one is in: it may
only become less, when somebody goes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import orjson

from interleave.errors import RecipeError, Unfinished
from interleave.remote.claims import claimed, kept_word, read_claim
from interleave.remote.object_store import ObjectStore
from interleave.work_folder import Slice

_CLAIM, _SLICES, _DOOR, _ALONE = "claim", "slices", "door.claim", "alone.claim"
# What a build that removes everything else leaves.
KEPT = frozenset((_CLAIM, _DOOR))
_WAIT_OR_TAKE_OVER = "wait, give another output, or --take-over if that is over"
_POLL_S, _LEAST_WAIT_S = 1.0, 600.0
# Some requests, each of which may be tried again for a while.
_LONGEST_IN_DOOR_S = 60.0


@contextmanager
def hold_whole(store: ObjectStore, work: Path, *, take_over: bool) -> Iterator[None]:
    """For one build alone.

    store: of the work folder; work: its place on this machine.

    Raises:
        RecipeError: somebody else is at work there.
    """
    with kept_word(_word_file(work, _CLAIM), f"another build is at work in {work}") as word, ExitStack() as inside:
        with _door(store, word, take_over=take_over):
            slices = read_claim(store, _SLICES)
            _check_none_at_work(store, slices, word, take_over=take_over)
            claim = claimed(store, _CLAIM, word, to="building there", take_over=take_over, stays=False)
            inside.enter_context(claim)
            store.remove(_SLICES)
        yield


@contextmanager
def hold_slice(store: ObjectStore, work: Path, part: Slice, identity: str, *, take_over: bool) -> Iterator[None]:
    """For one slice, beside the others of the same build.

    Raises:
        RecipeError: this slice is at work already, or another build.
    """
    name = _claim_of(part.index)
    mine = {"build": f"{part.count} slices of {identity}", "count": part.count}
    busy = f"slice {part.index}/{part.count} is at work in {work} already"
    with kept_word(_word_file(work, name), busy) as word, ExitStack() as inside:
        with _door(store, word, take_over=take_over):
            _check_no_build(store, take_over=take_over)
            slices = read_claim(store, _SLICES)
            if slices != mine:
                _check_none_at_work(store, slices, word, take_over=take_over)
                store.write(_SLICES, orjson.dumps(mine))
            to = f"at work as slice {part.index}"
            inside.enter_context(claimed(store, name, word, to=to, take_over=take_over, stays=False))
        yield


@contextmanager
def alone(store: ObjectStore, part: Slice, wait_s: float) -> Iterator[None]:
    """Holds up the other slices. A slice that died while it did so goes on when it is started again.

    Raises:
        Unfinished: another one has not finished in time.
    """
    mine = orjson.dumps({"slice": part.index})
    deadline = time.monotonic() + max(wait_s, _LEAST_WAIT_S)
    while not store.create(_ALONE, mine):
        holder = read_claim(store, _ALONE).get("slice")
        if time.monotonic() > deadline:
            raise Unfinished(
                f"slice {holder} does what one slice may do at a time, and has not finished in time. Run this slice "
                f"again later; if slice {holder} died, start it again first"
            )
        time.sleep(_POLL_S)
    try:
        yield
    finally:
        store.remove(_ALONE)


def _door(store: ObjectStore, word: str, *, take_over: bool) -> AbstractContextManager[None]:
    """Waits until nobody else stands in the door.

    Raises, on entering:
        RecipeError: one who died there still does.
    """
    return claimed(
        store, _DOOR, word, to="coming in there", take_over=take_over, stays=False, patience_s=_LONGEST_IN_DOOR_S
    )


def _check_no_build(store: ObjectStore, *, take_over: bool) -> None:
    whole = read_claim(store, _CLAIM)
    if whole and not take_over:
        raise RecipeError(
            f"{store.url}: {whole.get('by')} is building there, not in slices, since {whole.get('since')}; "
            f"{_WAIT_OR_TAKE_OVER}"
        )
    if whole:
        store.remove(_CLAIM)


def _check_none_at_work(store: ObjectStore, slices: Mapping[str, Any], word: str, *, take_over: bool) -> None:
    """Of those slices; but for the one that this machine began, with the same word, and begins again."""
    count = slices.get("count")
    for number in range(count if isinstance(count, int) else 0):
        found = read_claim(store, _claim_of(number))
        if not found or found.get("word") == word:
            continue
        if not take_over:
            raise RecipeError(
                f"{store.url}: slice {number} of {slices.get('build')} is at work there (all slices need one recipe, "
                f"one number of slices and one version of interleave); {_WAIT_OR_TAKE_OVER}"
            )
        store.remove(_claim_of(number))


def _claim_of(number: int) -> str:
    return f"slice-{number}.claim"


def _word_file(work: Path, name: str) -> Path:
    return work.with_name(f"{work.name}.{name}")
