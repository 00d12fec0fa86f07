"""How fast images are downloaded: against plain img2dataset with the same sizes, and against bare threads without.

    python benchmarks/download.py [FOLDER] --img2dataset /path/to/its/python

FOLDER holds images, by default the sample's.
A server on this machine answers from memory. Each contender asks it for the same images, in turn, several rounds; the
ratios are of the medians.

    bare       threads that keep their connections and write each body into a file; eight are fastest, more wait for
               each other
    original   the fetcher with its guards and its ledger; images as they come (`keep: original`)
    normalised the same, each image reduced and encoded (`keep: normalised`)
    img2dataset  its `files` output, the same short side and quality, as many processes as there are cores
    no download  decoding, resizing and encoding alone, with all cores: what `normalised` cannot exceed
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import multiprocessing
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import cycle, islice
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import Image

from interleave.access.blocklist import read_blocklists
from interleave.access.fetching import Web, fetch_missing
from interleave.access.settings import Fetch
from interleave.access.store import ORIGINAL
from interleave.access.store_writer import open_for_writing
from interleave.errors import Unreadable
from interleave.images.normalise import ImageTarget, normalise
from interleave.images.packed import form_of, pack
from interleave.images.resize import reduce

IMAGES = Path(__file__).parents[1] / "recipes" / "sample" / "images"
THREADS, BARE_THREADS = 64, 8
SHORT_SIDE, QUALITY = 336, 90
TARGET = ImageTarget(max_short_side=SHORT_SIDE, quality=QUALITY)
IMG2DATASET = """
import sys, img2dataset
img2dataset.download(
    url_list=sys.argv[1], input_format="txt", output_folder=sys.argv[2], output_format="files", image_size={side},
    resize_mode="keep_ratio", resize_only_if_bigger=True, encode_quality={quality}, processes_count={processes},
    thread_count={threads}, number_sample_per_shard=1000, enable_wandb=False,
)
"""


class Server(asyncio.Protocol):
    """Answers from memory: no file, no parsing beyond the path."""

    answers: tuple[tuple[bytes, bytes], ...] = ()
    # (head, JPEG)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.data = transport, b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        while (end := self.data.find(b"\r\n\r\n")) >= 0:
            path = self.data.split(b" ", 2)[1]
            self.data = self.data[end + 4 :]
            number = path[1:].removesuffix(b".jpg")
            if number.isdigit():
                head, image = self.answers[int(number) % len(self.answers)]
                comment = b"\xff\xfe\x00\x0a%08d" % int(number)  # of a JPEG: no two images are the same
                self.transport.writelines([head, image[:2], comment, image[2:]])
            else:
                self.transport.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")


def serve(images: list[bytes], ready: Connection) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"
    Server.answers = tuple((head % (len(image) + 12), image) for image in images)

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0, backlog=1024)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


def bare(num: int, port: int, folder: Path) -> int:
    """Images that threads have written into files."""
    folder.mkdir()

    def read(numbers: range) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        found = 0
        for number in numbers:
            connection.request("GET", f"/{number}.jpg")
            found += bool((folder / str(number)).write_bytes(connection.getresponse().read()))
        connection.close()
        return found

    with ThreadPoolExecutor(BARE_THREADS) as pool:
        return sum(pool.map(read, (range(start, num, BARE_THREADS) for start in range(BARE_THREADS))))


def ours(num: int, port: int, folder: Path, form: str) -> int:
    """Images that lie in a store."""
    settings = Fetch.model_validate(
        {
            "contact": "benchmark@example.org",
            "connections": THREADS,
            "resolve": {"images.example": f"127.0.0.1:{port}"},
            "politeness": {"connections_per_host": THREADS, "requests_per_second": None},
        }
    )
    web = Web(
        settings=settings, max_bytes=20_000_000, blocklist=read_blocklists(()), phash=lambda data: None, quiet=True
    )
    urls = [f"http://images.example/{number}.jpg" for number in range(num)]
    keep = bytes if form == ORIGINAL else lambda data: pack(normalise(data, TARGET))
    with open_for_writing(folder) as (store, writer):
        fetch_missing(urls, num, store, writer, web, form=form, keep=keep)
        return sum(entry.outcome == "ok" for entry in store.entries())


def img2dataset(num: int, port: int, folder: Path, python: str) -> int:
    """Images that it wrote."""
    folder.mkdir()
    urls = folder / "urls.txt"
    urls.write_text("".join(f"http://127.0.0.1:{port}/{number}.jpg\n" for number in range(num)))
    code = IMG2DATASET.format(side=SHORT_SIDE, quality=QUALITY, processes=os.cpu_count(), threads=THREADS)
    environment = os.environ | {"NO_ALBUMENTATIONS_UPDATE": "1"}
    subprocess.run(
        [python, "-c", code, str(urls), str(folder / "out")], check=True, capture_output=True, env=environment
    )
    return sum(1 for _ in (folder / "out").rglob("*.jpg"))


def no_download(num: int, port: int, folder: Path, images: list[bytes]) -> int:
    """Images that were made smaller and encoded."""

    def work(data: bytes) -> int:
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
        pixels = simplejpeg.decode_jpeg(data, "RGBX", strict=False)
        image = Image.frombuffer("RGBX", (width, height), pixels, "raw", "RGBX", 0, 1)
        shrink = min(1.0, SHORT_SIDE / min(width, height))
        reduced = reduce(image, (round(width * shrink), round(height * shrink)))
        return len(simplejpeg.encode_jpeg(np.asarray(reduced), QUALITY, "RGB", "420")) and 1

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return sum(pool.map(work, islice(cycle(images), num)))


def readable(folder: Path) -> Iterator[bytes]:
    """The images of the sample, without those that are broken on purpose."""
    for path in sorted(folder.glob("*.jpg")):
        with suppress(Unreadable):
            if normalise(data := path.read_bytes(), TARGET).source_format == "jpeg":
                yield data


def measure(
    contenders: dict[str, Callable[[int, int, Path], int]], images: list[bytes], num: int, rounds: int
) -> dict[str, list[float]]:
    """Images per second of each contender, round by round."""
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(images, there), daemon=True)
    server.start()
    port = here.recv()
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for name in islice(cycle(contenders), rounds * len(contenders)):
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            found = contenders[name](num, port, Path(folder) / name)
            rates[name].append(found / (time.perf_counter() - began))
            if found < num * 0.9:
                print(f"{name}: {found} of {num} images")
    server.kill()
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=IMAGES)
    parser.add_argument("--img2dataset", metavar="PYTHON", help="an interpreter that has img2dataset 1.47")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="few images, one round")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    num, rounds = (1_000, 1) if options.quick else (options.images, options.rounds)
    images = list(readable(options.folder))
    contenders: dict[str, Callable[[int, int, Path], int]] = {
        "bare": bare,
        "original": partial(ours, form=ORIGINAL),
        "normalised": partial(ours, form=form_of(TARGET)),
        "no download": partial(no_download, images=images),
    }
    if options.img2dataset:
        contenders["img2dataset"] = partial(img2dataset, python=options.img2dataset)
    rates = {name: statistics.median(found) for name, found in measure(contenders, images, num, rounds).items()}
    ratios = {
        "original / bare": rates["original"] / rates["bare"],
        "normalised / no download": rates["normalised"] / rates["no download"],
    }
    if "img2dataset" in rates:
        ratios["normalised / img2dataset"] = rates["normalised"] / rates["img2dataset"]
    if options.json:
        print(json.dumps({"images_per_second": rates, "ratios": ratios}, indent=2))
        return
    size = statistics.mean(map(len, images)) / 1000
    print(f"{num:,} images of {size:.0f} kB on average, short side {SHORT_SIDE} px, medians of {rounds} rounds")
    for name, rate in rates.items():
        print(f"  {name:<14} {rate:>8,.0f} images/s")
    for name, ratio in ratios.items():
        print(f"{name}: {ratio:.2f}")


if __name__ == "__main__":
    main()
