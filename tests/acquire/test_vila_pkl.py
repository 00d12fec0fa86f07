import base64
import builtins
import os
import pickle
import random
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from fixtures_build import ROOT, SAMPLE, sample_lines

from interleave.acquire.embedded_images import decode_base64
from interleave.acquire.mmc4 import parse_mmc4
from interleave.acquire.source import Limits, Parsed, Refused
from interleave.acquire.vila_pkl import VilaPklSource
from interleave.errors import RecipeError, TaskError, Unreadable
from interleave.flow import build
from interleave.recipe_file import load_recipe

LIMITS = Limits(max_image_bytes=20_000_000)
JPEG = b"\xff\xd8\xff and so on"
BASE64 = base64.b64encode(JPEG).decode()


def vila_documents(num_documents: int = 100) -> list[dict[str, Any]]:
    """The sample as VILA's `mmc4_merger.py` puts it together."""
    documents = []
    for line in sample_lines():
        try:
            parse_mmc4(line, "id")
        except Unreadable:
            continue
        document = orjson.loads(line)
        for info in document["image_info"]:
            path = SAMPLE / "images" / str(info.get("image_name"))
            if path.is_file():
                info["image_base64"] = base64.b64encode(path.read_bytes()).decode()
        documents.append(document)
    return documents[:num_documents]


def document(**changes: Any) -> dict[str, Any]:
    fields = {
        "url": "https://example.org/page",
        "text_list": ["First.", "Second."],
        "image_info": [
            {
                "image_name": "a.jpg",
                "raw_url": "https://example.org/a.jpg",
                "matched_text_index": 1,
                "matched_sim": 0.3,
                "image_base64": BASE64,
            }
        ],
        "similarity_matrix": [[0.1, 0.3]],
    }
    return {name: value for name, value in (fields | changes).items() if value is not ...}


def written(folder: Path, data: bytes, count: str | None = None) -> Path:
    path = folder / "shard_0.pkl"
    path.write_bytes(data)
    if count is not None:
        path.with_suffix(".count").write_text(count)
    return path


def read(path: Path, limits: Limits = LIMITS, **settings: Any) -> list[Parsed | Refused]:
    source = VilaPklSource(path=str(path), **settings)
    (file,) = source.files()
    (split,) = source.cut(file, 1 << 20)
    return list(source.read(split, limits))


def reasons(records: list[Parsed | Refused]) -> list[str | None]:
    return [item.error.reason if isinstance(item, Refused) else None for item in records]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_document_of_a_real_pickle_comes_back_with_its_images(tmp_path: Path, protocol: int) -> None:
    documents = vila_documents()
    records = read(written(tmp_path, pickle.dumps(documents, protocol=protocol), str(len(documents))))
    assert len(records) == len(documents) > 40
    for source, record in zip(documents, records, strict=True):
        assert isinstance(record, Parsed)
        assert record.document.sentences == tuple(source["text_list"])
        assert record.document.url == source["url"]
        for image in record.document.images:
            info = source["image_info"][image.index]
            assert (image.name, image.url, image.matched_sentence) == (
                info.get("image_name"),
                info.get("raw_url"),
                info["matched_text_index"],
            )
            if image.load is not None:
                assert image.load() == (SAMPLE / "images" / info["image_name"]).read_bytes()
    ids = [item.document.id for item in records if isinstance(item, Parsed)]
    assert len(set(ids)) == len(ids)


def test_the_same_file_gives_the_same_documents(tmp_path: Path) -> None:
    path = written(tmp_path, pickle.dumps(vila_documents(5)))
    assert [item.document.id for item in read(path) if isinstance(item, Parsed)] == [
        item.document.id for item in read(path) if isinstance(item, Parsed)
    ]


def test_pairs_of_coyo_have_their_image_before_their_text(tmp_path: Path) -> None:
    pairs = [
        {"id": 7, "url": "https://example.org/7.jpg", "text": "A cat.", "clip_sim": 0.7, "image": BASE64},
        {"id": 8, "url": None, "caption": "A dog.", "image": BASE64},
    ]
    first, second = read(written(tmp_path, pickle.dumps(pairs)))
    assert isinstance(first, Parsed)
    assert isinstance(second, Parsed)
    (image,) = first.document.images
    assert (first.document.sentences, first.document.url) == (("A cat.",), None)
    assert (image.name, image.url, image.matched_sentence) == ("7", "https://example.org/7.jpg", 0)
    assert image.load is not None
    assert image.load() == JPEG
    assert second.document.sentences == ("A dog.",)


def test_a_dict_stands_for_its_values_in_their_order(tmp_path: Path) -> None:
    data = pickle.dumps({5: document(text_list=["Five.", ""]), 3: document(text_list=["Three.", ""])})
    assert [item.document.sentences[0] for item in read(written(tmp_path, data)) if isinstance(item, Parsed)] == [
        "Five.",
        "Three.",
    ]


def test_a_whole_build_counts_every_document(tmp_path: Path) -> None:
    documents = [*vila_documents(11), {"text_list": 5}]
    path = written(tmp_path, pickle.dumps(documents), "12")
    settings = [f"source.path={path}", f"output={tmp_path / 'out'}", "images.max_short_side=64"]
    report = build(load_recipe(ROOT / "recipes" / "vila-pkl.yaml", settings), num_workers=1, quiet=True)
    assert report.documents_in == 12
    assert report.documents_out > 5
    assert report.documents_in == report.documents_out + sum(line.documents for line in report.drops)
    assert [line.documents for line in report.drops if line.rule == "bad_text_list"] == [1]


# What is malformed


@pytest.mark.parametrize(
    ("reason", "record"),
    [
        ("not_an_object", None),
        ("not_an_object", ["First."]),
        ("not_an_object", b"bytes"),
        ("bad_text_list", {}),
        ("bad_text_list", document(text_list=("First.", "Second."))),
        ("bad_text_list", document(text_list=[b"First.", "Second."])),
        ("bad_image_info", document(image_info={})),
        ("bad_similarity_matrix", document(similarity_matrix=[[0.1]])),
        ("bad_similarity_matrix", document(similarity_matrix=[[0.1, float("nan")]])),
        ("bad_url", document(url=5)),
        ("bad_url", document(url=b"https://example.org")),
        ("bad_utf8", document(text_list=["\ud800", ""])),
        ("bad_utf8", document(**{"\udfff": 1})),
        ("bad_text", {"image": BASE64}),
        ("bad_text", {"image": BASE64, "text": 5}),
        (
            "nested_too_deeply",
            document(more=[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]),
        ),
    ],
)
def test_a_record_that_is_no_document_is_refused_and_the_others_are_read(
    tmp_path: Path, reason: str, record: Any
) -> None:
    records = read(written(tmp_path, pickle.dumps([document(), record, document()])))
    assert reasons(records) == [None, reason, None]


@pytest.mark.parametrize(
    ("reason", "data"),
    [
        ("damaged_file", b""),
        ("damaged_file", b"."),
        ("damaged_file", b"no pickle at all"),
        ("damaged_file", pickle.dumps([document()])[:-1]),
        ("damaged_file", pickle.dumps([document()])[:100]),
        ("damaged_file", b"\x80\x09]."),
        ("damaged_file", b"\x80\x04]]."),
        ("damaged_file", b"\x80\x04(]."),
        ("damaged_file", b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f."),
        ("damaged_file", b"\x80\x04B\xff\xff\xff\xffabc."),
        ("damaged_file", b"\x80\x04\x8b\x00\x00\x00\x40" + b"\x01" * 100 + b"."),
        ("damaged_file", b"\x80\x04\x8a\xff" + b"\x01" * 255 + b"."),
        ("damaged_file", b"\x80\x04X\x02\x00\x00\x00\xff\xff."),
        ("damaged_file", b"\x80\x04h\x05."),
        ("damaged_file", b"\x80\x02]r\xff\xff\xff\x7f."),
        ("damaged_file", b"\x80\x04Na."),
        ("damaged_file", b"\x80\x04]N" + b"u."),
        ("damaged_file", b"\x80\x04}(Nu."),
        ("damaged_file", b"\x80\x04}]Ns."),
        ("damaged_file", b"\x80\x04}" + b")" + b"\x85" * 100_000 + b"Ns."),
        ("damaged_file", b"\x80\x04\x8f(G\x3f\xf0\x00\x00\x00\x00\x00\x00\x90."),
        ("unsupported_pickle", pickle.dumps([document()], protocol=0)),
        ("not_a_list", pickle.dumps(5)),
        ("not_a_list", pickle.dumps("text")),
        ("not_a_list", pickle.dumps({1, 2})),
    ],
)
def test_a_file_that_is_no_pickle_of_documents_is_one_refusal(tmp_path: Path, reason: str, data: bytes) -> None:
    begin = time.process_time()
    assert reasons(read(written(tmp_path, data))) == [reason]
    assert time.process_time() - begin < 5


@pytest.mark.parametrize(
    ("count", "reason"), [("2", "count_mismatch"), ("", "bad_count"), ("1e3", "bad_count"), ("9" * 5000, "bad_count")]
)
def test_a_count_that_says_otherwise_is_one_refusal_behind_the_documents(
    tmp_path: Path, count: str, reason: str
) -> None:
    assert reasons(read(written(tmp_path, pickle.dumps([document()]), count))) == [None, reason]


def test_what_stands_behind_a_pickle_is_not_lost_silently(tmp_path: Path) -> None:
    assert reasons(read(written(tmp_path, pickle.dumps([document()]) * 2))) == [None, "damaged_file"]


def test_a_file_beyond_the_limit_is_not_read(tmp_path: Path) -> None:
    assert reasons(read(written(tmp_path, pickle.dumps([document()])), max_file_bytes=100)) == ["file_too_large"]


def test_other_files_are_no_source_and_a_file_that_is_gone_fails_the_task(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"")
    with pytest.raises(RecipeError):
        VilaPklSource(path=str(tmp_path)).files()
    path = written(tmp_path, pickle.dumps([document()]))
    source = VilaPklSource(path=str(path))
    (split,) = source.cut(source.files()[0], 1)
    path.unlink()
    with pytest.raises(TaskError):
        list(source.read(split, LIMITS))


# Images


@pytest.mark.parametrize(
    "value",
    [
        BASE64,
        BASE64.encode(),
        f"b'{BASE64}'",
        f'b"{BASE64}"',
        BASE64.rstrip("="),
        f"data:image/jpeg;base64,{BASE64}",
        f" {BASE64[:8]}\n{BASE64[8:]}\r\n",
        base64.urlsafe_b64encode(JPEG).decode(),
    ],
)
def test_base64_is_read_in_every_dress(value: Any) -> None:
    assert decode_base64(value, 1000) == JPEG


def test_both_alphabets_are_read() -> None:
    data = bytes(range(256))
    assert decode_base64(base64.urlsafe_b64encode(data), 256) == decode_base64(base64.b64encode(data), 256) == data


@pytest.mark.parametrize(
    ("reason", "value"),
    [
        ("bad_base64", ""),
        ("bad_base64", "A"),
        ("bad_base64", "no base64!"),
        ("bad_base64", "é" * 8),
        ("bad_base64", "b''"),
        ("bad_base64", 5),
        ("bad_base64", [BASE64]),
        ("bad_base64", "AA=AAA"),
        ("too_many_bytes", "A" * 2000),
        ("too_many_bytes", "A" + " " * 10_000 + "A"),
        ("too_many_bytes", base64.b64encode(bytes(1001))),
    ],
)
def test_an_image_that_is_no_base64_is_unreadable_by_name(reason: str, value: Any) -> None:
    with pytest.raises(Unreadable) as caught:
        decode_base64(value, 1000)
    assert caught.value.reason == reason


def test_an_image_without_bytes_is_left_to_its_url_or_unusable(tmp_path: Path) -> None:
    entry = {"image_name": "a.jpg", "matched_text_index": 0}
    infos = [
        entry | {"raw_url": "https://example.org/a.jpg"},
        entry,
        entry | {"image_base64": BASE64},
        {"image_base64": BASE64, "matched_text_index": 1},
    ]
    (record,) = read(written(tmp_path, pickle.dumps([document(image_info=infos, similarity_matrix=None)])))
    assert isinstance(record, Parsed)
    assert [(image.index, image.load is not None) for image in record.document.images] == [
        (0, False),
        (2, True),
        (3, True),
    ]
    assert [(index, error.reason) for index, error in record.unusable] == [(1, "image_missing")]


# What is hostile


class Exploit:
    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._reduced = (function, arguments)

    def __reduce__(self) -> Any:
        return self._reduced


def exploits(target: Path) -> list[bytes]:
    """Pickles that write a file where they are unpickled."""
    command, code = f"touch {target}", f"open({str(target)!r}, 'w')"
    calls = [
        Exploit(os.system, command),
        Exploit(builtins.eval, code),
        Exploit(subprocess.call, ["touch", str(target)]),
    ]
    found = [pickle.dumps(value, protocol=protocol) for value in calls for protocol in range(6)]
    found += [pickle.dumps([document(text_list=["a", call])], protocol=4) for call in calls]
    found += [pickle.dumps([{1: (call, call)}, document()], protocol=2) for call in calls]
    text = command.encode()
    short = b"\x8c" + bytes([len(text)]) + text
    found += [
        b"cos\nsystem\n(S'" + text + b"'\ntR.",
        b"(S'" + text + b"'\nios\nsystem\n.",
        b"\x80\x02(cos\nsystem\n" + short + b"o.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93" + short + b"\x85R.",
        b"\x80\x04]\x94\x8c\x02os\x94\x8c\x06system\x94h\x01h\x02\x93" + short + b"\x85R.",
        b"\x80\x02cos\nsystem\n" + short + b"\x85\x81.",
        b"\x80\x04cos\nsystem\n" + short + b"\x85}\x92.",
        b"\x80\x04}}b.",
        b"\x80\x04" + short + b"Q.",
        b"P" + text + b"\n.",
        b"\x80\x02\x82\x01.",
        b"\x80\x02\x83\x01\x00.",
        b"\x80\x02\x84\x01\x00\x00\x00.",
        b"\x80\x05\x97.",
        b"\x80\x05]\x98.",
    ]
    return found


def test_nothing_that_a_pickle_would_run_is_run(tmp_path: Path) -> None:
    target = tmp_path / "owned"
    for data in exploits(target):
        found = reasons(read(written(tmp_path, data)))
        assert found in (["unsafe_pickle"], ["unsupported_pickle"]), data
        assert not target.exists()


def test_the_exploits_of_this_test_do_work_with_an_unpickler_that_allows_them(tmp_path: Path) -> None:
    target = tmp_path / "owned"
    pickle.loads(exploits(target)[1])
    assert target.exists()


def bombs() -> list[bytes]:
    text = b"\x8d" + struct.pack("<Q", 1_000_000) + b"a" * 1_000_000
    document_of_texts = (
        b"}(X\x09\x00\x00\x00text_list](" + text + b"\x94" + b"h\x00" * 50_000 + b"eX\x0a\x00\x00\x00image_info]u"
    )
    deep = b"]" * 100_000 + b"a" * 99_999
    return [
        b"\x80\x04](" + document_of_texts + b"e.",
        b"\x80\x04](" + b"}\x94" + b"h\x00" * 30_000 + b"e.",
        b"\x80\x04]" + deep + b"a.",
        b"\x80\x04]\x94h\x00a.",
        b"\x80\x04](" + b"]\x94h\x00a" + b"h\x00" * 50_000 + b"e.",
        b"\x80\x04](" + b"]\x94(" + b"K\x01" * 5_000 + deep + b"e" + b"h\x00" * 20_000 + b"e.",
        b"\x80\x04" + b"(" * 1_000_000 + b".",
        b"\x80\x04" + b"\x8f" * 10_000 + b".",
    ]


@pytest.mark.parametrize("number", range(8))
def test_a_bomb_is_refused_in_little_time_and_memory(tmp_path: Path, number: int) -> None:
    path = written(tmp_path, bombs()[number])
    begin = time.process_time()
    found = read(path)
    assert time.process_time() - begin < 10
    assert None not in reasons(found)


def test_a_billion_laughs_are_never_walked(tmp_path: Path) -> None:
    level: Any = ["lol"] * 10
    for _ in range(11):
        level = [level] * 10
    data = pickle.dumps([document(more=level), document()])
    assert len(data) < 3_000
    begin = time.process_time()
    assert reasons(read(written(tmp_path, data)))[0] in ("record_too_large", "shared_too_often")
    assert time.process_time() - begin < 5


def test_one_byte_objects_do_not_fill_the_memory(tmp_path: Path) -> None:
    path = written(tmp_path, b"\x80\x04" + b"]" * 8_000_000 + b".")
    code = f"""
import resource, sys
from interleave.acquire.archives.pickles import read_pickle
from interleave.errors import Unreadable
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_pickle(open({str(path)!r}, "rb"), 8_000_003)
except Unreadable as error:
    print(error.reason, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    reason, num_kilobytes = done.stdout.split()
    assert reason == "pickle_too_large"
    assert int(num_kilobytes) < 512 << 10


def mutated(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        changed[chance.randrange(len(changed))] = chance.choice(
            (*b"()]}.RcbiaeusthjqrXBKJN\x94\x95\x93\x8c\x8e", chance.randrange(256))
        )
    if chance.random() < 0.1:
        del changed[chance.randrange(len(changed)) :]
    return bytes(changed)


@pytest.mark.parametrize("protocol", [2, 4])
def test_mutated_pickles_give_documents_and_refusals_alone(tmp_path: Path, protocol: int) -> None:
    whole = pickle.dumps([document(), document(url=None), {"image": BASE64, "text": "A cat."}], protocol=protocol)
    chance = random.Random(protocol)
    seen = set[str | None]()
    for _ in range(1500):
        path = written(tmp_path, mutated(whole, chance))
        begin = time.process_time()
        for record in read(path):
            seen.update(reasons([record]))
            for image in record.document.images if isinstance(record, Parsed) else ():
                try:
                    assert image.load is None or isinstance(image.load(), bytes)
                except Unreadable:
                    seen.add("image")
        assert time.process_time() - begin < 5
    assert {None, "damaged_file", "image"} <= seen
