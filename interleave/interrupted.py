"""Commands that are ended from outside, by Ctrl-C, a scheduler or a closed terminal, say so and how to go on."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer

# What a shell gives a command that ends by signal n: 128 + n.
_ENDED_BY = 128
_HOW_TO_GO_ON = "what is done is kept, and the same command goes on from there"


@contextmanager
def in_order() -> Iterator[None]:
    """SIGTERM and SIGHUP end what runs inside as Ctrl-C does: files are closed, workers ended, one sentence is said.

    Raises:
        SystemExit: with 128 + the signal's number, where one came.
    """
    received: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        received.append(number)
        raise KeyboardInterrupt

    # `nohup` ignores SIGHUP, and so do we then.
    heard = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is signal.SIG_DFL]
    try:
        for number in heard:
            signal.signal(number, end)
        yield
    except (KeyboardInterrupt, SystemExit) as error:
        if isinstance(error, KeyboardInterrupt) or error.code == _ENDED_BY + signal.SIGINT:
            ended_by = signal.Signals(received[0] if received else signal.SIGINT)
            typer.echo(f"ended by {ended_by.name}: {_HOW_TO_GO_ON}", err=True)
            sys.exit(_ENDED_BY + ended_by)
        raise
    finally:
        for number in heard:
            signal.signal(number, signal.SIG_DFL)
