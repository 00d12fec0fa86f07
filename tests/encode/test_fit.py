from records import image_tokens, make_image

from interleave.encode.fit import ANYTHING, Fit, unfit_images
from interleave.encode.image_tokens import ImageTokens
from interleave.encode.profiles.known import PROFILES

QWEN = ImageTokens(
    profile="qwen2-vl",
    form="expanded",
    options=PROFILES["qwen2-vl"].options,
    placeholder=9,
    ids={"<|vision_start|>": (7,), "<|vision_end|>": (8,)},
    tokens_per_image=None,
)


def test_without_limits_every_image_fits() -> None:
    assert unfit_images("d", [make_image(index) for index in range(9)], ANYTHING) == []


def test_images_after_the_most_that_a_layout_takes_are_left_out_in_the_order_of_the_source() -> None:
    images = [make_image(index, matched=9 - index) for index in (3, 0, 2, 1)]
    drops = unfit_images("d", images, Fit(max_images=2))
    assert [(drop.image, drop.rule, drop.value, drop.threshold) for drop in drops] == [
        (2, "max_images", 3, 2),
        (3, "max_images", 4, 2),
    ]
    assert {(drop.doc_id, drop.stage) for drop in drops} == {("d", "settle")}


def test_an_image_that_fills_the_context_is_left_out_with_its_tokens() -> None:
    assert unfit_images("d", [make_image(0)], Fit(tokens=image_tokens(10), room=10)) == []
    (drop,) = unfit_images("d", [make_image(0)], Fit(tokens=image_tokens(11), room=10))
    assert (drop.rule, drop.value, drop.threshold) == ("image_tokens", 11, 10)
    assert unfit_images("d", [make_image(0)], Fit(tokens=image_tokens(11))) == []


def test_an_image_of_a_shape_that_the_model_refuses_is_left_out_and_the_drop_says_why() -> None:
    images = [make_image(0, width=5000, height=10), make_image(1)]
    (drop,) = unfit_images("d", images, Fit(tokens=QWEN, room=4000))
    assert (drop.image, drop.rule, drop.value) == (0, "image_tokens", None)
    assert "5000" in drop.detail


def test_an_image_that_is_left_alone_is_asked_again() -> None:
    """LLaVA-OneVision looks closer at an image that is alone in its document."""
    onevision = ImageTokens(
        profile="llava-onevision",
        form="expanded",
        options=PROFILES["llava-onevision"].options,
        placeholder=9,
        ids={},
        tokens_per_image=None,
    )
    images = [make_image(0, width=1000, height=1000), make_image(1, width=1000, height=1000)]
    alone, beside = (len(onevision.expanded(1000, 1000, number)) for number in (1, 2))
    assert alone > beside
    fit = Fit(max_images=1, tokens=onevision, room=beside)
    assert [(drop.image, drop.rule, drop.value) for drop in unfit_images("d", images, fit)] == [
        (1, "max_images", 2),
        (0, "image_tokens", alone),
    ]
