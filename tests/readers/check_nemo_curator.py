"""NeMo Curator's interleaved WebDataset reader: rows of texts and images, a shard a task."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

from nemo_curator.stages.interleaved.io.reader import InterleavedWebdatasetReader
from nemo_curator.tasks import EmptyTask
from reader_seen import Sample, Way, jpeg, say


def ways(folder: str) -> Iterator[Way]:
    yield Way(how="InterleavedWebdatasetReader(folder)", samples=_rows(folder))


def _rows(folder: str) -> Iterator[Sample]:
    composite = InterleavedWebdatasetReader(file_paths=folder, files_per_partition=1, materialize_on_read=True)
    partition, read = composite.decompose()
    tasks = partition.process(EmptyTask(dataset_name="folder", data=None))
    assert sorted(path for task in tasks for path in task.data) == sorted(map(str, Path(folder).glob("shard-*.tar")))
    for task in sorted(tasks, key=lambda task: task.data):
        batch = read.process(task)
        for key, rows in groupby(batch.data.to_pylist(), key=lambda row: row["sample_id"]):
            yield _sample(key, list(rows))


def _sample(key: str, rows: list[dict[str, Any]]) -> Sample:
    assert [row["position"] for row in rows] == list(range(-1, len(rows) - 1)), "the JSON's row, then its parts"
    assert not any(row["materialize_error"] for row in rows)
    assert {row["content_type"] for row in rows if row["modality"] == "image"} <= {"image/jpeg"}
    parts = [row["text_content"] if row["modality"] == "text" else jpeg(row["binary_content"]) for row in rows[1:]]
    return {"key": key, "parts": parts, "ids": None}


if __name__ == "__main__":
    say(version("nemo-curator"), ways)
