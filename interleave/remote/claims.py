"""Claims on a place in an object store: of those who want it one is at work there, and the others say so.

A claim is an object that is created only where there is none. Who made it is told by a word in it that is kept in a
file on the claimant's machine: a process that died without a word finds its claim again.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from interleave.errors import RecipeError, TaskError
from interleave.remote.object_store import ObjectStore

_POLL_S = 1.0


@contextmanager
def claimed(
    store: ObjectStore, name: str, word: str, *, to: str, take_over: bool, stays: bool, patience_s: float = 0.0
) -> Iterator[None]:
    """Holds a place in a store.

    name: of the object that is the claim; to: what it is held for, in words.
    take_over: the claim of somebody who is known to be at work no more is set aside.
    stays: after an interruption the claim stays, for the place is left half done.
    patience_s: for how long each of those before is waited for.

    Raises:
        RecipeError: somebody else holds it.
    """
    claim(store, name, word, to=to, take_over=take_over, patience_s=patience_s)
    try:
        yield
    except RecipeError:  # nothing was changed
        _give_back(store, name, word)
        raise
    except BaseException:
        if not stays:
            _give_back(store, name, word)
        raise
    _give_back(store, name, word)


def claim(
    store: ObjectStore, name: str, word: str, *, to: str, take_over: bool = False, patience_s: float = 0.0
) -> None:
    """Takes a place until it is removed; as `claimed`, which gives it back."""
    mine = orjson.dumps({"word": word, "by": f"{socket.gethostname()}, process {os.getpid()}", "since": _now()})
    seen: dict[str, Any] = {}
    deadline = time.monotonic() + patience_s
    while not store.create(name, mine):
        other = read_claim(store, name)
        if other.get("word") == word:
            store.write(name, mine)
            return
        if other != seen:
            seen, deadline = other, time.monotonic() + patience_s
        if time.monotonic() < deadline:
            time.sleep(_POLL_S)
        elif take_over:
            store.remove(name)
        else:
            raise RecipeError(
                f"{store.url}: {other.get('by', 'somebody')} is {to} since {other.get('since', 'some time')}; wait, "
                "give another URL, or --take-over if that is over"
            )


def read_claim(store: ObjectStore, name: str) -> dict[str, Any]:
    """Who holds a place; empty where nobody does."""
    try:
        found = orjson.loads(store.read(name) or b"{}")
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _give_back(store: ObjectStore, name: str, word: str) -> None:
    """Removes a claim, unless it was taken over by somebody who thought that this one was over."""
    if read_claim(store, name).get("word") == word:
        store.remove(name)


@contextmanager
def kept_word(path: Path, busy: str) -> Iterator[str]:
    """A word that this machine alone knows, in a file until all is done; one process at a time has it.

    Raises:
        TaskError: another process has it; `busy` is the sentence.
    """
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TaskError(busy) from None
        file.seek(0)
        if not (word := file.read()):
            word = secrets.token_hex(16)
            file.write(word)
            file.flush()
        try:
            yield word
        except RecipeError:
            path.unlink()
            raise
        path.unlink()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
