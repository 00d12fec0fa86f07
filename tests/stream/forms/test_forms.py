"""Forms of batches in the models that take them: real classes of transformers, small and with random weights."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from fixtures_build import build_small, small_dataset
from fixtures_rows import P, segment
from fixtures_tokenizers import byte_level, save

from interleave import StreamingDataset, collate
from interleave.encode.profiles.known import PROFILES
from interleave.pack.row import build_row

transformers = pytest.importorskip("transformers")

SMALL = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
VOCABULARY = 1000


@cache
def folder() -> Path:
    made = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, made)
    return made


@cache
def dataset(profile: str, *overrides: str) -> Path:
    marks = ["<s>", "</s>", "<|endoftext|>", *PROFILES[profile].marks, str(PROFILES[profile].placeholder)]
    tokenizer = save(byte_level(special=marks), folder() / f"{profile}.json")
    output = folder() / profile
    build_small(output, f"profile={profile}", f"tokenizer={tokenizer}", "encode.context=null", *overrides)
    return output


def llava_model(placeholder: int) -> Any:
    torch.manual_seed(0)
    return transformers.LlavaForConditionalGeneration(
        transformers.LlavaConfig(
            vision_config=transformers.CLIPVisionConfig(image_size=336, patch_size=14, **SMALL),
            text_config=transformers.LlamaConfig(vocab_size=VOCABULARY, max_position_embeddings=4096, **SMALL),
            image_token_id=placeholder,
        )
    ).eval()


def qwen_model(manifest: Any) -> Any:
    torch.manual_seed(0)
    marks = manifest.model.marks
    return transformers.Qwen2_5_VLForConditionalGeneration(
        transformers.Qwen2_5_VLConfig(
            vision_config={
                "depth": 2,
                "hidden_size": 32,
                "intermediate_size": 64,
                "num_heads": 2,
                "out_hidden_size": 32,
                "fullatt_block_indexes": [1],
            },
            text_config={
                **SMALL,
                "vocab_size": VOCABULARY,
                "num_key_value_heads": 2,
                "max_position_embeddings": 4096,
                "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]},
            },
            image_token_id=manifest.model.placeholder,
            vision_start_token_id=marks["<|vision_start|>"][0],
            vision_end_token_id=marks["<|vision_end|>"][0],
        )
    ).eval()


def qwen_processor(limits: dict[str, int]) -> Any:
    size = {"shortest_edge": limits["min_pixels"], "longest_edge": limits["max_pixels"]}
    return transformers.Qwen2VLImageProcessorPil(size=size)


CLIP = {"size": {"shortest_edge": 336}, "crop_size": 336}


def per_token_loss(model: Any, batch: dict[str, Any]) -> tuple[float, int]:
    """Summed loss of a batch, and over how many tokens."""
    with torch.no_grad():
        loss = model(**batch["inputs"]).loss
    num_learned = int((batch["inputs"]["labels"][:, 1:] != -100).sum())
    return float(loss) * num_learned, num_learned


def assert_packed_equals_alone(model: Any, path: Path, form: str, processor: Any, seq_len: int) -> None:
    """Documents packed into rows lose what they lose alone: no one sees another, and images are where they belong."""
    options = {"seq_len": seq_len, "form": form, "processor": processor, "rank": 0, "world_size": 1}
    packed = [per_token_loss(model, batch) for batch in StreamingDataset(path, **options)]
    alone = [per_token_loss(model, batch) for batch in StreamingDataset(path, packing=False, **options)]
    assert len(packed) < len(alone)
    num_learned = sum(number for _, number in packed)
    assert num_learned == sum(number for _, number in alone) > 100
    mean, expected = (sum(loss for loss, _ in losses) / num_learned for losses in (packed, alone))
    assert mean == pytest.approx(expected, rel=1e-5)


def test_a_packed_batch_of_llava_loses_what_its_documents_lose_alone() -> None:
    path = dataset("llava-1.5-hf")
    model = llava_model(StreamingDataset(path, seq_len=4096).reader.manifest.model.placeholder)
    assert_packed_equals_alone(model, path, "llava", transformers.CLIPImageProcessorPil(**CLIP), 4096)


def test_a_packed_batch_of_qwen_loses_what_its_documents_lose_alone() -> None:
    limits = {"min_pixels": 3136, "max_pixels": 28 * 28 * 64}
    path = dataset("qwen2.5-vl", *(f"encode.options.{name}={value}" for name, value in limits.items()))
    model = qwen_model(StreamingDataset(path, seq_len=4096).reader.manifest)
    assert_packed_equals_alone(model, path, "qwen2_vl", qwen_processor(limits), 2048)


def test_a_processor_of_other_limits_is_refused_before_the_model_breaks() -> None:
    limits = {"min_pixels": 3136, "max_pixels": 28 * 28 * 64}
    path = dataset("qwen2.5-vl", *(f"encode.options.{name}={value}" for name, value in limits.items()))
    other = qwen_processor({"min_pixels": 3136, "max_pixels": 28 * 28 * 4})
    with pytest.raises(ValueError, match=r"makes .* patches, the ids have room for .*'max_pixels': 50176"):
        list(StreamingDataset(path, seq_len=4096, form="qwen2_vl", processor=other))


@pytest.mark.parametrize("form", ["llava", "qwen2_vl", "vila"])
def test_what_a_model_takes_needs_its_image_processor(form: str) -> None:
    path = dataset("qwen2.5-vl") if form == "qwen2_vl" else dataset("llava-1.5-hf")
    with pytest.raises(ValueError, match=f"form='{form}' .*give its image processor"):
        next(iter(StreamingDataset(path, seq_len=4096, form=form)))


def test_a_form_that_does_not_suit_the_dataset_is_refused_with_its_profile() -> None:
    with pytest.raises(ValueError, match="an id is negative"):
        next(iter(StreamingDataset(small_dataset(), form="llava", processor=list)))
    with pytest.raises(ValueError, match=r"the dataset is for llava-1.5-hf, expected a profile such as qwen2.5-vl"):
        next(iter(StreamingDataset(dataset("llava-1.5-hf"), seq_len=4096, form="qwen2_vl", processor=list)))
    with pytest.raises(ValueError, match=r"the dataset is for qwen2.5-vl, where an image has marks"):
        next(iter(StreamingDataset(dataset("qwen2.5-vl"), seq_len=4096, form="vila", processor=list)))


def test_without_padding_segments_lie_end_to_end_as_transformers_own_collator_lays_them() -> None:
    rows = [
        build_row([segment([5, 6, 7], key="0"), segment([8, 9], key="1")], 8, 0),
        build_row([segment([4, P, 3], [(1, 1, [P, P])], key="2")], 8, 0),
    ]
    batch = collate(rows, form="varlen")
    documents = [{"input_ids": ids} for ids in ([5, 6, 7], [8, 9], [4, P, P, 3])]
    flattening = transformers.DataCollatorWithFlattening(return_flash_attn_kwargs=True, return_tensors="pt")
    expected = flattening(documents)
    expected["labels"][expected["labels"] == P] = -100
    for name, value in expected.items():
        assert torch.equal(torch.as_tensor(batch["inputs"][name]), torch.as_tensor(value)), name
    assert (batch["image_starts"].tolist(), batch["image_tokens"].tolist()) == ([6], [2])


def test_for_vila_a_document_is_a_sequence_and_an_image_one_id() -> None:
    rows = [
        build_row([segment([5, 6, 7], key="0"), segment([8, P, 9, P, 1], [(1, 1, [P] * 3), (3, 1, [P] * 3)])], 16, 0),
        build_row([segment([4])], 16, 0),
    ]
    pixels = [torch.full((3, 2, 2), float(number)) for number in range(2)]
    batch = collate(rows, images=pixels, form="vila", processor=torch.stack)
    assert batch["inputs"]["input_ids"].tolist() == [[5, 6, 7, 0, 0], [8, P, 9, P, 1], [4, 0, 0, 0, 0]]
    assert batch["inputs"]["labels"].tolist() == [
        [-100, 6, 7, -100, -100],
        [-100, -100, 9, -100, 1],
        [-100] * 5,
    ]
    assert batch["inputs"]["attention_mask"].sum(dim=1).tolist() == [3, 5, 1]
    assert torch.equal(batch["inputs"]["images"], torch.stack(pixels))


def test_every_form_says_what_is_in_it() -> None:
    rows = [build_row([segment([5, 6], key="0"), segment([8, P], [(1, 1, [P] * 3)], key="1")], 8, 0)]
    for form in ("pad", "varlen", "vila"):
        batch = collate(rows, form=form, processor=len)
        assert (batch["keys"], batch["doc_ids"]) == ([["0", "1"]], [["doc-0", "doc-1"]])
        assert (batch["num_tokens"], batch["num_positions"], batch["num_images"]) == (6, 8, 1)
        assert batch["source_tokens"] == {"source-0": 2, "source-1": 4}


def test_a_processor_may_return_tensors_by_name_or_one() -> None:
    rows = [build_row([segment([5, P], [(1, 1, [P])])], 8, 0)]
    one = collate(rows, processor=lambda images: torch.ones(len(images)))
    named = collate(rows, processor=lambda images: {"features": torch.ones(len(images))})
    assert one["pixel_values"].shape == named["features"].shape == (1,)
    none = collate([build_row([segment([5])], 8, 0)], processor=lambda images: 1 / 0)
    assert "pixel_values" not in none
