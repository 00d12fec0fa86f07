"""Damage to a sound dataset: to bytes, and to meaning where every checksum was made right again.

Each kind is a function of (dataset, random numbers), and the codes of which at least one must be found.
"""

from __future__ import annotations

import io
import random
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from fixtures_build import (
    Members,
    edit_shard,
    manifest_of,
    seal_again,
    seal_files,
    tar_members,
    write_manifest_of,
    write_rows,
    write_tar,
)
from PIL import Image

from interleave.sample import read_ids, write_ids
from interleave.shard.index import read_index
from interleave.shard.tar import END

Edit = Callable[[dict[str, Any], Any, list[bytes], random.Random], None]
Apply = Callable[[Path, random.Random], None]


class Unsuited(Exception):
    """The dataset has nothing that could be damaged so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A way to damage a dataset."""

    name: str
    codes: frozenset[str]
    # One of them at least must be found.
    apply: Apply


def kind(name: str, apply: Apply, *codes: str) -> Kind:
    return Kind(name=name, codes=frozenset(codes), apply=apply)


# Bytes: nothing is made right again


def shards_of(dataset: Path) -> list[Path]:
    return [dataset / entry["name"] for entry in manifest_of(dataset)["shards"]]


def any_shard(dataset: Path, rng: random.Random) -> Path:
    return rng.choice(shards_of(dataset))


def any_file(dataset: Path, rng: random.Random) -> Path:
    return dataset / rng.choice(sorted(manifest_of(dataset)["files"]))


def on_bytes(pick: Callable[[Path, random.Random], Path], change: Callable[[bytes, random.Random], bytes]) -> Apply:
    def apply(dataset: Path, rng: random.Random) -> None:
        path = pick(dataset, rng)
        before = path.read_bytes()
        while (after := change(before, rng)) == before:
            pass
        path.write_bytes(after)

    return apply


def flipped(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ rng.randrange(1, 256)]) + data[at + 1 :]


def cut_off(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def longer(data: bytes, rng: random.Random) -> bytes:
    return data + rng.randbytes(rng.randrange(1, 2000))


def zeroed(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(0, len(data), 512)
    return data[:at] + bytes(len(data[at : at + 512])) + data[at + 512 :]


def inserted(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + rng.randbytes(rng.randrange(1, 600)) + data[at:]


def removed(pick: Callable[[Path, random.Random], Path]) -> Apply:
    return lambda dataset, rng: pick(dataset, rng).unlink()


def swap_shards(dataset: Path, rng: random.Random) -> None:
    first, second = rng.sample(shards_of(dataset), 2)
    aside = dataset / "aside"
    first.rename(aside), second.rename(first), aside.rename(second)


def add_shard(dataset: Path, rng: random.Random) -> None:
    name = f"shard-{rng.randrange(2, 9999):04d}.tar"
    (dataset / name).write_bytes(any_shard(dataset, rng).read_bytes())


def on_members(change: Callable[[Members, random.Random], Members]) -> Apply:
    def apply(dataset: Path, rng: random.Random) -> None:
        path = any_shard(dataset, rng)
        write_tar(path, change(tar_members(path), rng))

    return apply


def without_member(members: Members, rng: random.Random) -> Members:
    at = rng.randrange(len(members))
    return members[:at] + members[at + 1 :]


def doubled_member(members: Members, rng: random.Random) -> Members:
    at = rng.randrange(len(members))
    return members[: at + 1] + members[at:]


def swapped_members(members: Members, rng: random.Random) -> Members:
    first, second = sorted(rng.sample(range(len(members)), 2))
    changed = list(members)
    changed[first], changed[second] = changed[second], changed[first]
    return changed


def swapped_data(members: Members, rng: random.Random) -> Members:
    """Two members change what they hold, under their old names."""
    first, second = rng.sample(range(len(members)), 2)
    changed = list(members)
    changed[first], changed[second] = (members[first][0], members[second][1]), (members[second][0], members[first][1])
    return changed


def renamed_member(members: Members, rng: random.Random) -> Members:
    at = rng.randrange(len(members))
    name, data = members[at]
    new = rng.choice([f"x{name}", name + ".bak", name.replace(".", "/", 1), name.upper() + "0"])
    return [*members[:at], (new, data), *members[at + 1 :]]


def doubled_sample(members: Members, rng: random.Random) -> Members:
    key = rng.choice(members)[0].partition(".")[0]
    return members + [member for member in members if member[0].startswith(key)]


def with_link(dataset: Path, rng: random.Random) -> None:
    path = any_shard(dataset, rng)
    info = tarfile.TarInfo("0000000000.00.jpg")
    info.type = rng.choice([tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE])
    info.linkname = "/etc/passwd"
    path.write_bytes(path.read_bytes()[: -len(END)] + info.tobuf(tarfile.USTAR_FORMAT) + END)


def other_manifest(dataset: Path, rng: random.Random) -> None:
    path = dataset / "manifest.json"
    path.write_bytes(flipped(path.read_bytes(), rng))


DAMAGES = (
    kind("a byte of a shard flipped", on_bytes(any_shard, flipped), "checksum"),
    kind("a shard cut off", on_bytes(any_shard, cut_off), "checksum"),
    kind("bytes behind a shard", on_bytes(any_shard, longer), "checksum"),
    kind("bytes inserted into a shard", on_bytes(any_shard, inserted), "checksum"),
    kind("a block of a shard zeroed", on_bytes(any_shard, zeroed), "checksum"),
    kind("a shard missing", removed(any_shard), "missing-file"),
    kind("two shards swapped", swap_shards, "checksum"),
    kind("a shard too many", add_shard, "unknown-shard"),
    kind("a member missing", on_members(without_member), "checksum"),
    kind("a member doubled", on_members(doubled_member), "checksum"),
    kind("two members swapped", on_members(swapped_members), "checksum"),
    kind("the data of two members swapped", on_members(swapped_data), "checksum"),
    kind("a member renamed", on_members(renamed_member), "checksum"),
    kind("a sample doubled", on_members(doubled_sample), "checksum"),
    kind("a link in a shard", with_link, "tar-structure"),
    kind("a byte of another file flipped", on_bytes(any_file, flipped), "checksum"),
    kind("another file cut off", on_bytes(any_file, cut_off), "checksum"),
    kind("bytes behind another file", on_bytes(any_file, longer), "checksum"),
    kind("another file missing", removed(any_file), "missing-file"),
    kind("a byte of the manifest flipped", other_manifest, "manifest"),
)


# Meaning: every checksum, count, place and sidecar is made right again


@dataclass(slots=True)
class Contents:
    """A sample to be changed."""

    record: dict[str, Any]
    ids: np.ndarray[Any, Any]
    images: list[bytes]

    @property
    def covered(self) -> np.ndarray[Any, Any]:
        """(num_ids,) True where an image stands."""
        mask = np.zeros(len(self.ids), dtype=bool)
        for start, length in self.record["spans"]:
            mask[start : start + length] = True
        return mask

    def text_at(self, rng: random.Random) -> int:
        """Position of an id of text, neither first nor last."""
        return int(rng.choice(np.flatnonzero(~self.covered)[1:-1]))


Change = Callable[[Contents, random.Random], None]


def on_sample(change: Change, wanted: Callable[[Contents], bool] = lambda contents: True) -> Apply:
    """Changes one sample that is as wanted."""

    def apply(dataset: Path, rng: random.Random) -> None:
        shards = list(range(len(shards_of(dataset))))
        rng.shuffle(shards)
        for shard in shards:
            samples = samples_of(tar_members(shards_of(dataset)[shard]))
            fitting = [key for key, members in samples.items() if wanted(contents_of(members))]
            if fitting:
                edit_shard(dataset, partial(_edited, key=rng.choice(fitting), change=change, rng=rng), shard)
                return
        raise Unsuited

    return apply


def samples_of(members: Members) -> dict[str, Members]:
    found: dict[str, Members] = {}
    for name, data in members:
        found.setdefault(name.partition(".")[0], []).append((name, data))
    return found


def contents_of(members: Members) -> Contents:
    return Contents(orjson.loads(members[0][1]), read_ids(members[1][1]).copy(), [data for _, data in members[2:]])


def _edited(members: Members, key: str, change: Change, rng: random.Random) -> Members:
    samples = samples_of(members)
    contents = contents_of(samples[key])
    change(contents, rng)
    data = [orjson.dumps(contents.record), write_ids(contents.ids.astype(np.int32)), *contents.images]
    samples[key] = [(name, item) for (name, _), item in zip(samples[key], data, strict=True)]
    return [member for sample in samples.values() for member in sample]


def has_image(contents: Contents) -> bool:
    return bool(contents.images)


def begins_with_text(contents: Contents) -> bool:
    return not contents.record["part"] and not contents.covered[0]


def is_last_part(contents: Contents) -> bool:
    return bool(contents.record["part"] == contents.record["num_parts"] - 1)


def has_two_images(contents: Contents) -> bool:
    return len(contents.images) > 1


def has_alike_images(contents: Contents) -> bool:
    """Two images of one size that are not the same."""
    sizes = [(info["width"], info["height"]) for info in contents.record["image_info"]]
    return len(set(sizes)) < len(sizes) and len(set(contents.images)) == len(sizes)


def has_long_span(contents: Contents) -> bool:
    return any(length > 1 for _, length in contents.record["spans"])


def span_moved(contents: Contents, rng: random.Random) -> None:
    rng.choice(contents.record["spans"])[0] += rng.choice([-1, 1])


def span_resized(contents: Contents, rng: random.Random) -> None:
    at = rng.randrange(len(contents.record["spans"]))
    change = rng.choice([-1, 1])
    contents.record["spans"][at][1] += change
    contents.record["span_tokens"][at] += change


def tokens_miscounted(contents: Contents, rng: random.Random) -> None:
    at = rng.randrange(len(contents.record["span_tokens"]))
    contents.record["span_tokens"][at] += rng.choice([-7, -1, 1, 30])


def placeholder_added(contents: Contents, rng: random.Random) -> None:
    start = rng.choice(contents.record["spans"])[0]
    contents.ids[contents.text_at(rng)] = contents.ids[start]


def placeholder_lost(contents: Contents, rng: random.Random) -> None:
    start, length = rng.choice(contents.record["spans"])
    contents.ids[start + rng.randrange(length)] = 300


def id_out_of_vocabulary(contents: Contents, rng: random.Random) -> None:
    contents.ids[contents.text_at(rng)] = rng.choice([2**31 - 1, 10**6, -1, -7, 200_000])


def special_token_in_text(contents: Contents, rng: random.Random) -> None:
    """That which ends the document."""
    contents.ids[contents.text_at(rng)] = contents.ids[-1]


def other_ids(contents: Contents, rng: random.Random) -> None:
    """As another tokenizer would have them: every id of text is another one."""
    text = ~contents.covered
    text[[0, -1]] = False
    known = np.unique(contents.ids[text])
    others = np.roll(known, rng.randrange(1, len(known)))
    contents.ids[text] = others[np.searchsorted(known, contents.ids[text])]


def ids_swapped(contents: Contents, rng: random.Random) -> None:
    first = contents.text_at(rng)
    while contents.ids[second := contents.text_at(rng)] == contents.ids[first]:
        pass
    contents.ids[[first, second]] = contents.ids[[second, first]]


def text_changed(contents: Contents, rng: random.Random) -> None:
    texts = contents.record["texts"]
    at = rng.choice([at for at, text in enumerate(texts) if text])
    texts[at] = rng.choice([texts[at] + " And more.", texts[at].swapcase() + "!", texts[at][1:] + "?"])


def texts_swapped(contents: Contents, rng: random.Random) -> None:
    texts = contents.record["texts"]
    first, second = rng.sample([at for at, text in enumerate(texts) if text], 2)
    texts[first], texts[second] = texts[second] + ".", texts[first]


def text_emptied(contents: Contents, rng: random.Random) -> None:
    texts = contents.record["texts"]
    texts[rng.choice([at for at, text in enumerate(texts) if text])] = ""


def placeholder_written(contents: Contents, rng: random.Random) -> None:
    texts = contents.record["texts"]
    texts[rng.choice([at for at, text in enumerate(texts) if text is not None])] += " <image>"


def images_swapped(contents: Contents, rng: random.Random) -> None:
    """Two of different sizes."""
    first, second = rng.sample(range(len(contents.images)), 2)
    contents.images[first], contents.images[second] = contents.images[second], contents.images[first]


def alike_images_swapped(contents: Contents, rng: random.Random) -> None:
    sizes = [(info["width"], info["height"]) for info in contents.record["image_info"]]
    first, second = next((a, b) for a in range(len(sizes)) for b in range(a + 1, len(sizes)) if sizes[a] == sizes[b])
    contents.images[first], contents.images[second] = contents.images[second], contents.images[first]


def jpeg(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90, **options)
    return buffer.getvalue()


def on_image(change: Callable[[Image.Image, random.Random], bytes]) -> Change:
    def edit(contents: Contents, rng: random.Random) -> None:
        at = rng.randrange(len(contents.images))
        with Image.open(io.BytesIO(contents.images[at])) as image:
            contents.images[at] = change(image.convert("RGB"), rng)

    return edit


def another_picture(image: Image.Image, rng: random.Random) -> bytes:
    width, height = image.size
    noise = Image.frombytes("RGB", (9, 7), rng.randbytes(9 * 7 * 3))
    return jpeg(noise.resize((width, height), Image.Resampling.BICUBIC))


def with_position(image: Image.Image, rng: random.Random) -> bytes:
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (float(rng.randrange(90)), 1.0, 2.0)}
    return jpeg(image, exif=exif)


def with_comment(image: Image.Image, rng: random.Random) -> bytes:
    return jpeg(image, comment=f"made by {rng.random()}")


def with_tail(image: Image.Image, rng: random.Random) -> bytes:
    return jpeg(image) + b"PK\x03\x04" + rng.randbytes(50)


def half(image: Image.Image, rng: random.Random) -> bytes:
    data = jpeg(image)
    return data[: rng.randrange(len(data) // 3, 2 * len(data) // 3)]


def as_png(image: Image.Image, rng: random.Random) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def of_another_size(image: Image.Image, rng: random.Random) -> bytes:
    return jpeg(image.resize((image.width + rng.randrange(1, 20), image.height)))


def on_record(change: Callable[[dict[str, Any], random.Random], object]) -> Change:
    return lambda contents, rng: (change(contents.record, rng), None)[1]


def size_restated(record: dict[str, Any], rng: random.Random) -> None:
    rng.choice(record["image_info"])[rng.choice(["width", "height"])] += rng.randrange(1, 40)


def source_restated(record: dict[str, Any], rng: random.Random) -> None:
    rng.choice(record["image_info"])["sha256"] = rng.randbytes(32).hex()


def index_restated(record: dict[str, Any], rng: random.Random) -> None:
    rng.choice(record["image_info"])["index"] += rng.randrange(50, 99)


def image_learned(record: dict[str, Any], rng: random.Random) -> None:
    start, length = rng.choice(record["spans"])
    record["loss_spans"] = sorted([*record["loss_spans"], [start, length]])


def less_learned(record: dict[str, Any], rng: random.Random) -> None:
    spans = record["loss_spans"]
    at = rng.randrange(len(spans))
    spans[at : at + 1] = [[spans[at][0], spans[at][1] - 1]] if spans[at][1] > 1 and rng.random() < 0.5 else []


def learned_beyond(record: dict[str, Any], rng: random.Random) -> None:
    record["loss_spans"][-1][1] += rng.randrange(1, 100)


def counts_for_more(record: dict[str, Any], rng: random.Random) -> None:
    record["loss_weight"] += rng.choice([0.5, 1, 10])


def said_repeated(record: dict[str, Any], rng: random.Random) -> None:
    record["num_repeated"] += rng.randrange(1, 4)


def cut_moved(record: dict[str, Any], rng: random.Random) -> None:
    start, length = next(span for span in record["spans"] if span[1] > 1)
    record["cuts"] = sorted({*record["cuts"], start + rng.randrange(1, length)})


def cuts_mixed_up(record: dict[str, Any], rng: random.Random) -> None:
    record["cuts"] = record["cuts"][::-1] if len(record["cuts"]) > 1 else [10**6]


def another_document(record: dict[str, Any], rng: random.Random) -> None:
    record["doc_id"] = rng.randbytes(16).hex()


def more_parts(record: dict[str, Any], rng: random.Random) -> None:
    record["num_parts"] += rng.randrange(1, 3)


def another_part(record: dict[str, Any], rng: random.Random) -> None:
    record["part"], record["num_parts"] = record["num_parts"], record["num_parts"] + 1


def another_model(record: dict[str, Any], rng: random.Random) -> None:
    record[rng.choice(["profile", "tokenizer"])] = rng.choice(["gemma-3", "another"])


def field_lost(record: dict[str, Any], rng: random.Random) -> None:
    del record[rng.choice(sorted({*record} - {"doc_id", "part", "spans", "span_tokens", "texts"}))]


def field_of_another_type(record: dict[str, Any], rng: random.Random) -> None:
    name = rng.choice(["image_info", "loss_spans", "loss_weight", "source", "cuts", "num_document_images"])
    record[name] = rng.choice(["many", None, {"a": 1}, [[1, 2, 3]], -1])


def first_cut_off(contents: Contents, rng: random.Random) -> None:
    """Without its first id, BOS where there is one, and all positions moved."""
    contents.ids = contents.ids[1:]
    record = contents.record
    for name in ("spans", "loss_spans"):
        record[name] = [[max(start - 1, 0), length - (start == 0)] for start, length in record[name]]
    record["loss_spans"] = [span for span in record["loss_spans"] if span[1]]
    record["cuts"] = sorted({max(cut - 1, 0) for cut in record["cuts"]})


def last_cut_off(contents: Contents, rng: random.Random) -> None:
    contents.ids = contents.ids[:-1]
    spans = contents.record["loss_spans"]
    spans[-1][1] -= 1
    contents.record["loss_spans"] = [span for span in spans if span[1]]


def on_rows(change: Callable[[list[dict[str, Any]], random.Random], object]) -> Apply:
    def apply(dataset: Path, rng: random.Random) -> None:
        rows = read_index(dataset / "index.arrow").to_pylist()
        change(rows, rng)
        write_rows(dataset, rows)
        seal_again(dataset)

    return apply


def row_restated(rows: list[dict[str, Any]], rng: random.Random) -> None:
    name = rng.choice(["offset", "num_bytes", "num_ids", "num_tokens", "num_images", "num_texts", "part"])
    rng.choice(rows)[name] += rng.choice([-512, 1, 512])


def row_of_another(rows: list[dict[str, Any]], rng: random.Random) -> None:
    first = rng.choice(rows)
    second = rng.choice([row for row in rows if row["doc_id"] != first["doc_id"]])
    first["doc_id"], second["doc_id"] = second["doc_id"], first["doc_id"]


def member_elsewhere(rows: list[dict[str, Any]], rng: random.Random) -> None:
    row = rng.choice(rows)
    row["member_offsets"][rng.randrange(len(row["member_offsets"]))] += rng.choice([-512, 1, 512])


def sample_lost(dataset: Path, rng: random.Random) -> None:
    """The last sample of the last shard, from tar, index and manifest."""
    path = shards_of(dataset)[-1]
    members = tar_members(path)
    last = members[-1][0].partition(".")[0]
    write_tar(path, [member for member in members if not member[0].startswith(last)])
    write_rows(dataset, read_index(dataset / "index.arrow").to_pylist()[:-1])
    seal_again(dataset)


def on_sidecar(dataset: Path, rng: random.Random) -> None:
    names = ["wids-meta.json", "README.md", ".nv-meta/.info.json", "shard-0000.tar.idx", ".nv-meta/split.yaml"]
    path = dataset / rng.choice(names)
    path.write_bytes(flipped(path.read_bytes(), rng))
    seal_files(dataset)


def on_parquet(name: str) -> Apply:
    """A row of a table is lost."""

    def apply(dataset: Path, rng: random.Random) -> None:
        table = pq.read_table(dataset / name)
        at = rng.randrange(table.num_rows)
        pq.write_table(pa.concat_tables([table.slice(0, at), table.slice(at + 1)]), dataset / name)
        seal_files(dataset)

    return apply


def on_manifest(change: Callable[[dict[str, Any], random.Random], object]) -> Apply:
    def apply(dataset: Path, rng: random.Random) -> None:
        manifest = manifest_of(dataset)
        change(manifest, rng)
        write_manifest_of(dataset, manifest)

    return apply


def total_restated(manifest: dict[str, Any], rng: random.Random) -> None:
    manifest[rng.choice(["num_samples", "num_images", "num_ids", "num_tokens"])] += rng.choice([-1, 1, 100])


def shard_restated(manifest: dict[str, Any], rng: random.Random) -> None:
    entry = rng.choice(manifest["shards"])
    entry[rng.choice(["num_images", "num_ids", "num_tokens"])] += 1


def recipe_restated(manifest: dict[str, Any], rng: random.Random) -> None:
    manifest["recipe"]["seed"] += rng.randrange(1, 9)


def context_restated(manifest: dict[str, Any], rng: random.Random) -> None:
    manifest["model"]["context"] = rng.randrange(1, 60)


def vocabulary_restated(manifest: dict[str, Any], rng: random.Random) -> None:
    manifest["tokenizer"]["vocab_size"] = rng.randrange(10, 400)


def ends_restated(manifest: dict[str, Any], rng: random.Random) -> None:
    manifest["tokenizer"][rng.choice(["bos", "eos"])] = rng.randrange(300, 9000)


def placeholder_restated(manifest: dict[str, Any], rng: random.Random) -> None:
    manifest["model"]["placeholder"] = -rng.randrange(300, 900)


FAULTS = (
    kind("a span off by one", on_sample(span_moved, has_image), "span-placeholder"),
    kind("a span of another length", on_sample(span_resized, has_image), "span-placeholder", "sample-json"),
    kind("tokens of an image miscounted", on_sample(tokens_miscounted, has_image), "span-placeholder", "sample-json"),
    kind("a placeholder more", on_sample(placeholder_added, has_image), "span-placeholder"),
    kind("a placeholder less", on_sample(placeholder_lost, has_image), "span-placeholder"),
    kind("an id out of the vocabulary", on_sample(id_out_of_vocabulary), "id-range"),
    kind(
        "a special token in a text", on_sample(special_token_in_text, is_last_part), "special-token", "span-placeholder"
    ),
    kind("another tokenizer's ids", on_sample(other_ids), "ids-text"),
    kind("two ids swapped", on_sample(ids_swapped), "ids-text"),
    kind("a text changed", on_sample(text_changed), "ids-text"),
    kind("two texts swapped", on_sample(texts_swapped, lambda c: sum(map(bool, c.record["texts"])) > 1), "ids-text"),
    kind("a text emptied", on_sample(text_emptied), "ids-text"),
    kind("a placeholder in a text", on_sample(placeholder_written), "placeholder-text"),
    kind("no BOS", on_sample(first_cut_off, begins_with_text), "special-token", "ids-text"),
    kind("no EOS", on_sample(last_cut_off, is_last_part), "special-token"),
    kind("two images swapped", on_sample(images_swapped, has_two_images), "image-size", "image-content"),
    kind("two images of one size swapped", on_sample(alike_images_swapped, has_alike_images), "image-content"),
    kind("another picture of the same size", on_sample(on_image(another_picture), has_image), "image-content"),
    kind("a position in an image", on_sample(on_image(with_position), has_image), "image-metadata"),
    kind("a comment in an image", on_sample(on_image(with_comment), has_image), "image-metadata"),
    kind("bytes behind an image", on_sample(on_image(with_tail), has_image), "image-metadata"),
    kind("half an image", on_sample(on_image(half), has_image), "image-decode"),
    kind("a PNG for a JPEG", on_sample(on_image(as_png), has_image), "image-decode"),
    kind("an image of another size", on_sample(on_image(of_another_size), has_image), "image-size"),
    kind("another size in the JSON", on_sample(on_record(size_restated), has_image), "image-size"),
    kind("another source in the JSON", on_sample(on_record(source_restated), has_image), "image-source"),
    kind("another number of an image in the JSON", on_sample(on_record(index_restated), has_image), "image-source"),
    kind("an image learned", on_sample(on_record(image_learned), has_image), "loss-span"),
    kind("text not learned", on_sample(on_record(less_learned)), "loss-span"),
    kind("more learned than there is", on_sample(on_record(learned_beyond)), "loss-span"),
    kind("another weight", on_sample(on_record(counts_for_more)), "loss-span"),
    kind("new ids said to be repeated", on_sample(on_record(said_repeated)), "loss-span"),
    kind("cut points that do not ascend", on_sample(on_record(cuts_mixed_up)), "cut-points"),
    kind("a cut point inside an image", on_sample(on_record(cut_moved), has_long_span), "cut-points"),
    kind("another document", on_sample(on_record(another_document)), "document-parts", "fingerprints", "image-source"),
    kind("a document of more parts", on_sample(on_record(more_parts)), "document-parts"),
    kind("another part", on_sample(on_record(another_part)), "document-parts"),
    kind("another model in the JSON", on_sample(on_record(another_model)), "sample-json"),
    kind("a field missing", on_sample(on_record(field_lost)), "sample-json"),
    kind("a field of another type", on_sample(on_record(field_of_another_type)), "sample-json"),
    kind("another size in the index", on_rows(row_restated), "index", "manifest-counts"),
    kind("documents swapped in the index", on_rows(row_of_another), "index"),
    kind("a member elsewhere by the index", on_rows(member_elsewhere), "index"),
    kind("a sample missing everywhere", sample_lost, "fingerprints", "document-parts"),
    kind("a sidecar that says something else", on_sidecar, "sidecar"),
    kind("a row of the ledger's documents missing", on_parquet("ledger/documents.parquet"), "ledger"),
    kind("a row of the ledger's images missing", on_parquet("ledger/images.parquet"), "ledger"),
    kind("a document's fingerprint missing", on_parquet("fingerprints/documents.parquet"), "fingerprints"),
    kind("an image's fingerprint missing", on_parquet("fingerprints/images.parquet"), "fingerprints", "image-source"),
    kind("another total in the manifest", on_manifest(total_restated), "manifest-counts"),
    kind("another count of a shard in the manifest", on_manifest(shard_restated), "manifest-counts"),
    kind("another recipe in the manifest", on_manifest(recipe_restated), "manifest"),
    kind("a smaller context in the manifest", on_manifest(context_restated), "context"),
    kind("a smaller vocabulary in the manifest", on_manifest(vocabulary_restated), "id-range"),
    kind("another BOS or EOS in the manifest", on_manifest(ends_restated), "special-token"),
    kind("another placeholder in the manifest", on_manifest(placeholder_restated), "span-placeholder", "id-range"),
)
