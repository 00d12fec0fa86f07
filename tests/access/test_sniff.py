"""What is kept is an image by its first bytes, whatever its server calls it."""

from __future__ import annotations

import pytest

from interleave.access.errors import FetchError
from interleave.access.sniff import check_is_image


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8\xff\xe0 and more",
        b"\x89PNG\r\n\x1a\n and more",
        b"GIF87a and more",
        b"GIF89a and more",
        b"RIFF\x0a\x00\x00\x00WEBPVP8 ",
        b"RIFF\n\n\n\nWEBPVP8 ",
        b"\xff\xd8\xff\xe0 <svg> <!doctype html>",
    ],
)
def test_a_signature_that_the_codec_reads_passes(data: bytes) -> None:
    check_is_image(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty_body"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", "svg"),
        (b"<?xml version='1.0'?>\n<!-- drawn -->\n<SVG>", "svg"),
        (b"<svg\n width='1'>", "svg"),
        (b"<!DOCTYPE html><title>gone</title>", "not_an_image"),
        (b"\n\t <html>", "not_an_image"),
        (b"\xef\xbb\xbf<!doctype html>", "not_an_image"),
        (b"<?xml version='1.0'?><error/>", "not_an_image"),
        (b"<!doctype html>" + b" " * 2000 + b"<svg>", "not_an_image"),
        (b"BM\x00\x00", "unsupported_format"),
        (b"II*\x00", "unsupported_format"),
        (b"\x00\x00\x00 ftypavif", "unsupported_format"),
        (b"RIFF\x0a\x00\x00\x00WAVEfmt ", "unsupported_format"),
        (b"\xff\xd8", "unsupported_format"),
        (b"GIF", "unsupported_format"),
        (b" \xff\xd8\xff\xe0", "unsupported_format"),
        (b'{"error": "gone"}', "unsupported_format"),
    ],
)
def test_anything_else_is_refused_with_what_it_is(data: bytes, reason: str) -> None:
    with pytest.raises(FetchError) as caught:
        check_is_image(data)
    assert caught.value.reason == reason
    assert not caught.value.transient
