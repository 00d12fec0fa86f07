"""What Stage 2 costs: floating-point operations of a dataset, and GPU hours at a stated utilisation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from interleave.validate.readiness.published import (
    CORE_TOKENS_PER_IMAGE,
    VILA_COYO_IMAGES,
    VILA_IMAGES,
)


class Gpu(StrEnum):
    """A kind of GPU."""

    A100 = "a100"
    H100 = "h100"
    H200 = "h200"
    B200 = "b200"
    L40S = "l40s"
    RTX_4090 = "rtx4090"

    @property
    def peak_flops(self) -> float:
        """Dense BF16 with FP32 accumulation, operations a second, by NVIDIA's data sheets (SXM, where they differ)."""
        return _PEAK[self] * 1e12


_PEAK = {Gpu.A100: 312, Gpu.H100: 989, Gpu.H200: 989, Gpu.B200: 2250, Gpu.L40S: 362, Gpu.RTX_4090: 165}

# With which VILA's figure comes out: 13 B in two days on 128 A100 ("Visual Language Models on NVIDIA Hardware with
# VILA", developer.nvidia.com, 2024). Its Stage 2 is 6,256 GPU hours by this file's arithmetic; two days of 128 GPUs are
# 6,144.
DEFAULT_MFU = 0.35
# CLIP ViT-L/14 at 336 px, forward only: it is frozen.
_TOWER_PARAMETERS, _TOWER_TOKENS = 304e6, 577
# A caption of COYO: 576 + 20 tokens a pair, with VILA 1.0.
_CAPTION_TOKENS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One epoch."""

    num_tokens: int
    num_images: int
    flops: float
    gpu_hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What trains, and how well it is used."""

    billions: float
    # Parameters of the language model.
    gpu: Gpu
    mfu: float
    # Model FLOPs utilisation: 6 x parameters x tokens, over the peak; what checkpointing repeats does not count.

    def cost(self, num_tokens: int, num_images: int) -> Cost:
        """Of training on so many tokens, images among them as many as they become in the model."""
        flops = 6 * self.billions * 1e9 * num_tokens + 2 * _TOWER_PARAMETERS * _TOWER_TOKENS * num_images
        hours = flops / (self.gpu.peak_flops * self.mfu) / 3600
        return Cost(num_tokens=num_tokens, num_images=num_images, flops=flops, gpu_hours=hours)

    def vilas_own(self, tokens_per_image: float) -> Cost:
        """Of VILA's Stage 2: 25 million images of MMC4-core and as many pairs of COYO, with this profile's images."""
        interleaved = VILA_IMAGES * (tokens_per_image + CORE_TOKENS_PER_IMAGE)
        pairs = VILA_COYO_IMAGES * (tokens_per_image + _CAPTION_TOKENS)
        return self.cost(round(interleaved + pairs), VILA_IMAGES + VILA_COYO_IMAGES)
