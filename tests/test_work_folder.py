"""Who may work in a work folder at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from pathlib import Path

import pytest

from interleave.errors import RecipeError, TaskError
from interleave.work_folder import WHOLE, Slice, alone, parse_slice, work_folder


def test_two_builds_do_not_work_in_one_folder(tmp_path: Path) -> None:
    work = tmp_path / "out.work"
    with (
        work_folder(work, fresh=False),
        pytest.raises(TaskError, match=r"another build is at work in .*out\.work"),
        work_folder(work, fresh=False),
    ):
        pass
    with work_folder(work, fresh=False):  # the lock goes with its holder
        pass


def test_a_fresh_start_takes_nothing_from_a_build_that_is_at_work(tmp_path: Path) -> None:
    work = tmp_path / "out.work"
    with work_folder(work, fresh=False):
        (work / "measured").write_text("hours of work")
        with pytest.raises(TaskError, match="another build is at work"), work_folder(work, fresh=True):
            pass
        assert (work / "measured").read_text() == "hours of work"


def test_a_fresh_start_forgets_what_was_done(tmp_path: Path) -> None:
    work = tmp_path / "out.work"
    with work_folder(work, fresh=False):
        (work / "measured").write_text("hours of work")
    with work_folder(work, fresh=False):
        assert (work / "measured").exists()
    with work_folder(work, fresh=True):
        assert not (work / "measured").exists()


def test_slices_of_one_build_work_side_by_side_and_each_once(tmp_path: Path) -> None:
    with work_folder(tmp_path, False, Slice(0, 2), "a"), work_folder(tmp_path, False, Slice(1, 2), "a"):
        with pytest.raises(TaskError, match=r"slice 1/2 is at work in .* already"):
            enter(tmp_path, Slice(1, 2), "a")
        with pytest.raises(TaskError, match="another build is at work"):
            enter(tmp_path, WHOLE, "a")


@pytest.mark.parametrize(("part", "identity"), [(Slice(1, 2), "another recipe"), (Slice(1, 3), "a recipe")])
def test_slices_of_another_build_are_refused(tmp_path: Path, part: Slice, identity: str) -> None:
    with (
        work_folder(tmp_path, False, Slice(0, 2), "a recipe"),
        pytest.raises(TaskError, match=r"at work on another build .2 slices of a recipe, this is one of"),
    ):
        enter(tmp_path, part, identity)
    enter(tmp_path, part, identity)  # nobody is at work now


def test_what_only_one_may_do_one_does_at_a_time(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work(index: int) -> None:
        with alone(tmp_path, Slice(index, 4)):
            inside.append(index)
            most.append(len(inside))
            threading.Event().wait(0.02)
            inside.remove(index)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1, 1]


def test_a_file_system_without_locks_is_an_error_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(TaskError, match=r"locks no files .*: mount it so that it does"):
        enter(tmp_path, WHOLE, "a")


def test_slices_are_counted_from_zero() -> None:
    assert parse_slice(" 3/4") == Slice(3, 4)
    assert [[position for position in range(7) if Slice(index, 3).owns(position)] for index in range(3)] == [
        [0, 3, 6],
        [1, 4],
        [2, 5],
    ]
    assert WHOLE.is_whole
    assert all(map(WHOLE.owns, range(5)))


@pytest.mark.parametrize("text", ["4/4", "1/0", "-1/4", "1", "", "1/4/2", "a/b", "1.0/4", "0/99999999", "\u0661/4"])
def test_what_is_no_slice_is_refused(text: str) -> None:
    with pytest.raises(RecipeError, match="expected I/N with I from 0 to N-1"):
        parse_slice(text)


def enter(work: Path, part: Slice, identity: str) -> None:
    with work_folder(work, False, part, identity):
        pass
