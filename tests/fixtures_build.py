"""Datasets built from the embedded sample, each once a session, and what tests ask of them.

Plain functions: a test that changes files asks for a copy.
"""

from __future__ import annotations

import atexit
import hashlib
import io
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any
from unittest.mock import patch

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from interleave.cli import main
from interleave.files import sha256_of
from interleave.flow import build
from interleave.identity import document_id, fingerprint
from interleave.recipe_file import load_recipe
from interleave.report import Report
from interleave.sample import Record, read_ids
from interleave.shard.entries import shard_entry, sums
from interleave.shard.index import SCHEMA, read_index, write_index
from interleave.shard.manifest import ModelEntry, TokenizerEntry, manifest_bytes
from interleave.shard.sidecars import sidecars
from interleave.shard.tar import END, write_member
from interleave.stream.reader import DatasetReader

ROOT = Path(__file__).parent.parent
RECIPE = ROOT / "recipes" / "mmc4.yaml"
SAMPLE = ROOT / "recipes" / "sample"
TIMEOUT_S = 120

Members = list[tuple[str, bytes]]


def build_sample(output: Path, *overrides: str, num_workers: int = 1, fresh: bool = False) -> Report:
    """Builds the embedded sample into a folder, in this process."""
    recipe = load_recipe(RECIPE, [f"output={output}", *overrides])
    return build(recipe, num_workers=num_workers, fresh=fresh, quiet=True, pages=False)


@cache
def sample_report() -> Report:
    """The sample as its recipe stands."""
    return build_sample(_session_folder() / "mmc4")


def sample_dataset() -> Path:
    return Path(sample_report().datasets[0].folder)


def build_again(output: Path, *overrides: str) -> Report:
    """Builds the sample by another recipe, beginning with a copy of what is measured already: that takes longest."""
    return build_sample(copy_of(sample_dataset(), output), *overrides)


@cache
def whole_documents() -> Path:
    """The sample with whole documents stored, for the loader to cut."""
    output = _session_folder() / "whole" / "mmc4"
    build_again(output, "encode.context=null")
    return output


@cache
def small_dataset() -> Path:
    """Six documents in two shards: small enough to be damaged and validated many times."""
    output = _session_folder() / "small" / "six"
    build_small(output)
    return output


def build_small(output: Path, *overrides: str, fresh: bool = False) -> Report:
    """Builds six of the sample's documents: a fraction of a second."""
    return build_sample(output, *small_overrides(), *overrides, fresh=fresh)


def small_overrides() -> tuple[str, str]:
    return f"source.path={six_documents()}", "images.max_short_side=64"


@cache
def six_documents() -> Path:
    path = _session_folder() / "six" / "docs.jsonl"
    path.parent.mkdir()
    wanted = ("night.example/checklist", "three-planets", "pulleys", "phases-of-the-moon", "compost", "two-weaves")
    path.write_bytes(b"\n".join(line for line in sample_lines() if any(name in line.decode() for name in wanted)))
    return path


@contextmanager
def signals_heard() -> Iterator[None]:
    """For processes that begin inside, signals do what they do in a terminal, whatever the tests were told."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGHUP)}
    try:
        for number, handler in before.items():
            if handler is signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def session_of(leader: int) -> list[int]:
    """Processes that are left of the session that a process began."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, _, session = status.read_text().rpartition(")")[2].split()[:4]
            if int(session) == leader and state != "Z":
                found.append(int(status.parent.name))
    return found


def ends(leader: int, within_s: float = 20.0) -> bool:
    """Whether all processes of a session end in that time."""
    deadline = time.monotonic() + within_s
    while session_of(leader) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not session_of(leader)


@cache
def split_input() -> Path:
    """The sample's documents in five files, so that a build has several tasks a stage."""
    folder = _session_folder() / "five"
    write_split_input(folder)
    return folder


def write_split_input(folder: Path, num_lines: int = 11) -> None:
    """The first documents in five files of `num_lines`; of 11 lines all of them."""
    folder.mkdir(parents=True)
    lines = sample_lines()
    for number in range(5):
        (folder / f"docs_{number}.jsonl").write_bytes(
            b"\n".join(lines[number * num_lines : (number + 1) * num_lines]) + b"\n"
        )


def sample_lines() -> list[bytes]:
    return (SAMPLE / "docs.jsonl").read_bytes().splitlines()


@cache
def source_documents() -> dict[str, dict[str, Any]]:
    """The sample's lines that are JSON, by the id that a build gives them."""
    found = {}
    for number, line in enumerate(sample_lines()):
        try:
            found[document_id("mmc4", "docs.jsonl", number)] = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
    return found


def urls() -> dict[str, str]:
    """The URL of each document by its id; a line that is no JSON has none."""
    return {doc_id: document["url"] for doc_id, document in source_documents().items()}


def copy_of(dataset: Path, to: Path) -> Path:
    """A dataset to change, with the work folder of its build."""
    shutil.copytree(dataset, to)
    shutil.copytree(dataset.with_name(dataset.name + ".work"), to.with_name(to.name + ".work"))
    return to


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs the command line in this process: a start costs more than most commands do."""
    words = ["interleave", *map(str, arguments)]
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    code: object = 0
    with patch.object(sys, "argv", words), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as ended:
            code = ended.code
    assert code is None or isinstance(code, int)
    stdout, stderr = (stream.buffer.getvalue().decode() for stream in (out, err))  # type: ignore[attr-defined]
    return subprocess.CompletedProcess(words, code or 0, stdout, stderr)


def process(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs the command line in a process of its own."""
    return subprocess.run(
        [*cli(), *map(str, arguments)], capture_output=True, text=True, timeout=TIMEOUT_S, check=False, **options
    )


def cli() -> list[str]:
    return [sys.executable, "-c", "from interleave.cli import main; main()"]


def built_files(folder: Path) -> dict[str, str]:
    """SHA-256 of every file that a build determines; the summary holds times."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("summary.json", "report.html")
    }


def ledger(dataset: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(dataset / "ledger" / "drops.parquet").to_pylist()
    return rows


def records(dataset: Path) -> Iterator[tuple[Record, Any, tuple[bytes, ...]]]:
    """JSON, ids and JPEGs of each sample, by the index."""
    reader = DatasetReader(dataset)
    for number in range(len(reader)):
        yield reader.read(number)


def tar_members(path: Path) -> Members:
    """Names and data as Python's own tar module reads them: not by the code that wrote them."""
    with tarfile.open(path, "r:") as tar:
        return [(info.name, _data(tar, info)) for info in tar]


def _data(tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    stream = tar.extractfile(info)
    assert stream is not None
    return stream.read()


def manifest_of(dataset: Path) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads((dataset / "manifest.json").read_bytes())
    return found


def write_manifest_of(dataset: Path, fields: dict[str, Any]) -> None:
    """Writes a manifest with its own SHA-256 made right."""
    (dataset / "manifest.json").write_bytes(manifest_bytes(fields))


def write_tar(path: Path, members: Sequence[tuple[str, bytes]]) -> None:
    buffer = io.BytesIO()
    for name, data in members:
        write_member(buffer, name, data)
    path.write_bytes(buffer.getvalue() + END)


def edit_shard(dataset: Path, edit: Callable[[Members], Members], shard: int = 0) -> None:
    """Changes the members of a shard, and makes index, manifest and every checksum right again."""
    tar = dataset / manifest_of(dataset)["shards"][shard]["name"]
    write_tar(tar, edit(tar_members(tar)))
    rows = read_index(dataset / "index.arrow").to_pylist()
    before = [row for row in rows if row["shard"] == shard]
    found = [_indexed(members, row, tar.read_bytes()) for members, row in zip(_by_sample(tar), before, strict=False)]
    write_rows(dataset, [*(row for row in rows if row["shard"] < shard), *found, *rows_behind(rows, shard)])
    seal_again(dataset)


def rows_behind(rows: Sequence[dict[str, Any]], shard: int) -> list[dict[str, Any]]:
    return [row for row in rows if row["shard"] > shard]


def write_rows(dataset: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes the index."""
    write_index(dataset / "index.arrow", [pa.RecordBatch.from_pylist(list(rows), schema=SCHEMA)])


def seal_again(dataset: Path) -> None:
    """Makes the manifest agree with shards, index and files, and sidecars with these: as if it had been built so."""
    manifest = manifest_of(dataset)
    index = read_index(dataset / "index.arrow")
    entries = []
    for number, entry in enumerate(manifest["shards"]):
        path = dataset / entry["name"]
        rows = index.filter(pc.equal(index["shard"], number))
        entries.append(shard_entry(path.name, sha256_of(path), path.stat().st_size, rows))
    manifest |= {"shards": [entry.model_dump() for entry in entries], **sums(entries)}
    manifest["recipe_hash"] = fingerprint(manifest["recipe"])
    manifest["build_digest"] = fingerprint([[entry.sha256 for entry in entries], manifest["recipe_hash"]])
    tokenizer, model = TokenizerEntry(**manifest["tokenizer"]), ModelEntry(**manifest["model"])
    for name, data in sidecars(manifest["name"], entries, index, tokenizer, model):
        (dataset / name).write_bytes(data)
    seal_files(dataset, manifest)


def seal_files(dataset: Path, manifest: dict[str, Any] | None = None) -> None:
    """Makes the checksums right again of all files beside the shards."""
    fields = manifest_of(dataset) if manifest is None else manifest
    write_manifest_of(dataset, fields | {"files": {name: sha256_of(dataset / name) for name in fields["files"]}})


def _by_sample(path: Path) -> list[list[tarfile.TarInfo]]:
    with tarfile.open(path, "r:") as tar:
        return [list(members) for _, members in groupby(tar, lambda info: info.name.partition(".")[0])]


def _indexed(members: Sequence[tarfile.TarInfo], before: Mapping[str, Any], tar: bytes) -> dict[str, Any]:
    """The row of the index that belongs to a sample as it is now."""
    data = [tar[info.offset_data : info.offset_data + info.size] for info in members]
    fields, ids = orjson.loads(data[0]), read_ids(data[1])
    end = members[-1].offset_data + -(-members[-1].size // 512) * 512
    return dict(before) | {
        "key": members[0].name.partition(".")[0],
        "offset": members[0].offset,
        "num_bytes": end - members[0].offset,
        "member_offsets": [info.offset_data for info in members],
        "member_bytes": [info.size for info in members],
        "num_ids": len(ids),
        "num_tokens": len(ids) + sum(fields["span_tokens"]) - sum(length for _, length in fields["spans"]),
        "num_images": len(members) - 2,
        "num_pixels": _num_pixels(fields.get("image_info"), before),
        "num_texts": sum(text is not None for text in fields["texts"]),
        "doc_id": fields["doc_id"],
        "part": fields["part"],
    }


def _num_pixels(image_info: Any, before: Mapping[str, Any]) -> int:
    """As stated; as before where what is stated is no size."""
    try:
        return sum(int(info["width"]) * int(info["height"]) for info in image_info)
    except (TypeError, KeyError, ValueError):
        return int(before["num_pixels"])


@cache
def _session_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="interleave-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
