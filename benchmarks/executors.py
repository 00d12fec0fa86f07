"""One dataset from every way to build it, and what a cluster costs where one machine would do.

    python benchmarks/executors.py [--docs DOCS.jsonl --images FOLDER] [--rounds 3] [--tasks 2000]

Builds with one process, several, Ray on one node and on two, Ray with workers and a node killed midway, four slices
side by side; on two nodes and in slices also with a URL as output, where each slice has a scratch folder of its own, as
machines have that share no files. All must come to the same files.

Then the same build by the process pool, by Ray, and into a URL in turn, on the same cores, and empty tasks a second of
pool and Ray. The URL is a file:// one: what is done besides counts, not how long a server takes. Exits with 1 if a
digest differs.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kill_resume import digest

from interleave.executors import ProcessPool, default_workers
from interleave.flow import build
from interleave.ray_tasks import LOCAL, RayTasks
from interleave.recipe_file import load_recipe

ROOT = Path(__file__).parent.parent
NUM_SLICES = 4


def overrides(arguments: argparse.Namespace, output: Path | str) -> list[str]:
    source = [f"source.path={arguments.docs.absolute()}", f"source.images={arguments.images.absolute()}"]
    return [f"output={output}", "shards.max_bytes=2000000", *source]


def in_files(docs: Path, folder: Path, num_files: int = 10) -> Path:
    """The documents in several files: a task a file, however few they are."""
    folder.mkdir()
    lines = docs.read_bytes().splitlines(keepends=True)
    for number in range(num_files):
        part = lines[number * len(lines) // num_files : (number + 1) * len(lines) // num_files]
        (folder / f"docs_{number}.jsonl").write_bytes(b"".join(part))
    return folder


@contextmanager
def two_nodes() -> Iterator[list[Any]]:
    """A cluster of two nodes, to which this process is connected by the first."""
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    nodes = [cluster.head_node, cluster.add_node(num_cpus=1)]
    ray.init(cluster.address, log_to_driver=False, logging_level="error")
    nodes.sort(key=lambda node: node.node_id != ray.get_runtime_context().get_node_id())
    try:
        yield [cluster.address, *nodes]
    finally:
        ray.shutdown()
        cluster.shutdown()


def on_two_nodes(arguments: argparse.Namespace, output: Path, **how: Any) -> None:
    with two_nodes() as (address, *_):
        build_by(arguments, output, ray_address=address, **how)


def with_a_node_killed(arguments: argparse.Namespace, output: Path) -> None:
    """The workers of one node behind the first task that measures, the other node behind the second."""
    measured = Path(f"{output}.work") / "measure"
    killed: list[int] = []

    def wait_for(num_done: int) -> None:
        while len(list(measured.glob("*.done"))) < num_done:
            time.sleep(0.005)

    def kill(raylets: list[int]) -> None:
        wait_for(1)
        for worker in workers_of(raylets[0]):
            os.kill(worker, signal.SIGKILL)
            killed.append(worker)
        wait_for(2)
        os.kill(raylets[1], signal.SIGKILL)
        killed.append(raylets[1])

    with two_nodes() as (address, *nodes):
        raylets = [node.all_processes["raylet"][0].process.pid for node in nodes]
        threading.Thread(target=kill, args=(raylets,), daemon=True).start()
        build_by(arguments, output, ray_address=address)
    assert len(killed) >= 2, "nothing was killed: give more documents"


def workers_of(raylet: int) -> list[int]:
    children = Path(f"/proc/{raylet}/task/{raylet}/children").read_text().split()
    names = {int(child): Path(f"/proc/{child}/cmdline").read_text() for child in children}
    return [child for child, name in names.items() if name.startswith(("ray::_work", "ray::IDLE"))]


def in_slices(arguments: argparse.Namespace, output: Path, *, share_files: bool = True) -> None:
    program = [str(Path(sys.executable).with_name("interleave")), "build", str(ROOT / "recipes/mmc4.yaml")]
    sets = overrides(arguments, output if share_files else url_of(output))
    program += ["--workers", "1", "--wait", "60", "--json", *(word for text in sets for word in ("--set", text))]
    apart = [[] if share_files else ["--scratch", str(output.parent / f"{index}")] for index in range(NUM_SLICES)]
    runs = [
        subprocess.Popen([*program, "--slice", f"{index}/{NUM_SLICES}", *apart[index]], stdout=subprocess.DEVNULL)
        for index in range(NUM_SLICES)
    ]
    codes = [run.wait() for run in runs]
    assert not any(codes), codes


def url_of(output: Path) -> str:
    return f"file://{output}"


def build_by(arguments: argparse.Namespace, output: Path, **how: Any) -> None:
    """With a scratch folder the output is a URL."""
    place = url_of(output) if "scratch" in how else output
    build(load_recipe(ROOT / "recipes/mmc4.yaml", overrides(arguments, place)), quiet=True, pages=False, **how)


def ways(arguments: argparse.Namespace) -> dict[str, Callable[[Path], None]]:
    return {
        "1 process": lambda output: build_by(arguments, output, num_workers=1),
        "3 processes": lambda output: build_by(arguments, output, num_workers=3),
        "Ray, 1 node": lambda output: build_by(arguments, output, num_workers=None, ray_address=LOCAL),
        "Ray, 2 nodes": lambda output: on_two_nodes(arguments, output),
        "Ray, worker and node killed": lambda output: with_a_node_killed(arguments, output),
        f"{NUM_SLICES} slices side by side": lambda output: in_slices(arguments, output),
        "Ray, 2 nodes, into a URL": lambda output: on_two_nodes(arguments, output, scratch=output.parent / "scratch"),
        f"{NUM_SLICES} slices, no file shared": lambda output: in_slices(arguments, output, share_files=False),
    }


def seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def compare(arguments: argparse.Namespace, folder: Path) -> None:
    """Pool and Ray in turn; a cluster that runs already, as most do, and one that the build starts."""
    workers = default_workers()
    how = {
        "process pool": {"num_workers": workers},
        "Ray, started by the build": {"num_workers": workers, "ray_address": LOCAL},
        "process pool, into a URL": {"num_workers": workers, "scratch": folder / "scratch"},
    }
    times: dict[str, list[float]] = {name: [] for name in how}
    for number in range(arguments.rounds):
        for name, options in how.items():
            output = folder / f"{number}-{name}" / "mmc4"
            times[name].append(seconds(lambda output=output, options=options: build_by(arguments, output, **options)))
    with RayTasks(LOCAL, workers) as executor:
        list(executor.map(abs, range(2 * workers)))
        name = "Ray, running already"
        times[name] = []
        for number in range(arguments.rounds):
            output = folder / f"{number}-{name}" / "mmc4"
            times[name].append(seconds(lambda output=output: build_by(arguments, output, ray_address=LOCAL)))
        ray_rate = arguments.tasks / seconds(lambda: list(executor.map(abs, range(arguments.tasks))))
    with ProcessPool(workers) as pool:
        list(pool.map(abs, range(2 * workers)))
        pool_rate = arguments.tasks / seconds(lambda: list(pool.map(abs, range(arguments.tasks))))
    pooled = statistics.median(times["process pool"])
    for name, found in times.items():
        print(f"  {name:27} {statistics.median(found) / pooled:5.2f} of the process pool's time ({pooled:.1f} s)")
    print(f"  empty tasks a second: pool {pool_rate:,.0f}, Ray {ray_rate:,.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=Path, default=ROOT / "recipes/sample/docs.jsonl")
    parser.add_argument("--images", type=Path, default=ROOT / "recipes/sample/images")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tasks", type=int, default=2000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        digests = set()
        arguments.docs = in_files(arguments.docs, Path(temporary) / "docs")
        for number, (name, work) in enumerate(ways(arguments).items()):
            output = Path(temporary) / str(number) / "mmc4"
            took = seconds(lambda work=work, output=output: work(output))
            digests.add(found := digest(output))
            print(f"  {name:27} {found[:16]}  {took:6.1f} s", flush=True)
        compare(arguments, Path(temporary))
    print("one digest" if len(digests) == 1 else "DIGESTS DIFFER")
    sys.exit(len(digests) != 1)


if __name__ == "__main__":
    main()
