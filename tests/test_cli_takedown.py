"""`interleave takedown`: what it prints, and how it exits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest
import typer
from fixtures_build import ROOT, TIMEOUT_S, Members, copy_of, edit_shard, records, sample_dataset, small_dataset
from typer.testing import CliRunner, Result

from interleave.commands.takedown import takedown
from interleave.errors import RecipeError, ShardError

app = typer.Typer()
app.command()(takedown)


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [*map(str, words), "--workers", "1"])


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return copy_of(small_dataset(), tmp_path / "six")


def test_it_prints_the_samples_that_went_their_sums_and_where_copies_lie(dataset: Path) -> None:
    result = run(dataset, "--domain", "sky.example", "--url", "https://nobody.example/a")
    assert result.exit_code == 0
    output = " ".join(result.output.split())
    for expected in ("shard-0000.tar", "sky.example", "samples of", "digest ", "six.work still holds"):
        assert expected in output
    assert "no sample matches https://nobody.example/a" in output


def test_a_dry_run_says_what_would_go_and_leaves_it(dataset: Path) -> None:
    before = (dataset / "manifest.json").read_bytes()
    result = run(dataset, "--domain", "sky.example", "--dry-run")
    assert (result.exit_code, "would go" in result.output) == (0, True)
    assert (dataset / "manifest.json").read_bytes() == before


def test_json_has_every_sample_and_nothing_else_is_printed(dataset: Path) -> None:
    record = next(record for record, _, _ in records(dataset) if record.key == "0000000002")
    found = orjson.loads(run(dataset, "--url", record.url or "", "--json").output)
    assert (found["num_samples"], found["num_shards"], found["dry_run"]) == (1, 1, False)
    (hit,) = found["samples"]
    assert (hit["key"], hit["doc_id"], hit["by"]) == ("0000000002", record.doc_id, [record.url])


def test_where_nothing_matches_it_says_so_in_one_sentence_and_exits_with_0(dataset: Path) -> None:
    result = run(dataset, "--sha256", "0" * 64)
    assert result.exit_code == 0
    assert " ".join(result.output.split()) == f"{dataset}: nothing in it matches; nothing was changed"


def test_a_long_list_is_shown_in_part(tmp_path: Path) -> None:
    dataset = copy_of(sample_dataset(), tmp_path / "mmc4")
    words = [word for record, _, _ in records(dataset) for word in ("--url", record.url or "")]
    result = run(dataset, *words)
    assert result.exit_code == 0 and "... and 24 more" in result.output
    assert "44 samples of 42 documents went" in " ".join(result.output.split())


def test_what_a_page_wrote_does_not_steer_the_terminal(dataset: Path) -> None:
    def hostile(members: Members) -> Members:
        (name, data), *others = members
        return [(name, orjson.dumps(orjson.loads(data) | {"url": "https://evil.example/[bold]\x1b[2J"})), *others]

    edit_shard(dataset, hostile)
    result = run(dataset, "--domain", "evil.example", "--dry-run")
    assert result.exit_code == 0
    assert "[bold]" in "".join(result.output.split()) and "\x1b" not in result.output


@pytest.mark.parametrize(
    ("words", "kind", "message"),
    [
        (["s3://bucket/six", "--domain", "a.example"], ShardError, "is not on this machine"),
        (["/nowhere", "--domain", "a.example"], ShardError, "no finished dataset"),
        (["{dataset}"], RecipeError, "nothing to take down"),
        (["{dataset}", "--url", "cat.jpg"], RecipeError, "no address of http or https"),
        (["{dataset}", "--from", "/nowhere"], RecipeError, "--from: cannot read /nowhere"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    dataset: Path, words: list[str], kind: type[Exception], message: str
) -> None:
    result = run(*(word.format(dataset=dataset) for word in words))
    assert isinstance(result.exception, kind)
    assert message in str(result.exception) and "\n" not in str(result.exception)


def test_it_needs_none_of_the_packages_that_build(dataset: Path) -> None:
    script = (
        "import sys, typer\nfrom interleave.commands.takedown import takedown\napp = typer.Typer()\n"
        "app.command()(takedown)\nsys.argv = ['takedown', *sys.argv[1:]]\n"
        "try:\n    app()\nexcept SystemExit as end:\n    assert not end.code\n"
        "print('loaded:', *{name.partition('.')[0] for name in sys.modules})"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, str(dataset), "--domain", "sky.example", "--workers", "1"],
        capture_output=True, text=True, timeout=TIMEOUT_S, check=True, cwd=ROOT,
    )  # fmt: skip
    loaded = set(ran.stdout.rpartition("loaded:")[2].split())
    assert "pyarrow" in loaded
    assert not loaded & {"torch", "tokenizers", "scipy", "rensa", "ftfy", "sentencex", "tiktoken", "wordllama", "PIL"}
