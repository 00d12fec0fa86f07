"""Perplexity of documents by a causal language model, tiny and random, in its real format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fixtures_language_model import tiny_language_model

from interleave.align.models.scoring import Model, torch_device
from interleave.clean.models.perplexity import PerplexityScores
from interleave.errors import RecipeError

TEXTS = ["the cat sat on the mat\nand the moon rises", "hill", "moon over hill", "zebra"]


def open_model(folder: Path, **values: object) -> Model[str]:
    pytest.importorskip("transformers")
    settings = {"kind": "perplexity", "model": str(tiny_language_model(folder)), "path": str(folder / "t.parquet")}
    (scoring,) = PerplexityScores.model_validate(settings | values).scorings()
    return scoring.open("cpu")


def scores(model: Model[str], texts: list[str]) -> list[float | None]:
    return model(texts).column("score").to_pylist()  # type: ignore[no-any-return]


def test_perplexity_is_what_the_model_s_own_loss_says(tmp_path: Path) -> None:
    found = scores(open_model(tmp_path), TEXTS)
    import torch
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for text, score in zip(TEXTS, found, strict=True):
        ids = torch.tensor([[tokenizer.bos_token_id, *tokenizer(text)["input_ids"]]])
        with torch.inference_mode():
            loss = float(model(input_ids=ids, labels=ids).loss)
        assert score == pytest.approx(np.exp(loss), abs=2e-3)


def test_a_text_without_tokens_is_unknown_and_no_texts_give_no_rows(tmp_path: Path) -> None:
    model = open_model(tmp_path)
    assert scores(model, ["cat", " "])[1] is None
    assert scores(model, [" "]) == [None]
    assert model([]).schema == model(["cat"]).schema


def test_only_the_first_tokens_are_looked_at(tmp_path: Path) -> None:
    model = open_model(tmp_path, max_tokens=4)
    same, other = "cat sat on", "cat sat mat"
    assert len(set(scores(model, [same, same + " the hill", same + " dog" * 1_000]))) == 1
    assert scores(model, [same]) != scores(model, [other])
    long = scores(open_model(tmp_path, max_tokens=1_024), ["cat " * 16, "cat " * 5_000])  # the model's context is 16
    assert long[0] == long[1]


def test_a_device_that_torch_does_not_have_is_refused() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(RecipeError, match="--device nonsense"):
        torch_device("nonsense")
    if not torch.cuda.is_available():
        with pytest.raises(RecipeError, match="--device cuda"):
            torch_device("cuda")
        assert torch_device(None).type == "cpu"
