"""The JSON list of conversations: as many marks as images, files that are there, the dataset's order."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import orjson
import pytest
from fixtures_build import records, sample_dataset
from fixtures_translate import export, files, sha256s, squeezed


def entries(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = orjson.loads((folder / "data.json").read_bytes())
    return found


def text_of(entry: dict[str, Any]) -> str:
    turns = entry.get("conversations") or entry["messages"]
    return "".join(turn.get("value", turn.get("content")) for turn in turns)


@pytest.mark.parametrize("style", ["conversations", "messages"])
def test_every_text_and_image_is_there_in_order(style: str, tmp_path: Path) -> None:
    export("sharegpt-json", sample_dataset(), tmp_path / "json", "--style", style)
    found = entries(tmp_path / "json")
    expected = list(records(sample_dataset()))
    assert len(found) == len(expected)
    for entry, (record, _, jpegs) in zip(found, expected, strict=True):
        assert squeezed(text_of(entry)) == squeezed(
            "".join("<image>" if text is None else text for text in record.texts)
        )
        stored = [(tmp_path / "json" / name).read_bytes() for name in entry["images"]]
        assert sha256s(stored) == sha256s(jpegs)
        assert text_of(entry).count("<image>") == len(entry["images"])


def test_conversations_are_pairs_of_turns_and_all_text_is_answered(tmp_path: Path) -> None:
    export("sharegpt-json", sample_dataset(), tmp_path / "json")
    for entry in entries(tmp_path / "json"):
        asked, answered = entry["conversations"]
        assert (asked["from"], answered["from"]) == ("human", "gpt")
        assert asked["value"].replace("<image>", "") == ""
        assert answered["value"] and not answered["value"].startswith("<image>")


def test_messages_are_one_answer(tmp_path: Path) -> None:
    export("sharegpt-json", sample_dataset(), tmp_path / "json", "--style", "messages")
    assert all([turn["role"] for turn in entry["messages"]] == ["assistant"] for entry in entries(tmp_path / "json"))


def test_a_folder_of_datasets_describes_itself(tmp_path: Path) -> None:
    export("sharegpt-json", sample_dataset(), tmp_path / "json")
    described = orjson.loads((tmp_path / "json" / "dataset_info.json").read_bytes())["interleave"]
    assert (tmp_path / "json" / described["file_name"]).is_file()
    assert set(described["columns"].values()) <= entries(tmp_path / "json")[0].keys()


def test_the_same_dataset_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        export("sharegpt-json", sample_dataset(), tmp_path / name)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert hashlib.sha256((tmp_path / "a" / "data.json").read_bytes()).hexdigest() in files(tmp_path / "a").values()
