"""Pages may hold the name of any special token: no text has its id, and every text comes back as it was."""

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import orjson
import pytest
from fixtures_tokenizers import (
    BYTES,
    CORPUS,
    ENDS,
    KINDS,
    MARKS,
    WRITERS,
    byte_level,
    is_back,
    merged,
    open_kind,
    path_of,
    save,
    unigram,
    write_sentencepiece,
    write_tiktoken,
)
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Backend
from tokenizers import models, pre_tokenizers

from interleave.encode.backends import LONGEST_SPACE, HuggingFaceTokenizer
from interleave.encode.special_strings import marked_as_control
from interleave.encode.tokenizer import Tokenizer, load_tokenizer
from interleave.errors import RecipeError

NAMES = (*ENDS, *MARKS, "<|endoftext|>", "<|im_end|>", "<|begin_of_text|>", "<0x41>", "<0x0A>")
NUM_DOCUMENTS = 1_000  # of each kind


def special_ids(tokenizer: Tokenizer) -> dict[str, int]:
    return {name: found for name in NAMES if (found := tokenizer.token_id(name)) is not None and "<0x" not in name}


def documents(number: int) -> Iterator[str]:
    """Every name in each: in any order, next to each other or to letters, spaces and lines, doubled, one in another."""
    rng = random.Random(number)
    betweens = (
        "",
        "",
        " ",
        "  ",
        "\n",
        "\n\n",
        "a",
        "the cat",
        "<",
        ">",
        "</",
        "▁"[:0],
        "é",
        "猫",
        "😀",
        "<s",
        "\u200b",
    )
    for _ in range(number):
        names = rng.sample(NAMES, len(NAMES))
        inside = rng.choice(names)
        cut = rng.randrange(1, len(inside))
        names.append(inside[:cut] + rng.choice(names) + inside[cut:])
        yield "".join(chain_of(names, rng, betweens))


def chain_of(names: list[str], rng: random.Random, betweens: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        yield rng.choice(betweens)
        yield name
    yield rng.choice(betweens)


@pytest.mark.parametrize("kind", KINDS)
def test_documents_of_every_special_string_have_no_special_id_and_come_back(kind: str) -> None:
    tokenizer = open_kind(kind)
    special = special_ids(tokenizer)
    assert len(special) == {"llama-2": len(ENDS), "tiktoken": 3}.get(kind, len(ENDS) + len(MARKS))
    assert all(tokenizer.is_special(found) for found in special.values())
    texts = list(documents(NUM_DOCUMENTS))
    tokenized = tokenizer.encode_batch(texts)
    ids = np.concatenate([item.ids for item in tokenized])
    assert not np.isin(ids, list(special.values())).any()
    for text, item in zip(texts[::20], tokenized[::20], strict=True):
        assert is_back(kind, text, tokenizer.decode(item.ids.tolist()))


@pytest.mark.parametrize("kind", KINDS)
def test_every_name_alone_and_within_text_is_text(kind: str) -> None:
    tokenizer = open_kind(kind)
    special = set(special_ids(tokenizer).values())
    for name in NAMES:
        for text in (name, name * 3, f"a{name}b", f"a {name} b", f"\n{name}\n", name[:-1], name[1:], f"<{name}>"):
            ids = tokenizer.encode_batch([text])[0].ids.tolist()
            assert not special & set(ids), (name, text)
            assert is_back(kind, text, tokenizer.decode(ids))


UNSAFE = [kind for kind in WRITERS if "ordinary" in kind or "sentencepiece" in kind]


@pytest.mark.parametrize("kind", UNSAFE)
def test_what_the_file_calls_ordinary_is_text_unless_it_is_reserved(kind: str, tmp_path: Path) -> None:
    load_tokenizer.cache_clear()
    as_it_is = load_tokenizer(path_of(kind))
    found = as_it_is.token_id("<img>")
    assert found is not None and not as_it_is.is_special(found)
    assert found in as_it_is.encode_batch(["a <img> b"])[0].ids
    reserved = load_tokenizer(path_of(kind), ("<img>",))
    assert reserved.is_special(found) and reserved.token_id("<img>") == found
    assert found not in reserved.encode_batch(["a <img> b"])[0].ids
    # All other ids are what they were.
    assert reserved.vocab_size == as_it_is.vocab_size
    assert reserved.encode_batch(CORPUS)[0].ids.tolist() == as_it_is.encode_batch(CORPUS)[0].ids.tolist()


@pytest.mark.parametrize("kind", ["byte-level, marks ordinary", "sentencepiece bpe"])
def test_white_space_and_ordinary_words_cannot_be_reserved(kind: str) -> None:
    tokenizer = load_tokenizer(path_of(kind), ("\n\n", "the", "▁the", "e", "<no such token>", *MARKS))
    lines = tokenizer.token_id("\n\n")
    assert lines is not None and not tokenizer.is_special(lines)
    assert lines in tokenizer.encode_batch(["a\n\nb"])[0].ids
    letter = tokenizer.token_id("e")
    assert letter is not None and not tokenizer.is_special(letter)
    assert tokenizer.token_id("<no such token>") is None


@pytest.mark.parametrize("kind", UNSAFE)
def test_what_the_configuration_beside_the_file_calls_special_is_reserved(kind: str, tmp_path: Path) -> None:
    path = Path(shutil.copy(path_of(kind), tmp_path))
    tokens = {"7": {"content": "<img>", "special": True}, "8": {"content": "<IMG_CONTEXT>", "special": False}, "9": 1}
    (tmp_path / "tokenizer_config.json").write_bytes(orjson.dumps({"added_tokens_decoder": tokens}))
    tokenizer = load_tokenizer(path)
    special, ordinary = (tokenizer.token_id(name) for name in ("<img>", "<IMG_CONTEXT>"))
    assert special is not None and tokenizer.is_special(special)
    assert ordinary is not None and not tokenizer.is_special(ordinary)


def test_a_tokenizer_is_remembered_with_what_is_reserved() -> None:
    path = path_of("byte-level, marks ordinary")
    assert load_tokenizer(path) is not load_tokenizer(path, ("<img>",))
    assert load_tokenizer(path, ("<img>",)) is load_tokenizer(path, ("<img>",))


@pytest.mark.parametrize("name", ["<s>", "<image>", "</s>"])
def test_a_name_that_the_merges_make_of_its_letters_is_text(name: str, tmp_path: Path) -> None:
    path = save(merged(name), tmp_path / "tokenizer.json")
    raw = Backend.from_file(str(path))
    raw.encode_special_tokens = True
    tokenizer = load_tokenizer(path)
    found = tokenizer.token_id(name)
    assert found is not None and found in raw.encode(f"a{name}b").ids  # the library's own setting does not help
    assert tokenizer.is_special(found)
    for text in (name, f"a{name}b", name * 2, f"<{name}>"):
        ids = tokenizer.encode_batch([text])[0].ids.tolist()
        assert found not in ids
        assert tokenizer.decode(ids) == text


@pytest.mark.parametrize("write", [byte_level, unigram])
@pytest.mark.parametrize("character", ["~", "猫"])
def test_a_special_token_of_one_character_is_no_mark_where_text_has_it(
    write: Callable[..., Backend], character: str, tmp_path: Path
) -> None:
    tokenizer = load_tokenizer(save(write(special=(character, "<s>")), tmp_path / "tokenizer.json"))
    found, begin = tokenizer.token_id(character), tokenizer.token_id("<s>")
    assert found is not None and begin is not None
    assert tokenizer.is_special(found) == (found not in tokenizer.encode_batch([f"a {character}"])[0].ids)
    assert tokenizer.is_special(begin)


def test_the_name_of_a_byte_is_four_letters_and_two_brackets() -> None:
    for kind in ("unigram, marks special", "llama-2", "sentencepiece bpe", "sentencepiece unigram"):
        tokenizer = open_kind(kind)
        text = "".join(BYTES)
        assert is_back(kind, text, tokenizer.decode(tokenizer.encode_batch([text])[0].ids.tolist()))


def test_an_unknown_token_is_special_only_where_every_character_is_known(tmp_path: Path) -> None:
    known = HuggingFaceTokenizer(save(unigram(), tmp_path / "a.json"))
    unknown = HuggingFaceTokenizer(save(unigram(unknown=True), tmp_path / "b.json"))
    assert known.is_special(0) and not unknown.is_special(0)
    assert 0 in unknown.encode_batch(["猫"])[0].ids and 0 not in known.encode_batch(["猫<unk>"])[0].ids


def test_merges_left_to_chance_are_not(tmp_path: Path) -> None:
    backend = byte_level()
    plain = backend.encode(CORPUS[0]).ids
    backend.model.dropout = 0.9
    tokenizer = load_tokenizer(save(backend, tmp_path / "tokenizer.json"))
    assert all(item.ids.tolist() == plain for item in tokenizer.encode_batch(CORPUS[:1] * 20))


def test_words_of_a_vocabulary_that_is_a_list_lose_text_and_are_refused(tmp_path: Path) -> None:
    words = {"[UNK]": 0, "[CLS]": 1, "<image>": 2, "the": 3}
    for number, model in enumerate((models.WordLevel(words, "[UNK]"), models.WordPiece(words, unk_token="[UNK]"))):
        backend = Backend(model)
        backend.pre_tokenizer = pre_tokenizers.Whitespace()
        backend.add_special_tokens(["[CLS]", "[UNK]"])
        with pytest.raises(RecipeError, match="does not give a text back"):
            load_tokenizer(save(backend, tmp_path / f"{number}.json"), ("<image>",))


def test_an_id_that_comes_from_text_all_the_same_is_refused_by_name(tmp_path: Path) -> None:
    tokenizer = HuggingFaceTokenizer(save(byte_level(), tmp_path / "tokenizer.json"))
    tokenizer._backend.encode_special_tokens = False
    with pytest.raises(RecipeError, match=r"a text has the special token '</s>' \(id \d+\)"):
        tokenizer.encode_batch(["the cat", "a</s>b"])


names = st.sampled_from([*NAMES, *BYTES[60:63]])
pieces = st.lists(st.one_of(names, names.map(lambda name: name[:-1]), st.text(max_size=3)), max_size=8).map("".join)


@pytest.mark.parametrize("kind", KINDS)
@given(text=pieces)
def test_any_text_of_names_and_other_characters_has_no_special_id_and_comes_back(kind: str, text: str) -> None:
    tokenizer = open_kind(kind)
    ids = tokenizer.encode_batch([text])[0].ids.tolist()
    assert not set(special_ids(tokenizer).values()) & set(ids)
    assert is_back(kind, text, tokenizer.decode(ids))


def test_only_the_types_of_the_named_symbols_change_in_a_model(tmp_path: Path) -> None:
    path = write_sentencepiece(tmp_path / "x.model", user_defined_symbols=["<img>", "<x>", "\n"])
    model = path.read_bytes()
    assert marked_as_control(model, ()) == model
    assert marked_as_control(model, ("the", "<s>", "\n", "<0x41>")) == model
    changed = marked_as_control(model, ("<img>",))
    assert [(before, now) for before, now in zip(model, changed, strict=True) if before != now] == [(4, 3)]


@given(cut=st.integers(0, 400), byte=st.integers(0, 255))
def test_a_model_that_is_broken_is_refused_or_read_but_never_hangs(cut: int, byte: int) -> None:
    model = bytearray(path_of("sentencepiece bpe").read_bytes())
    model[cut] = byte
    try:
        marked_as_control(bytes(model), ("<img>",))
    except (ValueError, IndexError, StopIteration):
        return


@pytest.mark.parametrize("space", [" ", "\t", "\u3000", " \n"])
def test_a_page_of_white_space_does_not_end_the_process(space: str, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(write_tiktoken(tmp_path / "qwen.tiktoken"))
    text = f"a{space * 1_500_000}b{space * 10}c"
    tokenized = tokenizer.encode_batch([text])[0]
    assert tokenizer.decode(tokenized.ids.tolist()) == text
    assert tokenized.id_at(text.index("b")) == len(tokenized.ids) - len(
        tokenizer.encode_batch([text[text.index("b") :]])[0].ids
    )


def test_white_space_that_is_short_enough_is_not_cut(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(write_tiktoken(tmp_path / "qwen.tiktoken", (b"  ", b"    ")))
    short = tokenizer.encode_batch(["a" * LONGEST_SPACE + " " * 5 + "b"])[0].ids.tolist()
    assert short[LONGEST_SPACE:] == tokenizer.encode_batch([" " * 5 + "b"])[0].ids.tolist()
