"""A take-down that is killed between any two of its steps leaves the old dataset, or one that a next run completes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures_build import TIMEOUT_S, command, copy_of, manifest_of, records, small_dataset, write_manifest_of

from interleave.errors import ShardError
from interleave.executors import InProcess
from interleave.shard.manifest import read_manifest
from interleave.shard.takedown import take_down
from interleave.shard.takedown_request import Request, read_request
from interleave.shard.takedown_swap import complete, is_interrupted, staging
from interleave.stream.reader import DatasetReader
from interleave.validate.dataset import validate

# Kills itself before the step with the given number: before any file of the dataset is opened to be written, renamed or
# removed. Exits with the number of steps where there are fewer.
TAKE_DOWN = """
import os, shutil, signal, sys
from pathlib import Path
import pyarrow as pa
from interleave.executors import InProcess
from interleave.shard.takedown import take_down
from interleave.shard.takedown_request import read_request

def take_down_and_die(folder, url, last_step):
    step = 0
    def hook(event, arguments):
        nonlocal step
        writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
        if writes or event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"):
            if folder in str(arguments[0]):
                step += 1
                if step == last_step:
                    os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)
    os.fsync = lambda descriptor: None  # a kill loses nothing that the system was given
    with InProcess() as executor:
        take_down(Path(folder), read_request(urls=[url]), executor, quiet=True)

pa.array([""])  # brings in pandas, once for all children
folder, copies, url = sys.argv[1:]
for step in range(1, 1000):
    at = f"{copies}/{step}"
    shutil.copytree(folder, at)
    child = os.fork()
    if not child:
        try:
            take_down_and_die(at, url, step)
            os._exit(0)
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if ended != -signal.SIGKILL:
        sys.exit(ended)
"""


def files(dataset: Path) -> dict[str, bytes]:
    """Everything but what a killed take-down left for the next one, and the record with its time."""
    return {
        path.relative_to(dataset).as_posix(): path.read_bytes()
        for path in sorted(dataset.rglob("*"))
        if path.is_file() and ".takedown" not in str(path) and path.name != "takedowns.txt"
    }


def asked(dataset: Path) -> str:
    return next(record.url or "" for record, _, _ in records(dataset) if record.key == "0000000003")


def finish(dataset: Path, request: Request) -> None:
    with InProcess() as executor:
        take_down(dataset, request, executor, quiet=True)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return copy_of(small_dataset(), tmp_path / "six")


def test_killed_before_any_step_it_leaves_the_old_state_or_is_completed_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # this test would wait for little else
    url, whole = asked(small_dataset()), copy_of(small_dataset(), tmp_path / "six")
    straight = copy_of(small_dataset(), tmp_path / "straight" / "six")
    finish(straight, read_request(urls=[url]))
    old, new = files(whole), files(straight)
    (tmp_path / "copies").mkdir()
    ran = subprocess.run(
        [sys.executable, "-c", TAKE_DOWN, str(whole), str(tmp_path / "copies"), url],
        capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    killed = sorted((tmp_path / "copies").iterdir(), key=lambda path: int(path.name))
    assert len(killed) > 30
    states = [_state(path, old, new) for path in killed]
    # First the old one, then for a few renames none, then the new one: never anything else, and never back.
    assert sorted(states) == states and set(states) == {0, 1, 2}
    assert states.count(1) < 14
    for number, path in enumerate(killed):
        is_pending = is_interrupted(path)
        finish(path, Request() if is_pending and number % 2 else read_request(urls=[url]))
        assert files(path) == new
        assert url in (path / "takedowns.txt").read_text()
        assert not list(path.glob(".takedown*")) and not list(path.rglob("*.partial"))


def _state(path: Path, old: dict[str, bytes], new: dict[str, bytes]) -> int:
    """0: the old dataset, 1: none, which says how to complete it, 2: the new one."""
    if (path / "manifest.json").is_file():
        found = {name: data for name, data in files(path).items() if not name.endswith(".partial")}
        assert found in (old, new)
        return 0 if found == old else 2
    with pytest.raises(ShardError, match="a take-down is under way, or was interrupted: `interleave takedown"):
        DatasetReader(path)
    return 1


@pytest.fixture
def pending(dataset: Path) -> Path:
    """A take-down whose files are all there, and not in their places."""
    other = shutil.copytree(dataset, dataset.with_name("other"))
    finish(other, read_request(urls=[asked(dataset)]))
    with staging(dataset) as staged:
        shutil.copytree(other, staged, dirs_exist_ok=True)
    return dataset


def test_a_pending_take_down_is_a_finding_and_no_dry_run_completes_it(pending: Path) -> None:
    with InProcess() as executor:
        outcome = validate(pending, executor, quiet=True)
        assert outcome.num_errors == outcome.counts["takedown-unfinished"] == 1
        with pytest.raises(ShardError, match=r"was interrupted; `interleave takedown .*` completes it"):
            take_down(pending, read_request(domains=["a.example"]), executor, dry_run=True, quiet=True)
    assert is_interrupted(pending) and manifest_of(pending)["num_samples"] == 6


def test_the_command_that_completes_a_take_down_writes_its_report(pending: Path) -> None:
    assert not (pending / "report.html").exists()
    ran = command("takedown", pending, "--workers", 1)
    assert ran.returncode == 0, ran.stderr
    assert '"num_samples":5' in (pending / "report.html").read_text()


def test_a_pending_take_down_is_completed_before_another_one(pending: Path) -> None:
    other = next(record.url or "" for record, _, _ in records(pending) if record.key == "0000000000")
    finish(pending, read_request(urls=[other]))
    removed = DatasetReader(pending).removed().tolist()
    assert removed == [True, False, False, True, False, False]
    with InProcess() as executor:
        assert validate(pending, executor, quiet=True).is_sound


def test_a_pending_take_down_of_another_build_is_refused(pending: Path) -> None:
    manifest = manifest_of(pending)
    write_manifest_of(pending, manifest | {"build_digest": "0" * 64})
    with pytest.raises(ShardError, match="from another build; remove it"):
        complete(pending)
    (pending / "manifest.json").unlink()
    (pending / ".takedown" / "shard-0000.tar").unlink()
    with (pending / "shard-0000.tar").open("ab") as file:
        file.write(bytes(512))
    with pytest.raises(ShardError, match="from another build; remove it"):
        complete(pending)


def test_what_a_killed_run_had_begun_goes_with_the_next_one_also_where_nothing_matches(dataset: Path) -> None:
    (dataset / ".takedown.partial").mkdir()
    (dataset / ".takedown.partial" / "shard-0000.tar").write_bytes(b"half")
    finish(dataset, read_request(domains=["nobody.example"]))
    assert not list(dataset.glob(".takedown*"))


def test_a_take_down_that_fails_leaves_nothing_behind(dataset: Path) -> None:
    before = files(dataset)
    with pytest.raises(OSError, match="full"), staging(dataset) as staged:
        (staged / "index.arrow").write_bytes(b"half")
        raise OSError(28, "the disk is full")
    assert files(dataset) == before and not list(dataset.glob(".takedown*"))
    assert read_manifest(dataset).num_samples == 6


def test_killed_by_a_signal_from_outside_it_says_so_to_nobody_but_the_next_run(dataset: Path) -> None:
    """The lock goes with the process: nothing stands in the way of the next run."""
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom interleave.shard.takedown_swap import alone\n"
        "with alone(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(dataset)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(ShardError, match="another take-down is at work"):
            finish(dataset, read_request(domains=["a.example"]))
        os.kill(holder.pid, signal.SIGKILL)
    finish(dataset, read_request(domains=["a.example"]))
