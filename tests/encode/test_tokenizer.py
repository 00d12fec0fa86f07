from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from fixtures_tokenizers import LLAMA, write_sentencepiece, write_tiktoken
from tokenizers import Tokenizer as Backend
from tokenizers import models, pre_tokenizers

from interleave.encode.backends import TiktokenTokenizer
from interleave.encode.tokenizer import (
    ROUND_TRIP,
    Tokenizer,
    bos_and_eos,
    find_tokenizer,
    load_tokenizer,
)
from interleave.errors import RecipeError


@pytest.fixture(autouse=True)
def _no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Neither this process nor tiktoken's cache folder remembers a tokenizer of another test."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path / "tiktoken-cache"))
    load_tokenizer.cache_clear()
    yield
    load_tokenizer.cache_clear()


def open_kind(kind: str, folder: Path) -> Tokenizer:
    if kind == "huggingface":
        return load_tokenizer(find_tokenizer(LLAMA))
    if kind == "sentencepiece":
        return load_tokenizer(write_sentencepiece(folder / "tokenizer.model"))
    return load_tokenizer(write_tiktoken(folder / "qwen.tiktoken"))


KINDS = ["huggingface", "sentencepiece", "tiktoken"]
ENDS = {"huggingface": ("<s>", "</s>"), "sentencepiece": ("<s>", "</s>"), "tiktoken": ("<|im_start|>", "<|endoftext|>")}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", [ROUND_TRIP, "Two  spaces,\ttabs\n\nand lines.", "ﬁ ① ½ K Å", "\u202e\u0000 odd", " "])
def test_a_text_comes_back_from_its_ids(kind: str, text: str, tmp_path: Path) -> None:
    tokenizer = open_kind(kind, tmp_path)
    given_back = tokenizer.decode(tokenizer.encode_batch([text])[0].ids.tolist())
    assert given_back in (text, f" {text}")


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_below_the_vocabulary_size_and_have_no_special_ones_at_their_ends(kind: str, tmp_path: Path) -> None:
    tokenizer = open_kind(kind, tmp_path)
    first, empty = tokenizer.encode_batch(["the cat", ""])
    ends = {tokenizer.token_id(name) for name in ENDS[kind]}
    assert None not in ends
    assert len(first.ids) > 0 and not ends & set(first.ids.tolist())
    assert max(first.ids) < tokenizer.vocab_size
    assert first.ids.dtype == "int32"
    assert len(empty.ids) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_name_of_a_special_token_in_a_text_is_text(kind: str, tmp_path: Path) -> None:
    tokenizer = open_kind(kind, tmp_path)
    names = ("<s>", "</s>", "<unk>", "<pad>", "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<0x41>")
    specials = {found for name in ENDS[kind] if (found := tokenizer.token_id(name)) is not None}
    for text in (*names, "a</s>b", "<s> a </s>", "".join(names)):
        ids = tokenizer.encode_batch([text])[0].ids.tolist()
        assert not specials & set(ids)
        assert tokenizer.decode(ids) in (text, f" {text}")


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_is_found_by_its_name_and_an_unknown_one_is_none(kind: str, tmp_path: Path) -> None:
    tokenizer = open_kind(kind, tmp_path)
    bos, eos = (tokenizer.token_id(name) for name in ENDS[kind])
    assert bos is not None and eos is not None and bos != eos
    assert tokenizer.token_id("<no such token>") is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["the cat sat on the mat", "the 猫 sat 😀 on the — mat", "é"])
def test_every_character_is_found_in_the_id_that_holds_it(kind: str, text: str, tmp_path: Path) -> None:
    tokenizer = open_kind(kind, tmp_path)
    tokenized = tokenizer.encode_batch([text])[0]
    starts = tokenized.starts().tolist()
    assert len(starts) == len(tokenized.ids)
    assert starts == sorted(starts)
    for character in range(len(text)):
        at = tokenized.id_at(character)
        assert starts[at] <= character
        assert all(start > character or start == starts[at] for start in starts[at:])  # nothing behind it begins sooner
        assert all(start < starts[at] for start in starts[1:at])  # the first may be the space in front of the text
    assert tokenized.id_at(len(text)) == tokenized.id_at(len(text) + 1) == len(tokenized.ids)


def test_llamas_own_tokenizer_gives_the_ids_that_llama_was_trained_with() -> None:
    tokenizer = load_tokenizer(find_tokenizer(LLAMA))
    assert tokenizer.vocab_size == 32000
    assert tokenizer.encode_batch(["Hello world"])[0].ids.tolist() == [15043, 3186]
    assert bos_and_eos(tokenizer, find_tokenizer(LLAMA), "auto", "auto") == (1, 2)


def test_tiktoken_merges_by_rank_and_puts_special_tokens_after_the_ranks(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(write_tiktoken(tmp_path / "small.tiktoken"))
    assert tokenizer.encode_batch(["the th"])[0].ids.tolist() == [257, ord(" "), 256]
    assert (tokenizer.token_id("<|endoftext|>"), tokenizer.vocab_size) == (258, 261)


def test_a_tiktoken_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "small.tiktoken"
    assert TiktokenTokenizer(write_tiktoken(path)).vocab_size == 261
    assert TiktokenTokenizer(write_tiktoken(path, merges=())).vocab_size == 259


def write_word_level(path: Path, **words: int) -> Path:
    backend = Backend(models.WordLevel({"[UNK]": 0, "the": 1, "cat": 2} | words, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.save(str(path))
    return path


def test_a_tokenizer_that_loses_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"tokenizer\.json \(vocabulary of 3\) does not give a text back"):
        load_tokenizer(write_word_level(tmp_path / "tokenizer.json"))


@pytest.mark.parametrize("options", [{"byte_fallback": False}, {"normalization_rule_name": "nmt_nfkc_cf"}])
def test_a_sentencepiece_model_that_loses_text_is_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match="does not give a text back"):
        load_tokenizer(write_sentencepiece(tmp_path / "tokenizer.model", **options))


def test_a_tokenizer_that_runs_words_together_or_drops_repeated_spaces_is_refused(tmp_path: Path) -> None:
    backend = Backend.from_file(str(find_tokenizer(LLAMA)))
    fields = orjson.loads(backend.to_str())
    squeeze = {"type": "Replace", "pattern": {"Regex": "  +"}, "content": " "}
    fields["normalizer"] = {"type": "Sequence", "normalizers": [squeeze, fields["normalizer"]]}
    (tmp_path / "tokenizer.json").write_bytes(orjson.dumps(fields))
    with pytest.raises(RecipeError, match="does not give a text back"):
        load_tokenizer(tmp_path / "tokenizer.json")


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer.model", "x.tiktoken"])
@pytest.mark.parametrize("content", [b"", b"{}", b"\x00\xff\x00", b"not base64 at all\n"])
def test_a_file_that_is_no_tokenizer_is_refused_by_name(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RecipeError, match=f"tokenizer: .*{name}"):
        load_tokenizer(tmp_path / name)


def test_a_file_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("the")
    with pytest.raises(RecipeError, match=r"vocab\.txt ends in \.txt, expected \.json, \.model, \.tiktoken"):
        load_tokenizer(tmp_path / "vocab.txt")


def test_a_truncation_or_padding_that_a_file_asks_for_is_ignored(tmp_path: Path) -> None:
    backend = Backend.from_file(str(find_tokenizer(LLAMA)))
    backend.enable_truncation(4)
    backend.enable_padding(length=8)
    backend.save(str(tmp_path / "tokenizer.json"))
    tokenizer = load_tokenizer(tmp_path / "tokenizer.json")
    long, short = tokenizer.encode_batch(["the cat sat on the mat and ran", "the"])
    assert (len(long.ids), len(short.ids)) == (8, 1)


def test_a_folder_is_searched_for_a_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"holds no tokenizer\.json, tokenizer\.model or \*\.tiktoken"):
        find_tokenizer(str(tmp_path))
    for name in ("b.tiktoken", "a.tiktoken", "tokenizer.model", "tokenizer.json"):
        (tmp_path / name).touch()
    for name in ("tokenizer.json", "tokenizer.model", "a.tiktoken", "b.tiktoken"):
        assert find_tokenizer(str(tmp_path)) == tmp_path / name
        (tmp_path / name).unlink()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("/no/such/tokenizer.json", "does not exist"),
        ("package:no_such_package_here/x.json", "no package 'no_such_package_here' is installed"),
        ("package:../x.json", "no package '..' is installed"),
        ("package:wordllama/none.json", "has no file none.json"),
        ("package:wordllama", "has no file"),
    ],
)
def test_a_tokenizer_that_is_not_there_is_refused_with_what_was_looked_for(name: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        find_tokenizer(name)


def ends(folder: Path, config: Any = None, bos: str | None = "auto", eos: str | None = "auto") -> Any:
    path = folder / "tokenizer.model"
    if not path.exists():
        write_sentencepiece(path)
    if config is not None:
        (folder / "tokenizer_config.json").write_bytes(config if isinstance(config, bytes) else orjson.dumps(config))
    return bos_and_eos(load_tokenizer(path), path, bos, eos)


def test_the_ends_of_a_document_are_the_usual_tokens_the_stated_ones_the_wished_ones_or_none(tmp_path: Path) -> None:
    assert ends(tmp_path) == (1, 2)
    assert ends(tmp_path, bos=None, eos=None) == (None, None)
    assert ends(tmp_path, bos="</s>", eos="<s>") == (2, 1)
    assert ends(tmp_path, {"bos_token": None, "eos_token": "<s>"}) == (None, 1)
    assert ends(tmp_path, {"bos_token": {"content": "</s>"}, "add_bos_token": True}) == (2, 2)
    assert ends(tmp_path, bos="<s>") == (1, 2)


def test_an_end_that_the_tokenizer_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"encode\.eos: the tokenizer has no token '<end>'"):
        ends(tmp_path, eos="<end>")
    with pytest.raises(RecipeError, match=r"encode\.bos: 'a' is a piece of ordinary text; expected a special token"):
        ends(tmp_path, bos="a")
    with pytest.raises(RecipeError, match=r"tokenizer_config\.json is not JSON"):
        ends(tmp_path, b"{")
