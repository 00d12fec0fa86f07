"""Validation finds every damage: of bytes, of files, and of meaning where every checksum was made right again."""

from __future__ import annotations

import io
import random
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from fixtures_build import (
    TIMEOUT_S,
    Members,
    copy_of,
    edit_shard,
    manifest_of,
    sample_dataset,
    seal_again,
    small_dataset,
    tar_members,
    whole_documents,
    write_manifest_of,
    write_tar,
)
from PIL import Image

from interleave.errors import ShardError
from interleave.executors import InProcess
from interleave.sample import read_ids, write_ids
from interleave.shard.tar import END
from interleave.validate.dataset import validate
from interleave.validate.findings import MAX_FINDINGS, Outcome
from interleave.validate.invariants import INVARIANTS, Severity
from interleave.validate.level import Level
from interleave.validate.options import Options

FIRST, SECOND = "shard-0000.tar", "shard-0001.tar"
NUM_FLIPS = 60


def validated(path: Path, **options: Any) -> Outcome:
    with InProcess() as executor:
        return validate(path, executor, Options(**options), quiet=True)


def quickly(path: Path) -> Outcome:
    return validated(path, level=Level.QUICK)


def codes(path: Path, **options: Any) -> set[str]:
    """Of errors; images of the small dataset are small."""
    outcome = validated(path, **options)
    return {finding.code for finding in outcome.findings if finding.severity is Severity.ERROR}


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """A sound dataset to damage."""
    return copy_of(small_dataset(), tmp_path / "six")


# Sound ones


@pytest.mark.parametrize("make", [sample_dataset, whole_documents, small_dataset])
def test_a_sound_dataset_has_no_finding(make: Callable[[], Path]) -> None:
    outcome, manifest = validated(make(), level=Level.PARANOID), manifest_of(make())
    assert outcome.is_sound and set(outcome.counts) <= {"image-small"} and not outcome.not_checked
    assert outcome.num_shards == len(manifest["shards"])
    assert (outcome.num_samples, outcome.num_images, outcome.num_tokens) == (
        manifest["num_samples"],
        manifest["num_images"],
        manifest["num_tokens"],
    )


def test_a_sound_tar_by_itself_has_no_finding(tmp_path: Path) -> None:
    (tmp_path / FIRST).write_bytes((small_dataset() / FIRST).read_bytes())
    assert codes(tmp_path / FIRST) == set()


def test_an_edit_that_changes_nothing_leaves_a_dataset_sound(dataset: Path) -> None:
    """What the tests below rely on: what they find is what they did, not how they did it."""
    edit_shard(dataset, lambda members: members)
    assert codes(dataset) == set()
    assert (dataset / FIRST).read_bytes() == (small_dataset() / FIRST).read_bytes()


# Bytes


def test_every_flipped_byte_of_a_shard_is_found(dataset: Path) -> None:
    whole = (dataset / FIRST).read_bytes()
    rng = random.Random(7)
    for at in rng.sample(range(len(whole)), NUM_FLIPS):
        flipped = bytearray(whole)
        flipped[at] ^= rng.randrange(1, 256)
        (dataset / FIRST).write_bytes(flipped)
        outcome = validated(dataset)
        assert "checksum" in {finding.code for finding in outcome.findings}, at
        errors = [finding for finding in outcome.findings if finding.severity is Severity.ERROR]
        assert all(FIRST in finding.where or finding.where.startswith("fingerprints/") for finding in errors)


@pytest.mark.parametrize("name", ["index.arrow", "wids-meta.json", "README.md", "ledger/drops.parquet"])
def test_every_flipped_byte_of_another_file_is_found(dataset: Path, name: str) -> None:
    whole = (dataset / name).read_bytes()
    rng = random.Random(8)
    for at in rng.sample(range(len(whole)), 10):
        flipped = bytearray(whole)
        flipped[at] ^= rng.randrange(1, 256)
        (dataset / name).write_bytes(flipped)
        outcome = quickly(dataset)
        assert (name, "checksum") in {(finding.where, finding.code) for finding in outcome.findings}, at


def test_an_index_with_wild_offsets_is_found_and_ends_no_process(dataset: Path) -> None:
    """In a process of its own: a reader that trusts the offsets in the file leaves its memory."""
    script = (
        "import sys, random\nfrom pathlib import Path\n"
        "from interleave.executors import InProcess\nfrom interleave.validate.dataset import validate\n"
        "from interleave.validate.level import Level\nfrom interleave.validate.options import Options\n"
        "folder = Path(sys.argv[1])\nindex = folder / 'index.arrow'\nwhole = index.read_bytes()\n"
        # The highest byte of a little-endian offset, and of much else.
        "for at in random.Random(5).sample(range(3, len(whole), 4), 150):\n"
        "    index.write_bytes(whole[:at] + bytes([whole[at] ^ 0x3F]) + whole[at + 1:])\n"
        "    with InProcess() as executor:\n"
        "        outcome = validate(folder, executor, Options(level=Level.QUICK), quiet=True)\n"
        "    assert any(item.where == 'index.arrow' for item in outcome.findings), at\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, str(dataset)], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert ran.returncode == 0, f"exit code {ran.returncode}\n{ran.stderr}"


@pytest.mark.parametrize("at", [0, 100, 512, 5000, -1025, -1024, -512, -1])
def test_a_shard_cut_off_anywhere_is_found(dataset: Path, at: int) -> None:
    whole = (dataset / FIRST).read_bytes()
    (dataset / FIRST).write_bytes(whole[:at])
    found = codes(dataset)
    assert {"checksum", "tar-structure", "manifest-counts"} <= found


def test_a_tar_by_itself_that_is_cut_off_is_found_without_a_checksum(tmp_path: Path) -> None:
    whole = (small_dataset() / FIRST).read_bytes()
    for at in range(0, len(whole), 4096):
        (tmp_path / "alone.tar").write_bytes(whole[:at])
        assert "tar-structure" in codes(tmp_path / "alone.tar")


def test_data_behind_the_end_is_found(dataset: Path) -> None:
    with (dataset / FIRST).open("ab") as file:
        file.write(b"more" * 200)
    assert {"tar-structure", "checksum"} <= codes(dataset)


# Files


def test_swapped_shards_are_found(dataset: Path) -> None:
    (dataset / FIRST).rename(dataset / "aside")
    (dataset / SECOND).rename(dataset / FIRST)
    (dataset / "aside").rename(dataset / SECOND)
    outcome = validated(dataset)
    assert {"checksum", "key-order", "index"} <= {finding.code for finding in outcome.findings}
    assert {FIRST, SECOND} <= {finding.where.split()[0] for finding in outcome.findings}


@pytest.mark.parametrize("name", [FIRST, "wids-meta.json", "ledger/images.parquet", "index.arrow"])
def test_a_missing_file_is_found(dataset: Path, name: str) -> None:
    (dataset / name).unlink()
    assert (name, "missing-file") in {(item.where, item.code) for item in validated(dataset).findings}


def test_a_tar_that_is_not_in_the_manifest_is_found(dataset: Path) -> None:
    (dataset / "shard-0002.tar").write_bytes((dataset / SECOND).read_bytes())
    assert codes(dataset) == {"unknown-shard"}


def test_totals_of_the_manifest_that_do_not_add_up_are_found(dataset: Path) -> None:
    manifest = manifest_of(dataset)
    manifest["num_tokens"] += 1
    write_manifest_of(dataset, manifest)
    assert codes(dataset) == {"manifest-counts"}


def test_a_dataset_without_a_manifest_cannot_be_validated(dataset: Path) -> None:
    (dataset / "manifest.json").unlink()
    with pytest.raises(ShardError, match="no finished dataset"):
        validated(dataset)


def test_a_manifest_that_leads_out_of_the_dataset_is_found(dataset: Path) -> None:
    manifest = manifest_of(dataset)
    manifest["files"]["../../secret"] = "0" * 64
    write_manifest_of(dataset, manifest)
    errors = [item for item in validated(dataset).findings if item.severity is Severity.ERROR]
    assert ["leads out of the dataset" in item.message for item in errors] == [True]


# Members


def without(members: Members, ending: str) -> Members:
    gone = next(name for name, _ in members if name.endswith(ending))
    return [member for member in members if member[0] != gone]


@pytest.mark.parametrize("ending", [".json", ".input_ids.npy", ".00.jpg", ".01.jpg"])
def test_a_missing_member_is_found_also_without_a_manifest(tmp_path: Path, dataset: Path, ending: str) -> None:
    members = without(tar_members(dataset / FIRST), ending)
    write_tar(tmp_path / "alone.tar", members)
    assert {"sample-members", "image-count"} & codes(tmp_path / "alone.tar")
    write_tar(dataset / FIRST, members)
    found = codes(dataset)
    assert {"checksum", "index"} <= found and {"sample-members", "image-count"} & found


@pytest.mark.parametrize("ending", [".json", ".input_ids.npy", ".00.jpg"])
def test_a_doubled_member_is_found_also_without_a_manifest(tmp_path: Path, dataset: Path, ending: str) -> None:
    members = tar_members(dataset / FIRST)
    at = next(position for position, (name, _) in enumerate(members) if name.endswith(ending))
    members.insert(at, members[at])
    write_tar(tmp_path / "alone.tar", members)
    assert "sample-members" in codes(tmp_path / "alone.tar")
    write_tar(dataset / FIRST, members)
    assert {"checksum", "sample-members"} <= codes(dataset)


def test_a_doubled_sample_is_found_also_without_a_manifest(tmp_path: Path) -> None:
    members = tar_members(small_dataset() / FIRST)
    first = [member for member in members if member[0].startswith("0000000000.")]
    write_tar(tmp_path / "alone.tar", members + first)
    assert codes(tmp_path / "alone.tar") == {"key-order"}


def test_members_in_another_order_are_found(dataset: Path) -> None:
    edit_shard_to(dataset, lambda members: [members[1], members[0], *members[2:]])
    assert "sample-members" in codes(dataset)


@pytest.mark.parametrize("name", ["folder/0000000000.extra.txt", "0000000000.ünicode", "0000000000." + "x" * 89])
def test_a_member_with_a_name_that_readers_treat_differently_is_found(tmp_path: Path, name: str) -> None:
    info = tarfile.TarInfo(name)
    header = info.tobuf(tarfile.USTAR_FORMAT, "utf-8", "surrogateescape")
    data = (small_dataset() / FIRST).read_bytes()
    (tmp_path / "alone.tar").write_bytes(data[: -len(END)] + header + END)
    assert {"member-name", "sample-members"} & codes(tmp_path / "alone.tar")


def edit_shard_to(dataset: Path, edit: Callable[[Members], Members]) -> None:
    """Changes members where the index cannot be made right."""
    write_tar(dataset / FIRST, edit(tar_members(dataset / FIRST)))


# Meaning, with every checksum made right again


def edited(
    dataset: Path,
    *,
    fields: Callable[[dict[str, Any]], object] | None = None,
    ids: Callable[[np.ndarray[Any, Any]], Any] | None = None,
    image: Callable[[bytes], bytes] | None = None,
) -> list[tuple[str, str]]:
    """(place, code) of what is found after the JSON, the ids or the first image of the first sample was changed."""

    def edit(members: Members) -> Members:
        data = dict(members)
        names = list(data)
        if fields is not None:
            record = orjson.loads(data[names[0]])
            fields(record)
            data[names[0]] = orjson.dumps(record)
        if ids is not None:
            data[names[1]] = write_ids(np.asarray(ids(read_ids(data[names[1]]).copy()), dtype=np.int32))
        if image is not None:
            data[names[2]] = image(data[names[2]])
        return list(data.items())

    edit_shard(dataset, edit)
    found = validated(dataset).findings
    return [(finding.where, finding.code) for finding in found if finding.severity is Severity.ERROR]


def assert_only(found: list[tuple[str, str]], *expected: str) -> None:
    assert {code for _, code in found} == set(expected)
    assert all(where.startswith(f"{FIRST} 0000000000") for where, _ in found)


def replaced(at: int, value: int) -> Callable[[np.ndarray[Any, Any]], Any]:
    def edit(ids: np.ndarray[Any, Any]) -> Any:
        ids[at] = value
        return ids

    return edit


def test_a_span_that_is_off_by_one_is_found(dataset: Path) -> None:
    def edit(record: dict[str, Any]) -> None:
        record["spans"][0][0] += 1

    assert "span-placeholder" in {code for _, code in edited(dataset, fields=edit)}


@pytest.mark.parametrize("length", [0, 2, 10**6])
def test_a_span_of_another_length_is_found(dataset: Path, length: int) -> None:
    def edit(record: dict[str, Any]) -> None:
        record["spans"][-1][1] = length
        record["span_tokens"][-1] += length - 1  # the sizes in the index stay as they are

    assert "span-placeholder" in {code for _, code in edited(dataset, fields=edit)}


def test_a_placeholder_without_an_image_is_found(dataset: Path) -> None:
    assert_only(edited(dataset, ids=replaced(1, -200)), "span-placeholder")


def test_a_placeholder_that_became_text_is_found(dataset: Path) -> None:
    def edit(ids: np.ndarray[Any, Any]) -> Any:
        ids[np.flatnonzero(ids == -200)[0]] = 5
        return ids

    assert_only(edited(dataset, ids=edit), "span-placeholder")


@pytest.mark.parametrize("value", [32_000, 2**31 - 1, -1, -201])
def test_an_id_out_of_the_vocabulary_is_found(dataset: Path, value: int) -> None:
    assert_only(edited(dataset, ids=replaced(2, value)), "id-range")


def test_a_sample_longer_than_the_context_is_found(dataset: Path) -> None:
    found = edited(dataset, ids=lambda ids: np.concatenate([ids, np.full(4096, 5, dtype=np.int32)]))
    assert "context" in {code for _, code in found}


def test_learning_an_image_is_found(dataset: Path) -> None:
    def edit(record: dict[str, Any]) -> None:
        end = record["loss_spans"][-1]
        record["loss_spans"] = [[0, sum(end)]]

    assert_only(edited(dataset, fields=edit), "loss-span")


def test_learning_what_is_not_there_or_nothing_at_all_is_found(dataset: Path, tmp_path: Path) -> None:
    def beyond(record: dict[str, Any]) -> None:
        record["loss_spans"][-1][1] += 1

    assert_only(edited(dataset, fields=beyond), "loss-span")
    second = copy_of(small_dataset(), tmp_path / "second")
    assert_only(edited(second, fields=lambda record: record.update(loss_spans=[])), "loss-span")


def test_a_literal_placeholder_in_a_text_is_found(dataset: Path) -> None:
    def edit(record: dict[str, Any]) -> None:
        at = next(position for position, text in enumerate(record["texts"]) if text is not None)
        record["texts"][at] += " <image>"

    assert_only(edited(dataset, fields=edit), "placeholder-text", "ids-text")


def test_an_image_that_does_not_decode_is_found(dataset: Path) -> None:
    assert_only(edited(dataset, image=lambda _: b"<html>not found</html>"), "image-decode")


def test_an_image_that_is_cut_off_is_found(dataset: Path) -> None:
    assert_only(edited(dataset, image=lambda jpeg: jpeg[: len(jpeg) // 2]), "image-decode")


def jpeg_of(width: int, height: int, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 30)).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def test_an_image_of_another_size_is_found(dataset: Path) -> None:
    assert_only(edited(dataset, image=lambda _: jpeg_of(33, 44)), "image-size")


def test_an_image_with_a_position_in_its_metadata_is_found(dataset: Path) -> None:
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (50.0, 1.0, 2.0)}

    def edit(jpeg: bytes) -> bytes:
        with Image.open(io.BytesIO(jpeg)) as image:
            return jpeg_of(*image.size, exif=exif)

    assert_only(edited(dataset, image=edit), "image-metadata")


def test_bytes_behind_an_image_are_found(dataset: Path) -> None:
    assert {code for _, code in edited(dataset, image=lambda jpeg: jpeg + b"PK\x03\x04 hidden")} & {
        "image-metadata",
        "image-decode",
    }


def test_the_json_of_another_sample_is_found(dataset: Path) -> None:
    found = edited(dataset, fields=lambda record: record.update(key="0000000001"))
    assert_only(found, "sample-json")


def test_images_named_in_another_order_are_found(dataset: Path) -> None:
    def edit(record: dict[str, Any]) -> None:
        names = [name for name in record["images"] if name is not None]
        assert len(names) > 1
        turned = iter(reversed(names))
        record["images"] = [next(turned) if name else None for name in record["images"]]

    assert_only(edited(dataset, fields=edit), "image-count")


def test_an_image_said_to_take_other_tokens_than_the_model_makes_of_it_is_found(dataset: Path) -> None:
    def edit(record: dict[str, Any]) -> None:
        record["span_tokens"][0] += 100

    assert_only(edited(dataset, fields=edit), "span-placeholder")


@pytest.mark.parametrize(
    "edit",
    [
        lambda record: record.pop("spans"),
        lambda record: record.update(texts=None),
        lambda record: record["texts"].pop(),
        lambda record: record.update(part=-1),
        lambda record: record.update(part=record["num_parts"]),
        lambda record: record["spans"][0].append(1),
        lambda record: record.update(loss_spans=[["0", 1]]),
        lambda record: record.update(image_info=record["image_info"][:-1]),
    ],
)
def test_a_json_that_contradicts_itself_is_found(dataset: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    assert "sample-json" in codes_after(dataset, edit)


def codes_after(dataset: Path, edit: Callable[[dict[str, Any]], object]) -> set[str]:
    """Codes where the JSON is such that the index cannot follow it."""

    def change(members: Members) -> Members:
        record = orjson.loads(members[0][1])
        edit(record)
        return [(members[0][0], orjson.dumps(record)), *members[1:]]

    edit_shard_to(dataset, change)
    return codes(dataset)


@pytest.mark.parametrize("width", ["64", None, [64], 1e9])
def test_sizes_in_the_json_that_are_no_sizes_are_found(dataset: Path, width: Any) -> None:
    found = edited(dataset, fields=lambda record: record["image_info"][0].update(width=width))
    assert {code for _, code in found} & {"image-size", "sample-json"}


def npy(array: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not npy",
        npy(np.array([1.5])),
        npy(np.array([[1, 2]], dtype=np.int32)),
        npy(np.array([{"os": "system"}], dtype=object), allow_pickle=True),
        b"\x93NUMPY\x01\x00\x76\x00{'descr': '<i4', 'fortran_order': False, 'shape': (99999999999,), }".ljust(128)
        + b"\n",
    ],
    ids=["empty", "noise", "floats", "two dimensions", "pickle", "lying shape"],
)
def test_ids_that_are_no_ids_are_found_and_nothing_is_unpickled(dataset: Path, data: bytes) -> None:
    edit_shard_to(dataset, lambda members: [members[0], (members[1][0], data), *members[2:]])
    assert "sample-ids" in codes(dataset)


# The index


@pytest.mark.parametrize(
    "column", ["offset", "num_bytes", "num_tokens", "num_images", "num_pixels", "part", "doc_id", "key"]
)
def test_an_index_that_does_not_say_what_the_tar_says_is_found(dataset: Path, column: str) -> None:
    import pyarrow as pa

    from interleave.shard.index import SCHEMA, read_index, write_index

    rows = read_index(dataset / "index.arrow").to_pylist()
    rows[0][column] = "f" * 32 if isinstance(rows[0][column], str) else rows[0][column] + 1
    write_index(dataset / "index.arrow", [pa.RecordBatch.from_pylist(rows, schema=SCHEMA)])
    seal_again(dataset)
    assert "index" in codes(dataset)


@pytest.mark.parametrize(
    "column", ["member_offsets", "member_bytes", "cuts", "span_starts", "span_tokens", "span_pixels"]
)
def test_an_index_whose_lists_lie_is_found(tmp_path: Path, column: str) -> None:
    import pyarrow as pa

    from interleave.shard.index import SCHEMA, read_index, write_index

    dataset = copy_of(whole_documents(), tmp_path / "mmc4")
    rows = read_index(dataset / "index.arrow").to_pylist()
    at = next(position for position, row in enumerate(rows) if row["num_images"] > 1)
    rows[at][column] = [*rows[at][column][:-1], rows[at][column][-1] + 1]
    write_index(dataset / "index.arrow", [pa.RecordBatch.from_pylist(rows, schema=SCHEMA)])
    seal_again(dataset)
    assert "index" in {finding.code for finding in quickly(dataset).findings}


# Tars that are no plain tars


def tar_with(path: Path, info: tarfile.TarInfo, *, kind: int = tarfile.USTAR_FORMAT, data: bytes = b"") -> Path:
    """A sound shard with one more member in front."""
    info.size = len(data)
    header = info.tobuf(kind, "utf-8", "surrogateescape")
    path.write_bytes(header + data + bytes(-len(data) % 512) + (small_dataset() / FIRST).read_bytes())
    return path


def with_size(field: bytes) -> bytes:
    header = bytearray(tarfile.TarInfo("0000000000.json").tobuf(tarfile.USTAR_FORMAT))
    header[124:136] = field
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + bytes(1024)


def test_links_devices_and_folders_are_refused(tmp_path: Path) -> None:
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE):
        info = tarfile.TarInfo("0000000000.link")
        info.type, info.linkname = kind, "/etc/passwd"
        outcome = validated(tar_with(tmp_path / "hostile.tar", info))
        assert [finding.code for finding in outcome.findings] == ["tar-structure"]
        assert "expected plain files only" in outcome.findings[0].message


@pytest.mark.parametrize("name", ["../../etc/cron.d/x", "/etc/passwd", "a/../../b"])
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    outcome = validated(tar_with(tmp_path / "hostile.tar", tarfile.TarInfo(name), data=b"x"))
    assert [finding.code for finding in outcome.findings] == ["tar-structure"]
    assert "leads out" in outcome.findings[0].message


def test_a_pax_header_is_refused_since_some_readers_see_no_samples_behind_it(tmp_path: Path) -> None:
    info = tarfile.TarInfo("0000000000.json")
    info.pax_headers = {"comment": "x"}
    outcome = validated(tar_with(tmp_path / "pax.tar", info, kind=tarfile.PAX_FORMAT))
    assert [finding.code for finding in outcome.findings] == ["tar-structure"]
    assert "PAX" in outcome.findings[0].message


def test_a_gnu_long_name_is_refused(tmp_path: Path) -> None:
    outcome = validated(tar_with(tmp_path / "gnu.tar", tarfile.TarInfo("x" * 150), kind=tarfile.GNU_FORMAT))
    assert [finding.code for finding in outcome.findings] == ["tar-structure"]


@pytest.mark.parametrize(
    "field",
    [
        b"\xff" * 11 + b"\x00",
        b"\xff" * 12,
        b"\x80" + b"\xff" * 11,
        b"77777777777\0",
        b"-0000000100\0",
        b"zzzzzzzzzzz\0",
    ],
    ids=["-256", "-1", "2**88", "8 GiB", "octal -64", "no number"],
)
def test_sizes_that_cannot_be_are_refused_without_hanging(tmp_path: Path, field: bytes) -> None:
    (tmp_path / "hostile.tar").write_bytes(with_size(field))
    outcome = validated(tmp_path / "hostile.tar")
    assert [finding.code for finding in outcome.findings] == ["tar-structure"]


def test_mutated_tars_are_findings_and_never_exceptions(tmp_path: Path) -> None:
    rng = random.Random(3)
    whole = (small_dataset() / FIRST).read_bytes()
    num_found = 0
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(len(data))
            data[at : at + rng.randrange(1, 40)] = rng.randbytes(rng.randrange(0, 40))
        (tmp_path / "mutated.tar").write_bytes(data)
        num_found += validated(tmp_path / "mutated.tar").num_errors > 0
    # Without a manifest to compare with, other letters in a text are no fault that could be seen.
    assert num_found > 100


# What is said


def test_a_finding_says_where_and_what_to_do(dataset: Path) -> None:
    edited(dataset, image=lambda _: b"no image")
    (finding,) = [finding for finding in validated(dataset).findings if finding.severity is Severity.ERROR]
    assert re.fullmatch(rf"{FIRST} 0000000000\.00\.jpg", finding.where)
    assert finding.remedy == INVARIANTS["image-decode"].remedy


def test_many_findings_are_counted_and_the_first_of_them_kept(tmp_path: Path) -> None:
    members = [(f"{number:010d}.txt", b"") for number in range(500)]
    write_tar(tmp_path / "many.tar", members)
    outcome = validated(tmp_path / "many.tar")
    assert outcome.counts["sample-members"] == 500
    assert sum(finding.code == "sample-members" for finding in outcome.findings) == MAX_FINDINGS
