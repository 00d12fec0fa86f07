"""WARC files of a few records, and what they are read as."""

from collections.abc import Iterable
from pathlib import Path

from fixtures_pages import page_of, paragraph
from fixtures_reading import record

from interleave.acquire.pages.warc_index import WarcIndex, build_index
from interleave.acquire.pages.warc_records import Archive
from interleave.acquire.source import Limits, Parsed
from interleave.acquire.warc import WarcSource

SITE = "https://example.org"
PAGE, IMAGE = f"{SITE}/page", f"{SITE}/a.jpg"
JPEG, OTHER = b"\xff\xd8 one picture", b"\xff\xd8 another picture"
BODY = page_of(f'{paragraph("cat")}<img src="/a.jpg">{paragraph("dog")}')
HTML = "Content-Type: text/html"
LATER = "2024-02-01T00:00:00Z"


def page(url: str = PAGE, body: bytes = BODY, *http: str, date: str = "2024-01-01T00:00:00Z") -> bytes:
    return record(url, body, *(http or (HTML,)), date=date)


def image(url: str = IMAGE, body: bytes = JPEG, *http: str, date: str = "2024-01-01T00:00:00Z") -> bytes:
    return record(url, body, *(http or ("Content-Type: image/jpeg",)), date=date)


def redirect(url: str, to: str, status: str = "301 Moved Permanently") -> bytes:
    return record(url, b"", f"Location: {to}", status=status)


def revisit(url: str, *warc: str, media_type: str = "text/html", date: str = LATER) -> bytes:
    return record(url, b"", f"Content-Type: {media_type}", kind="revisit", warc=warc, date=date)


def same_as(url: str, date: str = "2024-01-01T00:00:00Z") -> tuple[str, str]:
    return f"WARC-Refers-To-Target-URI: {url}", f"WARC-Refers-To-Date: {date}"


class Found:
    """What a WARC file of some records is read as: pages by address, with their pictures' bytes."""

    def __init__(self, folder: Path, records: Iterable[bytes]) -> None:
        path = folder / "crawl.warc"
        path.write_bytes(b"".join(records))
        self.archive = Archive(str(path))
        self.index: WarcIndex = build_index(self.archive)
        source = WarcSource(path=str(path))
        (file,) = source.files()
        (split,) = source.cut(file, 1)
        items = list(source.read(split, Limits(max_image_bytes=1_000_000)))
        self.reasons = [None if isinstance(item, Parsed) else item.error.reason for item in items]
        self.documents = [item.document for item in items if isinstance(item, Parsed)]

    @property
    def urls(self) -> list[str | None]:
        return [document.url for document in self.documents]

    @property
    def images(self) -> list[bytes | str | None]:
        """The bytes of every image, or the address alone where the file has none."""
        return [image.load() if image.load else image.url for document in self.documents for image in document.images]

    def bytes_of(self, url: str) -> bytes | None:
        offset = self.index.image_offset(url)
        return None if offset is None else self.archive.payload(offset, 1000)
