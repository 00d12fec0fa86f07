"""A disk that fails at any moment of a build: it is named, nothing is half-written, and the build goes on later."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures_build import build_small, built_files, small_dataset

from interleave import files
from interleave.errors import TaskError, explain_os_error

NUM_POINTS = 20
SAID = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the quota of the disk is used up"}


class Failing:
    """Counts what is synced, and fails at one of them."""

    def __init__(self, at: int | None, number: int) -> None:
        self.at, self.number, self.num_synced = at, number, 0

    def fsync(self, descriptor: int) -> None:
        self.num_synced += 1
        if self.num_synced == self.at:
            raise OSError(self.number, os.strerror(self.number))


def run_with(monkeypatch: pytest.MonkeyPatch, output: Path, at: int | None, number: int = errno.EIO) -> Failing:
    failing = Failing(at, number)
    with monkeypatch.context() as patched:
        patched.setattr(files.os, "fsync", failing.fsync)
        build_small(output)
    return failing


@pytest.fixture(scope="module")
def num_synced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with pytest.MonkeyPatch.context() as patched:
        yield run_with(patched, tmp_path_factory.mktemp("all") / "six", None).num_synced


@pytest.mark.parametrize("point", range(NUM_POINTS))
def test_a_disk_that_fails_is_named_and_the_build_goes_on_when_it_works_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_synced: int, point: int
) -> None:
    assert num_synced > 2 * NUM_POINTS
    output = tmp_path / "six"
    at = 1 + point * (num_synced - 1) // (NUM_POINTS - 1)
    number = (errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS)[point % 4]
    with pytest.raises((TaskError, OSError)) as failed:
        run_with(monkeypatch, output, at, number)
    said = explain_os_error(failed.value) if isinstance(failed.value, OSError) else str(failed.value)
    assert "fault of interleave" not in said
    assert SAID.get(number, os.strerror(number)) in said and str(tmp_path) in said
    assert not list(tmp_path.rglob("*.partial"))
    is_sealed = (output / "manifest.json").exists()
    assert not is_sealed or built_files(output) == built_files(small_dataset())
    build_small(output)
    assert built_files(output) == built_files(small_dataset())
