"""Which member of a sample each entry of its JSON's `images` means."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

from interleave.acquire.archives.samples import Sample, last_suffix
from interleave.acquire.archives.tars import Member, read_range
from interleave.document import SourceImage
from interleave.errors import Unreadable
from interleave.images.frames import MAX_TIFF_BYTES, tiff_frame_as_png

_IMAGES = ("jpg", "jpeg", "png", "webp", "gif", "tif", "tiff", "bmp", "avif")
_TIFFS = ("tif", "tiff")


class SampleImages:
    """The images of one sample.

    An entry is a full member name, or one without the folder or without the key. Where there is no such member, as for
    MINT-1T's `page_0_image_85`, and the sample has one TIFF, that one is meant. A TIFF that is meant several times has
    a frame for each, in their order (both as in NeMo Curator's InterleavedWebdatasetReaderStage). An `http` URL without
    a member is left to be fetched.
    """

    def __init__(self, path: str, sample: Sample, max_bytes: int) -> None:
        self._path = path
        self._key = sample.key
        self._max_bytes = max_bytes
        self._members = dict[str, Member]()
        self._doubles = set[str]()
        for member in sample.members:
            if member.name in self._members:
                self._doubles.add(member.name)
            self._members[member.name] = member
        tiffs = [member for member in sample.members if last_suffix(member.name) in _TIFFS]
        self._tiff = tiffs[0] if len(tiffs) == 1 else None
        self._num_frames = Counter[str]()
        self._used = set[str]()

    def image(self, index: int, entry: Any, url: str | None = None) -> SourceImage:
        """The image that an entry of `images` means; entries are asked for in their order.

        Raises:
            Unreadable: `bad_image_entry`, `image_missing`, `duplicate_member`.
        """
        if not isinstance(entry, str) or not entry:
            raise Unreadable("bad_image_entry", f"images[{index}] is {type(entry).__name__}, expected a name")
        member = self._named(entry) or self._tiff
        if member is None and entry.startswith(("http://", "https://")):
            return SourceImage(index=index, name=None, url=entry)
        if member is None:
            raise Unreadable("image_missing", f"{entry[:200]!r} is none of the sample's {len(self._members)} members")
        if member.name in self._doubles:
            raise Unreadable("duplicate_member", f"the sample has several {member.name[:200]!r}")
        self._used.add(member.name)
        frame = self._num_frames[member.name]
        self._num_frames[member.name] += 1
        return SourceImage(index=index, name=entry, url=url, load=self._load(member, frame))

    def unreferenced(self, first_index: int) -> list[tuple[int, Unreadable]]:
        """Images that no entry means: they have no place in the document, and are counted behind the others."""
        names = [name for name in self._members if last_suffix(name) in _IMAGES and name not in self._used]
        return [
            (first_index + number, Unreadable("unreferenced_image", f"the JSON does not name {name[:200]!r}"))
            for number, name in enumerate(names)
        ]

    def _named(self, entry: str) -> Member | None:
        entry = entry.removeprefix("./")
        folder = self._key[: self._key.rfind("/") + 1]
        for name in (entry, folder + entry, f"{self._key}.{entry}"):
            if (member := self._members.get(name)) is not None:
                return member
        return None

    def _load(self, member: Member, frame: int) -> partial[bytes]:
        if last_suffix(member.name) in _TIFFS:
            return partial(_tiff_frame, self._path, member, frame, self._max_bytes)
        return partial(_load_member, self._path, member.offset, member.size, self._max_bytes)


def _load_member(path: str, offset: int, size: int, max_bytes: int) -> bytes:
    if size > max_bytes:
        raise Unreadable("too_many_bytes", f"{size:,} bytes, at most {max_bytes:,}")
    return read_range(path, offset, size)


def _tiff_frame(path: str, member: Member, frame: int, max_bytes: int) -> bytes:
    if member.size > MAX_TIFF_BYTES:
        raise Unreadable("too_many_bytes", f"a TIFF of {member.size:,} bytes, at most {MAX_TIFF_BYTES:,}")
    return tiff_frame_as_png(read_range(path, member.offset, member.size), frame, max_bytes)
