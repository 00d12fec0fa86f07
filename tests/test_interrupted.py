"""Builds that are ended by a signal: soon, with one sentence, with nothing broken, and to be gone on with."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from fixtures_build import RECIPE, TIMEOUT_S, build_sample, built_files, cli, ends, signals_heard, split_input

from interleave.interrupted import in_order

SECONDS = 10.0


def begin_build(output: Path, num_workers: int) -> subprocess.Popen[str]:
    words = ["build", str(RECIPE), "--workers", str(num_workers)]
    words += ["--set", f"source.path={split_input()}", "--set", f"output={output}"]
    pipe = subprocess.PIPE
    with signals_heard():
        return subprocess.Popen([*cli(), *words], stdout=pipe, stderr=pipe, start_new_session=True, text=True)


def wait_for(process: subprocess.Popen[str], path: Path) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not path.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    assert process.poll() is None, "the build was over before it was interrupted"


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    output = tmp_path_factory.mktemp("straight") / "set"
    build_sample(output, f"source.path={split_input()}")
    return built_files(output)


@pytest.mark.parametrize(
    ("number", "num_workers", "at"),
    [
        (signal.SIGTERM, 1, "measure/00002.done"),
        (signal.SIGTERM, 2, "measure/00001.done"),
        (signal.SIGINT, 2, "measure/00000.done"),
        (signal.SIGHUP, 2, "encode/00000.done"),
    ],
)
def test_a_build_that_is_ended_says_so_and_goes_on_with_the_same_bytes(
    tmp_path: Path, straight: dict[str, str], number: signal.Signals, num_workers: int, at: str
) -> None:
    output = tmp_path / "set"
    process = begin_build(output, num_workers)
    wait_for(process, tmp_path / "set.work" / at)
    began = time.monotonic()
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.send_signal(number)
    printed, said = process.communicate(timeout=TIMEOUT_S)
    assert time.monotonic() - began < SECONDS
    assert process.returncode == 128 + number
    assert printed == ""
    assert said == f"ended by {number.name}: what is done is kept, and the same command goes on from there\n"
    assert ends(process.pid)
    assert not (output / "manifest.json").exists()
    report = build_sample(output, f"source.path={split_input()}")
    assert sum(line.num_done_before for line in report.stages)
    assert built_files(output) == straight
    assert not list(tmp_path.rglob("*.partial"))


def test_an_ignored_hang_up_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with in_order():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_exits_of_others_stay_as_they_are() -> None:
    with pytest.raises(SystemExit) as ended, in_order():
        raise SystemExit(3)
    assert ended.value.code == 3
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
