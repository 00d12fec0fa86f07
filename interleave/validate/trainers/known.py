"""Trainers whose loader and collator can be tried on a dataset."""

from __future__ import annotations

from enum import StrEnum


class Trainer(StrEnum):
    """Who is to be trained with what. All but Energon read through this project's loader, each in its own form."""

    VILA = "vila"
    LLAVA = "llava"
    QWEN2_VL = "qwen2-vl"
    ENERGON = "energon"
