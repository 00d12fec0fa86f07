"""The images of a batch, and what is wanted of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch

from interleave.encode.image_tokens import ImageTokens

# Images -> tensors by name, as an image processor of transformers returns them; or one tensor, the pixel values.
Processor: TypeAlias = Callable[..., Any]
Images: TypeAlias = Sequence[torch.Tensor | bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The images of a batch in order, and how the model wants them."""

    images: Images
    processor: Processor | None
    tokens: ImageTokens | None
    # What the dataset says that an image is among ids; None where rows are made by hand.

    def processed(self) -> dict[str, torch.Tensor]:
        """What the processor makes of the images; nothing without one, or without images."""
        if self.processor is None or not self.images:
            return {}
        if hasattr(self.processor, "model_input_names"):  # one of transformers
            made = self.processor(images=list(self.images), return_tensors="pt")
        else:
            made = self.processor(self.images)
        return dict(made) if isinstance(made, Mapping) else {"pixel_values": made}

    def pixels(self, form: str) -> dict[str, torch.Tensor]:
        """The same for a form that is a model's input.

        Raises:
            ValueError: no processor was given.
        """
        if self.processor is None:
            raise ValueError(f"form={form!r} is what a model takes: give its image processor as processor=")
        return self.processed()
