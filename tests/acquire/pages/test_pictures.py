import base64
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from interleave.acquire.pages.pictures import Picture, decode_data_url, picture_of
from interleave.errors import Unreadable

BASE = "https://example.org/d/page.html"
BLANK = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
INLINE = "data:image/png;base64," + "A" * 500


def pictures(markup: str, base: str = BASE) -> list[Picture | None]:
    return [picture_of(image, base) for image in html.fragment_fromstring(markup, "div").iter("img")]


def urls(attributes: str, base: str = BASE) -> list[str]:
    """The addresses of an `<img>`, those of the page's own folder by their names."""
    (picture,) = pictures(f"<img {attributes}>", base)
    return [] if picture is None else [url.removeprefix("https://example.org/d/") for url in picture.urls]


def refusal(attributes: str) -> str | None:
    (picture,) = pictures(f"<img {attributes}>")
    assert picture is not None
    return picture.error.reason if picture.error is not None else None


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("a.jpg", "https://example.org/d/a.jpg"),
        ("../a.jpg", "https://example.org/a.jpg"),
        ("/e/a.jpg", "https://example.org/e/a.jpg"),
        ("//cdn.example.org/a.jpg", "https://cdn.example.org/a.jpg"),
        ("http://example.com/a.jpg?w=100&amp;h=50", "http://example.com/a.jpg?w=100&h=50"),
        ("?image=7", "https://example.org/d/page.html?image=7"),
        ("a.jpg#top", "https://example.org/d/a.jpg"),
        (" \n a.jpg \t", "https://example.org/d/a.jpg"),
        ("https://example.org/\n  a.jpg", "https://example.org/a.jpg"),
    ],
)
def test_src_is_taken_relative_to_the_page(reference: str, expected: str) -> None:
    (picture,) = pictures(f'<img src="{reference}">')
    assert picture is not None
    assert picture.urls == (expected,)


@pytest.mark.parametrize(
    ("srcset", "expected"),
    [
        ("a.jpg 300w, b.jpg 1200w, c.jpg 800w", "b.jpg"),
        ("a.jpg 300w, b.jpg 2000w, c.jpg 2001w", "b.jpg"),
        ("a.jpg 3000w, b.jpg 2400w", "b.jpg"),
        ("a.jpg 300w,b.jpg 600w", "b.jpg"),
        ("a.jpg 300w 200h, b.jpg 700w 400h", "b.jpg"),
        ("a.jpg 1x, b.jpg 2x, c.jpg 4x", "b.jpg"),
        ("a.jpg, b.jpg 1.5x", "b.jpg"),
        ("a.jpg 500w, b.jpg 500w", "a.jpg"),
        ("a.jpg", "a.jpg"),
        ("\n  a.jpg\n  640w,\n  b.jpg\n  1280w\n", "b.jpg"),
        ("https://example.org/d/w_300,h_200/a.jpg 300w, https://example.org/d/w_600,h_400/b.jpg 600w",
         "w_600,h_400/b.jpg"),
        (f"{BLANK} 1x, b.jpg 2x", "b.jpg"),
    ],
)  # fmt: skip
def test_the_widest_of_a_srcset_is_taken_up_to_2000_px(srcset: str, expected: str) -> None:
    assert urls(f'srcset="{srcset}"') == [expected]


def test_src_comes_behind_srcset() -> None:
    assert urls('src="small.jpg" srcset="b.jpg 600w, c.jpg 1200w"') == ["c.jpg", "small.jpg"]


@pytest.mark.parametrize("srcset", ["", "   ", ",", ", ,", ",,,"])
def test_src_is_left_where_a_srcset_holds_nothing(srcset: str) -> None:
    assert urls(f'src="a.jpg" srcset="{srcset}"') == ["a.jpg"]


@pytest.mark.parametrize("srcset", ["a.jpg 1..2x", "a.jpg .w", "a.jpg 300w garbage", "a.jpg 300w,,"])
def test_a_malformed_descriptor_does_not_cost_the_picture(srcset: str) -> None:
    assert urls(f'srcset="{srcset}"') == ["a.jpg"]


@pytest.mark.parametrize(
    ("srcset", "expected"),
    [
        ("my photo.jpg 300w", []),
        ("my photo.jpg 300w, b.jpg 600w", ["b.jpg"]),
        ("a.jpg 300q, b.jpg 600w", ["b.jpg"]),
        ("a.jpg wide, b.jpg", ["b.jpg"]),
        ("a.jpg 300 w", []),
        ("b.jpg 600w, my other photo.jpg 900w, c.jpg wide", ["b.jpg"]),
        ("x" * 100 + " q", []),
    ],
)
def test_what_is_no_candidate_of_a_srcset_gives_no_address(srcset: str, expected: list[str]) -> None:
    assert urls(f'src="x.jpg" srcset="{srcset}"') == [*expected, "x.jpg"]


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ('<source type="IMAGE/AVIF" srcset="a"><source type=" image/SVG+xml " srcset="b">', ["x.jpg"]),
        ('<source srcset="a.avif 600w"><source srcset="b.AVIF?v=2">', ["x.jpg"]),
        ('<source type="image/webp" srcset="a.webp 600w, b.webp 1200w">', ["b.webp", "x.jpg"]),
        ('<source type="image/avif" srcset="a.avif"><source type="image/webp" srcset="a.webp">', ["a.webp", "x.jpg"]),
        ('<source type="image/avif" srcset="a.avif">', ["x.jpg"]),
        ('<source type="image/svg+xml" srcset="a.svg">', ["x.jpg"]),
        ('<source data-srcset="a.webp 600w">', ["a.webp", "x.jpg"]),
        ('<source type="image/webp" srcset="a.webp"/><source srcset="b.png"/>', ["a.webp", "b.png", "x.jpg"]),
        ("<source>", ["x.jpg"]),
    ],
)
def test_the_sources_of_a_picture_come_before_src(sources: str, expected: list[str]) -> None:
    (picture,) = pictures(f'<picture>{sources}<img src="x.jpg"></picture>')
    assert picture is not None
    assert [url.removeprefix("https://example.org/d/") for url in picture.urls] == expected


def test_sources_of_another_picture_are_none_of_an_image() -> None:
    _, second = pictures('<picture><source srcset="a.webp"><img src="a.jpg"></picture><img src="b.jpg">')
    assert second == Picture(urls=("https://example.org/d/b.jpg",))


@pytest.mark.parametrize(
    "name",
    ["data-src", "data-original", "data-lazy-src", "data-lazy", "data-url", "data-hi-res-src", "data-echo",
     "data-srcset", "data-lazy-srcset", "data-original-set"],
)  # fmt: skip
@pytest.mark.parametrize("placeholder", [BLANK, "about:blank", "#", ""])
def test_the_attributes_of_lazy_loading_lead_to_the_picture(name: str, placeholder: str) -> None:
    assert urls(f'src="{placeholder}" {name}="a.jpg"') == ["a.jpg"]


def test_the_picture_of_lazy_loading_comes_before_a_placeholder_that_is_a_file() -> None:
    assert urls('src="grey.gif" data-src="a.jpg"') == ["a.jpg", "grey.gif"]


@pytest.mark.parametrize(
    "attributes",
    ["", 'src=""', 'src=" "', 'src="#"', 'src="about:blank"', f'src="{BLANK}"', 'alt="A cat"'],
)
def test_a_placeholder_alone_is_no_picture(attributes: str) -> None:
    assert pictures(f"<img {attributes}>") == [None]


@pytest.mark.parametrize(
    "size",
    ['width="1" height="1"', 'width="32"', 'height="16"', 'width="16px"', 'width=" 20 "', 'width="16.5"',
     'width="600" height="1"', 'style="width: 16px"', 'style="color: red; HEIGHT:24px"', 'style="width:1.5px"'],
)  # fmt: skip
def test_a_picture_with_a_side_up_to_32_px_is_an_icon(size: str) -> None:
    assert urls(f'src="a.jpg" {size}') == []


@pytest.mark.parametrize(
    "size",
    ['width="33" height="33"', 'width="100%"', 'width="2em"', 'width=""', 'width="auto"', 'style="width: 2em"',
     'style="max-width: 16px"', 'style="border-width:1px; line-height:12px"', 'style="width: 320px"'],
)  # fmt: skip
def test_other_sizes_are_those_of_a_picture(size: str) -> None:
    assert urls(f'src="a.jpg" {size}') == ["a.jpg"]


@pytest.mark.parametrize(
    "name",
    ["arrow-left.png", "arrow_right.gif", "bullets.png", "pixel-1x1.gif", "blank/a.jpg", "icons/a.png",
     "my-icon.png", "favicon.png", "sprite.png", "spacer.gif", "1x1.gif", "pixel.gif", "blank.gif",
     "transparent.png", "emoji/1f600.png", "smilies/wink.gif", "ajax-loader.gif", "spinner.gif", "loading.gif",
     "placeholder.png", "arrow.png", "bullet.gif", "captcha.png", "images/note.png", "admon/warning.png"],
)  # fmt: skip
def test_an_icon_is_known_by_its_name(name: str) -> None:
    assert urls(f'src="{name}"') == []


@pytest.mark.parametrize(
    "name",
    ["silicon.jpg", "iconic-photo.jpg", "narrow.jpg", "pixelated.jpg", "warning-signs-at-sea.png", "notebook.png",
     "sparrow.jpg", "thumb.php?src=/icon/a.jpg", "bullet-train.jpg", "google-pixel-8.jpg", "blank-canvas.jpg",
     "broken-arrow-1950.jpg", "loading-dock.jpg", "transparent-frogs.jpg"],
)  # fmt: skip
def test_a_word_that_begins_or_ends_like_an_icon_is_none(name: str) -> None:
    assert urls(f'src="{name}"') == [name]


def test_the_name_of_a_host_does_not_make_an_icon() -> None:
    assert urls('src="https://icons.example.com/cat.jpg"') == ["https://icons.example.com/cat.jpg"]


@pytest.mark.parametrize(
    "reference",
    ["javascript:alert(1)", "JavaScript:alert(1)", "file:///etc/passwd", "ftp://example.org/a.jpg", "cid:1", "blob:x",
     "http://[::1/a.jpg", "a" * 4001, "http://", "//", "///", "http:a.jpg"],
)  # fmt: skip
def test_an_address_that_no_page_of_the_web_may_name_is_refused(reference: str) -> None:
    assert refusal(f'src="{reference}"') == "bad_image_url"


def test_a_saved_page_may_name_files() -> None:
    assert urls('src="a.jpg"', "file:///p/page.html") == ["file:///p/a.jpg"]


@pytest.mark.parametrize("name", ["a.svg", "a.SVG", "a.svgz", "a.svg?v=2", INLINE.replace("png", "svg+xml")])
def test_drawings_are_refused(name: str) -> None:
    assert refusal(f'src="{name}"') == "svg_image"


def test_of_a_drawing_and_a_picture_the_picture_is_left() -> None:
    assert urls('src="a.svg" data-src="a.png"') == ["a.png"]
    assert urls('src="a.png?from=a.svg"') == ["a.png?from=a.svg"]


def test_an_avif_picture_is_left_out_only_where_there_is_another() -> None:
    assert urls('src="a.avif" data-src="a.png"') == ["a.png"]
    assert urls('src="a.avif"') == ["a.avif"]
    assert urls('src="a.png?from=a.avif"') == ["a.png?from=a.avif"]


def test_a_picture_in_the_page_itself_stays_as_it_is() -> None:
    assert urls(f'src="{INLINE}"') == [INLINE]


def test_the_alternative_text_has_single_spaces() -> None:
    assert pictures('<img src="a.jpg" alt=" A cat\n  on a mat ">') == [
        Picture(urls=("https://example.org/d/a.jpg",), alt="A cat on a mat")
    ]


@pytest.mark.parametrize("quoted", [False, True])
def test_a_data_url_is_decoded(quoted: bool) -> None:
    data = bytes(range(256))
    text = base64.b64encode(data).decode()
    text = text.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D") if quoted else text
    assert decode_data_url(f"data:image/png;base64,{text}", 256) == data


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("data:image/png;base64", "bad_data_url"),
        ("data:image/png,%89PNG", "bad_data_url"),
        ("data:image/png;base64,!!!!", "bad_data_url"),
        ("data:image/png;base64,", "bad_data_url"),
        ("data:image/png;base64," + "AAAA" * 100, "too_many_bytes"),
    ],
)
def test_a_data_url_that_holds_no_picture_says_why(url: str, reason: str) -> None:
    with pytest.raises(Unreadable) as caught:
        decode_data_url(url, 100)
    assert caught.value.reason == reason


_ANY = st.characters(exclude_categories=("Cs", "Cc", "Cn"))
_TEXTS = st.text(_ANY, max_size=60) | st.text("aZ:/.,;#?%[]@&=\\ 129wx\n\t-", max_size=60)


@given(_TEXTS, _TEXTS, st.sampled_from(["src", "data-src", "width", "style"]), _TEXTS)
def test_whatever_stands_in_the_attributes_gives_addresses_or_a_reason(
    src: str, srcset: str, name: str, value: str
) -> None:
    image = html.Element("img", {"src": src, "srcset": srcset, name: value})
    picture = picture_of(image, BASE)
    if picture is not None:
        assert bool(picture.urls) == (picture.error is None)
        assert {urlsplit(url).scheme for url in picture.urls} <= {"http", "https", "data"}
