"""What a file of an image says before it is decoded: format, size, orientation, colour profile, and its parts.

Of PNG and GIF only the chunks of the (first) picture go on to a decoder, so text bombs and endless frames cost nothing.
"""

from __future__ import annotations

import contextlib
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from interleave.errors import Unreadable

_Segment = tuple[int, int, int]  # (marker, start, end); 0: entropy-coded data, -1: stray bytes, -2: what follows EOI
_MAX_BLOCKS = 20_000  # segments, chunks or GIF blocks of one file: above, walking them is the attack
MAX_PROFILE_BYTES = 4 << 20  # large CMYK press profiles have 2 to 3 MB
_MAX_SCANS = 64  # encoders write about 10; each may cost a pass over all the coefficients (libjpeg-turbo's advice: 500)
_MAGIC = {"jpeg": rb"\xff\xd8\xff", "png": rb"\x89PNG\r\n\x1a\n", "gif": rb"GIF8[79]a", "webp": rb"RIFF....WEBP"}
_MARKER = re.compile(rb"\xff[^\xff]", re.DOTALL)
_SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


@dataclass(frozen=True, slots=True)
class ImageSource:
    data: bytes  # for the decoder
    format: str
    width: int  # px, as coded
    height: int
    orientation: int = 1
    icc: bytes = b""
    num_components: int = 0  # of a JPEG
    codable: bool = False  # a baseline or progressive Huffman JPEG


def format_of(data: bytes) -> str:
    for name, magic in _MAGIC.items():
        if re.match(magic, data, re.DOTALL):
            return name
    raise Unreadable("unsupported_format", f"begins with {data[:12]!r}; JPEG, PNG, WebP and GIF are read")


def read_header(data: bytes) -> ImageSource:
    readers: dict[str, Callable[[bytes], ImageSource]] = {
        "jpeg": _read_jpeg, "png": _read_png, "webp": _read_webp, "gif": _read_gif,
    }  # fmt: skip
    return readers[format_of(data)](data)


def segments(data: bytes) -> Iterator[_Segment]:
    """Walk a JPEG lazily: (marker, start, end) in file order, what follows EOI last."""
    pos, num_blocks, num_scans = 2, 0, 0
    while match := _MARKER.search(data, pos):
        start, marker = match.start(), match[0][1]
        num_blocks, num_scans = num_blocks + 1, num_scans + (marker == 0xDA)
        if num_blocks > _MAX_BLOCKS or num_scans > _MAX_SCANS:
            raise ValueError("too many segments or scans")
        if data[pos:start].strip(b"\xff"):  # 0xFF before a marker is padding
            yield -1, pos, start
        pos = start + 2
        if marker == 0xD9:
            if pos < len(data):
                yield -2, pos, len(data)
            return
        if marker <= 1 or 0xD0 <= marker <= 0xD8:  # stand alone, and have no place between segments
            yield -1, start, pos
            continue
        pos += max(2, int.from_bytes(data[pos : pos + 2]))
        if pos > len(data):
            raise EOFError("a segment goes beyond the end")
        yield marker, start, pos
        if marker == 0xDA:
            after = _SCAN_END.search(data, pos)
            end = after.start() if after else len(data)
            yield 0, pos, end
            pos = end


def metadata_name(marker: int, segment: bytes) -> str:
    body = segment[4:]
    if marker < 0:
        return "stray_bytes" if marker == -1 else "trailing_bytes"
    if marker == 0xFE:
        return "comment"
    if marker == 0xE0 and body[:5] == b"JFIF\0":
        return "" if len(body) == 14 and body[12:] == b"\0\0" else "jfif_thumbnail"
    if marker == 0xEE and body[:5] == b"Adobe" and len(body) == 12:
        return ""
    known = {b"Exif\0": "exif", b"http:": "xmp", b"ICC_P": "icc", b"JFXX\0": "jfif_thumbnail", b"Photo": "photoshop"}
    return known.get(body[:5], f"app{marker - 0xE0}") if 0xE0 <= marker <= 0xFD else ""


def stripped_segment(marker: int, segment: bytes) -> bytes:
    """The segment without metadata: b"" for most, the colour signalling alone of an overlong JFIF or Adobe one."""
    if not metadata_name(marker, segment):
        return segment
    if marker == 0xE0 and segment[4:9] == b"JFIF\0" and len(segment) >= 18:
        return b"\xff\xe0\x00\x10" + segment[4:16] + b"\0\0"
    if marker == 0xEE and segment[4:9] == b"Adobe" and len(segment) >= 16:
        return b"\xff\xee\x00\x0e" + segment[4:16]
    return b""


def _read_jpeg(data: bytes) -> ImageSource:
    frame, exif, profile, frame_marker = b"", b"", [], 0
    for marker, start, end in segments(data):
        body = data[start + 4 : end] if marker else b""
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            frame, frame_marker = body, marker
        elif marker == 0xE1 and body[:6] == b"Exif\0\0":
            exif = exif or body[6:]
        elif marker == 0xE2 and body[:12] == b"ICC_PROFILE\0":
            profile.append(body[12:])
        elif marker == 0xDA and frame_marker in (0xC0, 0xC1) and body[0] == frame[5]:
            break  # one scan holds it all, and libjpeg refuses a second; elsewhere segments counts them
    _, height, width, num_components = struct.unpack(">BHHB", frame[:6])
    profile.sort()
    icc = b"".join(part[2:] for part in profile) if profile and profile[0][1] == len(profile) else b""
    codable = frame_marker in (0xC0, 0xC1, 0xC2)
    return ImageSource(data, "jpeg", width, height, _orientation(exif), icc, num_components, codable)


def chunks(data: bytes, layout: str, pos: int) -> Iterator[tuple[bytes, int, int]]:
    """Walk a PNG (">I4s") or RIFF ("<4sI") file: (name, start, end), a cut chunk short for the decoder to judge."""
    for _ in range(_MAX_BLOCKS):
        if pos + 8 > len(data):
            return
        first, second = struct.unpack_from(layout, data, pos)
        name, end = (second, pos + 12 + first) if layout == ">I4s" else (first, pos + 8 + second + second % 2)
        yield name, pos, min(end, len(data))
        if name == b"IEND":
            return
        pos = end
    raise ValueError("too many chunks")


def _read_png(data: bytes) -> ImageSource:
    parts, icc, exif = [data[:8]], b"", b""
    for name, start, end in chunks(data, ">I4s", 8):
        if name in (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"):
            parts.append(data[start:end])
        elif name == b"iCCP":
            packed = data[start + 8 : end - 4].partition(b"\0")[2][1:]
            with contextlib.suppress(zlib.error):
                icc = zlib.decompressobj().decompress(packed, MAX_PROFILE_BYTES + 1)
        elif name == b"eXIf":
            exif = data[start + 8 : end - 4]
    width, height = struct.unpack_from(">II", data, 16)
    return ImageSource(b"".join(parts), "png", width, height, _orientation(exif), icc)


def _read_webp(data: bytes) -> ImageSource:
    if int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise EOFError("shorter than its RIFF header says")
    bodies: dict[bytes, bytes] = {}
    for name, start, end in chunks(data, "<4sI", 12):
        bodies.setdefault(name, data[start + 8 : end])
    if canvas := bodies.get(b"VP8X"):
        width, height = (int.from_bytes(canvas[i : i + 3], "little") + 1 for i in (4, 7))
    elif lossless := bodies.get(b"VP8L"):
        bits = int.from_bytes(lossless[1:5], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", bodies[b"VP8 "], 6))
    exif = bodies.get(b"EXIF", b"").removeprefix(b"Exif\0\0")
    return ImageSource(data, "webp", width, height, _orientation(exif), bodies.get(b"ICCP", b""))


def _read_gif(data: bytes) -> ImageSource:
    """Keep the screen, the first picture and its transparency; frames, comments and loops are cut out."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    header = pos = 13 + ((6 << (flags & 7)) if flags & 0x80 else 0)
    control, num_blocks = b"", 0
    while data[pos] == 0x21:
        start, pos = pos, pos + 2
        while (length := data[pos]) and num_blocks <= _MAX_BLOCKS:
            pos, num_blocks = pos + 1 + length, num_blocks + 1
        pos += 1
        control = data[start:pos] if data[start + 1] == 0xF9 else control
    if data[pos] != 0x2C or num_blocks > _MAX_BLOCKS:
        raise ValueError("no picture in the GIF")
    left, top, columns, rows = struct.unpack_from("<4H", data, pos + 1)
    return ImageSource(data[:header] + control + data[pos:], "gif", max(width, left + columns), max(height, top + rows))


def _orientation(tiff: bytes) -> int:
    """The orientation 1 to 8 of EXIF data without its Exif header; 1 where there is none or it is broken."""
    order = "<" if tiff[:2] == b"II" else ">"
    with contextlib.suppress(struct.error):
        start = struct.unpack_from(order + "I", tiff, 4)[0]
        for index in range(struct.unpack_from(order + "H", tiff, start)[0]):
            tag, _, _, value = struct.unpack_from(order + "HHIH", tiff, start + 2 + 12 * index)
            if tag == 0x0112:
                return value if 1 <= value <= 8 else 1
    return 1
