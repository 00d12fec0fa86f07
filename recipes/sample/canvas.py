"""A small drawing kit on Pillow: shapes at three times the size, brought down once, so that every edge is smooth."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFilter, ImageFont

Point = tuple[float, float]
Array = NDArray[Any]
SS = 3  # supersampling: how many drawn pixels stand behind one pixel of the picture, along each side
INK = "#22303c"


def rgb(colour: str) -> Array:
    """The colour as three floats between 0 and 255."""
    return np.array(ImageColor.getrgb(colour)[:3], dtype=np.float64)


def smooth(points: Sequence[Point], steps: int = 14, closed: bool = False) -> list[Point]:
    """A Catmull-Rom curve through the points."""
    pts = [points[-1], *points, points[0], points[1]] if closed else [points[0], *points, points[-1]]
    out: list[Point] = []
    for i in range(1, len(pts) - 2):
        a, b, c, d = (np.array(p, dtype=float) for p in pts[i - 1 : i + 3])
        for t in np.linspace(0, 1, steps, endpoint=False):
            q = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
            out.append((float(q[0]), float(q[1])))
    return out if closed else [*out, points[-1]]


def turn(points: Sequence[Point], degrees: float, about: Point = (0, 0), shift: Point = (0, 0)) -> list[Point]:
    """The points turned (clockwise on the screen) about a point and then shifted."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    ax, ay = about
    return [
        (ax + (x - ax) * c - (y - ay) * s + shift[0], ay + (x - ax) * s + (y - ay) * c + shift[1]) for x, y in points
    ]


def around(x: float, y: float, r: float, degrees: float) -> Point:
    """The point at a distance and a bearing (0 is right, 90 is down)."""
    return x + r * math.cos(math.radians(degrees)), y + r * math.sin(math.radians(degrees))


def ngon(x: float, y: float, r: float, sides: int, start: float = 0.0) -> list[Point]:
    return [around(x, y, r, start + 360 * i / sides) for i in range(sides)]


def star(x: float, y: float, r: float, points: int = 5, inner: float = 0.4, start: float = -90.0) -> list[Point]:
    return [around(x, y, r * (inner if i % 2 else 1), start + 180 * i / points) for i in range(2 * points)]


def fractal_noise(rng: np.random.Generator, height: int, width: int, base: int = 3, octaves: int = 6) -> Array:
    """Noise between 0 and 1 that has detail at every scale, as clouds and stone do."""
    total = np.zeros((height, width))
    for octave in range(octaves):
        cells = base * 2**octave
        grid = Image.fromarray(rng.random((cells + 1, cells + 1)).astype(np.float32))
        total += np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float64) / 2**octave
    low, high = total.min(), total.max()
    scaled: Array = (total - low) / (high - low)
    return scaled


class Canvas:
    """A picture being drawn. Coordinates are pixels of the finished picture; angles are degrees, 90 points down."""

    def __init__(self, width: int, height: int, near: str = "#ffffff", far: str = "", tilt: float = 90.0) -> None:
        self.w, self.h = width, height
        y, x = np.mgrid[0 : height * SS, 0 : width * SS]
        along = x * math.cos(math.radians(tilt)) + y * math.sin(math.radians(tilt))
        along = ((along - along.min()) / (along.max() - along.min()))[..., None]
        self._set(rgb(near) * (1 - along) + rgb(far or near) * along)

    def _set(self, pixels: Array) -> None:
        self.img = Image.fromarray(np.clip(pixels, 0, 255).round().astype(np.uint8))
        self.draw = ImageDraw.Draw(self.img)

    @staticmethod
    def _up(points: Sequence[Point]) -> list[Point]:
        return [(x * SS, y * SS) for x, y in points]

    def image(self, scale: float = 1.0) -> Image.Image:
        size = (round(self.w * scale), round(self.h * scale))
        return self.img.resize(size, Image.Resampling.LANCZOS)

    def line(self, points: Sequence[Point], fill: str = INK, width: float = 3, closed: bool = False) -> None:
        pts = [*points, points[0]] if closed else list(points)
        self.draw.line(self._up(pts), fill=fill, width=max(1, round(width * SS)), joint="curve")
        for x, y in (pts[0], pts[-1]):
            self.disc(x, y, width / 2, fill)

    def poly(self, points: Sequence[Point], fill: str = "", edge: str = "", width: float = 2) -> None:
        if fill:
            self.draw.polygon(self._up(points), fill=fill)
        if edge:
            self.line(points, edge, width, closed=True)

    def rect(
        self,
        box: tuple[float, float, float, float],
        fill: str = "",
        edge: str = "",
        width: float = 2,
        radius: float = 0,
    ) -> None:
        x0, y0, x1, y1 = (v * SS for v in box)
        outline, thick = edge or None, round(width * SS)
        self.draw.rounded_rectangle((x0, y0, x1, y1), radius * SS, fill=fill or None, outline=outline, width=thick)

    def ellipse(
        self, x: float, y: float, rx: float, ry: float, fill: str = "", edge: str = "", width: float = 2
    ) -> None:
        box = ((x - rx) * SS, (y - ry) * SS, (x + rx) * SS, (y + ry) * SS)
        self.draw.ellipse(box, fill=fill or None, outline=edge or None, width=round(width * SS))

    def disc(self, x: float, y: float, r: float, fill: str = "", edge: str = "", width: float = 2) -> None:
        self.ellipse(x, y, r, r, fill, edge, width)

    def arc(
        self,
        x: float,
        y: float,
        r: float,
        start: float,
        end: float,
        fill: str = INK,
        width: float = 3,
        squash: float = 1.0,
    ) -> None:
        box = ((x - r) * SS, (y - r * squash) * SS, (x + r) * SS, (y + r * squash) * SS)
        self.draw.arc(box, start, end, fill=fill, width=round(width * SS))

    def pie(self, x: float, y: float, r: float, start: float, end: float, fill: str, edge: str = "") -> None:
        box = ((x - r) * SS, (y - r) * SS, (x + r) * SS, (y + r) * SS)
        self.draw.pieslice(box, start, end, fill=fill, outline=edge or None, width=2 * SS)

    def text(self, x: float, y: float, words: str, size: float = 18, fill: str = INK, anchor: str = "mm") -> None:
        font = ImageFont.load_default(size=size * SS)
        self.draw.text((x * SS, y * SS), words, fill=fill, font=font, anchor=anchor)

    def arrow(self, start: Point, end: Point, fill: str = INK, width: float = 4) -> None:
        angle = math.degrees(math.atan2(end[1] - start[1], end[0] - start[0]))
        head = 3.2 * width
        self.line([start, around(*end, head * 0.8, angle + 180)], fill, width)
        self.poly([end, around(*end, head, angle + 155), around(*end, head, angle - 155)], fill)

    def tint(self, points: Sequence[Point], colour: str, alpha: float, blur: float = 0) -> None:
        """A see-through polygon, with a soft edge where blur says so: shadows, beams, light."""
        mask = Image.new("L", self.img.size, 0)
        ImageDraw.Draw(mask).polygon(self._up(points), fill=round(255 * alpha))
        if blur:
            mask = mask.filter(ImageFilter.GaussianBlur(blur * SS))
        self.img.paste(Image.new("RGB", self.img.size, colour), (0, 0), mask)

    def glow(self, x: float, y: float, r: float, colour: str, strength: float = 1.0) -> None:
        """Light that fades with the distance from a point."""
        pixels = np.asarray(self.img, dtype=np.float64)
        yy, xx = np.mgrid[0 : self.h * SS, 0 : self.w * SS] / SS
        fade = strength * np.exp(-(((xx - x) ** 2 + (yy - y) ** 2) / r**2))[..., None]
        self._set(pixels * (1 - np.clip(fade, 0, 1)) + rgb(colour) * np.clip(fade, 0, 1))

    def ball(
        self,
        x: float,
        y: float,
        r: float,
        colour: str,
        light: tuple[float, float, float] = (-0.5, -0.6, 0.8),
        dark: float = 0.25,
        skin: Callable[[Array, Array], Array] | None = None,
    ) -> None:
        """A lit sphere. A skin gives the colour at each place of the unit disc instead of the one colour."""
        x0, y0, size = round((x - r) * SS), round((y - r) * SS), round(2 * r * SS)
        v, u = np.mgrid[0:size, 0:size] * (2 / size) - 1
        z = np.sqrt(np.clip(1 - u**2 - v**2, 0, None))
        shine = np.clip((u * light[0] + v * light[1] + z * light[2]) / math.hypot(*light), 0, 1)
        base = skin(u, v) if skin else rgb(colour)
        face = base * (dark + (1 - dark) * shine[..., None])
        mask = Image.fromarray(((u**2 + v**2 < 1) * 255).astype(np.uint8))
        self.img.paste(Image.fromarray(np.clip(face, 0, 255).astype(np.uint8)), (x0, y0), mask)

    def stars(self, rng: np.random.Generator, count: int = 90) -> None:
        for _ in range(count):
            shade = int(rng.integers(110, 235))
            colour = f"#{shade:02x}{shade:02x}{min(255, shade + 15):02x}"
            self.disc(rng.uniform(0, self.w), rng.uniform(0, self.h), rng.uniform(0.4, 1.3), colour)
