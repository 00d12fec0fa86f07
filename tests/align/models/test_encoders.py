"""Embeddings by the libraries' own models, tiny and random, in their real formats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fixtures_models import tiny_clip, tiny_open_clip, tiny_siglip

from interleave.align.models.clip import ClipScores
from interleave.align.models.scoring import Model, Pixels
from interleave.errors import RecipeError

SENTENCES = ["a cat sat", "the moon rises over the hill and the mat and the dog", "dog."]


def pictures() -> list[Pixels]:
    random = np.random.default_rng(7)
    sizes = ((40, 60), (100, 33), (32, 32), (9, 2))
    return [random.integers(0, 255, (*size, 3), dtype=np.uint8) for size in sizes]


def open_models(folder: Path, library: str = "transformers") -> tuple[Model[Pixels], Model[str]]:
    settings = ClipScores.model_validate(
        {"kind": "clip", "library": library, "model": str(folder), "path": str(folder / "scores")}
    )
    images, sentences = settings.scorings()
    return images.open("cpu"), sentences.open("cpu")


def vectors(model: Model, items: list) -> np.ndarray:  # type: ignore[type-arg]
    return np.stack(model(items).column("embedding").to_numpy()).astype(np.float64)


@pytest.mark.parametrize("make", [tiny_clip, tiny_siglip])
def test_embeddings_have_the_cosines_that_transformers_itself_comes_to(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    transformers = pytest.importorskip("transformers")
    import torch

    folder = make(tmp_path)
    images, sentences = open_models(folder)
    ours = vectors(images, pictures()) @ vectors(sentences, SENTENCES).T
    model = transformers.AutoModel.from_pretrained(folder)
    tokens = transformers.AutoTokenizer.from_pretrained(folder)(
        SENTENCES, padding="max_length", truncation=True, max_length=8, return_tensors="pt"
    )
    seen = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")(pictures(), return_tensors="pt")
    with torch.inference_mode():
        theirs = model(**tokens, **seen)
    np.testing.assert_allclose(ours, (theirs.image_embeds @ theirs.text_embeds.T).numpy(), atol=2e-3)
    assert np.abs(ours[:, 0] - ours[:, 1]).max() > 0.01  # the sentences are told apart


def test_open_clip_embeds_as_its_own_model_does(tmp_path: Path) -> None:
    open_clip = pytest.importorskip("open_clip")
    import torch
    from PIL import Image

    folder = tiny_open_clip(tmp_path)
    images, sentences = open_models(folder, "open_clip")
    ours = vectors(images, pictures()) @ vectors(sentences, SENTENCES).T
    name = f"local-dir:{folder}"
    model, _, preprocess = open_clip.create_model_and_transforms(name)
    with torch.inference_mode():
        seen = torch.stack([preprocess(Image.fromarray(picture)) for picture in pictures()])
        of_images, of_texts, _ = model.eval()(seen, open_clip.get_tokenizer(name)(SENTENCES))
    np.testing.assert_allclose(ours, (of_images @ of_texts.T).numpy(), atol=2e-3)


def test_open_clip_without_weights_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("open_clip")
    folder = tiny_open_clip(tmp_path)
    (folder / "open_clip_model.safetensors").unlink()
    with pytest.raises(RuntimeError):
        open_models(folder, "open_clip")


@pytest.mark.parametrize("make", [tiny_clip, tiny_siglip])
def test_long_sentences_are_cut_at_the_model_s_context(make: Callable[[Path], Path], tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    _, sentences = open_models(make(tmp_path))
    short, long, longer = vectors(sentences, ["cat", "cat " * 20, "cat " * 20_000])
    np.testing.assert_array_equal(long, longer)
    assert np.abs(short - long).max() > 0.01


@pytest.mark.parametrize("make", [tiny_clip, tiny_siglip])
def test_a_sentence_has_the_same_embedding_in_any_batch(make: Callable[[Path], Path], tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    _, sentences = open_models(make(tmp_path))
    together = vectors(sentences, SENTENCES)
    alone = np.concatenate([vectors(sentences, [sentence]) for sentence in SENTENCES])
    np.testing.assert_allclose(together, alone, atol=1e-3)


@pytest.mark.parametrize("make", [tiny_clip, tiny_siglip])
def test_a_picture_of_three_rows_is_not_mistaken_for_three_channels(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    pytest.importorskip("transformers")
    images, _ = open_models(make(tmp_path))
    red = np.array([200, 30, 10], dtype=np.uint8)
    small, large = vectors(images, [np.full((3, 1, 3), red), np.full((64, 64, 3), red)])
    np.testing.assert_allclose(small, large, atol=1e-3)


def test_no_items_give_an_empty_table_of_the_same_columns(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    images, sentences = open_models(tiny_clip(tmp_path))
    full = images(pictures())
    assert images([]).schema == sentences([]).schema == full.schema
    assert images([]).num_rows == 0


def test_a_model_without_embeddings_of_both_is_refused(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(vocab_size=8, n_positions=8, n_embd=8, n_layer=1, n_head=1)
    transformers.GPT2Model(config).save_pretrained(tmp_path)
    with pytest.raises(RecipeError, match="is a GPT2Model, expected a model like CLIPModel"):
        open_models(tmp_path)


def test_a_model_that_lacks_weights_is_refused_and_not_made_up(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from safetensors.torch import load_file, save_file

    weights = tiny_clip(tmp_path) / "model.safetensors"
    tensors = load_file(weights)
    del tensors["visual_projection.weight"]
    save_file(tensors, weights, metadata={"format": "pt"})
    with pytest.raises(RecipeError, match=r"lacks weights of a CLIPModel: visual_projection.weight"):
        open_models(tmp_path)
