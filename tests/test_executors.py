import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures_build import ends, session_of, signals_heard

from interleave.errors import TaskError
from interleave.executors import Died, InProcess, ProcessPool, default_workers, open_executor, results


def square(number: int) -> tuple[int, int]:
    return number * number, os.getpid()


def die(number: int) -> int:
    if number == 2:
        os._exit(9)
    return number


def test_one_worker_is_this_process_and_more_are_others() -> None:
    assert isinstance(open_executor(1), InProcess)
    with open_executor(1) as executor:
        assert list(executor.map(square, [3, 4])) == [(0, (9, os.getpid())), (1, (16, os.getpid()))]
    with open_executor(2) as executor:
        found = dict(executor.map(square, range(12)))
    assert {position: result for position, (result, _) in found.items()} == {n: n * n for n in range(12)}
    assert os.getpid() not in {pid for _, pid in found.values()}


def test_tasks_in_this_process_begin_when_their_turn_comes() -> None:
    begun = []
    with InProcess() as executor:
        found = executor.map(begun.append, [1, 2, 3])
        next(found)
        assert begun == [1]


def test_no_tasks_give_no_results() -> None:
    with InProcess() as one, ProcessPool(2) as two:
        assert list(one.map(square, [])) == list(two.map(square, [])) == []


def test_tasks_whose_worker_died_say_so_and_what_to_do() -> None:
    with ProcessPool(2) as pool:
        found = [result for _, result in pool.map(die, range(4)) if isinstance(result, Died)]
    assert found
    assert all("run the same command again to go on" in died.reason for died in found)


def test_where_no_task_may_be_missing_a_death_is_an_error() -> None:
    with pytest.raises(TaskError, match="died of hunger"):
        list(results(iter([(0, 1), (1, Died("died of hunger"))])))


def test_the_default_is_the_cores_that_this_process_may_use() -> None:
    assert 1 <= default_workers() <= (os.cpu_count() or 1)
    if hasattr(os, "sched_setaffinity"):
        one_core = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
        code = one_core + "from interleave.executors import default_workers; print(default_workers())"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
        assert done.stdout == "1\n"


_POOL_THAT_SLEEPS = """
import sys, time
from interleave.executors import ProcessPool
if __name__ == "__main__":
    with ProcessPool(2) as pool:
        for _ in pool.map(time.sleep, [0, 0, 600, 600]):
            print("done", flush=True)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_the_process_that_they_work_for_and_are_not_waited_for(
    tmp_path: Path, how: signal.Signals
) -> None:
    (tmp_path / "sleeps.py").write_text(_POOL_THAT_SLEEPS)
    with signals_heard():
        process = subprocess.Popen(
            [sys.executable, tmp_path / "sleeps.py"], stdout=subprocess.PIPE, start_new_session=True, text=True
        )
    assert process.stdout is not None
    with process.stdout as stdout:
        assert stdout.readline() == stdout.readline() == "done\n"
    assert len(session_of(process.pid)) >= 3
    process.send_signal(how)
    process.wait(20)
    assert ends(process.pid)
