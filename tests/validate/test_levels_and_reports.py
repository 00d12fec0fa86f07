"""How much is looked at, and how it is told: levels, samples drawn, dealing out, JSON, JUnit."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import orjson
import pytest
from fixtures_build import command, copy_of, edit_shard, manifest_of, sample_dataset, small_dataset

from interleave.errors import ShardError
from interleave.executors import InProcess, open_executor
from interleave.validate.dataset import validate
from interleave.validate.findings import Finding, Outcome
from interleave.validate.invariants import INVARIANTS, Severity
from interleave.validate.level import Level
from interleave.validate.options import Options
from interleave.validate.text import as_junit, as_text


def validated(path: Path, **options: object) -> Outcome:
    with InProcess() as executor:
        return validate(path, executor, Options(**options), quiet=True)  # type: ignore[arg-type]


def test_two_processes_find_what_one_finds(tmp_path: Path) -> None:
    dataset = copy_of(small_dataset(), tmp_path / "six")
    edit_shard(dataset, lambda members: [(n, b"no JPEG" if n.endswith(".jpg") else d) for n, d in members])
    with open_executor(2) as executor:
        assert validate(dataset, executor, Options(level=Level.PARANOID), quiet=True) == validated(
            dataset, level=Level.PARANOID
        )


def test_each_level_finds_what_the_one_before_finds_and_more(tmp_path: Path) -> None:
    dataset = copy_of(small_dataset(), tmp_path / "six")

    def turn(members: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
        """A text that the ids do not spell, and an image that is another one's."""
        first = orjson.loads(members[0][1])
        at = next(position for position, text in enumerate(first["texts"]) if text)
        first["texts"][at] += " And more."
        first["loss_weight"] = 3.0
        return [(members[0][0], orjson.dumps(first)), *members[1:]]

    edit_shard(dataset, turn)
    found = [set(validated(dataset, level=level).counts) - {"image-small"} for level in Level]
    assert found == [{"loss-span"}, {"loss-span", "ids-text"}, {"loss-span", "ids-text"}]


def test_samples_are_drawn_at_random_and_the_same_every_time() -> None:
    one, other = validated(sample_dataset(), sample=10), validated(sample_dataset(), sample=10)
    assert one == other and one.num_samples == 10
    assert any("samples alone" in sentence for sentence in one.not_checked)
    assert validated(sample_dataset(), sample=10_000).num_samples == manifest_of(sample_dataset())["num_samples"]


def test_damage_in_a_sample_that_was_drawn_is_found(tmp_path: Path) -> None:
    dataset = copy_of(small_dataset(), tmp_path / "six")
    for shard in (dataset / "shard-0000.tar", dataset / "shard-0001.tar"):
        data = bytearray(shard.read_bytes())
        data[600:620] = bytes(20)
        shard.write_bytes(data)
    # Five of six: at least one of the two is among them.
    assert {"sample-json"} <= set(validated(dataset, sample=5).counts)


@pytest.mark.parametrize(
    ("ranks", "workers", "said"),
    [
        (3, 1, "2 shards cannot be dealt out evenly to 3 readers"),
        (1, 4, "2 shards cannot be dealt out evenly to 4 readers"),
        (2, 1, "one reader gets"),
        (1, 1, None),
    ],
)
def test_shards_that_cannot_be_dealt_out_evenly_are_a_warning(ranks: int, workers: int, said: str | None) -> None:
    outcome = validated(small_dataset(), num_ranks=ranks, num_workers=workers, level=Level.QUICK)
    found = [finding.message for finding in outcome.findings if finding.code == "shard-balance"]
    assert outcome.is_sound
    assert [message.startswith(str(said)) for message in found] == ([] if said is None else [True])


def outcome_of(*codes: str) -> Outcome:
    findings = tuple(
        Finding(code=code, where="shard-0000.tar\x07 7", message="is \ud800 <odd> & \x00") for code in codes
    )
    return Outcome(num_shards=1, findings=findings, counts=dict.fromkeys(codes, 30))


def test_junit_has_a_case_for_each_invariant_and_a_warning_is_no_failure() -> None:
    suite = ElementTree.fromstring(as_junit(Path("data"), outcome_of("index", "image-small")))
    assert (suite.get("tests"), suite.get("failures")) == (str(len(INVARIANTS)), "1")
    cases = {case.get("name"): case for case in suite}
    failure, output = cases["index"].find("failure"), cases["image-small"].find("system-out")
    assert failure is not None and "30 finding(s)" in str(failure.get("message"))
    assert output is not None and "image-small (warning), 30 x" in str(output.text)
    assert all(len(case) == 0 for name, case in cases.items() if name not in ("index", "image-small"))


def test_the_text_has_a_verdict_each_code_once_and_what_to_do() -> None:
    lines = as_text(Path("data"), outcome_of("image-small", "index")).splitlines()
    assert lines[0] == "data: not sound, 30 finding(s) and 30 warning(s)"
    assert [line.strip().partition(",")[0] for line in lines if " x; expected" in line] == [
        "index",
        "image-small (warning)",
    ]
    assert sum("what to do: " in line for line in lines) == 2 and sum("... and 29 more" in line for line in lines) == 2
    assert "\x07" not in "".join(lines) and "\x00" not in "".join(lines)


def test_every_invariant_says_what_holds_and_what_to_do() -> None:
    for invariant in INVARIANTS.values():
        assert invariant.holds and invariant.remedy and not invariant.remedy.endswith(".")
    assert {code for code, invariant in INVARIANTS.items() if invariant.severity is Severity.WARNING} == {
        "processor", "image-small", "duplicate-sample", "shard-balance",
    }  # fmt: skip


def test_the_command_writes_json_and_junit(tmp_path: Path) -> None:
    ran = command("validate", small_dataset(), "--json", "--junit", tmp_path / "junit.xml", "--workers", "1")
    found = orjson.loads(ran.stdout)
    assert (ran.returncode, found["sound"], found["num_errors"]) == (0, True, 0)
    assert found["counts"] == {"image-small": found["num_warnings"]}
    assert {item["severity"] for item in found["findings"]} == {"warning"}
    assert ElementTree.parse(tmp_path / "junit.xml").getroot().get("failures") == "0"


def test_a_place_for_junit_that_is_not_there_is_said_before_any_work(tmp_path: Path) -> None:
    ran = command("validate", small_dataset(), "--junit", tmp_path / "no" / "junit.xml")
    assert (ran.returncode, ran.stderr) == (2, f"error: --junit: there is no folder {tmp_path / 'no'}\n")


def test_nothing_to_validate_is_an_error(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(ShardError):
            validated(path)
