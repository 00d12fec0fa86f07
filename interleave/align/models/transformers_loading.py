"""Loads models in the format of `transformers`; never runs code that lies beside the weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from interleave.errors import RecipeError

NEWEST = "main"


def load_model(auto_class: Any, model: str, revision: str | None, device: Any) -> Any:
    """A model with all of its weights, ready to be asked.

    Raises:
        RecipeError: weights are missing, which transformers would fill with random numbers.
    """
    import transformers

    be_quiet: Callable[[], None] = transformers.utils.logging.disable_progress_bar
    be_quiet()
    loaded, about = auto_class.from_pretrained(model, revision=revision or NEWEST, output_loading_info=True)
    if missing := sorted(about["missing_keys"]):
        raise RecipeError(f"{model} lacks weights of a {type(loaded).__name__}: {', '.join(missing[:3])} ...")
    return loaded.eval().to(device)
