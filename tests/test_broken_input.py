"""Broken input at the command line: one clear message, the documented exit code, and no traceback."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
from fixtures_build import RECIPE, SAMPLE, TIMEOUT_S, cli, command, copy_of, process, small_dataset

from interleave.work_folder import work_folder

Ran = subprocess.CompletedProcess[str]


def build_with(output: Path, *overrides: str, recipe: Path = RECIPE) -> Ran:
    settings = [word for override in overrides for word in ("--set", override)]
    return command("build", recipe, "--workers", 1, "--set", f"output={output}", *settings)


def assert_refused(ran: Ran, code: int, *expected: str) -> None:
    assert ran.returncode == code, (ran.stdout, ran.stderr)
    assert "Traceback" not in ran.stderr and "fault of interleave" not in ran.stderr, ran.stderr
    assert ran.stderr.startswith("error: ") and ran.stderr.count("error: ") == 1, ran.stderr
    for text in expected:
        assert text in ran.stderr
    assert ran.stdout == ""


# The recipe


def test_a_misspelt_key_is_named_with_the_nearest_valid_one(tmp_path: Path) -> None:
    ran = build_with(tmp_path / "out", "shards.multiple_off=2", "images.quality=high")
    assert_refused(ran, 2, "2 fault(s)", "shards.multiple_off: unknown key", "multiple_of", "images.quality")
    assert not list(tmp_path.iterdir())


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    ran = build_with(tmp_path / "out", recipe=tmp_path / "nowhere.yaml")
    assert_refused(ran, 2, "nowhere.yaml", "No such file")


@pytest.mark.parametrize("text", ["a: [1, 2", "just words"], ids=repr)
def test_a_recipe_that_is_no_mapping_in_yaml_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "recipe.yaml").write_text(text)
    assert_refused(build_with(tmp_path / "out", recipe=tmp_path / "recipe.yaml"), 2, "recipe.yaml")


def test_a_source_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert_refused(build_with(tmp_path / "out", f"source.path={tmp_path / 'corpus'}"), 2, "source mmc4", "corpus")


def test_an_image_folder_that_is_not_there_is_named_before_everything_is_dropped(tmp_path: Path) -> None:
    ran = build_with(tmp_path / "out", f"source.images={tmp_path / 'pictures'}")
    assert ran.returncode in (1, 2)
    assert "Traceback" not in ran.stderr
    assert "pictures" in ran.stderr or "image_missing" in ran.stderr, ran.stderr


# The tokenizer


def test_a_tokenizer_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    assert_refused(
        build_with(tmp_path / "out", f"tokenizer={tmp_path / 'tokenizer.json'}"), 2, "tokenizer", "cannot be read"
    )


def test_a_tokenizer_that_loses_text_is_refused(tmp_path: Path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "the": 1}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    ran = build_with(tmp_path / "out", f"tokenizer={tmp_path / 'tokenizer.json'}")
    assert_refused(ran, 2, "does not give a text back")


# The input


def test_a_compressed_file_that_is_cut_off_fails_its_task_by_name(tmp_path: Path) -> None:
    import gzip

    packed = gzip.compress((SAMPLE / "docs.jsonl").read_bytes())
    (tmp_path / "docs.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    ran = build_with(tmp_path / "out", f"source.path={tmp_path / 'docs.jsonl.gz'}")
    assert_refused(ran, 1, "measure", "docs.jsonl.gz")


@pytest.mark.parametrize("name", ["docs.jsonl.zip", "docs.jsonl.zst"])
def test_a_file_that_is_not_what_its_name_says_fails_its_task_by_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"neither packed nor JSON" * 10)
    assert_refused(build_with(tmp_path / "out", f"source.path={tmp_path / name}"), 1, "measure", name)


# Shards


@pytest.mark.parametrize(
    ("name", "damage"), [("validate", "cut off"), ("inspect", "cut off"), ("validate", "noise"), ("inspect", "empty")]
)
def test_a_corrupt_tar_is_said_to_be_one(tmp_path: Path, name: str, damage: str) -> None:
    whole = (small_dataset() / "shard-0000.tar").read_bytes()
    data = {"cut off": whole[: len(whole) // 2], "noise": bytes(range(256)) * 40, "empty": b""}[damage]
    (tmp_path / "broken.tar").write_bytes(data)
    ran = command(name, tmp_path / "broken.tar")
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr + ran.stdout
    said = ran.stdout if name == "validate" else ran.stderr
    assert "broken.tar" in said and ("tar-structure" in said or name == "inspect")


def test_a_path_that_is_not_there_cannot_be_validated_or_inspected(tmp_path: Path) -> None:
    assert_refused(command("validate", tmp_path / "nowhere"), 2, "nowhere does not exist")
    assert_refused(command("inspect", tmp_path / "nowhere"), 1, "nowhere does not exist")


def test_a_folder_that_is_no_dataset_is_said_to_be_none(tmp_path: Path) -> None:
    assert_refused(command("validate", tmp_path), 2, "no finished dataset")


@pytest.mark.parametrize("text", ["", '{"format_version": 5}'])
def test_a_damaged_manifest_is_said_to_be_one(tmp_path: Path, text: str) -> None:
    dataset = copy_of(small_dataset(), tmp_path / "six")
    (dataset / "manifest.json").write_text(text)
    assert_refused(command("validate", dataset, "--workers", 1), 2, "manifest.json")


def test_a_tar_with_a_negative_size_does_not_hang_a_reader(tmp_path: Path) -> None:
    info = tarfile.TarInfo("0000000000.json")
    header = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    header[124:136] = b"\xff" * 11 + b"\x00"  # -256 in base 256 (CVE-2025-8194)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    (tmp_path / "shard.tar").write_bytes(bytes(header) + bytes(1024))
    for name in ("validate", "inspect"):
        ran = subprocess.run(
            [*cli(), name, str(tmp_path / "shard.tar")], capture_output=True, text=True, timeout=20, check=False
        )
        assert ran.returncode == 1
        assert "negative size" in ran.stdout + ran.stderr


# The output


def test_an_output_folder_with_other_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("mine")
    (tmp_path / "out" / "shard-0007.tar").write_text("mine too")
    assert_refused(build_with(tmp_path / "out"), 2, "thesis.tex", "holds other files")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["out", "shard-0007.tar", "thesis.tex"]


def test_an_output_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert_refused(build_with(tmp_path / "file" / "out"), 1, "cannot work in", "give another --set output=")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_output_in_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        assert_refused(build_with(tmp_path / "out"), 1, "cannot work in", "Permission denied")
    finally:
        tmp_path.chmod(0o700)


def test_two_builds_of_one_output_do_not_mix(tmp_path: Path) -> None:
    with work_folder(tmp_path / "out.work", fresh=False):
        assert_refused(build_with(tmp_path / "out"), 1, "another build is at work")
    assert not (tmp_path / "out").exists()


# The disk


@contextmanager
def small_disk(folder: Path, num_bytes: int) -> Iterator[Path]:
    folder.mkdir()
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root may mount a small disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={num_bytes}", "none", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def build_on(disk: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: this one would keep files open."""
    return process("build", RECIPE, "--workers", 1, "--set", f"output={disk / 'out'}", *arguments)


def test_a_full_disk_is_named_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1_000_000) as disk:
        assert_refused(build_on(disk), 1, "the disk is full", str(disk / "out.work"), "measure")
        assert not list(disk.rglob("*.partial"))
        assert not (disk / "out" / "manifest.json").exists()
        assert not list(disk.rglob("*.parquet"))


@pytest.mark.parametrize("limit", [100, 300_000])
def test_a_write_that_fails_is_named_and_leaves_nothing_half_written(tmp_path: Path, limit: int) -> None:
    output = tmp_path / "out"
    script = (
        f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit})); "
        "from interleave.cli import main; main()"
    )
    ran = subprocess.run(
        [sys.executable, "-B", "-c", script, "build", str(RECIPE), "--set", f"output={output}", "--workers", "1"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert_refused(ran, 1, "File too large")
    assert not list(tmp_path.rglob("*.partial"))
    assert not (output / "manifest.json").exists()


def test_the_same_command_goes_on_when_there_is_room_again(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 4_000_000) as disk:
        assert_refused(build_on(disk), 1, "the disk is full")
        subprocess.run(["mount", "-o", "remount,size=40000000", str(disk)], check=True)
        ran = build_on(disk, "--json")
        assert ran.returncode == 0, ran.stderr
        stages = {line["stage"]: line["num_done_before"] for line in orjson.loads(ran.stdout)["stages"]}
        assert stages["measure"] == 1


def test_what_is_piped_away_early_gives_no_traceback(tmp_path: Path) -> None:
    process = subprocess.Popen([*cli(), "recipe", "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert isinstance(process.stdout, io.BufferedReader)
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr as stderr:
        assert b"Traceback" not in stderr.read()
    process.wait(TIMEOUT_S)
