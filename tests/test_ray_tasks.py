"""Tasks on a cluster of two machines, both of them here; and what comes of it when workers and machines die."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures_build import RECIPE, TIMEOUT_S, build_sample, built_files, command, process, split_input

from interleave.counts import Counts
from interleave.errors import TaskError
from interleave.flow import build
from interleave.ray_tasks import RayTasks
from interleave.recipe_file import load_recipe
from interleave.remote.publish import MARKS
from interleave.run import Run, Task

ray = pytest.importorskip("ray")
cluster_utils = pytest.importorskip("ray.cluster_utils")
SETTINGS = ("shards.max_bytes=700000",)


@pytest.fixture(scope="module", autouse=True)
def tests_are_importable() -> Iterator[None]:
    """By workers, which inherit the environment of whoever starts a node."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))
        yield


@pytest.fixture(scope="module")
def cluster(tests_are_importable: None) -> Iterator[cluster_utils.Cluster]:
    """A head and a second node, one core each."""
    found = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    found.add_node(num_cpus=1)
    yield found
    found.shutdown()


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset as one process builds it."""
    output = tmp_path_factory.mktemp("straight") / "mmc4"
    build_sample(output, f"source.path={split_input()}", *SETTINGS)
    return output


def build_on(address: str, output: str | Path, scratch: Path | None = None) -> None:
    recipe = load_recipe(RECIPE, [f"output={output}", f"source.path={split_input()}", *SETTINGS])
    build(recipe, num_workers=None, ray_address=address, scratch=scratch, quiet=True, pages=False)


def square(number: int) -> tuple[int, int]:
    return number * number, os.getpid()


def die(number: int) -> int:
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def die_once(folder: str) -> Counts:
    if not list(Path(folder).iterdir()):
        (Path(folder) / "tried").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return Counts(tasks=1)


def refuse(number: int) -> int:
    raise TaskError(f"cannot read {number}")


def break_down(number: int) -> int:
    raise ZeroDivisionError(f"by {number}")


def count_one(number: int) -> Counts:
    die(number)
    return Counts(tasks=1)


def test_tasks_are_done_by_workers_and_come_back_with_their_position(cluster: cluster_utils.Cluster) -> None:
    with RayTasks(cluster.address, None) as executor:
        found = dict(executor.map(square, range(50)))
        assert list(executor.map(square, [])) == []
    assert {position: result[0] for position, result in found.items()} == {n: n * n for n in range(50)}
    assert os.getpid() not in {result[1] for result in found.values()}
    assert not ray.is_initialized()


def test_a_task_asks_for_no_more_memory_than_a_machine_has(cluster: cluster_utils.Cluster) -> None:
    with RayTasks(cluster.address, None) as executor:
        assert len(list(executor.map(square, [1, 2], memory=2**60))) == 2


def test_a_task_whose_worker_dies_once_is_done_again(cluster: cluster_utils.Cluster, tmp_path: Path) -> None:
    with RayTasks(cluster.address, None) as executor:
        assert list(executor.map(die_once, [str(tmp_path)])) == [(0, Counts(tasks=1))]


def test_a_task_that_always_kills_its_worker_is_named_and_the_others_are_done(
    cluster: cluster_utils.Cluster, tmp_path: Path
) -> None:
    tasks = [Task(name=f"t{number}", payload=number, fingerprint="f", outputs=()) for number in range(4)]
    with (
        RayTasks(cluster.address, None) as executor,
        pytest.raises(TaskError, match=r"1 of 4 tasks failed.*\n  stage t2: the worker that did it died, each time"),
    ):
        Run(tmp_path, executor, quiet=True).stage("stage", count_one, tasks)
    assert sorted(path.stem for path in tmp_path.rglob("*.done")) == ["t0", "t1", "t3"]


def test_errors_of_ours_come_back_as_they_are_and_others_as_a_sentence(cluster: cluster_utils.Cluster) -> None:
    with RayTasks(cluster.address, None) as executor:
        with pytest.raises(TaskError, match=r"^cannot read 7$"):
            list(executor.map(refuse, [7]))
        ((_, found),) = executor.map(break_down, [7])
        assert "by 7" in found.reason


def test_no_cluster_at_an_address_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(TaskError, match=r"no Ray cluster at 127\.0\.0\.1:1: .*`ray start --head`"):
        RayTasks("127.0.0.1:1", None)


def test_two_machines_build_what_one_process_does(
    cluster: cluster_utils.Cluster, straight: Path, tmp_path: Path
) -> None:
    build_on(cluster.address, tmp_path / "mmc4")
    assert built_files(tmp_path / "mmc4") == built_files(straight)


def test_they_do_so_with_an_output_that_is_a_url(
    cluster: cluster_utils.Cluster, straight: Path, tmp_path: Path
) -> None:
    build_on(cluster.address, f"file://{tmp_path}/sets/mmc4", tmp_path / "scratch")
    shutil.rmtree(tmp_path / "sets" / "mmc4" / MARKS)
    assert built_files(tmp_path / "sets" / "mmc4") == built_files(straight)


def test_a_machine_and_workers_that_are_killed_midway_change_nothing(
    straight: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    nodes = [own.head_node, own.add_node(num_cpus=1)]
    ray.init(own.address, log_to_driver=False)
    # Whoever connects does so by one of the nodes, and dies with that one.
    nodes.sort(key=lambda node: node.node_id != ray.get_runtime_context().get_node_id())
    raylets = [node.all_processes["raylet"][0].process.pid for node in nodes]
    killed: list[int] = []

    def kill_midway() -> None:
        wait_for(tmp_path / "mmc4.work" / "measure", 1)
        killed.extend(workers_of(raylets[0]))
        for worker in killed:
            os.kill(worker, signal.SIGKILL)
        wait_for(tmp_path / "mmc4.work" / "measure", 2)
        os.kill(raylets[1], signal.SIGKILL)

    thread = threading.Thread(target=kill_midway)
    thread.start()
    try:
        build_on(own.address, tmp_path / "mmc4")
        thread.join(TIMEOUT_S)
        assert killed, "a worker must have been killed, or nothing is shown"
        assert built_files(tmp_path / "mmc4") == built_files(straight)
        assert not list(tmp_path.rglob("*.partial"))
        assert capsys.readouterr().out == ""  # what Ray says of it is no part of a report
    finally:
        ray.shutdown()
        own.shutdown()


def wait_for(folder: Path, num_done: int) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while len(list(folder.glob("*.done"))) < num_done:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def workers_of(raylet: int) -> list[int]:
    """Processes of this node that do tasks or have done some."""
    children = Path(f"/proc/{raylet}/task/{raylet}/children").read_text().split()
    names = {int(child): Path(f"/proc/{child}/cmdline").read_text() for child in children}
    return [child for child, name in names.items() if name.startswith(("ray::_work", "ray::IDLE"))]


def test_the_command_line_starts_a_cluster_of_its_own(straight: Path, tmp_path: Path) -> None:
    settings = [f"output={tmp_path / 'mmc4'}", f"source.path={split_input()}", *SETTINGS]
    sets = [part for setting in settings for part in ("--set", setting)]
    done = process("build", str(RECIPE), "--executor", "ray", "--workers", "1", "--json", *sets)
    assert (done.returncode, done.stdout[:1]) == (0, "{")
    assert built_files(tmp_path / "mmc4") == built_files(straight)


def test_an_address_without_ray_is_refused() -> None:
    done = command("build", str(RECIPE), "--ray-address", "auto")
    assert (done.returncode, done.stderr) == (2, "error: --ray-address is for --executor ray\n")
