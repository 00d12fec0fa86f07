"""Opens a dataset in readers that need an environment of their own, and compares what they see with the manifest.

    python tests/readers/environments.py                                all of them, on the sample
    python tests/readers/environments.py energon nemo-curator --keep ~/readers --dataset shards/NAME

Run it with the Python that the project is installed in. An environment takes up to 1.1 GB and a minute (torch); with
--keep it is there the next time. Where pip would take a torch with CUDA, set PIP_EXTRA_INDEX_URL to PyTorch's index of
CPU builds. Exits with 1 where a reader sees something else than the dataset holds.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

from fixtures_build import ROOT, copy_of, sample_dataset  # noqa: E402
from reader_expected import differences, expected, num_images  # noqa: E402
from reader_seen import Sample  # noqa: E402

from interleave.executors import InProcess  # noqa: E402
from interleave.shard.takedown import take_down  # noqa: E402
from interleave.shard.takedown_request import read_request  # noqa: E402
from interleave.stream.reader import DatasetReader  # noqa: E402

TIMEOUT_S = 600
# Of docs/readers.md.
_SECTIONS = {
    "check_webdataset.py": "webdataset",
    "check_wids.py": "wids",
    "check_datasets.py": "Hugging Face datasets",
    "check_energon.py": "Megatron-Energon",
    "check_nemo_curator.py": "NeMo Curator",
}
_GUIDES = {"check_energon.py": "energon.md"}
_TORCH = "torch==2.13.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What pip installs, call by call, and the scripts beside this file that run there."""

    scripts: tuple[str, ...]
    installs: tuple[tuple[str, ...], ...]
    # None of them: the Python that runs this.


ENVIRONMENTS = {
    "installed": Environment(scripts=("check_webdataset.py", "check_datasets.py"), installs=()),
    "webdataset-0.2": Environment(
        scripts=("check_webdataset.py", "check_wids.py"),
        installs=((_TORCH,), ("webdataset==0.2.111", "pillow==13.0.0")),
    ),
    "datasets-3": Environment(scripts=("check_datasets.py",), installs=(("datasets==3.0.0", "pillow==13.0.0"),)),
    "datasets-4": Environment(scripts=("check_datasets.py",), installs=(("datasets==4.0.0", "pillow==13.0.0"),)),
    # The project, too, for its cooker: what it needs is installed, and the code of this checkout runs.
    "energon": Environment(scripts=("check_energon.py",), installs=((_TORCH,), ("megatron-energon==7.4.1", str(ROOT)))),
    # What its reader imports; as a whole it would bring CUDA.
    "nemo-curator": Environment(
        scripts=("check_nemo_curator.py",),
        installs=(
            ("--no-deps", "nemo-curator==1.4.0", "cosmos-xenna==0.2.0"),
            ("ray==2.60.0", "pyarrow==26.0.1", "pandas==3.1.1", "fsspec", "loguru==0.7.3", "pillow==13.0.0"),
        ),
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ENVIRONMENTS)}; default: all")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where environments stay for the next time")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--dataset",
        type=Path,
        action="append",
        metavar="FOLDER",
        help="default: the sample, and one with an empty shard",
    )
    which.add_argument("--quick", action="store_true", help="the sample alone")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(ENVIRONMENTS):
        parser.error(f"no environment {', '.join(sorted(unknown))}; there are {', '.join(ENVIRONMENTS)}")
    with tempfile.TemporaryDirectory(prefix="interleave-readers-") as temporary:
        datasets = options.dataset or [sample_dataset()]
        if not (options.dataset or options.quick):
            datasets.append(with_an_empty_shard(Path(temporary) / "taken-down"))
        folder = options.keep or Path(temporary)
        found = [_checked(name, folder, datasets) for name in options.names or ENVIRONMENTS]
    return 0 if all(found) else 1


def with_an_empty_shard(to: Path) -> Path:
    """The sample, with every document taken down that has a sample in its first shard."""
    copy_of(sample_dataset(), to)
    reader = DatasetReader(to)
    urls = [reader.read(number)[0].url for number in range(reader.manifest.shards[0].num_rows)]
    with InProcess() as executor:
        take_down(to, read_request(urls=[url for url in urls if url]), executor, quiet=True)
    assert reader.manifest.shards[0].num_samples and not DatasetReader(to).manifest.shards[0].num_samples
    return to


def observe(python: Path, script: str, dataset: Path) -> list[dict[str, Any]]:
    """What a check script saw, a line of `reader_seen` for each way.

    Raises:
        RuntimeError: it failed.
    """
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    command = [str(python), str(HERE / script), str(dataset.absolute())]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=TIMEOUT_S, check=False)
    if ran.returncode:
        raise RuntimeError(f"{script} on {dataset} failed:\n{ran.stderr[-4000:]}")
    # Readers print, too.
    return [orjson.loads(line) for line in ran.stdout.splitlines() if line.startswith('{"how"')]


def run_documented(python: Path, script: str, dataset: Path) -> None:
    """Runs what docs/readers.md, and a guide of its own, show for a reader.

    Raises:
        RuntimeError: it failed.
    """
    page = (ROOT / "docs" / "readers.md").read_text()
    section = page.split(f"\n## {_SECTIONS[script]}\n")[1].split("\n## ")[0]
    if script in _GUIDES:
        section += (ROOT / "docs" / "guides" / _GUIDES[script]).read_text()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "shards").mkdir()
        (Path(folder) / "shards" / "mmc4").symlink_to(dataset.absolute())
        for code in re.findall(r"```python\n(.*?)```", section, re.DOTALL):
            environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "HF_HOME": folder}
            ran = subprocess.run(
                [str(python), "-c", code],
                cwd=folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
            )  # fmt: skip
            if ran.returncode:
                raise RuntimeError(f"docs/readers.md, {_SECTIONS[script]}:\n{ran.stderr[-4000:]}")


def _checked(name: str, folder: Path, datasets: Sequence[Path]) -> bool:
    """Prints what the readers of an environment saw; whether all of it is what the datasets hold."""
    begin = time.monotonic()
    python = _python(ENVIRONMENTS[name], folder / name)
    installed = time.monotonic()
    rows = []
    for dataset in datasets:
        wanted = expected(dataset)
        for script in ENVIRONMENTS[name].scripts:
            rows += list(_rows(script, python, dataset, wanted))
    seconds = f"{installed - begin:.0f} s to install, {time.monotonic() - installed:.0f} s to check"
    print(f"\n{name}: {seconds}", *("  " + "  ".join(row) for row in rows), sep="\n", flush=True)  # noqa: T201
    return all(row[-1] in ("equal", "passes") for row in rows)


def _rows(script: str, python: Path, dataset: Path, wanted: Sequence[Sample]) -> Iterator[list[str]]:
    """Reader, version, dataset, how it was opened, samples, images, whether they are the manifest's."""
    reader = script.removeprefix("check_").removesuffix(".py").replace("_", "-")
    try:
        seen = observe(python, script, dataset)
        run_documented(python, script, dataset)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        yield [reader, dataset.name, str(error)]
        return
    for way in seen:
        head = [f"{reader:<12}", f"{way['version']:<8}", f"{dataset.name:<12}", f"{way['how']:<70}"]
        samples = way["samples"]
        if samples is None:
            yield [*head, " " * 18, "passes"]
            continue
        found = list(differences(wanted, samples, way["ordered"]))
        counts = f"{len(samples):>8,}{num_images(samples):>10,}"
        yield [*head, counts, "; ".join(found[:3]) or "equal"]
    yield [f"{reader:<12}", f"{seen[0]['version']:<8}", f"{dataset.name:<12}", f"{'docs/readers.md':<88}", "passes"]


def _python(environment: Environment, folder: Path) -> Path:
    """The Python of an environment, which is made where it is not there yet."""
    if not environment.installs:
        return Path(sys.executable)
    python, marker = folder / "bin" / "python", folder / "installed.txt"
    wanted = repr(environment.installs)
    if not marker.is_file() or marker.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        for packages in environment.installs:
            command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", *packages]
            ran = subprocess.run(command, capture_output=True, text=True, check=False)
            if ran.returncode:
                raise SystemExit(f"{' '.join(command)} failed:\n{ran.stderr[-4000:]}")
        marker.write_text(wanted)
    return python


if __name__ == "__main__":
    sys.exit(main())
