"""`interleave estimate`: where everything is built it is exact; of a part it is near; and it writes nothing."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from fixtures_build import ROOT, command, sample_report, six_documents, small_overrides, source_documents
from fixtures_site import NOT_FOUND, Answer, serving

from interleave.acquire.listing import SourceFile
from interleave.errors import RecipeError
from interleave.estimate import _of_whole, _spread, estimate
from interleave.estimate_text import bytes_text, time_text
from interleave.recipe import Recipe
from interleave.recipe_file import load_recipe
from interleave.sampled import Sampled

RECIPE = ROOT / "recipes" / "mmc4.yaml"


def recipe(output: Path, *overrides: str) -> Recipe:
    return load_recipe(RECIPE, [f"output={output}", *overrides])


def test_where_everything_is_built_the_counts_are_those_of_the_build(tmp_path: Path) -> None:
    said = estimate(recipe(tmp_path / "mmc4"), num_documents=1000, num_workers=1, num_machines=1)
    built = sample_report()
    assert (said.documents_in, said.images_in) == (built.documents_in, built.images_in)
    assert (said.documents_out, said.images_out, said.samples) == (built.documents_out, built.images_out, built.samples)
    assert (said.text_tokens, said.tokens) == (built.tokens_out, sum(line.num_tokens for line in built.datasets))
    assert said.is_counted and said.sample_documents == built.documents_in
    by_rule = {(loss.stage, loss.rule): (loss.documents, loss.images) for loss in said.losses}
    assert by_rule == {(line.stage, line.rule): (line.documents, line.images) for line in built.drops}


def test_smaller_samples_of_which_nothing_is_left_are_passed_over(tmp_path: Path) -> None:
    """One document in 50 has a picture: the warming-up build of four has none that stays."""
    lines = []
    documents = [document for document in source_documents().values() if document["image_info"]]
    for number in range(200):
        document = dict(documents[number % len(documents)], url=f"https://example.org/{number}")
        document["text_list"] = [f"{text} {number}" for text in document["text_list"]]
        if number % 50 != 12:
            document |= {"image_info": [], "similarity_matrix": []}
        lines.append(orjson.dumps(document))
    (tmp_path / "docs.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    settings = (f"source.path={tmp_path / 'docs.jsonl'}", "dedup.images=null", "dedup.documents=null")
    said = estimate(recipe(tmp_path / "mmc4", *settings), num_documents=50, num_workers=1, num_machines=1)
    assert said.documents_in == 200 and 0 < said.documents_out <= 20


@pytest.mark.parametrize("keep", ["original", "none"])
def test_an_image_is_asked_for_once_by_all_samples(tmp_path: Path, keep: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTACT", "somebody@lab.example")

    def image(path: str) -> Answer:
        found = ROOT / "recipes" / "sample" / "images" / path.lstrip("/")
        return Answer(found.read_bytes(), "image/jpeg") if found.is_file() else NOT_FOUND

    lines = []
    for document in source_documents().values():
        infos = [info | {"raw_url": f"http://images.example/{info['image_name']}"} for info in document["image_info"]]
        lines.append(orjson.dumps(document | {"image_info": infos}))
    (tmp_path / "docs.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    with serving(image) as site:
        settings = [
            f"source.path={tmp_path / 'docs.jsonl'}",
            f"output={tmp_path / 'out'}",
            "fetch.store=null",
            f"fetch.keep={keep}",
            f'fetch.resolve={{images.example: "{site.place}"}}',
            "fetch.politeness.requests_per_second=null",
        ]
        by_url = load_recipe(ROOT / "recipes" / "mmc4-urls.yaml", settings)
        said = estimate(by_url, num_documents=15, num_workers=1, num_machines=1)
    asked = {path: number for path, number in site.asked.items() if path != "/robots.txt"}
    assert asked and set(asked.values()) == {1}
    assert said.sample_documents < said.documents_in
    assert next(stage.seconds for stage in said.stages if stage.name == "fetch") > 0


def test_nothing_is_written_to_the_output(tmp_path: Path) -> None:
    estimate(recipe(tmp_path / "mmc4"), num_documents=20, num_workers=1, num_machines=1)
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_the_input_is_carried_over_to_all_of_it(tmp_path: Path) -> None:
    """The sample's 53 documents twenty times over, each with another URL and its words turned round."""
    lines = []
    for number in range(20):
        for document in source_documents().values():
            texts = [
                " ".join(text.split(" ")[:: -1 if number % 2 else 1]) + f" {number}" for text in document["text_list"]
            ]
            lines.append(orjson.dumps(document | {"url": f"{document['url']}?{number}", "text_list": texts}))
    (tmp_path / "docs.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    settings = (f"source.path={tmp_path / 'docs.jsonl'}", "dedup.images=null", "dedup.documents=null")
    said = estimate(recipe(tmp_path / "mmc4", *settings), num_documents=200, num_workers=1, num_machines=4)
    assert said.documents_in == len(lines) and said.sample_documents < 300
    built = sample_report()
    assert said.images_in == pytest.approx(20 * built.images_in, rel=0.1)
    assert said.seconds_on_several < said.seconds
    single = {stage.name: (stage.seconds, stage.seconds_on_several) for stage in said.stages}
    assert single["plan"][0] == single["plan"][1] and single["measure"][1] == pytest.approx(
        single["measure"][0] / 4, abs=1e-3
    )


def test_copies_grow_with_the_corpus_and_other_losses_do_not() -> None:
    """A tenth of a corpus: 100 of 1,000 fell by a rule, 5 as copies."""
    assert _of_whole(100, 1000, 0.1, grows=False) == 1000
    assert _of_whole(5, 1000, 0.1, grows=True) == pytest.approx(488, abs=1)
    assert _of_whole(5, 1000, 1.0, grows=True) == 5
    assert _of_whole(0, 0, 0.5, grows=True) == 0


def test_files_are_spread_from_the_first_to_the_last() -> None:
    files = [SourceFile(source="mmc4", path=f"/{n}", name=str(n), num_bytes=1) for n in range(100)]
    assert [file.name for file in _spread(files, 4)] == ["0", "25", "50", "75"]
    assert _spread(files[:3], 16) == files[:3]


def test_every_nth_record_is_the_same_however_the_file_is_cut() -> None:
    source = recipe(Path("/nowhere"), f"source.path={six_documents()}").all_sources[0]
    sampled = Sampled(inner=source, names=tuple(file.name for file in source.files()), every=2)
    from interleave.acquire.source import Limits

    limits = Limits(max_image_bytes=1 << 20)
    found = [
        [str(record) for split in sampled.cut(file, size) for record in sampled.read(split, limits)]
        for size in (1, 1 << 30)
        for file in sampled.files()
    ]
    assert len(found[0]) == len(found[1]) == 3


def test_an_input_without_records_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "docs.jsonl").write_bytes(b"\n\n")
    with pytest.raises(RecipeError, match="holds no record"):
        estimate(
            recipe(tmp_path / "mmc4", f"source.path={tmp_path / 'docs.jsonl'}"),
            num_documents=10, num_workers=1, num_machines=1,
        )  # fmt: skip


def test_the_command_prints_what_is_to_come(tmp_path: Path) -> None:
    settings = [word for each in small_overrides() for word in ("--set", each)]
    arguments = ("estimate", RECIPE, *settings, "--set", f"output={tmp_path / 'six'}", "--workers", "1")
    shown = command(*arguments, "--machines", "8")
    assert shown.returncode == 0, shown.stderr
    assert "documents out" in shown.stdout and "Most expensive:" in shown.stdout and "8 machines" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80
    plain = orjson.loads(command(*arguments, "--json").stdout)
    assert plain["documents_in"] == 6 and plain["seconds"] > 0


def test_a_mixture_is_refused_with_what_to_do() -> None:
    ran = command("estimate", ROOT / "recipes" / "vila-stage2.yaml")
    assert ran.returncode == 2 and "each of its recipes" in ran.stderr


def test_times_and_sizes_are_read_at_a_glance() -> None:
    assert [time_text(seconds) for seconds in (7.26, 246, 9000, 300_000)] == ["7.3 s", "4.1 min", "2.5 h", "3.5 days"]
    assert [bytes_text(n) for n in (870, 1_340_000, 2_400_000_000_000)] == ["870 B", "1.3 MB", "2.4 TB"]
