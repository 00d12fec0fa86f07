import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.acquire.pages.charset import decode_page
from interleave.errors import Unreadable

GERMAN = "Die Katze saß am Fenster und sah dem Regen zu – für „Übung“, wie sie sagte. " * 5
CHINESE = "猫坐在窗边的垫子上，看着外面的雨落在花园里。没有人知道它在想些什么。" * 8
TAIWANESE = "貓坐在窗邊的墊子上，看著外面的雨落在花園裡。沒有人知道牠在想些什麼。" * 8
JAPANESE = "猫は窓のそばに座って、雨が庭に降るのを見ていた。だれも猫の考えを知らない。" * 8
KOREAN = "고양이는 창가에 앉아 정원에 비가 내리는 것을 보았다. 아무도 그 생각을 모른다. " * 8
RUSSIAN = "Кошка сидела у окна и смотрела, как дождь идёт в саду. Никто не знает, о чём она думала. " * 5
TEXTS = {
    "utf-8": CHINESE + KOREAN + GERMAN,
    "windows-1252": GERMAN,
    "gb18030": CHINESE,
    "big5": TAIWANESE,
    "shift_jis": JAPANESE,
    "euc-jp": JAPANESE,
    "euc-kr": KOREAN,
    "windows-1251": RUSSIAN,
    "koi8-r": RUSSIAN,
}
ENCODED = pytest.mark.parametrize(("encoding", "text"), TEXTS.items(), ids=TEXTS)


def page(text: str, declared: str = "") -> str:
    return f"<html><head>{declared}<title>x</title></head><body><p>{text}</p></body></html>"


@ENCODED
@pytest.mark.parametrize(
    "declared",
    ['<meta charset="{}">', "<META CHARSET={}>", "<meta charset = '{}' />",
     '<meta http-equiv="Content-Type" content="text/html; charset={}">', '<?xml version="1.0" encoding="{}"?>'],
)  # fmt: skip
def test_a_page_says_what_it_is_encoded_in(encoding: str, text: str, declared: str) -> None:
    whole = page(text, declared.format(encoding))
    assert decode_page(whole.encode(encoding)) == whole


@ENCODED
@pytest.mark.parametrize("header", ["text/html; charset={}", 'text/html;charset="{}"', "text/html; CHARSET = {}; x=y"])
def test_the_server_says_what_a_page_is_encoded_in(encoding: str, text: str, header: str) -> None:
    assert decode_page(page(text).encode(encoding), header.format(encoding)) == page(text)


@pytest.mark.parametrize("encoding", TEXTS)
@pytest.mark.parametrize("content_type", ["", "text/html", "text/html; charset=", "text/html; charset=utf-8"])
def test_the_encoding_is_guessed_where_nobody_says_it_or_it_is_wrong(encoding: str, content_type: str) -> None:
    whole = page(TEXTS[encoding])
    assert decode_page(whole.encode(encoding), content_type) == whole


@ENCODED
def test_of_a_wrong_server_and_a_page_that_is_right_the_page_is_believed(encoding: str, text: str) -> None:
    whole = page(text, f"<meta charset={encoding}>")
    assert decode_page(whole.encode(encoding), "text/html; charset=utf-8") == whole


def test_the_server_is_believed_before_the_page() -> None:
    whole = page(RUSSIAN, "<meta charset=koi8-r>")
    assert decode_page(whole.encode("windows-1251"), "text/html; charset=windows-1251") == whole


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [(codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")],
)
def test_a_byte_order_mark_is_believed_before_all_else(mark: bytes, encoding: str) -> None:
    whole = page(CHINESE, "<meta charset=windows-1252>")
    assert decode_page(mark + whole.encode(encoding), "text/html; charset=koi8-r") == whole


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("content_type", ["", "text/html; charset=utf-16"])
def test_utf_16_is_recognised_without_a_mark(encoding: str, content_type: str) -> None:
    assert decode_page(page(GERMAN).encode(encoding), content_type if encoding == "utf-16-le" else "") == page(GERMAN)


def test_a_page_whose_declaration_can_be_read_is_not_utf_16() -> None:
    whole = page(CHINESE, "<meta charset=utf-16>")
    assert decode_page(whole.encode()) == whole


@pytest.mark.parametrize("label", ["gb2312", "gbk", "GB_2312-80", "x-gbk"])
def test_what_is_called_gb2312_may_have_characters_of_gb18030(label: str) -> None:
    whole = page(f"€ 镕 {CHINESE}", f"<meta charset={label}>")
    assert decode_page(whole.encode("gb18030")) == whole


@pytest.mark.parametrize(
    ("label", "encoding", "text"),
    [
        ("shift_jis", "cp932", f"① ㈱ 髙 {JAPANESE}"),
        ("Shift-JIS", "cp932", f"① ㈱ 髙 {JAPANESE}"),
        ("x-sjis", "cp932", f"① ㈱ 髙 {JAPANESE}"),
        ("big5", "big5hkscs", f"碁 嘅 {TAIWANESE}"),
        ("Big5-HKSCS", "big5hkscs", f"碁 嘅 {TAIWANESE}"),
        ("euc-kr", "cp949", f"똠방각하 {KOREAN}"),
        ("ks_c_5601-1987", "cp949", f"똠방각하 {KOREAN}"),
    ],
)
def test_east_asian_labels_mean_what_was_added_later_too(label: str, encoding: str, text: str) -> None:
    whole = page(text, f"<meta charset={label}>")
    assert decode_page(whole.encode(encoding)) == whole
    assert decode_page(page(text).encode(encoding), f"text/html; charset={label}") == page(text)


@pytest.mark.parametrize("text", [KOREAN, f"똠방각하 {KOREAN}", KOREAN[:80]], ids=["plain", "cp949", "short"])
@pytest.mark.parametrize("declared", ["", "<meta charset=utf-8>", "<meta charset=bogus>"])
def test_a_korean_page_is_not_taken_for_utf_8(text: str, declared: str) -> None:
    whole = page(text, declared)
    assert decode_page(whole.encode("cp949")) == whole


@pytest.mark.parametrize("label", ["iso-8859-1", "latin1", "windows-1252", "us-ascii"])
@pytest.mark.parametrize("text", [GERMAN, CHINESE, KOREAN, RUSSIAN], ids=["German", "Chinese", "Korean", "Russian"])
def test_a_page_that_says_latin_1_and_is_utf_8_is_read_as_what_it_is(label: str, text: str) -> None:
    whole = page(text, f"<meta charset={label}>")
    assert decode_page(whole.encode()) == whole
    assert decode_page(page(text).encode(), f"text/html; charset={label}") == page(text)


@pytest.mark.parametrize("label", ["iso-8859-1", "latin1", "us-ascii"])
def test_what_is_called_latin_1_may_have_quotation_marks_of_windows(label: str) -> None:
    whole = page(GERMAN, f"<meta charset={label}>")
    assert decode_page(whole.encode("windows-1252")) == whole


@pytest.mark.parametrize(
    "label", ["bogus", "base64", "zlib", "rot13", "idna", "utf-7", "x-user-defined", "none", "x" * 90]
)
def test_a_label_that_means_nothing_on_the_web_is_as_none(label: str) -> None:
    whole = page(GERMAN, f"<meta charset={label}>")
    assert decode_page(whole.encode()) == whole
    assert decode_page(page(GERMAN).encode(), f"text/html; charset={label}") == page(GERMAN)


def test_a_declaration_behind_a_long_comment_is_seen() -> None:
    whole = page(RUSSIAN, f"<!-- {'x' * 3000} --><meta charset=koi8-r>")
    assert decode_page(whole.encode("koi8-r")) == whole


@pytest.mark.parametrize("declared", ["<meta charset=utf-8>", ""])
def test_a_few_damaged_bytes_become_marks(declared: str) -> None:
    whole = page(GERMAN, declared).encode()
    damaged = whole.replace(b"Regen", b"Reg\xffen", 1)
    text = decode_page(damaged, "text/html; charset=utf-8")
    assert text == whole.decode().replace("Regen", "Reg\ufffden", 1)


@pytest.mark.parametrize("head", [b"", b"<meta charset=utf-8>", codecs.BOM_UTF8])
def test_bytes_that_are_no_text_are_refused(head: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        decode_page(head + bytes(range(256)) * 40)
    assert caught.value.reason == "not_text"


def test_no_bytes_are_no_text() -> None:
    assert decode_page(b"") == ""


_LABELS = st.sampled_from([*TEXTS, "utf-16", "iso-2022-jp", "hz-gb-2312", "replacement", "bogus", ""])
_BYTES = st.binary(max_size=300) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace"))


@given(_BYTES, _LABELS, _LABELS)
def test_any_bytes_are_text_or_are_refused(data: bytes, declared: str, header: str) -> None:
    try:
        text = decode_page(f"<meta charset={declared}>".encode() + data, f"text/html; charset={header}")
    except Unreadable as error:
        assert error.reason == "not_text"
    else:
        text.encode("utf-8")


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=200))
def test_utf_8_comes_back_as_it_was(text: str) -> None:
    assert decode_page(f"<meta charset=utf-8>{text}".encode()) == f"<meta charset=utf-8>{text}"
