"""The program img2dataset as what resizes and encodes: `fetch.engine: img2dataset`.

web ─> fetcher ─> store: originals ─> gateway on this machine ─> img2dataset ─> store: its form of them

It never asks the web itself: what it gets was fetched within all limits, and its header was looked at. It runs in an
environment without proxies, accounts or telemetry, is ended where it hangs, and nothing is believed of what it leaves
but images that are there.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from itertools import islice
from pathlib import Path

import pyarrow.parquet as pq

from interleave.access.errors import FetchError
from interleave.access.gateway import Check, Gateway, open_gateway
from interleave.access.settings import Img2dataset
from interleave.access.sniff import check_is_image
from interleave.access.store import Store
from interleave.access.store_writer import StoreWriter
from interleave.errors import RecipeError, TaskError, Unreadable

NUM_AT_ONCE = 50_000
# Images in one run of the program; their files lie twice meanwhile.
_IDLE_S = 300.0
_AT_THE_END_S = 60.0
# It is known to hang when all is done.
_PACKAGES = ("img2dataset", "opencv-python-headless")
_ASK_VERSIONS = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]), sep='\\n')"
_RUN = "import json, sys; from img2dataset import download\nif __name__ == '__main__': download(**json.load(sys.stdin))"


def form_of(settings: Img2dataset) -> str:
    """Names what the program makes of images, versions included: others are not mistaken for it.

    Raises:
        RecipeError: it is not installed where the recipe says.
    """
    version, opencv = _versions(settings.python or sys.executable)
    options = json.dumps(_options(settings), sort_keys=True)
    return f"img2dataset {version}, OpenCV {opencv}, {options}"


@cache
def _versions(python: str) -> tuple[str, ...]:
    try:
        done = subprocess.run(  # noqa: S603  (an interpreter that the recipe's author names)
            [python, "-c", _ASK_VERSIONS, *_PACKAGES], capture_output=True, text=True, timeout=60, check=False
        )
        found = tuple(done.stdout.split())
    except (OSError, subprocess.TimeoutExpired):
        found = ()
    if len(found) != len(_PACKAGES):
        raise RecipeError(
            f"fetch.engine: {python} has no img2dataset; `pip install img2dataset` there, or name with "
            "`fetch.img2dataset.python` an interpreter that has it"
        )
    return found


def _options(settings: Img2dataset) -> dict[str, object]:
    return settings.model_dump(exclude={"python"})


def make_forms(
    hashes: Iterable[str], store: Store, writer: StoreWriter, settings: Img2dataset, folder: Path, check: Check
) -> dict[str, Unreadable]:
    """Has the program make its form of the originals of a store; why there is none of some, by SHA-256.

    folder: for its files; removed. check: refuses images before the program sees them.

    Raises:
        TaskError: the program did not run.
    """
    form = form_of(settings)
    missing = (sha256 for sha256 in hashes if not store.has_image(sha256, form))
    failed: dict[str, Unreadable] = {}
    while batch := list(islice(missing, NUM_AT_ONCE)):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with open_gateway(store, check) as gateway:
            _run(batch, gateway, settings, folder)
        left = set(batch)
        for sha256, made in _outcomes(folder / "out", settings.encode_format):
            if sha256 not in left:
                continue
            if isinstance(made, bytes):
                writer.put_form(sha256, made, form)
                left.remove(sha256)
            else:
                failed[sha256] = made
        failed |= {sha256: failed.get(sha256, Unreadable("img2dataset_failed", "no outcome")) for sha256 in left}
        failed |= {sha256: error for sha256, error in gateway.refused.items() if sha256 in left}
    shutil.rmtree(folder, ignore_errors=True)
    return failed


def _run(hashes: list[str], gateway: Gateway, settings: Img2dataset, folder: Path) -> None:
    urls = folder / "urls.txt"
    urls.write_text("".join(f"{gateway.prefix}{sha256}\n" for sha256 in hashes))
    arguments = _options(settings) | {
        "url_list": str(urls),
        "input_format": "txt",
        "output_folder": str(folder / "out"),
        "output_format": "files",
        "processes_count": os.cpu_count() or 1,
        "thread_count": 16,
        "number_sample_per_shard": 1000,
        "timeout": 60,
        "retries": 2,
        "extract_exif": False,
        "compute_hash": None,
        "enable_wandb": False,
    }
    log = folder / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            [settings.python or sys.executable, "-c", _RUN],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env=_environment(folder),
            start_new_session=True,
        )
        assert process.stdin is not None
        with suppress(OSError):
            process.stdin.write(json.dumps(arguments).encode())
            process.stdin.close()
        try:
            _wait(process, gateway, len(hashes))
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if not gateway.asked:
        last = log.read_text(errors="replace").strip().rpartition("\n")[2][:300]
        raise TaskError(f"img2dataset asked for no image; it says: {last or 'nothing'}")


def _wait(process: subprocess.Popen[bytes], gateway: Gateway, num: int) -> None:
    """Until the program ends, or has had nothing to do for so long that it will not."""
    while process.poll() is None:
        idle_s = time.monotonic() - gateway.asked_at
        if idle_s > (_AT_THE_END_S if len(gateway.asked) >= num else _IDLE_S):
            return
        time.sleep(0.1)


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of the user's but the path of programs; a proxy that is none for whatever is not the gateway."""
    nowhere = "http://127.0.0.1:9"
    return {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(folder),
        "NO_ALBUMENTATIONS_UPDATE": "1",
        "WANDB_MODE": "disabled",
        "http_proxy": nowhere,
        "https_proxy": nowhere,
        "no_proxy": "127.0.0.1",
    }


def _outcomes(folder: Path, suffix: str) -> Iterator[tuple[str, bytes | Unreadable]]:
    """(SHA-256, what was made of the image) of each shard that is complete, by the Parquet file beside it."""
    for table in sorted(folder.glob("*.parquet")):
        rows = pq.read_table(table, columns=["url", "key", "error_message"]).to_pylist()
        for row in rows:
            yield row["url"].rpartition("/")[2], _made(table.with_suffix("") / f"{row['key']}.{suffix}", row)


def _made(path: Path, row: dict[str, str | None]) -> bytes | Unreadable:
    try:
        data = path.read_bytes()
        check_is_image(data)
        return data
    except (OSError, FetchError):
        # Its messages may name the gateway's port, which differs from run to run.
        return Unreadable("img2dataset_failed", (row["error_message"] or "").partition("http")[0][:200])
