"""What a model is wanted for, as far as Stage 2 has a part in it."""

from __future__ import annotations

from enum import StrEnum


class Need(StrEnum):
    """What the model is to do."""

    MULTI_IMAGE = "multi-image"
    FEW_SHOT = "few-shot"
    REAL_WORLD = "real-world"
    EDGE = "edge"
    BENCHMARKS = "benchmarks"

    @property
    def question(self) -> str:
        return _QUESTIONS[self]

    @property
    def why(self) -> str:
        """Why Stage 2 is for it, with the source; empty where it is not."""
        return _WHY.get(self, "")


_QUESTIONS = {
    Need.MULTI_IMAGE: "Is it to understand several images at once?",
    Need.FEW_SHOT: "Is it to learn from examples in its prompt (few-shot)?",
    Need.REAL_WORLD: "Is it to answer for real users, on images and tasks nobody trained it for?",
    Need.EDGE: "Is it to run on the edge, small and quantised?",
    Need.BENCHMARKS: "Is it to do well on zero-shot benchmarks?",
}
_PAPER = "(VILA, arXiv 2312.07533)"
_WHY = {
    Need.MULTI_IMAGE: f"multi-image reasoning comes from pre-training on interleaved documents {_PAPER}; image-text "
    "pairs and most instruction data show one image at a time",
    Need.FEW_SHOT: "learning in context needs interleaved data with the language model unfrozen, which is Stage 2 "
    f"{_PAPER}; MMC4's authors measured 20 to 30 more CIDEr with 4 and 8 shots from its core (arXiv 2304.06939)",
    Need.REAL_WORLD: f"world knowledge and accuracy beyond the tuned tasks gain from it {_PAPER}: benchmarks near the "
    "tuning data hide that",
    Need.EDGE: "a small model that is on its own has nothing but its pre-training: VILA's models for the edge "
    "(2.7 B, quantised) went through Stage 2 (VILA's README)",
}
