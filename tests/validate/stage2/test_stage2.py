"""Advice on Stage 2: the answer follows the needs, the hours follow the arithmetic, the commands are VILA's."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from fixtures_build import command, manifest_of, process, sample_dataset

from interleave.errors import ShardError
from interleave.validate.stage2.advise import Answer, advise
from interleave.validate.stage2.cost import DEFAULT_MFU, Gpu, Machine
from interleave.validate.stage2.launch import run_commands, skip_commands
from interleave.validate.stage2.needs import Need

MACHINE = Machine(billions=7, gpu=Gpu.A100, mfu=DEFAULT_MFU)

# Lines of VILA's own scripts, which the commands change.
STAGE_2 = "    --data_mixture coyo_25m_mmc4core \\\n"
STAGE_2_OF_1_5 = "    --data_mixture coyo_25m+mmc4core+sharegpt4v_pretrain \\\n"
STAGE_3 = "    --model_name_or_path $STAGE2_PATH \\\n"


def test_hours_are_operations_over_what_the_gpus_do() -> None:
    """1e9 tokens x 6 x 7e9 = 4.2e19 operations, at 0.5 x 312e12 a second: 269,231 s."""
    machine = Machine(billions=7, gpu=Gpu.A100, mfu=0.5)
    assert machine.cost(1_000_000_000, 0).gpu_hours == pytest.approx(4.2e19 / 156e12 / 3600)
    assert machine.cost(0, 1000).flops == pytest.approx(2 * 304e6 * 577 * 1000)
    faster = Machine(billions=7, gpu=Gpu.H100, mfu=0.5)
    assert faster.cost(1000, 1).gpu_hours == pytest.approx(machine.cost(1000, 1).gpu_hours * 312 / 989)


def test_the_usual_utilisation_gives_vilas_published_hours() -> None:
    """13 B in two days on 128 A100, with 576 tokens an image."""
    hours = Machine(billions=13, gpu=Gpu.A100, mfu=DEFAULT_MFU).vilas_own(576).gpu_hours
    assert hours == pytest.approx(2 * 24 * 128, rel=0.03)


@pytest.mark.parametrize("need", [need for need in Need if need is not Need.BENCHMARKS])
def test_what_stage_2_is_for_is_reason_to_run_it(need: Need) -> None:
    advice = advise(sample_dataset(), [need], MACHINE, None)
    assert advice.answer is Answer.RUN and advice.reasons == (need.why,) and need.why


def test_benchmarks_alone_are_reason_to_skip_it_with_a_caution() -> None:
    advice = advise(sample_dataset(), [Need.BENCHMARKS], MACHINE, None)
    assert advice.answer is Answer.SKIP
    assert any("Llama-2-7b" in caution and "vicuna-7b-v1.5" in caution for caution in advice.cautions)


def test_a_dataset_that_is_not_ready_and_hours_that_do_not_suffice_are_said() -> None:
    advice = advise(sample_dataset(), [Need.FEW_SHOT], MACHINE, 0.0001)
    assert any("this dataset alone will not do" in caution for caution in advice.cautions)
    assert any("GPU hours are" in caution for caution in advice.cautions)
    assert advice.cost.num_tokens == manifest_of(sample_dataset())["num_tokens"]
    assert not any(
        "GPU hours are" in caution for caution in advise(sample_dataset(), [Need.FEW_SHOT], MACHINE, 1e6).cautions
    )


def substitution(commands: tuple[str, ...]) -> tuple[str, str]:
    """What the one `sed` among the commands puts in place of what."""
    found = next(each for each in commands if each.startswith("sed"))
    words = found.split("'")[1]
    _, old, new, _ = words.split(words[1])
    return old, new.replace("&", old)


def test_commands_change_the_lines_of_vilas_scripts() -> None:
    for profile, line in (("vila-1.0", STAGE_2), ("vila-1.5", STAGE_2_OF_1_5)):
        old, new = substitution(tuple(run_commands(Path("shards/my data"), profile, 10_000)))
        assert old in line and "my_data" in new
    old, new = substitution(tuple(skip_commands()))
    assert "--pretrain_mm_mlp_adapter" in STAGE_3.replace(old, new)


def test_fewer_samples_are_dealt_to_fewer_gpus() -> None:
    first = [next(run_commands(Path("shards/a"), "vila-1.0", number)) for number in (44, 100_000)]
    assert [words.rpartition(" ")[2] for words in first] == ["40", "128"]


def test_the_command_answers_and_its_json_has_everything() -> None:
    shown = command("stage2", sample_dataset(), "--need", "few-shot", "--gpu", "h100").stdout
    assert shown.startswith("RUN Stage 2") and "61.77" in shown and "sbatch" in shown and "sft_only.sh" in shown
    plain = orjson.loads(command("stage2", sample_dataset(), "--need", "benchmarks", "--json").stdout)
    assert plain["answer"] == "skip" and plain["machine"] == {"billions": 7.0, "gpu": "a100", "mfu": DEFAULT_MFU}
    assert {line["benchmark"] for line in plain["skipped"]} >= {"MMBench", "MMBench-CN", "GQA"}


def test_without_a_terminal_needs_must_be_given() -> None:
    ran = process("stage2", sample_dataset(), stdin=-3)
    assert ran.returncode == 2 and "--need" in ran.stderr


def test_a_folder_that_is_no_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ShardError):
        advise(tmp_path, [Need.EDGE], MACHINE, None)
