"""What was published about the data of Stage 2, with its sources. Nothing here was measured by this project."""

from __future__ import annotations

# github.com/allenai/mmc4, README, version 1.1: mmc4-core.
CORE_DOCUMENTS = 7_300_000
CORE_IMAGES = 29_900_000
CORE_TEXT_TOKENS = 2_400_000_000
CORE_IMAGES_PER_DOCUMENT = CORE_IMAGES / CORE_DOCUMENTS
CORE_TOKENS_PER_IMAGE = CORE_TEXT_TOKENS / CORE_IMAGES

# Zhu et al., "Multimodal C4", arXiv 2304.06939: what makes the core of it.
CORE_MIN_IMAGES = 2
# Of a document, all English.
CORE_SIMILARITY = 0.25
CORE_SIMILAR_SHARE = 0.75
# Images of a document above that similarity (CLIP ViT-L/14) to their sentence, at least.
MMC4_REPEATED_SHARE = 0.014
# Images that stand more than once in their document.

# Lin et al., "VILA", arXiv 2312.07533, section 3: Stage 2 saw about as many images of MMC4-core, and as many of COYO.
VILA_IMAGES = 25_000_000
VILA_COYO_IMAGES = 25_000_000
