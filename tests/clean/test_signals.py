import pytest
from records import make_image, make_measured

from interleave.clean.signals import document_signals, image_signals
from interleave.clean.words import words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It's a well-known fact.", ["It's", "a", "well", "known", "fact"]),
        ("don’t stop 3 times", ["don’t", "stop", "3", "times"]),
        ("一只猫 sat", ["一", "只", "猫", "sat"]),
        ("猫cat猫", ["猫", "cat", "猫"]),
        ("été à Tōkyō", ["été", "à", "Tōkyō"]),
        ("... !? --", []),
        ("", []),
    ],
)
def test_words_are_counted_in_any_script(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_a_document_is_counted_by_the_sentences_that_are_left() -> None:
    signals = document_signals(
        make_measured(["One two.", "", "猫"], language="en"), [make_image(0)], ["One two.", "猫"]
    )
    assert (signals.num_sentences, signals.num_characters) == (2, 9)
    assert (signals.num_images, signals.language) == (1, "en")


def test_similarities_are_the_best_one_and_that_to_the_matched_sentence() -> None:
    signals = image_signals(make_image(matched=1, similarities=[0.5, 0.25, 0.125]))
    assert (signals.best_similarity, signals.matched_similarity) == (0.5, 0.25)
    unknown = image_signals(make_image(similarities=None))
    assert (unknown.best_similarity, unknown.matched_similarity) == (None, None)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://logo.example.org/IMG/Cat.JPG?icon=1#button", ("img", "cat", "jpg")),
        ("https://e.org/My%20Photos/siteLogo-icon2x.png", ("my", "photos", "site", "logo", "icon", "x", "png")),
        ("https://e.org/HTMLLogo_W3C.png", ("html", "logo", "w", "c", "png")),
        ("https://e.org/%E5%9B%BE%E6%A0%87/été.gif", ("图标", "été", "gif")),
        (None, ()),
        ("https://[broken/Logo.png", ("https", "broken", "logo", "png")),
    ],
)
def test_the_words_of_a_url_are_those_of_its_path(url: str | None, expected: tuple[str, ...]) -> None:
    assert image_signals(make_image(url=url)).url_words == expected
