"""Processors of transformers without a download: their own classes, with a small tokenizer trained here.

Video processors need torchvision, and take no part where there are only images: a bare stand-in takes their place. So
do the words for numbers that SmolVLM's prompts for videos need.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from interleave.encode.profiles.known import PROFILES
from interleave.encode.profiles.profile import Options, Profile, Run

Size = tuple[int, int]

_TRAINED_ON = "The cat sat on the mat.\n\nA dog ran home.\n\n\n\nbeta gamma delta\n"
_CLIP = {"size": {"shortest_edge": 336}, "crop_size": {"height": 336, "width": 336}}
_CLIP_PROMPT = {"patch_size": 14, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A profile with options, and how the processor is built that must agree."""

    profile: str
    options: Options
    build: Callable[[Any, Options], Any]
    # (tokenizer, options) -> processor
    named: Mapping[str, str]
    # Attributes of the tokenizer that the processor asks for.
    unchanged: Mapping[str, bool]
    # Arguments of a call that leave out arithmetic on pixels which no count depends on.

    def __str__(self) -> str:
        return " ".join([self.profile, *(f"{name}={value}" for name, value in self.options.items())])


def open_case(
    case: Case, monkeypatch: pytest.MonkeyPatch, *, with_pixels: bool = False
) -> tuple[Profile, Options, Any]:
    """The profile, its options in full, and the processor; without pixels all is real but the values after a resize."""
    from transformers import image_processing_backends
    from transformers.models.smolvlm import processing_smolvlm
    from transformers.processing_utils import ProcessorMixin

    monkeypatch.setattr(ProcessorMixin, "check_argument_for_proper_class", lambda self, name, argument: None)
    monkeypatch.setattr(processing_smolvlm, "num2words", str)
    if not with_pixels:
        monkeypatch.setattr(image_processing_backends, "np_resize", _black)
    profile = PROFILES[case.profile]
    options = {**profile.options, **case.options}
    return profile, options, case.build(_tokenizer(profile, case.named), options)


def _tokenizer(profile: Profile, named: Mapping[str, str]) -> Any:
    """A byte-level BPE, in which "\\n\\n" is a token, with all special tokens of a profile."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=340, initial_alphabet=alphabet, show_progress=False)
    trained.train_from_iterator([_TRAINED_ON, "\n\n"] * 9, trainer)
    special = {str(profile.placeholder), *profile.marks, *named.values(), "<video>", "<|video_pad|>"}
    names = sorted(token for token in special if token.strip())
    trained.add_special_tokens([AddedToken(name, normalized=False, special=True) for name in names])
    return PreTrainedTokenizerFast(tokenizer_object=trained, **({"extra_special_tokens": dict(named)} if named else {}))


def _black(image: Any, size: tuple[int, int], **settings: object) -> Any:
    import numpy as np

    return np.broadcast_to(np.uint8(0), (image.shape[0], *size))


def ids_of_processor(
    processor: Any, profile: Profile, texts: Sequence[str], sizes: Sequence[Size], unchanged: Mapping[str, bool]
) -> tuple[list[int], Any]:
    """What the processor makes of a prompt in compact form, and all else that it returns."""
    prompt = "".join(str(token) for token, _ in profile.write(64, 64, 1, profile.options)).join(texts)
    images = [[Image.new("RGB", size, (90, 120, 30)) for size in sizes]]
    returned = processor(images=images, text=[prompt], **unchanged)
    ids = list(returned["input_ids"][0])
    assert len(processor.tokenizer(str(profile.placeholder))["input_ids"]) == 1
    return ids, returned


def ids_of_profile(
    tokenizer: Any, profile: Profile, texts: Sequence[str], sizes: Sequence[Size], options: Options
) -> list[int]:
    """The same document in expanded form, made of a profile and a tokenizer alone."""
    ids: list[int] = []
    for at, text in enumerate(texts):
        before = profile.text_before if at < len(sizes) else ""
        ids += _encode(tokenizer, (profile.text_after if at else "") + text + before)
        if at < len(sizes):
            ids += _ids(tokenizer, profile.expand(*sizes[at], len(sizes), options))
    return ids


def _ids(tokenizer: Any, runs: Sequence[Run]) -> list[int]:
    return [token_id for token, times in runs for token_id in _encode(tokenizer, str(token)) * times]


def _encode(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"]) if text else []


def _llava(tokenizer: Any, options: Options) -> Any:
    from transformers import CLIPImageProcessorPil, LlavaProcessor

    return LlavaProcessor(CLIPImageProcessorPil(**_CLIP), tokenizer, **_CLIP_PROMPT)


def _llava_next(tokenizer: Any, options: Options) -> Any:
    from transformers import LlavaNextImageProcessorPil, LlavaNextProcessor

    return LlavaNextProcessor(LlavaNextImageProcessorPil(**_CLIP), tokenizer, **_CLIP_PROMPT)


def _llava_onevision(tokenizer: Any, options: Options) -> Any:
    from transformers import LlavaOnevisionImageProcessorPil, LlavaOnevisionProcessor

    return LlavaOnevisionProcessor(
        LlavaOnevisionImageProcessorPil(),
        tokenizer,
        _video(),
        num_image_tokens=729,
        vision_feature_select_strategy="full",
        vision_aspect_ratio=f"anyres_max_{options['anyres_max']}",
    )


def _qwen(name: str, patch_size: int) -> Callable[[Any, Options], Any]:
    def build(tokenizer: Any, options: Options) -> Any:
        import transformers

        size = {"shortest_edge": options["min_pixels"], "longest_edge": options["max_pixels"]}
        images = transformers.Qwen2VLImageProcessorPil(size=size, patch_size=patch_size)
        return getattr(transformers, name)(images, tokenizer, _video())

    return build


def _idefics3(tokenizer: Any, options: Options) -> Any:
    from transformers import Idefics3ImageProcessorPil, Idefics3Processor

    images = Idefics3ImageProcessorPil(**_idefics3_settings(options))
    return Idefics3Processor(images, tokenizer, image_seq_len=options["image_seq_len"])


def _smolvlm(tokenizer: Any, options: Options) -> Any:
    from transformers import SmolVLMImageProcessorPil, SmolVLMProcessor

    images = SmolVLMImageProcessorPil(**_idefics3_settings(options))
    return SmolVLMProcessor(images, tokenizer, _video(), image_seq_len=options["image_seq_len"])


def _idefics3_settings(options: Options) -> dict[str, Any]:
    return {
        "size": {"longest_edge": options["longest_edge"]},
        "max_image_size": {"longest_edge": options["max_image_size"]},
        "do_image_splitting": bool(options["do_image_splitting"]),
    }


def _internvl(tokenizer: Any, options: Options) -> Any:
    from transformers import GotOcr2ImageProcessorPil, InternVLProcessor

    images = GotOcr2ImageProcessorPil(
        size={"height": 448, "width": 448}, min_patches=options["min_patches"], max_patches=options["max_patches"]
    )
    return InternVLProcessor(images, tokenizer, _video())


def _gemma3(tokenizer: Any, options: Options) -> Any:
    from transformers import Gemma3ImageProcessorPil, Gemma3Processor

    return Gemma3Processor(Gemma3ImageProcessorPil(), tokenizer)


def _video() -> Any:
    return SimpleNamespace(model_input_names=[])


_INTERNVL_NAMED = {
    "start_image_token": "<img>",
    "end_image_token": "</img>",
    "context_image_token": "<IMG_CONTEXT>",
    "video_token": "<video>",
}
_GEMMA_NAMED = {
    "boi_token": "<start_of_image>",
    "eoi_token": "<end_of_image>",
    "image_token": "<image_soft_token>",
}
_AS_IS = {"do_rescale": False, "do_normalize": False}


def _case(
    profile: str, build: Callable[[Any, Options], Any], named: Mapping[str, str] | None = None, **options: int
) -> Case:
    # Padding of the batch copies every tile of Idefics3 once more.
    unchanged = {**_AS_IS, "do_pad": False} if profile in {"idefics3", "smolvlm"} else _AS_IS
    return Case(profile=profile, options=options, build=build, named=named or {}, unchanged=unchanged)


# The first case of each profile has its default options.
CASES = (
    _case("llava-1.5-hf", _llava),
    _case("llava-next", _llava_next),
    _case("llava-onevision", _llava_onevision),
    _case("llava-onevision", _llava_onevision, anyres_max=4),
    _case("qwen2-vl", _qwen("Qwen2VLProcessor", 14)),
    _case("qwen2-vl", _qwen("Qwen2VLProcessor", 14), max_pixels=256 * 28 * 28),
    _case("qwen2.5-vl", _qwen("Qwen2_5_VLProcessor", 14)),
    _case("qwen2.5-vl", _qwen("Qwen2_5_VLProcessor", 14), min_pixels=60_000, max_pixels=100_000),
    _case("qwen3-vl", _qwen("Qwen3VLProcessor", 16)),
    _case("qwen3-vl", _qwen("Qwen3VLProcessor", 16), max_pixels=256 * 32 * 32),
    _case("idefics3", _idefics3),
    _case("idefics3", _idefics3, longest_edge=364),
    _case("idefics3", _idefics3, longest_edge=1000),
    _case("idefics3", _idefics3, longest_edge=1332, max_image_size=333),
    _case("idefics3", _idefics3, do_image_splitting=0),
    _case("smolvlm", _smolvlm),
    _case("smolvlm", _smolvlm, longest_edge=1536, max_image_size=384, image_seq_len=81),
    # Beyond the largest side.
    _case("smolvlm", _smolvlm, longest_edge=5000, max_image_size=700),
    _case("internvl3", _internvl, _INTERNVL_NAMED),
    _case("internvl3", _internvl, _INTERNVL_NAMED, min_patches=3, max_patches=6),
    _case("internvl3", _internvl, _INTERNVL_NAMED, max_patches=1),
    _case("gemma-3", _gemma3, _GEMMA_NAMED),
)
