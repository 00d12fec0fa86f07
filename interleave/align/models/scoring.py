"""What computing scores needs of a model: which table it fills, of what, and a function from a batch to rows.

The settings of a kind of scores have a `kind`, a `name`, a `path`, `of` and `scorings`; installed packages add kinds
under the entry point `interleave.scores`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BeforeValidator, Field, ValidationInfo

from interleave.errors import RecipeError
from interleave.settings import resolve_location

if TYPE_CHECKING:
    import torch

Pixels = npt.NDArray[np.uint8]
# (height, width, 3), sRGB.
Item = TypeVar("Item")
Model = Callable[[Sequence[Item]], pa.Table]
# From a batch (pictures, or texts) to its rows, in order, null where nothing can be said; of none, the empty table.
ScoreName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
Of = Literal["image", "document", "pair"]
NUM_DECIMALS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring(Generic[Item]):
    """One table that a model fills."""

    table: Path
    of: Literal["image", "sentence", "document"]
    open: Callable[[str | None], Model[Item]]
    # Loads the model on a device; None: on a GPU where there is one.
    rows_per_part: int
    # Rows that are computed between two saves: a matter of seconds to minutes.


class Scores(Protocol):
    """The settings of a kind of scores."""

    @property
    def kind(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def of(self) -> Of:
        """What has a score: an image, a document, or each pair of an image and a sentence."""
        ...

    def scorings(self) -> tuple[Scoring[Any], ...]:
        """The tables to compute; none where they come from elsewhere."""
        ...


def _resolve_model(value: Any, info: ValidationInfo) -> Any:
    """A model that is a folder becomes an absolute path; names on a hub stay."""
    if not isinstance(value, str):
        return value
    resolved = resolve_location(value, info)
    return resolved if value.startswith((".", "/", "~")) or Path(resolved).is_dir() else str(value)


ModelName = Annotated[str, BeforeValidator(_resolve_model), Field(min_length=1)]
Revision = Annotated[str, Field(pattern=r"^[A-Za-z0-9._/-]{1,100}$")]


def is_folder(model: str) -> bool:
    """Whether a model's name is a place on this machine."""
    return os.path.isabs(model)  # noqa: PTH117 - the answer is about the text, not about this file system


def score_rows(scores: Sequence[float] | npt.NDArray[np.float32]) -> pa.Table:
    """Rows of plain scores, rounded so that the noise of machines and batch sizes rarely shows."""
    rounded = np.round(np.asarray(scores, dtype=np.float64), NUM_DECIMALS).astype(np.float32)
    return pa.table({"score": pa.array(rounded, pa.float32(), from_pandas=True)})  # NaN: unknown


def embedding_rows(embeddings: npt.NDArray[np.float32]) -> pa.Table:
    """Rows of embeddings: (num_items, num_dimensions), scaled to length 1 and kept as float16."""
    length = np.linalg.norm(embeddings, axis=1, keepdims=True)
    half = (embeddings / np.maximum(length, 1e-12)).astype(np.float16)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(half.ravel(), pa.float16()), half.shape[1])
    return pa.table({"embedding": lists})


def torch_device(device: str | None) -> torch.device:
    """The device that is asked for; else a GPU where torch finds one.

    Raises:
        RecipeError: there is no such device.
    """
    import torch

    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(1, device=device)
        return torch.device(device)
    except (RuntimeError, AssertionError, ValueError) as error:
        reason = str(error).partition("\n")[0][:200]
        raise RecipeError(f"--device {device}: {reason}; leave it out to take what there is") from None


def onnx_providers(device: str | None) -> list[str]:
    """What onnxruntime should run on: the GPU where its package can, else the CPU.

    Raises:
        RecipeError: a GPU is asked for that it cannot use.
    """
    import onnxruntime

    has_gpu = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    if device is not None and device != "cpu" and not (device.startswith("cuda") and has_gpu):
        raise RecipeError(f"--device {device}: onnxruntime cannot use it here; `pip install onnxruntime-gpu`, or cpu")
    use_gpu = has_gpu and device != "cpu"
    return ["CUDAExecutionProvider", "CPUExecutionProvider"] if use_gpu else ["CPUExecutionProvider"]
