"""A build from end to end, on the embedded sample: what goes in, what comes out, and that nothing else happens."""

from __future__ import annotations

import io
import os
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import orjson
import pytest
from fixtures_build import (
    RECIPE,
    SAMPLE,
    build_again,
    build_sample,
    built_files,
    ledger,
    manifest_of,
    process,
    records,
    sample_dataset,
    sample_lines,
    sample_report,
    small_dataset,
    small_overrides,
    source_documents,
    split_input,
    urls,
    whole_documents,
    write_split_input,
)
from PIL import Image

from interleave.encode.tokenizer import find_tokenizer, load_tokenizer
from interleave.errors import RecipeError, TaskError
from interleave.images.stored import jpeg_metadata
from interleave.recipe_file import load_recipe

FRACTIONS = "https://school.example/writing-about-fractions"
NO_RULES = ("clean.rules=[]", "dedup.documents=null", "dedup.images=null")


def dropped(url: str) -> set[tuple[int | None, str, str]]:
    """(image, stage, rule) of all that the ledger says of a page."""
    by_url = {name: doc_id for doc_id, name in urls().items()}
    return {
        (row["image"], row["stage"], row["rule"]) for row in ledger(sample_dataset()) if row["doc_id"] == by_url[url]
    }


def kept_images(dataset: Path) -> set[tuple[str, int]]:
    return {(record.doc_id, info["index"]) for record, _, _ in records(dataset) for info in record.image_info}


# Nothing is lost


def test_documents_that_went_in_came_out_or_have_one_row_in_the_ledger() -> None:
    report, dataset = sample_report(), sample_dataset()
    assert report.documents_in == len(sample_lines()) == 53
    out = {record.doc_id for record, _, _ in records(dataset)}
    gone = Counter(row["doc_id"] for row in ledger(dataset) if row["image"] is None)
    assert report.documents_out == len(out)
    assert set(gone.values()) == {1}
    assert not out & gone.keys()
    assert len(out) + len(gone) == 53
    # The one line that is no JSON has a row too, under the id of its place.
    assert len(gone.keys() - urls().keys()) == 1
    assert urls().keys() <= out | gone.keys()


def test_images_that_went_in_came_out_or_have_one_row_in_the_ledger() -> None:
    report, dataset = sample_report(), sample_dataset()
    unparsed = {row["doc_id"] for row in ledger(dataset) if row["image"] is None and row["stage"] == "measure"}
    going_in = {
        (doc_id, index)
        for doc_id, document in source_documents().items()
        if doc_id not in unparsed
        for index in range(len(document["image_info"]))
    }
    gone = Counter((row["doc_id"], row["image"]) for row in ledger(dataset) if row["image"] is not None)
    assert set(gone.values()) == {1}
    assert report.images_in == len(going_in)
    assert kept_images(dataset) == going_in - gone.keys()
    assert gone.keys() <= going_in
    assert report.images_out == len(going_in) - len(gone)


def test_text_tokens_that_went_in_came_out_or_fell_with_their_documents() -> None:
    report = sample_report()
    in_shards = 0
    for record, ids, jpegs in records(sample_dataset()):
        num_structural = int(record.part == 0) + int(record.part == record.num_parts - 1)
        in_shards += len(ids) - len(jpegs) - num_structural
    assert report.tokens_out == in_shards
    assert report.tokens_in == report.tokens_out + report.tokens_dropped
    assert report.tokens_dropped > 0


def test_tokens_that_go_in_do_not_depend_on_what_the_rules_drop(tmp_path: Path) -> None:
    without = build_again(tmp_path / "mmc4", *NO_RULES)
    assert without.tokens_dropped == 0
    # Images split the text that is encoded as one string, so a dropped image may join or part a token or two.
    assert without.tokens_in == pytest.approx(sample_report().tokens_in, rel=0.01)


def test_the_ledger_says_what_was_measured_and_which_bound_it_broke() -> None:
    rows = {(urls().get(row["doc_id"]), row["image"], row["rule"]): row for row in ledger(sample_dataset())}
    side = rows["https://maps.example/compass-and-chart", 2, "image_side"]
    assert (side["stage"], side["value"], side["threshold"]) == ("clean", 60, 150)
    shape = rows["https://harbour.example/lighthouse", 0, "aspect_ratio"]
    assert (shape["value"], shape["threshold"]) == (pytest.approx(0.4), 0.5)
    near = rows["https://crossings.example/three-ways-across", None, "document_near"]
    assert (near["value"], near["threshold"]) == (pytest.approx(0.93, abs=0.01), 0.8)
    assert urls()[near["detail"]] == "https://workshop.example/bridges"


def test_the_summary_beside_the_dataset_gives_the_same_drops_as_the_ledger() -> None:
    summary = orjson.loads((sample_dataset() / "summary.json").read_bytes())
    counted = Counter((row["stage"], row["rule"], row["image"] is None) for row in ledger(sample_dataset()))
    assert {
        (line["stage"], line["rule"], True): line["documents"] for line in summary["drops"] if line["documents"]
    } | {(line["stage"], line["rule"], False): line["images"] for line in summary["drops"] if line["images"]} == counted


def test_signals_are_kept_of_everything_measured_also_of_what_stays() -> None:
    import pyarrow.parquet as pq

    ledger_folder = sample_dataset() / "ledger"
    rows = pq.read_table(ledger_folder / "images.parquet").to_pylist()
    assert kept_images(sample_dataset()) <= {(row["doc_id"], row["image"]) for row in rows}
    assert all(row["width"] > 0 and row["sha256"] and row["rule.image_side"] > 0 for row in rows)
    assert pq.read_metadata(ledger_folder / "documents.parquet").num_rows == 50


# The planted flaws


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://workshop.example/pulleys", {(2, "dedup", "image_within_document")}),
        ("https://sky.example/seasons", {(2, "measure", "truncated")}),
        ("https://garden.example/compost", {(1, "measure", "not_fetched")}),
        ("https://kitchen.example/vegetable-soup", {(1, "measure", "unsupported_format")}),
        ("https://wenhua.example/mozhu", set()),
        ("https://maps.example/compass-and-chart", {(2, "clean", "image_side")}),
        ("https://patterns.example/two-weaves", {(2, "clean", "best_similarity")}),
        ("https://patterns.example/gallery-of-pieced-patterns", set()),
        ("https://maps.example/walk-to-the-hut", set()),
        ("https://school.example/why-we-read-aloud", {(None, "clean", "num_images")}),
        ("https://maps.example/ferry-timetable", {(0, "measure", "truncated"), (None, "clean", "num_images")}),
        ("https://broken.example/text-as-one-string", {(None, "measure", "bad_text_list")}),
        ("https://broken.example/hexagonal-tiles", {(None, "measure", "bad_similarity_matrix")}),
        (
            "https://broken.example/knight-moves",
            {(0, "measure", "matched_text_index_out_of_range"), (None, "clean", "num_images")},
        ),
        ("https://garden.example/tree-rings", {(0, "clean", "document_dropped"), (None, "clean", "num_sentences")}),
        ("https://school.example/drawing-a-face", {(0, "clean", "faces"), (None, "clean", "num_images")}),
        ("https://harbour.example/lighthouse", {(0, "clean", "aspect_ratio"), (None, "clean", "num_images")}),
    ],
)
def test_a_planted_flaw_falls_to_its_rule(url: str, expected: set[tuple[int | None, str, str]]) -> None:
    assert dropped(url) == expected


def test_one_of_two_equal_documents_stays_and_the_logo_and_the_banner_go() -> None:
    out = {record.url for record, _, _ in records(sample_dataset())}
    twins = {"https://night.example/archive/phases-of-the-moon", "https://sky.example/moon-phases"}
    assert len(out & twins) == 1
    rules = Counter(row["rule"] for row in ledger(sample_dataset()))
    assert (rules["url_tokens"], rules["image_across_corpus"]) == (12, 12)


def test_damaged_text_is_repaired_before_it_is_encoded() -> None:
    texts = {
        record.url: " ".join(text for text in record.texts if text is not None)
        for record, _, _ in records(sample_dataset())
    }
    assert "café" in texts["https://kitchen.example/creperie"]
    assert "Ã" not in texts["https://kitchen.example/creperie"]
    assert not set(texts["https://kitchen.example/making-tea"]) & set("\ufeff\u200b\u00ad\t\n\x07")


def test_a_document_longer_than_the_context_becomes_samples_within_it_that_join_to_the_whole() -> None:
    whole = {record.url: (record, ids, jpegs) for record, ids, jpegs in records(whole_documents())}
    parts: dict[str | None, list[tuple[object, ...]]] = {}
    for record, ids, jpegs in records(sample_dataset()):
        assert len(ids) + sum(record.span_tokens) - len(jpegs) <= 4096
        parts.setdefault(record.url, []).append((record.part, ids, jpegs, record.num_parts))
    flags = sorted(parts["https://harbour.example/signal-flags"], key=lambda part: part[0])
    assert [part[0] for part in flags] == list(range(flags[0][3])) and len(flags) > 1
    _, ids, jpegs = whole["https://harbour.example/signal-flags"]
    assert np.array_equal(np.concatenate([part[1] for part in flags]), ids)
    assert sum((part[2] for part in flags), ()) == jpegs


# Switching things off


def test_without_rules_and_dedup_only_what_cannot_be_read_is_lost(tmp_path: Path) -> None:
    report = build_again(tmp_path / "mmc4", *NO_RULES)
    assert {line.stage for line in report.drops} == {"measure"}
    assert report.documents_in - report.documents_out == 3
    assert report.images_in - report.images_out == 5
    unreadable = {"truncated", "not_fetched", "unsupported_format", "matched_text_index_out_of_range"}
    assert {line.rule for line in report.drops if line.images} == unreadable


def test_a_recipe_that_leaves_nothing_names_the_rule_that_took_everything(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"nothing is left of 53 documents; clean/num_images took 50"):
        build_sample(tmp_path / "mmc4", "clean.rules=[{kind: num_images, min: 50}]")
    assert not (tmp_path / "mmc4" / "manifest.json").exists()


def test_an_input_without_a_document_is_said_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "docs.jsonl").write_bytes(b"\n\n")
    with pytest.raises(TaskError, match="the input holds no document"):
        build_sample(tmp_path / "mmc4", f"source.path={tmp_path / 'docs.jsonl'}")


# Where things go


def sentences_beside_images(dataset: Path, step: int) -> tuple[int, int]:
    """How many images have their own sentence `step` texts away, and how many were looked at."""
    matching = looked_at = 0
    for record, _, _ in records(dataset):
        source = source_documents()[record.doc_id]["text_list"]
        at = [position for position, name in enumerate(record.images) if name is not None]
        for position, info in zip(at, record.image_info, strict=True):
            sentence = source[info["matched_sentence"]]
            found = position
            while 0 <= found < len(record.texts) and record.texts[found] is None:
                found += step
            if record.num_parts > 1:
                continue
            looked_at += 1
            matching += 0 <= found < len(record.texts) and record.texts[found] == sentence
    return matching, looked_at


def test_an_image_stands_in_front_of_its_sentence_or_behind_it_as_the_recipe_says(tmp_path: Path) -> None:
    after = tmp_path / "mmc4"
    build_again(after, "align.place=after")
    for dataset, step in ((sample_dataset(), 1), (after, -1)):
        matching, looked_at = sentences_beside_images(dataset, step)
        # Sentences that were repaired differ from their source.
        assert looked_at > 80 and matching > 0.9 * looked_at
        assert sentences_beside_images(dataset, -step)[0] < 0.3 * looked_at


def test_shards_are_as_many_and_as_large_as_the_recipe_allows_and_even(tmp_path: Path) -> None:
    dataset = tmp_path / "mmc4"
    build_again(dataset, "shards.multiple_of=3", "shards.max_bytes=400000")
    sizes = [path.stat().st_size for path in sorted(dataset.glob("*.tar"))]
    assert len(sizes) % 3 == 0 and len(sizes) == len(manifest_of(dataset)["shards"])
    assert max(sizes) <= 400_000
    largest_sample = max(sum(map(len, jpegs)) for _, _, jpegs in records(dataset)) + 20_000
    assert max(abs(size - sum(sizes) / len(sizes)) for size in sizes) <= largest_sample


def test_the_manifest_has_hash_bytes_and_samples_of_every_shard() -> None:
    dataset = sample_dataset()
    manifest, files = manifest_of(dataset), built_files(dataset)
    assert [shard["name"] for shard in manifest["shards"]] == sorted(name for name in files if name.endswith(".tar"))
    for shard in manifest["shards"]:
        assert shard["sha256"] == files[shard["name"]]
        assert shard["num_bytes"] == (dataset / shard["name"]).stat().st_size
    assert sum(shard["num_samples"] for shard in manifest["shards"]) == sum(1 for _ in records(dataset))
    tars = {shard["name"] for shard in manifest["shards"]}
    assert manifest["files"] == {name: files[name] for name in files.keys() - tars - {"manifest.json"}}


def test_a_split_keeps_domains_and_shared_images_on_one_side(tmp_path: Path) -> None:
    recipe = ("splits={val: 0.2}", "dedup.images.max_copies=null", "clean.rules=[{kind: url_tokens}]")
    split = (*recipe, "source.path=" + str(two_webs(tmp_path / "docs.jsonl")), "seed=3")
    report = build_sample(tmp_path / "mmc4", *split)
    assert [Path(line.folder).name for line in report.datasets] == ["train", "val"]
    train, val = (list(records(tmp_path / "mmc4" / name)) for name in ("train", "val"))
    assert train and val
    domains = [{urlsplit(str(record.url)).hostname for record, _, _ in side} for side in (train, val)]
    assert not domains[0] & domains[1]
    images = [{info["sha256"] for record, _, _ in side for info in record.image_info} for side in (train, val)]
    assert not images[0] & images[1]
    # The banner is on twelve pages of many domains: they are all on one side.
    uses = Counter(info["sha256"] for record, _, _ in train + val for info in record.image_info)
    assert max(uses.values()) == 12 and len(domains[0] | domains[1]) > 20
    assert not {record.doc_id for record, _, _ in train} & {record.doc_id for record, _, _ in val}


def two_webs(path: Path) -> Path:
    """The sample's documents; those without the banner and the logo on domains of their own."""
    used = Counter(info["image_name"] for document in source_documents().values() for info in document["image_info"])
    lines = []
    for number, line in enumerate(sample_lines()):
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if all(used[info["image_name"]] == 1 for info in document["image_info"]):
            document["url"] = f"https://site-{number}.example/page"
        lines.append(orjson.dumps(document))
    path.write_bytes(b"\n".join(lines))
    return path


def test_a_split_that_gets_no_document_is_an_error_not_an_empty_dataset(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="split 'val' got no document"):
        build_again(tmp_path / "mmc4", "splits={val: 0.000001}")


def test_without_a_context_whole_documents_are_stored() -> None:
    manifest = manifest_of(whole_documents())
    assert manifest["model"]["context"] is None
    assert manifest["num_samples"] == sample_report().documents_out < sample_report().samples
    assert all(record.num_parts == 1 for record, _, _ in records(whole_documents()))


# What must not get in


def test_no_image_carries_metadata_though_the_source_had_some() -> None:
    name = source_documents()[
        {url: doc_id for doc_id, url in urls().items()}["https://garden.example/snail-after-rain"]
    ]["image_info"][0]["image_name"]
    with Image.open(SAMPLE / "images" / name) as source:
        assert 0x8825 in source.getexif(), "the sample holds a picture with a GPS position"
    for _, _, jpegs in records(sample_dataset()):
        for jpeg in jpegs:
            assert not jpeg_metadata(jpeg)
            with Image.open(io.BytesIO(jpeg)) as image:
                assert not image.getexif() and image.mode == "RGB"
            assert b"Exif" not in jpeg and b"GPS" not in jpeg


def test_images_are_stored_upright() -> None:
    for record, _, jpegs in records(sample_dataset()):
        if record.url == "https://garden.example/snail-after-rain":
            with Image.open(io.BytesIO(jpegs[0])) as image:
                assert image.width > image.height
            assert (record.image_info[0]["source_width"], record.image_info[0]["source_height"]) == (520, 380)
            return
    pytest.fail("the document is missing")


def test_special_tokens_written_in_a_page_stay_text() -> None:
    tokenizer = load_tokenizer(find_tokenizer(load_recipe(RECIPE).tokenizer))
    bos, eos = tokenizer.token_id("<s>"), tokenizer.token_id("</s>")
    for record, ids, jpegs in records(sample_dataset()):
        assert np.count_nonzero(ids == bos) == int(record.part == 0)
        assert np.count_nonzero(ids == eos) == int(record.part == record.num_parts - 1)
        assert np.count_nonzero(ids < 0) == np.count_nonzero(ids == -200) == len(jpegs)
        if record.url == FRACTIONS:
            text = tokenizer.decode([int(token) for token in ids[1:-1] if token >= 0])
            assert "</s>" in text and "<s>" in text and "<IMAGE>" in text and "<image>" not in text
            assert len(jpegs) == 2


def test_a_page_full_of_special_strings_gives_no_special_id_in_a_model_with_a_placeholder_token(tmp_path: Path) -> None:
    document = next(d for d in source_documents().values() if d["url"] == FRACTIONS)
    hostile = ["<s>", "</s>", "<unk>", "<image>", "<pad>", "<|endoftext|>", "<im_start>", "<0x0A>", "<image></s><s>"]
    document = document | {"text_list": hostile, "url": "https://hostile.example/a"}
    document["image_info"] = [info | {"matched_text_index": 1} for info in document["image_info"]]
    document["similarity_matrix"] = [[0.3] * len(hostile)] * len(document["image_info"])
    lines = [orjson.dumps(document | {"url": f"https://hostile.example/{n}"}) for n in range(2)]
    (tmp_path / "docs.jsonl").write_bytes(b"\n".join(lines))
    dataset = tmp_path / "mmc4"
    build_sample(dataset, *NO_RULES, f"source.path={tmp_path / 'docs.jsonl'}", "encode.placeholder=<image>")
    tokenizer = load_tokenizer(find_tokenizer(load_recipe(RECIPE).tokenizer))
    placeholder = manifest_of(dataset)["model"]["placeholder"]
    special = [tokenizer.token_id(name) for name in ("<s>", "</s>", "<unk>")]
    for record, ids, jpegs in records(dataset):
        assert [np.count_nonzero(ids == token) for token in special] == [1, 1, 0]
        assert np.flatnonzero(ids == placeholder).tolist() == [start for start, _ in record.spans]
        assert len(jpegs) == 2
        assert not any("<image>" in text for text in record.texts if text is not None)


# The same bytes


def test_any_number_of_workers_gives_the_same_bytes(tmp_path: Path) -> None:
    recipe = (f"source.path={split_input()}", "shards.max_bytes=700000")
    found = []
    for num_workers in (1, 2, 3):
        output = tmp_path / str(num_workers) / "mmc4"
        report = build_sample(output, *recipe, num_workers=num_workers)
        assert next(line for line in report.stages if line.stage == "measure").num_tasks == 5
        found.append(built_files(output))
    assert len([name for name in found[0] if name.endswith(".tar")]) >= 4
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_the_hash_seed_of_python_changes_no_byte(tmp_path: Path, hash_seed: str) -> None:
    output = tmp_path / "six"
    settings = [word for override in (f"output={output}", *small_overrides()) for word in ("--set", override)]
    ran = process("build", RECIPE, "--workers", 1, *settings, env=os.environ | {"PYTHONHASHSEED": hash_seed})
    assert ran.returncode == 0, ran.stderr
    assert built_files(output) == built_files(small_dataset())


def test_input_in_another_folder_gives_the_same_bytes(tmp_path: Path) -> None:
    found = []
    (tmp_path / "pictures").symlink_to(SAMPLE / "images")
    for docs, images in (("here", SAMPLE / "images"), ("elsewhere/deep", tmp_path / "pictures")):
        write_split_input(tmp_path / docs, num_lines=3)
        output = tmp_path / docs / "out" / "mmc4"
        build_sample(output, f"source.path={tmp_path / docs}", f"source.images={images}")
        found.append(built_files(output))
    assert found[0] == found[1]


def test_no_path_of_this_machine_is_in_the_dataset() -> None:
    dataset = sample_dataset()
    for name in ("manifest.json", "README.md", "wids-meta.json", "index.arrow"):
        data = (dataset / name).read_bytes()
        assert str(dataset.parent).encode() not in data
        assert str(SAMPLE.parent).encode() not in data
        assert sys.prefix.encode() not in data


def test_another_seed_gives_the_same_samples_in_another_order(tmp_path: Path) -> None:
    build_again(tmp_path / "mmc4", "seed=1")
    orders = [[record.doc_id for record, _, _ in records(dataset)] for dataset in (sample_dataset(), tmp_path / "mmc4")]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])


def test_documents_are_shuffled_and_parts_of_one_stay_together_in_order() -> None:
    order = [(record.doc_id, record.part) for record, _, _ in records(sample_dataset())]
    by_source = list(urls())
    places = [by_source.index(doc_id) for doc_id, _ in order]
    assert places != sorted(places)
    for (doc_id, part), (following, its_part) in pairwise(order):
        assert its_part == (part + 1 if following == doc_id else 0)


# Refusals before any work


def test_a_source_that_is_not_there_is_a_fault_of_the_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"source mmc4: .*nowhere\.jsonl matches no file"):
        build_sample(tmp_path / "mmc4", f"source.path={tmp_path / 'nowhere.jsonl'}")


def test_an_output_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mmc4").write_text("mine")
    with pytest.raises(RecipeError, match="is a file, expected a folder"):
        build_sample(tmp_path / "mmc4")
    assert (tmp_path / "mmc4").read_text() == "mine"
