"""Who may build in a depot: one build, or the slices of one, as `work_folder` has it where files can be locked.

mmc4.work/claim            a build is at work
mmc4.work/slices           slices are, or were: of which build, and how many
mmc4.work/slice-2.claim    slice 2 is at work, of which build
mmc4.work/alone.claim      a slice does what only one may do at a time
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from interleave.errors import RecipeError, Unfinished
from interleave.remote.claims import claimed, kept_word, read_claim
from interleave.remote.object_store import ObjectStore
from interleave.work_folder import Slice

CLAIM, _SLICES, _ALONE = "claim", "slices", "alone.claim"
_WAIT_OR_TAKE_OVER = "wait, give another output, or --take-over if that is over"
_POLL_S, _LEAST_WAIT_S = 1.0, 600.0
# A build that finds slices at work gives its claim back within this time.
_TURN_AWAY_S = 10.0


@contextmanager
def hold_whole(store: ObjectStore, work: Path, *, take_over: bool) -> Iterator[None]:
    """For one build alone.

    store: of the work folder; work: its place on this machine.

    Raises:
        RecipeError: somebody else is at work there.
    """
    with (
        kept_word(_word_file(work, CLAIM), f"another build is at work in {work}") as word,
        claimed(store, CLAIM, word, to="building there", take_over=take_over, stays=False),
    ):
        slices = read_claim(store, _SLICES)
        for number, build in _at_work(store, slices):
            if not take_over:
                raise RecipeError(f"{store.url}: slice {number} of {build} is at work there; {_WAIT_OR_TAKE_OVER}")
            store.remove(_claim_of(number))
        store.remove(_SLICES)
        yield


@contextmanager
def hold_slice(store: ObjectStore, work: Path, part: Slice, identity: str, *, take_over: bool) -> Iterator[None]:
    """For one slice, beside the others of the same build.

    A build that asks at the same time claims the place before it sees the slices and goes: it is waited for.

    Raises:
        RecipeError: this slice is at work already, or another build.
    """
    name = _claim_of(part.index)
    build = f"{part.count} slices of {identity}"
    to = f"at work as slice {part.index}"
    busy = f"slice {part.index}/{part.count} is at work in {work} already"
    with (
        kept_word(_word_file(work, name), busy) as word,
        claimed(store, name, word, to=to, take_over=take_over, stays=False, build=build),
    ):
        if take_over:
            store.remove(CLAIM)
        _join(store, {"build": build, "count": part.count}, take_over=take_over)
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


def _join(store: ObjectStore, mine: Mapping[str, Any], *, take_over: bool) -> None:
    """Goes in with the slices of one build.

    A build makes its claim and looks for slices then; a slice makes its own and looks for a build then. So one of the
    two sees the other, whatever comes first.
    """
    deadline = time.monotonic() + _TURN_AWAY_S
    while True:
        _wait_for_build(store, deadline)
        _name_build(store, mine, take_over=take_over)
        if not read_claim(store, CLAIM):
            return


def _wait_for_build(store: ObjectStore, deadline: float) -> None:
    while whole := read_claim(store, CLAIM):
        if time.monotonic() > deadline:
            raise RecipeError(
                f"{store.url}: {whole.get('by')} is building there, not in slices, since {whole.get('since')}; "
                f"{_WAIT_OR_TAKE_OVER}"
            )
        time.sleep(_POLL_S)


def _name_build(store: ObjectStore, mine: Mapping[str, Any], *, take_over: bool) -> None:
    """Says which build the slices are of, unless others do."""
    if take_over:
        store.write(_SLICES, orjson.dumps(mine))
        return
    if store.create(_SLICES, orjson.dumps(mine)):
        return
    there = read_claim(store, _SLICES)
    if there == mine:
        return
    _check_agree(store, there, mine)
    store.write(_SLICES, orjson.dumps(mine))
    try:  # one of the build that was named may have come in since
        _check_agree(store, there, mine)
    except RecipeError:
        store.write(_SLICES, orjson.dumps(there))
        raise


def _check_agree(store: ObjectStore, there: Mapping[str, Any], mine: Mapping[str, Any]) -> None:
    """
    Raises:
        RecipeError: slices of another build than mine are at work.
    """
    for number, build in (*_at_work(store, there), *_at_work(store, mine)):
        if build != mine["build"]:
            raise RecipeError(
                f"{store.url}: slice {number} is at work on another build ({build}, this is one of {mine['build']}): "
                f"all slices need one recipe, one number of slices and one version of interleave; {_WAIT_OR_TAKE_OVER}"
            )


def _at_work(store: ObjectStore, slices: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Of slices that are or were at work those that are: number, and the build."""
    count = slices.get("count")
    for number in range(count if isinstance(count, int) else 0):
        if found := read_claim(store, _claim_of(number)):
            yield number, str(found.get("build"))


def _claim_of(number: int) -> str:
    return f"slice-{number}.claim"


def _word_file(work: Path, name: str) -> Path:
    return work.with_name(f"{work.name}.{name}")
