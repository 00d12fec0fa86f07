"""Whether a dataset is for the model in a folder."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest
from fixtures_build import build_small, command, small_dataset
from fixtures_tokenizers import byte_level, save

from interleave.errors import ShardError
from interleave.executors import InProcess
from interleave.validate.dataset import validate
from interleave.validate.findings import Outcome
from interleave.validate.level import Level
from interleave.validate.options import Options

MARKS = ["<|image_pad|>", "<|vision_start|>", "<|vision_end|>", "<|endoftext|>"]


@cache
def made() -> tuple[Path, Path]:
    """A dataset for Qwen2-VL, and the folder of a model that it is for."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    model = folder / "model"
    model.mkdir()
    tokenizer = save(byte_level(special=MARKS), model / "tokenizer.json")
    build_small(folder / "data", "profile=qwen2-vl", f"tokenizer={tokenizer}", "images.max_short_side=112")
    placeholder = orjson.loads((folder / "data" / "manifest.json").read_bytes())["model"]["placeholder"]
    config = {"model_type": "qwen2_vl", "image_token_id": placeholder, "vocab_size": 900}
    write(model, "config.json", config | {"text_config": {"vocab_size": 4096, "max_position_embeddings": 32768}})
    write(model, "preprocessor_config.json", {"min_pixels": 3136, "max_pixels": 1003520})
    return folder / "data", model


def write(folder: Path, name: str, fields: dict[str, Any]) -> None:
    (folder / name).write_bytes(orjson.dumps(fields))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return Path(shutil.copytree(made()[1], tmp_path / "model"))


def changed(model: Path, name: str, change: Callable[[dict[str, Any]], object]) -> None:
    fields = orjson.loads((model / name).read_bytes())
    change(fields)
    write(model, name, fields)


def validated(dataset: Path, model: Path, level: Level = Level.FULL) -> Outcome:
    with InProcess() as executor:
        return validate(dataset, executor, Options(model=model, level=level), quiet=True)


def messages(outcome: Outcome, code: str) -> list[str]:
    return [finding.message for finding in outcome.findings if finding.code == code]


def test_a_dataset_and_its_model_fit(model: Path) -> None:
    outcome = validated(made()[0], model)
    assert (outcome.findings, outcome.not_checked) == ((), ())


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (lambda c: c.update(model_type="gemma3"), "profile", "a model of type gemma3 has the profile gemma-3, "),
        (lambda c: c.update(image_token_id=7), "profile", "images are the id 7 there, and "),
        (lambda c: c["text_config"].update(vocab_size=100), "tokenizer", "it has 100 ids, the shards' tokenizer "),
        (lambda c: c["text_config"].update(max_position_embeddings=512), "context", "it has 512 positions, "),
    ],
)
def test_a_configuration_that_contradicts_the_shards_is_found(
    model: Path, change: Callable[[dict[str, Any]], object], code: str, said: str
) -> None:
    changed(model, "config.json", change)
    outcome = validated(made()[0], model)
    assert set(outcome.counts) == {code} and messages(outcome, code)[0].startswith(said)


def test_a_processor_that_makes_other_tokens_is_a_warning(model: Path) -> None:
    changed(model, "preprocessor_config.json", lambda fields: fields.update(max_pixels=12845056))
    outcome = validated(made()[0], model)
    assert outcome.is_sound and messages(outcome, "processor") == [
        "max_pixels is 12,845,056 there, the shards are counted with 1,003,520"
    ]


def test_another_tokenizer_is_found_by_its_special_tokens_and_by_what_it_makes_of_texts(model: Path) -> None:
    save(byte_level(special=[*MARKS[::-1], "<more>"]), model / "tokenizer.json")
    outcome = validated(made()[0], model)
    assert "'<|vision_start|>' is the id" in " ".join(messages(outcome, "tokenizer"))
    assert "EOS is the id" in " ".join(messages(outcome, "tokenizer"))
    assert "tokenizer" in validated(made()[0], model, Level.QUICK).counts


def test_another_vocabulary_with_the_same_special_tokens_is_found_by_the_texts(model: Path) -> None:
    """As a tokenizer that was trained again: each id is another piece of text."""
    changed(model, "tokenizer.json", lambda fields: fields["model"].update(vocab=turned(fields["model"]["vocab"])))
    outcome = validated(made()[0], model)
    assert "ids-text" in outcome.counts and "tokenizer" not in outcome.counts


def turned(vocabulary: dict[str, int]) -> dict[str, int]:
    """The same tokens with the ids of others, those of single bytes."""
    single = [token for token in vocabulary if len(token) == 1]
    others = [*single[1:], single[0]]
    return vocabulary | {token: vocabulary[other] for token, other in zip(single, others, strict=True)}


def test_what_a_folder_does_not_tell_is_said(model: Path) -> None:
    (model / "preprocessor_config.json").unlink()
    changed(model, "config.json", lambda fields: fields.update(model_type="new_vl"))
    said = validated(made()[0], model).not_checked
    assert [sentence.partition(":")[0] for sentence in said] == [
        "the model's profile",
        "options of the model's processor",
    ]
    (model / "config.json").unlink()
    assert "has no config.json" in validated(made()[0], model).not_checked[0]


def test_the_tokenizer_of_vila_lies_in_a_folder_of_its_own(model: Path) -> None:
    (model / "llm").mkdir()
    (model / "tokenizer.json").rename(model / "llm" / "tokenizer.json")
    assert not validated(made()[0], model).findings


def test_a_tar_is_compared_with_the_model_too(model: Path) -> None:
    changed(model, "config.json", lambda fields: fields.update(model_type="gemma3"))
    assert "profile" in validated(made()[0] / "shard-0000.tar", model).counts


@pytest.mark.parametrize("data", [b"", b"[1]", b"{", b"\xff" * 90])
def test_a_configuration_that_is_none_is_named(model: Path, data: bytes) -> None:
    (model / "config.json").write_bytes(data)
    with pytest.raises(ShardError, match=r"config\.json is no JSON object"):
        validated(made()[0], model)


def test_a_folder_that_is_not_there_ends_the_command_with_2() -> None:
    ran = command("validate", small_dataset(), "--model", "/no/such/model", "--level", "quick")
    assert (ran.returncode, ran.stderr) == (2, "error: --model: there is no folder /no/such/model\n")
