"""What `normalise` costs beyond the unavoidable decode, resize and encode, and how true its reduced pixels are.

    python benchmarks/images.py [FOLDER] [--quick] [--short-side 336]

One process; the rounds of both programs alternate, and medians of whole rounds are compared. The limit is the same
decoding, filter and quality for a JPEG that is already known to be sound, upright, sRGB and within bounds: only such
JPEGs of the folder that must be reduced are timed. PSNR is of reduced pixels before encoding, against decoding in full;
where no scaled decoding was needed the pixels are the same, so the others are given alone, and for smaller targets too.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image

from interleave.errors import Unreadable
from interleave.images import normalise as codec
from interleave.images.normalise import ImageTarget, normalise
from interleave.images.resize import reduce

SAMPLE = Path(__file__).parent.parent / "recipes" / "sample" / "images"
MARGIN = codec._MARGIN  # the same quality on both sides is the point, so is the same filter


def target_size(width: int, height: int, short_side: int) -> tuple[int, int]:
    scale = short_side / min(width, height)
    return round(width * scale), round(height * scale)


def decode_scaled(data: bytes, short_side: int) -> tuple[Image.Image, tuple[int, int], bool]:
    """Decode at a half, quarter or eighth where that leaves MARGIN times the target."""
    height, width, _, _ = simplejpeg.decode_jpeg_header(data)
    size = target_size(width, height, short_side)
    shrink = max(n for n in (1, 2, 4, 8) if n == 1 or MARGIN * short_side <= min(width, height) // n)
    rows, columns = -(-height // shrink), -(-width // shrink)
    pixels = simplejpeg.decode_jpeg(data, "RGBX", min_height=rows, min_width=columns, min_factor=shrink)
    return Image.frombuffer("RGBX", (columns, rows), pixels, "raw", "RGBX", 0, 1), size, shrink > 1


def limit(data: bytes, short_side: int, quality: int) -> bytes:
    image, size, _ = decode_scaled(data, short_side)
    pixels = np.ascontiguousarray(reduce(image, size))
    return bytes(simplejpeg.encode_jpeg(pixels, quality, "RGB", "420"))


def psnr(data: bytes, short_side: int) -> float | None:
    """Decibels of the reduced pixels against an exact reduction; None where they are the same by construction."""
    image, size, scaled = decode_scaled(data, short_side)
    if not scaled:
        return None
    exact = reduce(Image.fromarray(simplejpeg.decode_jpeg(data, "RGB")), size)
    reduced = reduce(image, size)
    error = float(np.mean(np.subtract(np.asarray(exact), np.asarray(reduced), dtype=np.float32) ** 2))
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))


def load(folder: Path, short_side: int) -> list[bytes]:
    """The colour JPEGs of a folder that both programs reduce to the same bytes, in order of name."""
    chosen = []
    for path in sorted(folder.rglob("*")):
        data = path.read_bytes() if path.is_file() else b""
        try:
            image = normalise(data, ImageTarget(max_short_side=short_side))
        except Unreadable:
            continue
        if image.source_format == "jpeg" and min(image.source_width, image.source_height) > short_side:
            try:
                same = limit(data, short_side, 90) == image.jpeg
            except ValueError:
                same = False
            chosen += [data] if same else []
    return chosen


def seconds(work: Callable[[bytes], object], corpus: list[bytes]) -> float:
    start = time.perf_counter()
    for data in corpus:
        work(data)
    return time.perf_counter() - start


def print_speed(corpus: list[bytes], short_side: int, rounds: int) -> None:
    target = ImageTarget(max_short_side=short_side)
    programs: dict[str, Callable[[bytes], object]] = {
        "limit": lambda data: limit(data, short_side, target.quality),
        "normalise": lambda data: normalise(data, target),
    }
    times: dict[str, list[float]] = {name: [] for name in programs}
    for turn in range(rounds):
        for name in list(programs)[:: 1 if turn % 2 else -1]:
            times[name].append(seconds(programs[name], corpus))
    median = {name: statistics.median(values) for name, values in times.items()}
    for name, value in median.items():
        print(f"{name:>10}: {len(corpus) / value:7.1f} images/s, median of {rounds} rounds")
    print(f"{'ratio':>10}: {median['limit'] / median['normalise']:.1%} of the limit")


def print_quality(corpus: list[bytes], short_side: int) -> None:
    for side in (short_side, short_side // 2, short_side // 4, short_side // 6):
        found = [psnr(data, side) for data in corpus]
        scaled: npt.NDArray[np.float64] = np.array([value for value in found if value is not None])
        line = f"short side {side:4}: {len(found) - len(scaled)} exact, {len(scaled)} from a scaled decode"
        if len(scaled):
            line += f": PSNR median {np.median(scaled):.1f} dB, worst {scaled.min():.1f} dB"
        print(line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=SAMPLE)
    parser.add_argument("--short-side", type=int, default=336)
    parser.add_argument("--quick", action="store_true", help="50 images, 3 rounds")
    args = parser.parse_args()
    corpus = load(args.folder, args.short_side)
    corpus = corpus[:: max(1, len(corpus) // 50)][:50] if args.quick else corpus
    if not corpus:
        raise SystemExit(f"{args.folder} holds no JPEG larger than {args.short_side} px; give another FOLDER")
    print(f"{len(corpus)} JPEGs, reduced to a short side of {args.short_side} px")
    print_speed(corpus, args.short_side, 3 if args.quick else 7)
    print_quality(corpus, args.short_side)


if __name__ == "__main__":
    main()
