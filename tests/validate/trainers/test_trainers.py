"""`--trainer`: batches of real collators, on datasets that fit and on others."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import orjson
import pytest
from fixtures_build import build_small, command, copy_of, edit_shard, sample_dataset, small_dataset
from fixtures_tokenizers import byte_level, save

from interleave.encode.profiles.known import PROFILES
from interleave.errors import ShardError
from interleave.executors import InProcess
from interleave.validate.dataset import validate
from interleave.validate.findings import Outcome
from interleave.validate.level import Level
from interleave.validate.options import Options
from interleave.validate.trainers.known import Trainer

pytest.importorskip("transformers")


def tried(path: Path, trainer: Trainer, model: Path | None = None) -> Outcome:
    with InProcess() as executor:
        return validate(path, executor, Options(level=Level.QUICK, trainer=trainer, model=model), quiet=True)


def messages(outcome: Outcome) -> list[str]:
    return [finding.message for finding in outcome.findings if finding.code == "trainer"]


def built(folder: Path, profile: str) -> Path:
    marks = ["<s>", "</s>", "<|endoftext|>", *PROFILES[profile].marks, str(PROFILES[profile].placeholder)]
    tokenizer = save(byte_level(special=marks), folder / "tokenizer.json")
    build_small(folder / profile, f"profile={profile}", f"tokenizer={tokenizer}", "encode.context=4096")
    return folder / profile


@pytest.mark.parametrize(
    ("trainer", "profile"),
    [(Trainer.LLAVA, "llava-1.5-hf"), (Trainer.QWEN2_VL, "qwen2.5-vl"), (Trainer.VILA, "vila-1.5")],
)
def test_a_dataset_for_the_model_makes_batches_that_it_takes(tmp_path: Path, trainer: Trainer, profile: str) -> None:
    assert messages(tried(built(tmp_path, profile), trainer)) == []


@pytest.mark.parametrize(
    ("trainer", "sentence"), [(Trainer.LLAVA, "an id is negative"), (Trainer.QWEN2_VL, "the profile is no Qwen's")]
)
def test_a_dataset_for_another_model_is_a_finding(trainer: Trainer, sentence: str) -> None:
    outcome = tried(sample_dataset(), trainer)
    assert len(messages(outcome)) == 1 and sentence.removeprefix("the ") in messages(outcome)[0]
    assert not outcome.is_sound


def test_a_processor_with_other_limits_than_were_counted_with_is_a_finding(tmp_path: Path) -> None:
    dataset, model = built(tmp_path, "qwen2.5-vl"), tmp_path / "model"
    model.mkdir()
    (model / "preprocessor_config.json").write_bytes(
        orjson.dumps(
            {"image_processor_type": "Qwen2VLImageProcessor", "size": {"shortest_edge": 56, "longest_edge": 112}}
        )
    )
    assert any("image processor makes" in message for message in messages(tried(dataset, Trainer.QWEN2_VL, model)))


def test_an_id_outside_of_the_vocabulary_is_a_finding_of_its_batch(tmp_path: Path) -> None:
    dataset = copy_of(small_dataset(), tmp_path / "six")

    def put_a_strange_id(members: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
        name, data = members[1]
        ids = np.load(io.BytesIO(data))
        ids[2] = 1_000_000
        changed = io.BytesIO()
        np.save(changed, ids)
        return [members[0], (name, changed.getvalue()), *members[2:]]

    edit_shard(dataset, put_a_strange_id)
    assert any(
        "the id 1000000 is not in the vocabulary" in message for message in messages(tried(dataset, Trainer.VILA))
    )


def test_a_shard_that_cannot_be_read_stops_the_loader_in_one_sentence(tmp_path: Path) -> None:
    dataset = copy_of(small_dataset(), tmp_path / "six")
    shard = dataset / "shard-0000.tar"
    shard.write_bytes(shard.read_bytes()[:4096])
    assert [message for message in messages(tried(dataset, Trainer.VILA)) if "the loader stops" in message]


def test_a_single_tar_and_a_model_without_a_processor_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ShardError, match="--trainer reads a whole dataset"):
        tried(sample_dataset() / "shard-0000.tar", Trainer.VILA)
    with pytest.raises(ShardError, match=r"has no preprocessor_config\.json"):
        tried(sample_dataset(), Trainer.VILA, tmp_path)


def test_the_command_says_that_batches_were_made() -> None:
    shown = command("validate", sample_dataset(), "--level", "quick", "--trainer", "vila").stdout
    assert "--trainer vila: its loader and collator made the first batches" in shown
