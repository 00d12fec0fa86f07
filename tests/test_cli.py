"""The command line: what each command prints, how it exits, and that it is written down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import typer
from fixtures_build import (
    RECIPE,
    ROOT,
    built_files,
    command,
    copy_of,
    edit_shard,
    process,
    sample_dataset,
    small_dataset,
)
from typer.testing import CliRunner

from interleave import __version__
from interleave.cli import app

run = CliRunner().invoke


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command."""
    group = group or typer.main.get_command(app)
    for name, item in group.commands.items():
        if hasattr(item, "commands"):
            yield from commands(item, (*path, name))
        else:
            yield (*path, name)


COMMANDS = list(commands())


def test_the_commands_are_these() -> None:
    assert [" ".join(words) for words in COMMANDS] == [
        "build", "estimate", "validate", "inspect", "view", "crawl", "score", "explore", "takedown", "stage2",
        "purge", "publish",
        "recipe check", "recipe schema",
        "store show", "store adopt", "store compact", "profile list", "profile show", "export vila-pkl",
        "export vila-coyo-pkl", "export openflamingo", "export obelics", "export sharegpt-json", "export packed",
    ]  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_explains_itself(words: tuple[str, ...]) -> None:
    result = run(app, [*words, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output and len(result.output.splitlines()) > 4


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_is_in_the_readme(words: tuple[str, ...]) -> None:
    assert "interleave " + " ".join(words) in (ROOT / "README.md").read_text()


def test_without_a_command_the_help_is_shown() -> None:
    assert "validate" in run(app, []).output


def test_the_version_is_printed() -> None:
    result = run(app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"interleave {__version__}\n")


def test_an_unknown_command_or_option_exits_with_2() -> None:
    assert command("biuld").returncode == 2
    assert command("build", RECIPE, "--workers", 0).returncode == 2


def test_build_prints_what_is_left_what_was_dropped_and_where_the_dataset_lies(tmp_path: Path) -> None:
    output = copy_of(sample_dataset(), tmp_path / "mmc4")
    ran = command("build", RECIPE, "--set", f"output={output}", "--workers", 1)
    assert ran.returncode == 0
    assert ran.stderr == ""
    for expected in ("url_tokens", "documents  53 = 42 + 11", "images     147 = 103 + 44", str(output), "done before"):
        assert expected in ran.stdout


def test_build_prints_json_and_nothing_else(tmp_path: Path) -> None:
    output = copy_of(sample_dataset(), tmp_path / "mmc4")
    ran = command("build", RECIPE, "--set", f"output={output}", "--workers", 1, "--json")
    assert ran.returncode == 0
    report = orjson.loads(ran.stdout)
    assert (report["documents_in"], report["documents_out"]) == (53, 42)
    assert report["datasets"][0]["digest"] == built_files(output)["manifest.json"]


def test_an_override_with_a_path_is_relative_to_the_current_folder(tmp_path: Path) -> None:
    ran = process("recipe", "check", RECIPE, "--set", "output=here/mmc4", cwd=tmp_path)
    assert ran.returncode == 0
    assert str(tmp_path / "here" / "mmc4") in ran.stdout


def test_recipe_check_says_that_a_recipe_is_sound_and_writes_nothing(tmp_path: Path) -> None:
    result = run(app, ["recipe", "check", str(RECIPE), "--set", f"output={tmp_path / 'out'}"])
    assert result.exit_code == 0
    assert "sound" in result.output
    assert not list(tmp_path.iterdir())


def test_recipe_schema_names_every_key_with_its_meaning() -> None:
    result = run(app, ["recipe", "schema"])
    assert result.exit_code == 0
    schema = orjson.loads(result.output)
    assert {"source", "output", "clean", "dedup", "tokenizer", "profile", "shards"} <= schema["properties"].keys()
    described = [part["properties"] for part in (schema, *schema["$defs"].values()) if "properties" in part]
    assert all("description" in key or "$ref" in key for part in described for key in part.values())


def test_validate_exits_with_0_for_a_sound_dataset_and_1_for_a_damaged_one(tmp_path: Path) -> None:
    sound = run(app, ["validate", str(small_dataset()), "--workers", "1"])
    assert (sound.exit_code, "sound" in sound.output, "not sound" in sound.output) == (0, True, False)
    damaged = copy_of(small_dataset(), tmp_path / "six")
    shard = damaged / "shard-0001.tar"
    shard.write_bytes(shard.read_bytes()[:-1000])
    result = run(app, ["validate", str(damaged), "--workers", "1"])
    assert result.exit_code == 1
    assert "not sound" in result.output and "shard-0001.tar" in result.output and "checksum" in result.output


def test_validate_prints_json_with_code_place_and_remedy(tmp_path: Path) -> None:
    damaged = copy_of(small_dataset(), tmp_path / "six")
    (damaged / "shard-0000.tar").unlink()
    result = run(app, ["validate", str(damaged), "--workers", "1", "--json"])
    assert result.exit_code == 1
    outcome = orjson.loads(result.output)
    assert outcome["sound"] is False
    finding = next(item for item in outcome["findings"] if item["code"] == "missing-file")
    assert "shard-0000.tar" in finding["where"] and finding["remedy"] and finding["message"]


def test_validate_reads_no_image_when_it_is_to_be_quick(tmp_path: Path) -> None:
    dataset = copy_of(small_dataset(), tmp_path / "six")
    edit_shard(dataset, lambda members: [(n, b"no JPEG" if n.endswith(".jpg") else d) for n, d in members])
    assert run(app, ["validate", str(dataset), "--workers", "1"]).exit_code == 1
    assert run(app, ["validate", str(dataset), "--workers", "1", "--level", "quick"]).exit_code == 0


def test_inspect_shows_sizes_and_a_sample_with_its_images_in_place() -> None:
    result = run(app, ["inspect", str(sample_dataset()), "--key", "3"])
    assert result.exit_code == 0
    assert "44 samples" in result.output and "0000000003.00.jpg" in result.output and "576 tokens" in result.output


def test_inspect_prints_json() -> None:
    result = run(app, ["inspect", str(sample_dataset() / "shard-0001.tar"), "--json"])
    assert result.exit_code == 0
    found = orjson.loads(result.output)
    assert found["num_shards"] == 1 and found["sample"]["texts"]


def test_an_installed_command_is_called_interleave() -> None:
    from importlib.metadata import entry_points

    (found,) = [item for item in entry_points(group="console_scripts") if item.name == "interleave"]
    assert found.value == "interleave.cli:main"
