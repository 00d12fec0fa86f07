"""The pictures of the sample, one function each; `PICTURES` names them all. What they show is told in articles.txt."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from canvas import INK, SS, Array, Canvas, Point, around, fractal_noise, ngon, rgb, smooth, star, turn
from PIL import Image

SEED = 20240229
PICTURES: dict[str, Callable[[], Canvas]] = {}
WOOD, BRASS, SKY, LEAF, RED, BLUE, STEEL = "#b98552", "#d8a93a", "#bfe0f2", "#5a9a46", "#cf4b3c", "#2f6fae", "#8d9aa5"


def picture(draw: Callable[[], Canvas]) -> Callable[[], Canvas]:
    PICTURES[draw.__name__] = draw
    return draw


def dice(name: str) -> np.random.Generator:
    """Random numbers that depend on the name alone, so that a new picture changes none of the others."""
    return np.random.default_rng([SEED, zlib.crc32(name.encode())])


# ---- the sky -------------------------------------------------------------------------------------------------------


def _moon(name: str, size: tuple[int, int], at: Point, r: float, light: tuple[float, float, float]) -> Canvas:
    c = Canvas(*size, "#0c1226", "#2b3460", tilt=70)
    c.stars(dice(name), 120)
    seas = [
        (-0.3, -0.4, 0.34),
        (0.3, -0.3, 0.25),
        (0.45, 0.1, 0.2),
        (-0.45, 0.15, 0.3),
        (0.05, 0.5, 0.17),
        (0, 0, 0.15),
    ]

    def skin(u: Array, v: Array) -> Array:
        tone = np.full(u.shape, 235.0)
        for x, y, spread in seas:
            tone -= 62 * np.exp(-((((u - x) ** 2 + (v - y) ** 2) / spread**2) ** 2))
        shaded: Array = tone[..., None] * np.array([1, 0.98, 0.9])
        return shaded

    c.glow(*at, r * 1.5, "#5a6aa0", 0.6)
    c.ball(*at, r, "#eeeeee", light, 0.06, skin)
    return c


@picture
def moon_crescent() -> Canvas:
    c = _moon("crescent", (480, 360), (310, 130), 90, (0.97, 0.1, -0.45))
    c.poly([(0, 360), (0, 300), (90, 250), (170, 290), (260, 230), (380, 300), (480, 270), (480, 360)], "#070b16")
    c.rect((95, 216, 125, 262), "#070b16")
    c.poly([(88, 218), (110, 190), (132, 218)], "#070b16")
    c.rect((104, 226, 115, 240), "#ffd36b")
    return c


@picture
def moon_quarter() -> Canvas:
    return _moon("quarter", (420, 420), (190, 220), 140, (1, 0.1, 0.03))


@picture
def moon_full() -> Canvas:
    c = _moon("full", (560, 380), (180, 150), 115, (0.05, -0.05, 1))
    for i in range(26):
        y = 292 + i * 3.4
        half = 26 + 34 * abs(math.sin(i * 1.7))
        c.line([(180 - half, y), (180 + half, y)], "#c9cdb8" if i % 2 else "#7984a6", 1.6)
    c.line([(0, 288), (560, 288)], "#05070f", 3)
    for x, height in [(380, 90), (420, 130), (462, 105), (505, 150), (545, 85)]:
        c.poly([(x - 26, 288), (x, 288 - height), (x + 26, 288)], "#05070f")
    return c


@picture
def moon_orbit() -> Canvas:
    c = Canvas(640, 460, "#fdf6e0", "#dfe8f5", tilt=0)
    for ray in range(60, 440, 60):
        c.arrow((20, ray), (95, ray), "#eba92f", 5)
    c.disc(375, 230, 165, edge="#9aa7bb", width=2)
    c.ball(375, 230, 52, "#4d8fd0", (-1, 0, 0.35))
    names = ["full", "", "first quarter", "", "new", "", "last quarter", ""]
    for i, label in enumerate(names):
        x, y = around(375, 230, 165, 45 * i)
        c.ball(x, y, 22, "#f2eee0", (-1, 0, 0.05), 0.12)
        if label:
            tx, ty = around(375, 230, 165, 45 * i)
            c.text(tx + (50 if i == 0 else -48 if i == 4 else 0), ty + {2: 36, 6: -36}.get(i, 0), label, 17)
    c.text(375, 232, "Earth", 18, "#ffffff")
    c.text(60, 26, "sunlight", 18, "#9a6a10")
    return c


def _constellation(
    name: str,
    size: tuple[int, int],
    dots: Sequence[tuple[float, float, float]],
    lines: Sequence[tuple[int, int]],
    hills: Sequence[Point],
    tints: dict[int, str],
) -> Canvas:
    c = Canvas(*size, "#070d24", "#28406e", tilt=90)
    c.stars(dice(name), 110)
    for a, b in lines:
        c.line([dots[a][:2], dots[b][:2]], "#7f9cd0", 1.8)
    for i, (x, y, r) in enumerate(dots):
        c.glow(x, y, r * 3.2, tints.get(i, "#bcd2ff"), 0.75)
        c.disc(x, y, r, tints.get(i, "#ffffff"))
    c.poly([(0, size[1]), *hills, (size[0], size[1])], "#060912")
    return c


@picture
def orion() -> Canvas:
    dots = [
        (150, 90, 7),
        (290, 110, 5),
        (195, 232, 5),
        (220, 222, 5),
        (245, 212, 5),
        (175, 360, 5),
        (310, 345, 8),
        (225, 62, 4),
        (216, 262, 3),
        (212, 285, 4),
    ]
    lines = [(0, 2), (1, 4), (2, 3), (3, 4), (2, 5), (4, 6), (0, 7), (1, 7), (3, 8), (8, 9), (0, 1), (5, 6)]
    c = _constellation("orion", (440, 500), dots, lines, [(0, 450), (140, 425), (440, 470)], {0: "#ff9d6b"})
    c.text(112, 78, "Betelgeuse", 16, "#ffc9a8", "rs")
    c.text(330, 352, "Rigel", 16, "#cfe0ff", "ls")
    c.text(262, 208, "the Belt", 16, "#cfe0ff", "ls")
    return c


@picture
def big_dipper() -> Canvas:
    dots = [
        (90, 120, 5),
        (185, 112, 5),
        (255, 155, 5),
        (325, 190, 4),
        (338, 270, 5),
        (470, 275, 5),
        (480, 172, 6),
        (560, 45, 6),
    ]
    lines = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 3)]
    c = _constellation(
        "dipper", (620, 400), dots, lines, [(0, 330), (100, 350), (300, 372), (620, 350)], {7: "#ffe9a8"}
    )
    for i in range(5):
        x, y = 488 + i * 14, 155 - i * 22
        c.line([(x, y), (x + 5, y - 9)], "#ffe9a8", 2)
    c.text(580, 84, "Polaris", 16, "#ffe9a8")
    return c


@picture
def cassiopeia() -> Canvas:
    dots = [(60, 80, 5), (105, 220, 5), (215, 150, 7), (268, 262, 5), (372, 210, 5)]
    trees: list[Point] = [(0, 330)]
    for x in range(0, 440, 22):
        trees += [(x, 335), (x + 11, 270 + 25 * math.sin(x)), (x + 22, 335)]
    return _constellation("cassiopeia", (430, 360), dots, [(0, 1), (1, 2), (2, 3), (3, 4)], trees, {2: "#cfe2ff"})


@picture
def saturn() -> Canvas:
    c = Canvas(640, 400, "#05060d", "#1a1730", tilt=35)
    c.stars(dice("saturn"), 100)

    def skin(u: Array, v: Array) -> Array:
        bands = 0.88 + 0.1 * np.sin((v + 0.25 * u) * 17)
        toned: Array = bands[..., None] * rgb("#ecd29a")
        return toned

    def rings(front: bool) -> None:
        tones = ("#8a7552", "#c9b183", "#e6d3a6", "#d3bd8c", "#3a3226", "#b8a27a")
        for r, colour in zip(range(165, 290, 3), [t for t in tones for _ in range(7)], strict=True):
            half = range(0, 181, 4) if front else range(180, 361, 4)
            pts = [(320 + r * math.cos(math.radians(a)), 200 + r * 0.27 * math.sin(math.radians(a))) for a in half]
            c.line(turn(pts, -16, (320, 200)), colour, 3)

    rings(front=False)
    c.ball(320, 200, 120, "#ecd29a", (-0.7, -0.3, 0.8), 0.12, skin)
    rings(front=True)
    return c


@picture
def jupiter() -> Canvas:
    c = Canvas(460, 460, "#0a0808", "#241a22", tilt=120)
    c.stars(dice("jupiter"), 80)
    stripes = [rgb(s) for s in ("#cdb493", "#efe3cc", "#a96f48", "#f4ead6", "#e9d6b5", "#b57a50", "#f0e2c8", "#bfa283")]

    def skin(u: Array, v: Array) -> Array:
        place = (v + 0.02 * np.sin(u * 14) + 1) / 2 * (len(stripes) - 1)
        low = np.clip(place.astype(int), 0, len(stripes) - 2)
        mix = np.clip((place - low) * 3 - 1, 0, 1)[..., None]
        table = np.array(stripes)
        face = table[low] * (1 - mix) + table[low + 1] * mix
        spot = np.exp(-((((u - 0.35) / 0.2) ** 2 + ((v - 0.36) / 0.1) ** 2) ** 2))[..., None]
        spotted: Array = face * (1 - spot) + rgb("#b4472c") * spot
        return spotted

    c.ball(230, 225, 180, "#e0c8a0", (-0.4, -0.3, 1), 0.1, skin)
    for x, y, r in [(40, 385, 7), (85, 368, 5), (402, 72, 8), (436, 60, 5)]:
        c.ball(x, y, r, "#e8dcc0")
    return c


@picture
def earth_mars() -> Canvas:
    c = Canvas(600, 340, "#10131f", "#3a2430", tilt=0)
    c.stars(dice("earth_mars"), 80)
    noise = fractal_noise(dice("continents"), 900, 900, 2, 5)

    def earth(u: Array, v: Array) -> Array:
        n = noise[np.clip((v + 1) * 449, 0, 899).astype(int), np.clip((u + 1) * 449, 0, 899).astype(int)]
        face = np.where((n > 0.52)[..., None], rgb("#6c9a54"), rgb("#2f6bb0"))
        white: Array = np.where((np.abs(v) > 0.86)[..., None], rgb("#f4f8ff"), face)
        return white

    def mars(u: Array, v: Array) -> Array:
        n = noise[np.clip((u + 1) * 449, 0, 899).astype(int), np.clip((v + 1) * 449, 0, 899).astype(int)]
        toned: Array = (0.75 + 0.5 * n)[..., None] * rgb("#c2633c")
        return np.where((v < -0.88)[..., None], rgb("#f5eae4"), toned)

    c.ball(190, 165, 130, "#2f6bb0", skin=earth)
    c.ball(460, 165, 69, "#c2633c", skin=mars)
    c.text(190, 318, "Earth 12 756 km", 18, "#dfe8ff")
    c.text(460, 318, "Mars 6 792 km", 18, "#ffd9c8")
    return c


@picture
def solar_corona() -> Canvas:
    c = Canvas(480, 480, "#050510", "#141430", tilt=90)
    rng = dice("corona")
    for _ in range(90):
        a, reach = rng.uniform(0, 360), rng.uniform(130, 235)
        c.tint(
            [around(240, 225, 80, a - 5), around(240, 225, reach, a), around(240, 225, 80, a + 5)], "#e9ecff", 0.16, 4
        )
    c.glow(240, 225, 120, "#f8f4ff", 0.75)
    c.disc(240, 225, 95, "#06060c")
    c.disc(308, 158, 6, "#ffffff")
    c.glow(308, 158, 22, "#ffffff", 1)
    return c


@picture
def eclipse_geometry() -> Canvas:
    c = Canvas(680, 300, "#101a33", "#1e2b4d", tilt=20)
    c.tint([(110, 60), (110, 240), (395, 168), (395, 132)], "#ffe08a", 0.35)
    c.tint([(395, 132), (395, 168), (575, 152), (575, 148)], "#000000", 0.75)
    c.tint([(395, 132), (395, 168), (600, 215), (600, 85)], "#000000", 0.35)
    c.ball(110, 150, 92, "#ffd257", (0, 0, 1), 0.7)
    c.ball(395, 150, 19, "#cfcfcf", (-1, 0, 0.2))
    c.ball(590, 150, 48, "#4d8fd0", (-1, 0, 0.3))
    for x, y, label in [(110, 268, "Sun"), (395, 200, "Moon"), (590, 224, "Earth")]:
        c.text(x, y, label, 19, "#ffffff")
    return c


@picture
def seasons_orbit() -> Canvas:
    c = Canvas(700, 420, "#1b1f3a", "#39305c", tilt=100)
    c.ellipse(350, 205, 265, 130, edge="#8b93c8", width=2)
    c.glow(350, 205, 75, "#ffd866", 1)
    c.ball(350, 205, 44, "#ffcf4a", (0, 0, 1), 0.8)
    labels = {0: "December", 90: "September", 180: "June", 270: "March"}
    for a, label in labels.items():
        x, y = 350 + 265 * math.cos(math.radians(a)), 205 + 130 * math.sin(math.radians(a))
        c.ball(x, y, 30, "#4f93d2", ((350 - x) / 265, (205 - y) / 265, 0.3))
        c.line([around(x, y, 46, -66), around(x, y, 46, 114)], "#ffffff", 2)
        c.text(x, y + 62, label, 18, "#ffffff")
    return c


@picture
def sun_paths() -> Canvas:
    c = Canvas(600, 380, "#8fc4ea", "#f7e7c6", tilt=90)
    c.rect((0, 300, 600, 380), "#7aa657")
    for r, colour, label in [(250, "#e0572c", "June"), (185, "#e88d2d", "March"), (115, "#c9a227", "December")]:
        c.arc(300, 300, r, 180, 360, colour, 4)
        for a in range(200, 360, 35):
            c.disc(*around(300, 300, r, a), 9, "#ffdf55", colour, 2)
        c.text(300, 300 - r - 18, label, 18)
    c.rect((270, 258, 330, 306), "#b5573f")
    c.poly([(258, 260), (300, 226), (342, 260)], "#5b3a32")
    for x, label in [(30, "E"), (570, "W"), (300, "S")]:
        c.text(x, 340, label, 24, "#ffffff")
    return c


# ---- the workshop --------------------------------------------------------------------------------------------------


def _crate(c: Canvas, x: float, y: float, size: float, colour: str = "#c98f4e") -> None:
    """A crate that stands with the middle of its foot at x, y."""
    half = size / 2
    c.rect((x - half, y - size, x + half, y), colour, "#6b4520", 3)
    c.line([(x - half, y - size), (x + half, y)], "#6b4520", 3)
    c.line([(x + half, y - size), (x - half, y)], "#6b4520", 3)


@picture
def lever_first() -> Canvas:
    c = Canvas(600, 340, "#fff7e8", "#f0d9b5", tilt=60)
    c.rect((0, 290, 600, 340), "#9c8a6e")
    c.poly([(250, 290), (290, 215), (330, 290)], STEEL, INK)
    c.line(turn([(60, 212), (560, 212)], -8, (290, 212)), WOOD, 16)
    _crate(c, 105, 228, 74)
    c.arrow((530, 80), (530, 160), RED, 7)
    c.text(530, 60, "effort", 20)
    c.text(105, 134, "load", 20)
    c.text(290, 312, "fulcrum", 20, "#ffffff")
    return c


@picture
def lever_second() -> Canvas:
    c = Canvas(560, 380, "#e6f2ff", "#c4d9ee", tilt=140)
    c.rect((0, 330, 560, 380), "#77865d")
    c.poly([(150, 235), (320, 235), (290, 300), (190, 300)], "#b4533c", INK)
    c.line([(175, 290), (480, 165)], "#7a4d28", 11)
    c.line([(290, 270), (340, 326)], "#7a4d28", 9)
    c.disc(140, 290, 42, "#3d3d3d", "#1c1c1c", 6)
    c.disc(140, 290, 11, "#b9b9b9")
    for x, y, r in [(200, 220, 24), (245, 207, 30), (285, 222, 20)]:
        c.disc(x, y, r, "#8a6a4a", "#5e4630", 2)
    c.arrow((470, 150), (470, 60), RED, 7)
    c.arrow((245, 120), (245, 172), BLUE, 6)
    c.text(245, 100, "load", 20)
    c.text(470, 42, "effort", 20)
    c.text(140, 350, "fulcrum", 18, "#ffffff")
    return c


@picture
def lever_third() -> Canvas:
    c = Canvas(420, 500, "#f7ecf4", "#d5c3dd", tilt=30)
    c.line(smooth([(60, 60), (75, 230), (200, 400)]), "#7d8791", 15)
    c.line(smooth([(60, 60), (170, 190), (250, 380)]), "#9aa5b0", 15)
    c.disc(60, 60, 17, "#56606a")
    c.ball(232, 420, 34, "#d53b52")
    c.line(smooth([(232, 388), (245, 360), (275, 350)]), LEAF, 5)
    c.arrow((330, 190), (195, 225), RED, 7)
    c.text(335, 165, "effort", 21)
    c.text(320, 430, "load", 21)
    c.text(150, 50, "fulcrum", 21)
    return c


def _wheel(c: Canvas, x: float, y: float, r: float) -> None:
    c.disc(x, y, r, "#a9714b", "#5c3a22", 4)
    c.disc(x, y, r * 0.72, "#c58d62", "#5c3a22", 2)
    c.disc(x, y, r * 0.16, "#4a4a4a")


@picture
def pulley_single() -> Canvas:
    c = Canvas(360, 480, "#f4f1e4", "#cfd8c4", tilt=80)
    c.rect((0, 0, 360, 34), "#7d5a3c")
    c.line([(180, 34), (180, 100)], "#4a4a4a", 8)
    c.line([(120, 110), (120, 330)], "#d9b777", 6)
    c.line([(240, 110), (300, 400)], "#d9b777", 6)
    c.arc(180, 108, 60, 180, 360, "#d9b777", 6)
    _wheel(c, 180, 108, 57)
    _crate(c, 120, 420, 92)
    c.arrow((318, 340), (335, 430), RED, 7)
    return c


@picture
def pulley_tackle() -> Canvas:
    c = Canvas(400, 520, "#e8eef6", "#b9cbe0", tilt=10)
    c.rect((0, 0, 400, 30), "#54616e")
    c.rect((120, 30, 240, 60), "#6b4a30")
    for x in (130, 165, 200, 235):
        c.line([(x, 110), (x, 290)], "#e6c37e", 5)
    c.line([(268, 100), (345, 410)], "#e6c37e", 5)
    for x, y in [(150, 95), (218, 95), (150, 300), (218, 300)]:
        _wheel(c, x, y, 36)
    c.rect((120, 330, 250, 352), "#6b4a30")
    c.line([(185, 352), (185, 385)], "#4a4a4a", 7)
    c.rect((100, 385, 270, 490), "#6f7f8c", INK, 4)
    c.text(185, 438, "200 kg", 28, "#ffffff")
    c.arrow((345, 390), (360, 480), RED, 7)
    return c


def _gear(c: Canvas, x: float, y: float, r: float, teeth: int, colour: str, start: float = 0) -> None:
    pitch = 360 / teeth
    pts: list[Point] = []
    for i in range(teeth):
        a = start + i * pitch
        pts += [
            around(x, y, r * 0.88, a - pitch * 0.32),
            around(x, y, r * 1.1, a - pitch * 0.14),
            around(x, y, r * 1.1, a + pitch * 0.14),
            around(x, y, r * 0.88, a + pitch * 0.32),
        ]
    c.poly(pts, colour, INK, 3)
    for i in range(5):
        c.disc(*around(x, y, r * 0.5, start + 72 * i), r * 0.15, "#f1ede2", INK, 2)
    c.disc(x, y, r * 0.16, "#3d4650")


@picture
def gear_pair() -> Canvas:
    c = Canvas(560, 400, "#f1ede2", "#f1ede2")
    _gear(c, 205, 210, 150, 24, "#c9a040")
    _gear(c, 432, 180, 76, 12, "#8fa3b0", 172)
    c.arc(205, 210, 182, 200, 260, RED, 6)
    c.arrow(around(205, 210, 182, 255), around(205, 210, 186, 272), RED, 6)
    c.arc(432, 180, 106, 285, 335, BLUE, 6)
    c.arrow(around(432, 180, 106, 290), around(432, 180, 109, 266), BLUE, 6)
    c.text(205, 385, "24 teeth", 20)
    c.text(450, 300, "12 teeth", 20)
    return c


@picture
def gear_train() -> Canvas:
    c = Canvas(640, 360, "#22343f", "#47606c", tilt=150)
    for x, y, r, teeth, colour, start in [
        (90, 250, 62, 10, "#d9743f", 0),
        (236, 196, 88, 15, "#d8b24a", 6),
        (352, 96, 62, 10, "#7fb069", 20),
        (506, 176, 106, 18, "#7aa6c2", 8),
    ]:
        _gear(c, x, y, r, teeth, colour, start)
    return c


Curve = Callable[[Array], tuple[Array, Array, Array]]


def _knot(
    size: tuple[int, int],
    curve: Curve,
    scale: float,
    colours: tuple[str, str],
    ground: tuple[str, str],
    width: float,
    lean: float,
) -> Canvas:
    """A closed rope: short pieces drawn from the deepest to the nearest, each on a dark bed."""
    c = Canvas(*size, *ground, tilt=lean)
    t = np.linspace(0, 2 * math.pi, 700, endpoint=False)
    x, y, z = curve(t)
    pts = turn([(float(a) * scale, float(b) * scale) for a, b in zip(x, y, strict=True)], lean)
    pts = [(a + size[0] / 2, b + size[1] / 2) for a, b in pts]
    n = len(pts)
    for i in np.argsort(z, kind="stable"):
        piece = [pts[(i + k) % n] for k in range(-3, 4)]
        c.line(piece[2:5], "#1d1a18", width + 9)
        c.line(piece, colours[(i // 14) % 2], width)
    return c


@picture
def knot_trefoil() -> Canvas:
    def curve(t: Array) -> tuple[Array, Array, Array]:
        return np.sin(t) + 2 * np.sin(2 * t), np.cos(t) - 2 * np.cos(2 * t), -np.sin(3 * t)

    return _knot((440, 420), curve, 60, ("#d9a441", "#c08a2c"), ("#f3efe6", "#d8cdb8"), 30, 8)


@picture
def knot_figure8() -> Canvas:
    def curve(t: Array) -> tuple[Array, Array, Array]:
        return (2 + np.cos(2 * t)) * np.cos(3 * t), (2 + np.cos(2 * t)) * np.sin(3 * t), np.sin(4 * t)

    return _knot((480, 480), curve, 70, ("#3f7fb8", "#2f6496"), ("#eef4f7", "#c5d8e2"), 22, 50)


@picture
def knot_cinquefoil() -> Canvas:
    def curve(t: Array) -> tuple[Array, Array, Array]:
        r = 3 + 1.3 * np.cos(5 * t)
        return r * np.cos(2 * t), r * np.sin(2 * t), np.sin(5 * t)

    return _knot((600, 440), curve, 46, ("#b7465a", "#973248"), ("#2a2f3d", "#59627a"), 22, 108)


@picture
def clock_face() -> Canvas:
    c = Canvas(440, 440, "#7a4a2c", "#a9714b", tilt=45)
    c.disc(220, 220, 195, BRASS, "#6e4f12", 4)
    c.disc(220, 220, 176, "#fffaf0", "#6e4f12", 3)
    for i in range(60):
        c.line(
            [around(220, 220, 168, i * 6), around(220, 220, 150 if i % 5 == 0 else 161, i * 6)],
            INK,
            4 - 2 * bool(i % 5),
        )
    for hour in range(1, 13):
        c.text(*around(220, 220, 126, hour * 30 - 90), str(hour), 30)
    c.line([(220, 220), around(220, 220, 82, 305 - 90)], INK, 10)
    c.line([(220, 220), around(220, 220, 128, 60 - 90)], INK, 7)
    c.line([around(220, 220, 30, 30), around(220, 220, 140, 210)], RED, 3)
    c.disc(220, 220, 11, RED)
    return c


@picture
def hourglass() -> Canvas:
    c = Canvas(340, 500, "#fbe9d0", "#e3a870", tilt=90)
    c.poly(
        smooth([(80, 70), (84, 150), (160, 250), (84, 350), (80, 430)])
        + smooth([(260, 430), (256, 350), (180, 250), (256, 150), (260, 70)]),
        "#e9f4f6",
        "#56707a",
        4,
    )
    c.poly([(112, 180), (228, 180), (172, 246), (168, 246)], "#d9a94e")
    c.poly(smooth([(84, 426), (110, 400), (170, 352), (232, 402), (257, 426)]), "#d9a94e")
    c.line([(170, 245), (170, 370)], "#d9a94e", 4)
    for y in (50, 430):
        c.rect((60, y, 280, y + 24), "#6b3f22", radius=6)
    for x in (68, 272):
        c.line([(x, 70), (x, 432)], "#6b3f22", 9)
    return c


def pendulum(degrees: float = 28) -> Canvas:
    c = Canvas(300, 320, "#e4efe6", "#9fc0b0", tilt=90)
    c.rect((90, 14, 210, 30), "#5b4632", radius=4)
    for a in (-28, -14, 0, 14, 28):
        c.disc(*around(150, 30, 220, 90 + a), 4, "#6f8f80")
    bob = around(150, 30, 220, 90 + degrees)
    c.line([(150, 30), bob], "#46525c", 4)
    c.ball(*bob, 32, BRASS)
    return c


PICTURES["pendulum"] = pendulum


@picture
def bridge_beam() -> Canvas:
    c = Canvas(620, 320, SKY, "#e9f5e4", tilt=90)
    c.poly([(0, 150), (130, 150), (180, 320), (0, 320)], "#7c9a5a")
    c.poly([(620, 150), (500, 150), (440, 320), (620, 320)], "#7c9a5a")
    c.poly([(168, 280), (452, 280), (440, 320), (180, 320)], "#4f8fb8")
    c.rect((90, 128, 540, 156), WOOD, "#5c3a22", 3)
    for x in range(100, 540, 36):
        c.line([(x, 128), (x, 88)], "#5c3a22", 4)
    c.line([(96, 90), (536, 90)], "#5c3a22", 5)
    c.arrow((315, 30), (315, 80), RED, 6)
    c.line(smooth([(110, 175), (315, 190), (525, 175)]), RED, 3)
    return c


@picture
def bridge_arch() -> Canvas:
    c = Canvas(640, 420, "#f8d9b8", "#a9c7d9", tilt=90)
    c.rect((0, 330, 640, 420), "#4f87a8")
    c.rect((30, 130, 610, 345), "#b5a48a")
    for x in (175, 465):
        c.disc(x, 335, 118, "#cfe0e4")
        c.rect((x - 118, 336, x + 118, 420), "#4f87a8")
        for a in range(180, 360, 15):
            c.poly(
                [
                    around(x, 335, 118, a),
                    around(x, 335, 150, a),
                    around(x, 335, 150, a + 14),
                    around(x, 335, 118, a + 14),
                ],
                "#d8c8aa" if a % 30 else "#c2b08e",
                "#7a6c54",
                2,
            )
    c.rect((10, 110, 630, 140), "#8d7c62")
    return c


@picture
def bridge_suspension() -> Canvas:
    c = Canvas(760, 400, "#f6c89f", "#6d8fb5", tilt=270)
    c.rect((0, 320, 760, 400), "#3d6480")
    towers = (200, 560)
    for x in towers:
        c.rect((x - 13, 70, x + 13, 350), "#a63d2f")
        c.rect((x - 26, 330, x + 26, 360), "#5f6b73")
    c.rect((0, 270, 760, 286), "#a63d2f")
    main = [(x, 250 - 170 * ((x - 380) / 180) ** 2) for x in range(200, 561, 10)]
    sides = [[(0, 262), (100, 150), (200, 80)], [(560, 80), (660, 150), (760, 262)]]
    c.line(main, "#7d2a20", 6)
    for x, y in main[1:-1:2]:
        c.line([(x, y), (x, 272)], "#7d2a20", 2)
    for points in sides:
        c.line(smooth(points), "#7d2a20", 6)
    return c


@picture
def boat_fold_half() -> Canvas:
    c = Canvas(460, 380, "#dfe7e2", "#aebfb5", tilt=120)
    c.tint([(100, 90), (370, 100), (372, 330), (104, 322)], "#000000", 0.3, 6)
    c.poly([(90, 180), (360, 180), (360, 320), (90, 320)], "#fdfdf5", "#8f9a94", 2)
    c.poly([(90, 180), (360, 180), (345, 62), (105, 62)], "#cfe3f0", "#8f9a94", 2)
    c.line([(90, 180), (360, 180)], RED, 3)
    c.arc(375, 185, 60, 290, 60, BLUE, 5)
    c.arrow(around(375, 185, 60, 50), around(375, 185, 62, 82), BLUE, 5)
    return c


@picture
def boat_fold_corners() -> Canvas:
    c = Canvas(440, 400, "#f3dfc9", "#d2ab84", tilt=30)
    c.tint([(70, 350), (230, 80), (388, 350)], "#000000", 0.3, 6)
    c.poly([(60, 280), (380, 280), (380, 340), (60, 340)], "#fdfdf5", "#8f9a94", 2)
    c.poly([(60, 280), (219, 70), (219, 280)], "#cfe3f0", "#8f9a94", 2)
    c.poly([(380, 280), (221, 70), (221, 280)], "#b9d4e6", "#8f9a94", 2)
    c.arrow((70, 110), (180, 210), RED, 6)
    c.arrow((370, 110), (262, 210), RED, 6)
    return c


@picture
def boat_done() -> Canvas:
    c = Canvas(560, 400, "#d7ecf7", "#9ccbe4", tilt=90)
    c.rect((0, 290, 560, 400), "#4c93bd")
    c.poly([(280, 90), (380, 275), (180, 275)], "#f4f8f8", "#8ba0aa", 2)
    c.poly([(280, 90), (280, 275), (180, 275)], "#dbe7ec")
    c.poly([(90, 205), (280, 290), (470, 205), (410, 335), (150, 335)], "#fdfdf8", "#8ba0aa", 2)
    c.poly([(90, 205), (280, 290), (280, 335), (150, 335)], "#e3edf1")
    for y in (330, 350, 375):
        wave = [(x, y + 6 * math.sin(x / 22 + y)) for x in range(0, 561, 8)]
        c.line(wave, "#8fc4de", 4)
    return c


def _bulb(c: Canvas, x: float, y: float, lit: bool = True) -> None:
    if lit:
        c.glow(x, y, 62, "#ffe36b", 0.9)
    c.disc(x, y, 30, "#fff3b0" if lit else "#dfe3e6", INK, 3)
    c.line(smooth([(x - 14, y + 24), (x - 8, y - 8), (x, y + 4), (x + 8, y - 8), (x + 14, y + 24)]), "#b5651d", 3)
    c.rect((x - 15, y + 26, x + 15, y + 50), "#8c949b", INK, 2)


def _battery(c: Canvas, x: float, y: float, length: float = 110) -> None:
    c.rect((x - length / 2, y - 24, x + length / 2, y + 24), "#2f3a44", radius=5)
    c.rect((x + length / 6, y - 24, x + length / 2, y + 24), "#c9803a", radius=5)
    c.rect((x + length / 2, y - 9, x + length / 2 + 9, y + 9), "#b9c0c6")
    c.text(x - length / 3, y, "-", 26, "#ffffff")
    c.text(x + length / 3, y, "+", 26, "#ffffff")


@picture
def circuit_simple() -> Canvas:
    c = Canvas(520, 380, "#f4f7ea", "#dbe6c8", tilt=45)
    c.line([(205, 320), (70, 320), (70, 120), (245, 120)], RED, 5)
    c.line([(275, 120), (450, 120), (450, 190)], INK, 5)
    c.line([(450, 250), (450, 320), (318, 320)], INK, 5)
    c.line([(450, 252), (478, 200)], INK, 6)
    c.disc(450, 190, 8, BRASS, INK, 2)
    c.disc(450, 252, 8, BRASS, INK, 2)
    _bulb(c, 260, 82, lit=False)
    _battery(c, 258, 320)
    c.text(400, 222, "switch", 18)
    return c


@picture
def circuit_series() -> Canvas:
    c = Canvas(600, 330, "#eceaf6", "#c9c4e2", tilt=0)
    c.line([(240, 60), (60, 60), (60, 285), (540, 285), (540, 60), (360, 60)], INK, 5)
    for x in (130, 300, 470):
        _bulb(c, x, 246)
    _battery(c, 300, 60, 130)
    return c


@picture
def circuit_parallel() -> Canvas:
    c = Canvas(420, 520, "#2c3a4a", "#50677f", tilt=90)
    for y in (120, 250, 380):
        c.line([(80, y), (340, y)], "#e9c46a", 5)
    c.line([(80, 120), (80, 470), (150, 470)], "#e9c46a", 5)
    c.line([(340, 120), (340, 470), (270, 470)], "#e9c46a", 5)
    for y in (84, 214, 344):
        _bulb(c, 210, y)
    _battery(c, 208, 470)
    return c


# ---- the garden ----------------------------------------------------------------------------------------------------


def _soil(c: Canvas, level: float) -> None:
    rng = dice(f"soil{c.w}{c.h}{level}")
    c.rect((0, level, c.w, c.h), "#5b3d28")
    for _ in range(70):
        shade = ["#6f4c33", "#4a301f", "#7d5a40"][int(rng.integers(3))]
        c.disc(rng.uniform(0, c.w), rng.uniform(level + 6, c.h), rng.uniform(2, 6), shade)


def _leaf(c: Canvas, x: float, y: float, size: float, degrees: float, colour: str = LEAF) -> None:
    """A leaf that grows from x, y towards a bearing."""
    half = [(0.0, 0.0), (size * 0.35, -size * 0.26), (size * 0.75, -size * 0.18), (size, 0.0)]
    outline = smooth(half) + smooth([(a, -b) for a, b in half[::-1]])
    c.poly(turn([(x + a, y + b) for a, b in outline], degrees, (x, y)), colour, "#33632b", 1.5)
    c.line(turn([(x, y), (x + size * 0.9, y)], degrees, (x, y)), "#33632b", 1.5)


@picture
def bean_root() -> Canvas:
    c = Canvas(420, 360, "#d6ecf5", "#b9dcc4", tilt=90)
    _soil(c, 90)
    c.line(smooth([(215, 215), (205, 265), (222, 310), (212, 345)]), "#f0e3c4", 8)
    for x, y in [(160, 290), (262, 300), (176, 330)]:
        c.line([(213, y - 18), (x, y)], "#f0e3c4", 3)
    c.poly(
        smooth([(150, 190), (190, 140), (260, 150), (285, 195), (240, 225), (205, 200), (170, 225)], closed=True),
        "#b0563c",
        "#70301f",
        3,
    )
    c.ellipse(210, 172, 10, 5, "#e9d6b0")
    return c


@picture
def bean_hook() -> Canvas:
    c = Canvas(320, 460, "#f3f3d4", "#c7e3ee", tilt=300)
    _soil(c, 280)
    c.line(smooth([(150, 430), (148, 330), (150, 200), (175, 150), (215, 165), (222, 215)]), "#8fbf5a", 13)
    c.poly(smooth([(205, 205), (240, 200), (262, 240), (240, 275), (208, 255)], closed=True), "#c9b06a", "#7d6a34", 3)
    for x, y in [(90, 400), (205, 420), (110, 360)]:
        c.line([(149, y - 30), (x, y)], "#f0e3c4", 3)
    return c


@picture
def bean_vine() -> Canvas:
    c = Canvas(400, 600, "#e7f3fb", "#a8d3ea", tilt=200)
    _soil(c, 520)
    c.line([(215, 40), (195, 560)], WOOD, 11)
    vine = [(200 + 20 * math.sin(y / 34), y) for y in range(70, 530, 6)]
    c.line(vine, "#5f9c3e", 7)
    for i, y in enumerate(range(90, 500, 56)):
        x = 200 + 20 * math.sin(y / 34)
        _leaf(c, x, y, 82, 200 if i % 2 else -25, "#62a548" if i % 3 else "#7dbb59")
    for x, y in [(245, 300), (150, 390), (250, 430)]:
        c.line(smooth([(x, y), (x + 8, y + 35), (x - 2, y + 72)]), "#b7cf6a", 11)
    return c


@picture
def leaf_simple() -> Canvas:
    c = Canvas(480, 320, "#faf8ef", "#efe6cf", tilt=10)
    half = [(50, 165), (120, 95), (250, 65), (360, 105), (445, 160)]
    c.poly(smooth(half) + smooth([(x, 325 - y) for x, y in half[::-1]]), "#4f8f45", "#2c5a28", 3)
    c.line([(15, 165), (430, 162)], "#cfe0a8", 5)
    for x in range(100, 380, 45):
        reach = min(58, (430 - x) * 0.42)
        c.line([(x, 164), (x + reach * 0.75, 164 - reach)], "#a9c987", 3)
        c.line([(x, 164), (x + reach * 0.75, 164 + reach)], "#a9c987", 3)
    return c


@picture
def leaf_lobed() -> Canvas:
    c = Canvas(440, 460, "#e8edf2", "#c3ccd8", tilt=60)
    half = [
        (220, 40),
        (245, 105),
        (275, 92),
        (272, 150),
        (330, 120),
        (345, 150),
        (405, 150),
        (375, 205),
        (395, 230),
        (330, 265),
        (340, 300),
        (265, 300),
        (225, 310),
    ]
    c.poly(half + [(440 - x, y) for x, y in half[::-1]], "#c8552b", "#7a2f14", 3)
    for x, y in [(220, 60), (375, 165), (65, 165), (330, 280), (110, 280)]:
        c.line([(220, 305), (x, y)], "#f0b27a", 4)
    c.line(smooth([(220, 300), (222, 370), (240, 435)]), "#8a4a24", 7)
    return c


@picture
def leaf_compound() -> Canvas:
    c = Canvas(420, 480, "#31463a", "#5f7f68", tilt=150)
    c.line(smooth([(210, 465), (215, 300), (200, 70)]), "#d7e3b0", 5)
    for i, y in enumerate(range(400, 110, -66)):
        _leaf(c, 212, y, 125 - i * 8, -22, "#9bcf6f")
        _leaf(c, 212, y, 125 - i * 8, 202, "#86bd5c")
    _leaf(c, 201, 110, 95, -94, "#a9da7d")
    return c


@picture
def honeycomb() -> Canvas:
    c = Canvas(520, 420, "#7a4a12", "#a96f1f", tilt=90)
    rng = dice("honeycomb")
    for row in range(-1, 8):
        for col in range(-1, 9):
            x, y = col * 66 + (33 if row % 2 else 0), row * 57
            filled = rng.random()
            tone = "#f2b632" if filled < 0.5 else "#ffd978" if filled < 0.75 else "#5e3508"
            c.poly(ngon(x, y, 34, 6, 30), tone, "#c98a1b", 5)
            if filled < 0.5:
                c.ellipse(x - 8, y - 10, 9, 6, "#fbe3a0")
    return c


@picture
def bee() -> Canvas:
    c = Canvas(480, 360, "#cfe8f7", "#f7f3d2", tilt=50)
    for i in range(8):
        c.ellipse(*around(395, 285, 42, i * 45), 24, 24, "#e67fa8", "#b8517d", 2)
    c.disc(395, 285, 24, "#f3c63f")
    c.line(smooth([(395, 310), (400, 335), (392, 358)]), LEAF, 8)
    for dx, degrees in [(0, -28), (34, 12)]:
        wing = [(180 + dx, 130), (150 + dx, 50), (205 + dx, 22), (228 + dx, 90)]
        c.poly(turn(smooth(wing, closed=True), degrees, (190, 130)), "#eef6fb", "#8aa2b0", 2)
    c.ellipse(190, 180, 92, 54, "#f0b429", "#503608", 3)
    for x, half in [(130, 40), (170, 51), (210, 51)]:
        c.line(smooth([(x, 180 - half), (x + 9, 180), (x, 180 + half)]), "#3a2708", 15)
    c.disc(285, 172, 38, "#4d3610")
    c.disc(300, 162, 9, "#ffffff")
    c.line(smooth([(300, 140), (325, 110), (345, 112)]), "#3a2708", 4)
    for x in (150, 190, 230):
        c.line([(x, 228), (x + 14, 258)], "#3a2708", 4)
    return c


@picture
def egg_on_leaf() -> Canvas:
    c = Canvas(400, 340, "#b9d98a", "#6da84e", tilt=35)
    c.line([(-5, 350), (410, 20)], "#dcebb2", 9)
    for x in range(30, 400, 62):
        y = 345 - x * 0.8
        c.line([(x, y), (x - 40, y - 120)], "#a4cc78", 4)
        c.line([(x, y), (x + 100, y + 60)], "#a4cc78", 4)
    for x, y in [(130, 120), (172, 96), (165, 140), (212, 118)]:
        c.tint(
            smooth([(x - 10, y + 22), (x + 30, y + 14), (x + 34, y + 26), (x, y + 32)], closed=True), "#2c4a1c", 0.5, 3
        )
        c.ball(x, y, 19, "#fff7d0")
    return c


@picture
def caterpillar() -> Canvas:
    c = Canvas(600, 320, "#eaf4ff", "#bfd8b2", tilt=80)
    c.line(smooth([(0, 260), (200, 235), (420, 255), (600, 225)]), "#7a5a36", 18)
    body = [(110 + i * 44, 190 - 62 * math.exp(-(((i - 3.2) / 1.6) ** 2))) for i in range(9)]
    for i, (x, y) in enumerate(body):
        c.line([(x - 8, y + 24), (x - 12, y + 52)], "#43371a", 6)
        c.line([(x + 8, y + 24), (x + 12, y + 52)], "#43371a", 6)
        c.ball(x, y, 34, "#8cc63f" if i % 2 else "#f2d13d")
    hx, hy = body[-1][0] + 34, body[-1][1] - 6
    c.ball(hx, hy, 36, "#d9632f")
    c.disc(hx + 12, hy - 8, 7, INK)
    c.line(smooth([(hx, hy - 30), (hx + 8, hy - 58), (hx + 26, hy - 66)]), INK, 4)
    _leaf(c, 520, 235, 110, -70)
    return c


@picture
def butterfly() -> Canvas:
    c = Canvas(560, 460, "#fdf3f8", "#d3e3f7", tilt=20)
    for side in (1, -1):
        upper = smooth([(0, -20), (90, -150), (215, -165), (190, -40), (60, 20)], closed=True)
        lower = smooth([(0, 10), (120, 30), (165, 110), (95, 165), (20, 80)], closed=True)
        for wing, colour in ((lower, "#f2a33a"), (upper, "#e8742c")):
            c.poly([(280 + side * x, 235 + y) for x, y in wing], colour, "#3a1c0c", 8)
        for x, y, r in [(150, -110, 24), (105, -70, 16), (105, 95, 20), (65, 60, 11)]:
            c.disc(280 + side * x, 235 + y, r, "#fbe8b5", "#3a1c0c", 4)
        c.line(smooth([(280, 170), (280 + side * 30, 110), (280 + side * 62, 85)]), "#3a1c0c", 4)
    c.ellipse(280, 245, 14, 90, "#3a1c0c")
    return c


@picture
def compost_layers() -> Canvas:
    c = Canvas(460, 420, "#d9eaf4", "#eef3e0", tilt=90)
    rng = dice("compost")
    layers = [("#4a3020", 70), ("#7fa650", 55), ("#a9793f", 55), ("#5f9040", 50), ("#c79a58", 60)]
    y = 380.0
    c.rect((0, 370, 460, 420), "#7a9a55")
    for colour, depth in layers:
        c.rect((90, y - depth, 370, y), colour)
        for _ in range(60):
            x0, y0 = rng.uniform(98, 350), rng.uniform(y - depth + 5, y - 5)
            c.line(
                [(x0, y0), (x0 + rng.uniform(-12, 14), y0 + rng.uniform(-4, 4))],
                "#2e2013" if rng.random() < 0.4 else "#e2d0a2",
                2,
            )
        y -= depth
    for x in (84, 376):
        c.rect((x - 12, 50, x + 12, 385), "#6b4a2e", "#3d2816", 2)
    c.line(smooth([(150, 345), (175, 330), (200, 352), (228, 338)]), "#e08a86", 9)
    return c


# ---- the kitchen ---------------------------------------------------------------------------------------------------


@picture
def pancakes() -> Canvas:
    c = Canvas(480, 400, "#f9e7cf", "#e2b98a", tilt=60)
    c.ellipse(240, 320, 205, 52, "#fdfdfd", "#b7b7b7", 3)
    for i in range(6):
        c.ellipse(240 + 6 * (-1) ** i, 300 - i * 27, 140, 36, "#b9722d")
        c.ellipse(240 + 6 * (-1) ** i, 292 - i * 27, 140, 36, "#e8b363")
    c.ellipse(240, 157, 112, 27, "#c9752a")
    for x, length in [(165, 90), (215, 130), (290, 70), (335, 120)]:
        c.line([(x, 165), (x, 165 + length)], "#b3611d", 15)
    c.poly([(215, 128), (262, 122), (278, 142), (232, 150)], "#ffe680", "#d9b63c", 2)
    c.poly([(232, 150), (278, 142), (278, 158), (232, 166)], "#f2cf55")
    return c


@picture
def frying_pan() -> Canvas:
    c = Canvas(560, 380, "#c9d6d3", "#8fa6a1", tilt=135)
    c.line([(330, 235), (535, 340)], "#2a2a2a", 34)
    c.disc(215, 180, 155, "#3a3d40", "#1d1f21", 6)
    c.disc(215, 180, 132, "#55595d")
    c.disc(205, 185, 92, "#e6bf74", "#b9803a", 6)
    for x, y, r in [(170, 160, 11), (215, 215, 14), (240, 155, 9), (190, 230, 8), (160, 200, 7), (250, 195, 10)]:
        c.disc(x, y, r, "#d3a454")
    return c


@picture
def soup_pot() -> Canvas:
    c = Canvas(460, 460, "#fff4dc", "#f0c990", tilt=270)
    for i, x in enumerate((170, 230, 290)):
        steam = [(x + 15 * math.sin(y / 18 + i), y) for y in range(30, 165, 5)]
        c.line(steam, "#ffffff", 9)
    c.rect((80, 210, 380, 400), "#c0392b", radius=34)
    c.rect((80, 210, 380, 260), "#c0392b")
    c.ellipse(230, 212, 150, 42, "#e8e2d8", "#8e2a1f", 5)
    c.ellipse(230, 214, 132, 34, "#e39b3b")
    for x, y, colour in [
        (170, 212, "#f06a2a"),
        (215, 225, "#6aa84f"),
        (260, 205, "#f06a2a"),
        (300, 220, "#efe3b2"),
        (235, 200, "#6aa84f"),
        (195, 200, "#efe3b2"),
    ]:
        c.ellipse(x, y, 13, 8, colour)
    for x in (62, 398):
        c.disc(x, 270, 24, edge="#8e2a1f", width=11)
    return c


@picture
def cut_carrot() -> Canvas:
    c = Canvas(600, 330, "#d9b384", "#c0925c", tilt=95)
    for y in range(20, 330, 38):
        c.line([(0, y), (600, y + 7)], "#b5854f", 2)
    c.poly(
        smooth([(60, 175), (90, 120), (200, 118), (330, 140), (330, 208), (200, 228), (90, 228)], closed=True),
        "#f07f2e",
        "#b8551a",
        3,
    )
    for a in (150, 175, 200, 225):
        c.line([(72, 172), around(72, 172, 75, a)], "#4f9a3c", 9)
    for i, x in enumerate((385, 440, 500, 545)):
        y = 165 + (-1) ** i * 26
        c.ellipse(x, y, 34, 40, "#f79a4d", "#b8551a", 3)
        c.ellipse(x, y, 14, 17, "#fbc07f")
    return c


@picture
def teacup() -> Canvas:
    c = Canvas(420, 340, "#e9dff0", "#bfa9cf", tilt=0)
    c.ellipse(200, 285, 170, 32, "#ffffff", "#a99ab5", 3)
    c.disc(320, 190, 42, edge="#ffffff", width=16)
    c.poly(smooth([(80, 130), (95, 220), (150, 275), (250, 275), (305, 220), (320, 130)]), "#ffffff", "#a99ab5", 3)
    c.ellipse(200, 130, 120, 30, "#f5f0f8", "#a99ab5", 3)
    c.ellipse(200, 133, 102, 22, "#a8642a")
    for i in range(6):
        c.disc(*around(195, 212, 26, i * 60), 11, "#5b7fc4")
    c.disc(195, 212, 12, "#f2c94c")
    return c


@picture
def teapot() -> Canvas:
    c = Canvas(540, 400, "#234e52", "#5c9296", tilt=40)
    c.line(smooth([(380, 150), (480, 140), (485, 250), (385, 290)]), "#c9d9c5", 20)
    c.poly(smooth([(165, 190), (95, 150), (50, 110), (75, 205), (175, 300)]), "#e6efe0", "#8fa394", 3)
    c.ball(270, 235, 125, "#eef5ea", (-0.5, -0.8, 0.9), 0.55)
    c.ellipse(270, 125, 70, 18, "#dfe9da", "#8fa394", 3)
    c.ball(270, 92, 21, "#e8734a")
    c.ellipse(270, 357, 85, 14, "#c9d9c5")
    for i in range(7):
        _leaf(c, 190 + i * 26, 255 - 18 * (i % 2), 44, -60, "#6fae62")
    return c


@picture
def bread_chart() -> Canvas:
    c = Canvas(500, 420, "#fffdf7")
    parts = [("flour", 60, "#e0b35c"), ("water", 36, "#6fa8dc"), ("yeast", 2.5, "#8e7cc3"), ("salt", 1.5, "#5d6d7e")]
    start = -90.0
    for label, share, colour in parts:
        end = start + share * 3.6
        c.pie(210, 215, 165, start, end, colour, "#ffffff")
        if share > 10:
            c.text(*around(210, 215, 100, (start + end) / 2), f"{label} {share} %", 20, "#ffffff")
        start = end
    c.text(395, 60, "salt 1.5 %", 17)
    c.text(430, 100, "yeast 2.5 %", 17, anchor="mm")
    c.line([(345, 66), (225, 62)], INK, 1.5)
    c.line([(376, 98), (212, 76)], INK, 1.5)
    return c


# ---- maps and the weather ------------------------------------------------------------------------------------------


@picture
def contour_hill() -> Canvas:
    c = Canvas(520, 460, "#e4efcf", "#cfe0b4", tilt=30)
    rng = dice("contours")
    wobble = rng.uniform(0.8, 1.2, 14)
    for level in range(8):
        r = 225 - level * 27
        at = (250 + level * 7, 225 - level * 4)
        ring = [around(*at, r * float(wobble[i]) ** (1 - level / 10), i * 360 / 14) for i in range(14)]
        tone = int(225 - level * 13)
        c.poly(smooth(ring, closed=True), f"#{tone:02x}{tone - 15:02x}{tone - 75:02x}", "#8a5a2b", 2)
    c.poly([(304, 178), (314, 198), (294, 198)], INK)
    c.text(322, 175, "412", 17, anchor="lm")
    c.line(smooth([(20, 430), (120, 380), (180, 400), (260, 450)]), "#4a90c2", 5)
    return c


@picture
def hill_profile() -> Canvas:
    c = Canvas(660, 320, "#eef6fc", "#cfe3f1", tilt=90)
    ridge = smooth([(50, 262), (150, 235), (250, 170), (340, 70), (400, 110), (500, 215), (620, 258)])
    c.poly([(50, 280), *ridge, (620, 280)], "#a9885a", "#5e4526", 3)
    for i, label in enumerate(("100", "200", "300", "400")):
        y = 245 - i * 52
        c.line([(50, y), (640, y)], "#6f8ba0", 1)
        c.text(42, y, label, 15, anchor="rm")
    c.text(340, 302, "distance", 17)
    return c


@picture
def rain_bars() -> Canvas:
    c = Canvas(620, 400, "#ffffff", "#eaf1f7", tilt=90)
    rain = [112, 84, 76, 52, 44, 38, 30, 41, 66, 98, 121, 126]
    for i, (month, mm) in enumerate(zip("JFMAMJJASOND", rain, strict=True)):
        x = 75 + i * 44
        c.rect((x, 340 - mm * 2.2, x + 32, 340), "#3f88c5" if mm > 60 else "#9cc5e3")
        c.text(x + 16, 358, month, 17)
        c.text(x + 16, 340 - mm * 2.2 - 11, str(mm), 13)
    c.line([(64, 40), (64, 341), (606, 341)], INK, 2)
    c.text(310, 24, "Rain in millimetres, month by month", 19)
    return c


@picture
def temperature_line() -> Canvas:
    c = Canvas(560, 360, "#fff6ee")
    warm = [4, 5, 8, 11, 15, 18, 21, 20, 17, 12, 8, 5]
    cold = [-1, -1, 1, 4, 7, 10, 12, 12, 9, 6, 2, 0]
    for t in range(-5, 30, 5):
        c.line([(60, 290 - t * 10), (540, 290 - t * 10)], "#e2d4c6", 1)
        c.text(50, 290 - t * 10, str(t), 14, anchor="rm")
    for temps, colour in ((warm, "#d1495b"), (cold, "#30638e")):
        points = [(80 + i * 40, 290 - t * 10) for i, t in enumerate(temps)]
        c.line(smooth(points, 8), colour, 5)
        for x, y in points:
            c.disc(x, y, 6, "#ffffff", colour, 3)
    c.text(300, 18, "Warmest and coldest hour, in degrees", 17)
    return c


@picture
def trail_map() -> Canvas:
    c = Canvas(640, 480, "#d5e6b5", "#b9d596", tilt=25)
    c.poly(smooth([(430, 480), (450, 380), (540, 340), (640, 350), (660, 480)]), "#7db8dd")
    c.line(smooth([(0, 120), (120, 160), (220, 120), (330, 200), (380, 330), (470, 400)]), "#5fa3d0", 9)
    rng = dice("trail")
    for _ in range(46):
        x, y = rng.uniform(20, 250), rng.uniform(200, 460)
        c.poly([(x - 9, y + 12), (x, y - 14), (x + 9, y + 12)], "#4f8a4a")
    route = smooth([(70, 440), (120, 330), (215, 290), (280, 240), (390, 180), (470, 90), (560, 70)], 10)
    for i in range(0, len(route) - 3, 6):
        c.line(route[i : i + 4], "#c8321f", 5)
    c.disc(70, 440, 13, "#ffffff", "#c8321f", 5)
    c.poly([(560, 72), (560, 22), (600, 36), (560, 50)], "#c8321f")
    c.poly([(500, 60), (590, 190), (430, 190)], "#9a8a78", "#6b5d4d", 2)
    c.poly([(500, 60), (522, 92), (482, 92)], "#ffffff")
    c.rect((296, 206, 344, 244), "#a0522d", INK, 2)
    c.text(320, 262, "hut", 16)
    return c


@picture
def compass_rose() -> Canvas:
    c = Canvas(400, 400, "#f3e6c4", "#dcc38e", tilt=320)
    c.disc(200, 200, 165, edge="#7d5a2b", width=4)
    c.disc(200, 200, 150, edge="#7d5a2b", width=1.5)
    for reach, first in ((95, 22.5), (110, 45), (148, 0)):
        for a in np.arange(first, 360, 45 if first == 22.5 else 90):
            for side, colour in ((1, "#8a2f22"), (-1, "#f7efd8")):
                tip, base = around(200, 200, reach, a), around(200, 200, 30, a + side * 45)
                c.poly([(200, 200), tip, base], colour, "#5c2018", 1)
    for label, a in zip("ESWN", (0, 90, 180, 270), strict=True):
        c.text(*around(200, 200, 182, a), label, 26, "#5c2018")
    return c


@picture
def volcano() -> Canvas:
    c = Canvas(560, 480, "#3a3550", "#e08a5a", tilt=90)
    for x, y, r in [(230, 70, 55), (285, 45, 62), (340, 80, 50), (290, 105, 42), (190, 100, 34)]:
        c.disc(x, y, r, "#6a6470")
    c.poly([(40, 380), (235, 130), (325, 130), (520, 380)], "#6e4a3a")
    for i, colour in enumerate(("#7d5a48", "#5f3f33", "#8a6a54")):
        c.line([(70 + i * 42, 380), (240 + i * 8, 150)], colour, 9)
        c.line([(490 - i * 42, 380), (320 - i * 8, 150)], colour, 9)
    c.rect((0, 378, 560, 480), "#4a3830")
    c.poly([(262, 128), (298, 128), (300, 420), (260, 420)], "#ff7a2a")
    c.ellipse(280, 432, 130, 34, "#ff9a3a", "#c94a1a", 4)
    for a in (-60, -90, -115, -140, -40):
        c.line(smooth([(280, 130), around(280, 130, 55, a), around(280, 150, 88, a + (a + 90) * 0.3)]), "#ffb347", 6)
    return c


@picture
def rock_strata() -> Canvas:
    c = Canvas(600, 400, "#a9d3ee", "#dff0f9", tilt=90)
    tones = ["#c9a66b", "#a67c52", "#d9c49a", "#8a6f5a", "#b98a5e", "#6f5a4a", "#cdb391", "#93785c"]
    for i, tone in enumerate(tones):
        top = [(x, 90 + i * 40 + 22 * math.sin(x / 85 + 0.4) + (46 if x > 340 else 0)) for x in range(0, 601, 5)]
        c.poly([*top, (600, 400), (0, 400)], tone, "#5a4636", 1.5)
    c.line([(322, 80), (352, 400)], "#2b1d14", 5)
    for x, y in [(120, 215), (165, 228), (450, 268)]:
        c.arc(x, y, 12, 0, 300, "#f3ead8", 4)
        c.arc(x, y, 5, 0, 300, "#f3ead8", 3)
    return c


@picture
def lighthouse_tall() -> Canvas:
    c = Canvas(320, 800, "#24365e", "#f3b27a", tilt=90)
    c.tint([(160, 130), (0, 60), (0, 175)], "#ffeeb0", 0.6, 5)
    c.tint([(160, 130), (320, 60), (320, 175)], "#ffeeb0", 0.6, 5)
    c.poly([(118, 180), (202, 180), (232, 660), (88, 660)], "#f5f1ea")
    for i in range(4):
        top, low = 180 + i * 120, 240 + i * 120
        spread = (top - 180) / 16, (low - 180) / 16
        c.poly(
            [(118 - spread[0], top), (202 + spread[0], top), (202 + spread[1], low), (118 - spread[1], low)], "#c43d33"
        )
    c.rect((104, 166, 216, 184), "#2b2f3a")
    c.rect((128, 100, 192, 166), "#ffe68a", "#2b2f3a", 5)
    c.poly([(116, 102), (160, 52), (204, 102)], "#2b2f3a")
    c.poly(smooth([(0, 680), (60, 645), (160, 640), (260, 652), (320, 700), (320, 800), (0, 800)]), "#4c4a52")
    for y in (735, 760, 785):
        c.line([(x, y + 6 * math.sin(x / 18 + y)) for x in range(0, 321, 6)], "#9ab6cf", 5)
    c.rect((146, 590, 174, 652), "#5c3a22")
    return c


@picture
def island_map() -> Canvas:
    c = Canvas(600, 440, "#9fd0e0", "#6fb0cc", tilt=70)
    coast = smooth(
        [(110, 250), (150, 130), (260, 90), (350, 140), (470, 110), (530, 220), (450, 330), (330, 310), (220, 370)],
        closed=True,
    )
    c.line(coast, "#d9eff5", 26, closed=True)
    c.poly(coast, "#ead9a0", "#9a7b3f", 3)
    c.poly(turn(coast, 0, shift=(0, 0))[::9], "#9cbf72")
    for x, y in [(250, 200), (292, 178), (330, 205)]:
        c.poly([(x - 30, y + 34), (x, y - 20), (x + 30, y + 34)], "#8a7a6a", "#5d5044", 2)
    c.line(smooth([(310, 235), (360, 260), (400, 310)]), "#4a90c2", 5)
    c.rect((175, 262, 199, 282), RED, INK, 1.5)
    c.text(190, 300, "harbour", 16)
    c.arrow((60, 120), (60, 50), INK, 4)
    c.text(60, 36, "N", 20)
    return c


@picture
def water_cycle() -> Canvas:
    c = Canvas(680, 440, "#cfe9fa", "#f2fafc", tilt=90)
    c.poly([(300, 330), (420, 200), (500, 130), (590, 210), (680, 290), (680, 440), (260, 440)], "#8aa86a")
    c.poly([(500, 130), (540, 166), (505, 180), (465, 165)], "#ffffff")
    c.poly([*smooth([(0, 330), (150, 325), (300, 345), (400, 400), (430, 440)]), (0, 440)], "#3f8fc0")
    c.line(smooth([(505, 180), (470, 260), (420, 320), (330, 365)]), "#3f8fc0", 9)
    c.disc(80, 75, 40, "#ffd34d")
    for x, y, r in [(350, 85, 34), (390, 65, 42), (435, 85, 36), (395, 100, 34)]:
        c.disc(x, y, r, "#a9b7c4")
    for x in (360, 390, 420):
        c.line([(x, 140 + x % 20), (x - 10, 170 + x % 20)], "#3f7fc0", 5)
    for x in (110, 160, 210):
        c.arrow((x, 310), (x + 12, 210), "#e07b39", 5)
    c.arrow((200, 120), (300, 95), "#5a6b7a", 5)
    return c


@picture
def cloud_types() -> Canvas:
    c = Canvas(480, 560, "#2f78c2", "#c2e2f5", tilt=90)
    for i in range(7):
        y = 40 + i * 12
        c.line(smooth([(60 + i * 30, y + 20), (130 + i * 30, y), (200 + i * 26, y + 6)]), "#f4faff", 4)
    for x, y, r in [(110, 290, 36), (150, 262, 46), (200, 268, 40), (230, 295, 30)]:
        c.disc(x, y, r, "#ffffff")
    c.rect((78, 292, 258, 322), "#e3edf4", radius=14)
    c.rect((0, 455, 480, 500), "#b4c2cc", radius=20)
    c.rect((90, 480, 480, 520), "#9fb0bc", radius=20)
    for x, y, label in [(420, 120, "cirrus"), (330, 290, "cumulus"), (400, 430, "stratus")]:
        c.text(x, y, label, 21, "#ffffff" if y < 300 else INK)
    return c


@picture
def rainbow() -> Canvas:
    c = Canvas(640, 400, "#6f8fae", "#dbe8ee", tilt=90)
    colours = ("#e5484d", "#f2883a", "#f7d64a", "#5dbb63", "#4a90d9", "#4b4fb5", "#8e57b5")
    for i, colour in enumerate(colours):
        c.arc(260, 380, 290 - i * 15, 180, 360, colour, 16)
    c.poly([*smooth([(0, 330), (160, 300), (330, 335), (500, 295), (640, 320)]), (640, 400), (0, 400)], "#6d9a4e")
    for x in (470, 530, 590):
        c.line([(x, 296), (x, 330)], "#5a3e28", 8)
        c.disc(x, 280, 28, "#3f7a3a")
    return c


# ---- school --------------------------------------------------------------------------------------------------------


@picture
def fraction_pizza() -> Canvas:
    c = Canvas(440, 440, "#e8e2f2", "#c7b9df", tilt=80)
    for i in range(8):
        shift = around(0, 0, 26, i * 45 + 22.5) if i in (6,) else (0.0, 0.0)
        x, y = 215 + shift[0], 230 + shift[1]
        if i == 1:
            continue
        c.pie(x, y, 180, i * 45, i * 45 + 45, "#c98a3e", "#8a5a22")
        c.pie(x, y, 160, i * 45 + 1, i * 45 + 44, "#f4cf63")
        for reach, a in [(60, 22), (110, 10), (115, 33), (140, 22)]:
            c.disc(*around(x, y, reach, i * 45 + a), 13, "#cf4630", "#8f2a1c", 2)
    return c


@picture
def fraction_bars() -> Canvas:
    c = Canvas(560, 340, "#fbfbfb")
    for row, (parts, colour) in enumerate(
        [(1, "#6d597a"), (2, "#b56576"), (3, "#e56b6f"), (4, "#eaac8b"), (6, "#88b7b5")]
    ):
        width = 500 / parts
        for i in range(parts):
            box = (30 + i * width, 24 + row * 60, 30 + (i + 1) * width, 76 + row * 60)
            c.rect(box, colour, "#ffffff", 3)
            c.text(30 + (i + 0.5) * width, 50 + row * 60, "1" if parts == 1 else f"1/{parts}", 21, "#ffffff")
    return c


@picture
def pythagoras() -> Canvas:
    c = Canvas(510, 450, "#f2f7f4", "#d0e4da", tilt=110)
    a, b, corner = (190.0, 300.0), (310.0, 300.0), (190.0, 140.0)
    c.poly([a, b, (310, 420), (190, 420)], "#f4a259", INK, 3)
    c.poly([a, corner, (30, 140), (30, 300)], "#5b8e7d", INK, 3)
    dx, dy = b[0] - corner[0], b[1] - corner[1]
    c.poly([corner, b, (b[0] + dy, b[1] - dx), (corner[0] + dy, corner[1] - dx)], "#bc4b51", INK, 3)
    c.poly([a, b, corner], "#fff8e1", INK, 4)
    for x, y, label in [(250, 360, "9"), (110, 220, "16"), (330, 160, "25")]:
        c.text(x, y, label, 40, "#ffffff")
    return c


@picture
def tiling_hexagons() -> Canvas:
    c = Canvas(520, 380, "#ffffff")
    tones = ("#264653", "#2a9d8f", "#e9c46a")
    for row in range(-1, 8):
        for col in range(-1, 10):
            x, y = col * 69.3 + (34.6 if row % 2 else 0), row * 60
            c.poly(ngon(x, y, 40, 6, 30), tones[(col + (row % 2) + 2 * (row // 2) + row) % 3], "#ffffff", 3)
    return c


@picture
def tiling_stars() -> Canvas:
    c = Canvas(440, 440, "#f1e3c6")
    for row in range(-1, 5):
        for col in range(-1, 5):
            x, y = 40 + col * 120, 60 + row * 120
            c.poly(star(x, y, 60, 8, 0.72, -90), "#1d6a72", "#f8f1de", 4)
            c.poly(star(x, y, 36, 8, 0.72, -67.5), "#d9a441", "#f8f1de", 3)
            c.poly(ngon(x + 60, y + 60, 38, 4, 0), "#9c2f3b", "#f8f1de", 4)
    return c


@picture
def golden_spiral() -> Canvas:
    c = Canvas(620, 400, "#fffaf2", "#f5e1c5", tilt=0)
    tones = ("#e76f51", "#f4a261", "#e9c46a", "#8ab17d", "#2a9d8f", "#287271")
    x, y, side = 30.0, 25.0, 346.0
    width = side * (1 + 5**0.5) / 2
    box = [x, y, x + width, y + side]
    spiral: list[Point] = []
    for i, tone in enumerate(tones):
        left, top, right, low = box
        size = min(right - left, low - top)
        turned = i % 4
        square = [(left, top), (left, top), (right - size, top), (left, low - size)][turned]
        c.rect((*square, square[0] + size, square[1] + size), tone, "#ffffff", 3)
        centre = [
            (square[0] + size, square[1] + size),
            (square[0], square[1] + size),
            square,
            (square[0] + size, square[1]),
        ][turned]
        spiral += [around(*centre, size, 180 + 90 * turned + a) for a in range(0, 91, 6)]
        box = [
            [left + size, top, right, low],
            [left, top + size, right, low],
            [left, top, right - size, low],
            [left, top, right, low - size],
        ][turned]
    c.line(spiral, INK, 5)
    return c


@picture
def sunflower() -> Canvas:
    c = Canvas(480, 480, "#8cc4e8", "#cfe9f5", tilt=90)
    for i in range(34):
        a = i * 360 / 34
        outer = 225 if i % 2 else 205
        c.poly(
            [
                around(240, 240, 130, a - 8),
                around(240, 240, 180, a - 8),
                around(240, 240, outer, a),
                around(240, 240, 180, a + 8),
                around(240, 240, 130, a + 8),
            ],
            "#f6b81a" if i % 2 else "#e99a0c",
        )
    c.disc(240, 240, 146, "#4a2c12")
    for i in range(420):
        r = 7 * math.sqrt(i)
        c.disc(*around(240, 240, r, i * 137.508), 2 + r / 46, "#c78b3c" if i % 3 else "#8a5a24")
    return c


@picture
def colour_wheel() -> Canvas:
    c = Canvas(400, 400, "#ffffff")
    tones = (
        "#fde12d",
        "#f9b233",
        "#ee7623",
        "#e6332a",
        "#b3267a",
        "#6a3090",
        "#3b3d93",
        "#1f62ad",
        "#1698a5",
        "#2ba84a",
        "#86bc25",
        "#c8d400",
    )
    for i, tone in enumerate(tones):
        c.pie(200, 200, 180, i * 30 - 105, i * 30 - 75, tone, "#ffffff")
    c.disc(200, 200, 92, "#ffffff")
    for i in range(3):
        c.poly(
            [
                around(200, 200, 82, i * 120 - 90),
                around(200, 200, 40, i * 120 - 30),
                (200, 200),
                around(200, 200, 40, i * 120 - 150),
            ],
            tones[i * 4],
            "#ffffff",
            2,
        )
    return c


@picture
def colour_mix() -> Canvas:
    """Three lights that overlap; the file gets an alpha channel that leaves the ground away."""
    c = Canvas(420, 400, "#000000")
    pixels = np.zeros((400 * SS, 420 * SS, 3))
    yy, xx = np.mgrid[0 : 400 * SS, 0 : 420 * SS] / SS
    for channel, (x, y) in enumerate([(210, 130), (130, 265), (290, 265)]):
        pixels[..., channel] = 245.0 * (((xx - x) ** 2 + (yy - y) ** 2) < 122**2)
    c.img = Image.fromarray(pixels.astype(np.uint8))
    return c


@picture
def wave_sine() -> Canvas:
    c = Canvas(640, 360, "#0f2a3a", "#1d4a5f", tilt=0)
    for x in range(20, 640, 40):
        c.line([(x, 10), (x, 350)], "#2c5a70", 1)
    for y in range(20, 360, 40):
        c.line([(10, y), (630, y)], "#2c5a70", 1)
    c.line([(x, 160 - 105 * math.sin((x - 20) / 600 * 4 * math.pi)) for x in range(20, 621, 4)], "#7bf1a8", 6)
    c.arrow((20, 160), (632, 160), "#d9e8ee", 3)
    c.arrow((95, 335), (395, 335), "#ffd166", 3)
    c.text(245, 312, "one wavelength", 17, "#ffd166")
    return c


@picture
def wave_ripples() -> Canvas:
    c = Canvas(480, 400)
    yy, xx = np.mgrid[0 : 400 * SS, 0 : 480 * SS] / SS
    wave = sum(
        np.cos(np.hypot(xx - x, yy - y) / 5.6) / (1 + np.hypot(xx - x, yy - y) / 190)
        for x, y in [(160, 90), (360, 250)]
    )
    shade = (np.asarray(wave) + 2)[..., None] / 4
    c.img = Image.fromarray((rgb("#0b3954") * (1 - shade) + rgb("#d8f1f7") * shade).clip(0, 255).astype(np.uint8))
    return c


@picture
def chess_board() -> Canvas:
    c = Canvas(440, 440, "#5a3a22")
    for row in range(8):
        for col in range(8):
            tone = "#efd9b4" if (row + col) % 2 == 0 else "#a9744a"
            c.rect((20 + col * 50, 20 + row * 50, 70 + col * 50, 70 + row * 50), tone)
    for dx, dy in [(1, 2), (2, 1), (-1, 2), (-2, 1), (1, -2), (2, -1), (-1, -2), (-2, -1)]:
        c.disc(195 + dx * 50, 245 + dy * 50, 15, "#3f8f5a")
    horse = [
        (174, 266),
        (180, 252),
        (192, 240),
        (180, 247),
        (171, 241),
        (175, 228),
        (188, 216),
        (191, 205),
        (199, 214),
        (212, 226),
        (218, 246),
        (219, 266),
    ]
    c.poly(horse, "#1d1d1d", "#f5f5f5", 2)
    c.disc(190, 230, 2.5, "#ffffff")
    return c


# ---- cloth, flags and China ----------------------------------------------------------------------------------------


def _weave(size: tuple[int, int], cell: float, over: Callable[[int, int], bool], warp: str, weft: str) -> Canvas:
    c = Canvas(*size, "#2b2b2b")
    for row in range(math.ceil(size[1] / cell)):
        for col in range(math.ceil(size[0] / cell)):
            x, y, thin = col * cell, row * cell, cell * 0.1
            if over(row, col):
                c.rect((x + thin, y - thin, x + cell - thin, y + cell + thin), warp, "#00000055", 1.5, cell * 0.2)
            else:
                c.rect((x - thin, y + thin, x + cell + thin, y + cell - thin), weft, "#00000055", 1.5, cell * 0.2)
    return c


@picture
def weave_plain() -> Canvas:
    return _weave((420, 360), 60, lambda row, col: (row + col) % 2 == 0, "#d9534f", "#f3e1c0")


@picture
def weave_twill() -> Canvas:
    return _weave((480, 400), 50, lambda row, col: (row + col) % 4 < 2, "#27496d", "#cfd8e3")


@picture
def quilt_star() -> Canvas:
    c = Canvas(440, 440, "#f7f0e3")
    for i in range(8):
        a = i * 45
        p1, p2, tip = around(220, 220, 84, a - 22.5), around(220, 220, 84, a + 22.5), around(220, 220, 180, a)
        c.poly([(220, 220), p1, tip, p2], "#b23a48" if i % 2 else "#2f4b7c", "#f7f0e3", 3)
        c.poly(
            [around(220, 220, 40, a - 22.5), around(220, 220, 84, a), around(220, 220, 40, a + 22.5), (220, 220)],
            "#f0b95b" if i % 2 else "#d97b4a",
        )
    for i in range(11):
        for side in (8, 402):
            c.rect((8 + i * 39, side, 42 + i * 39, side + 30), "#2f4b7c" if i % 2 else "#b23a48")
            c.rect((side, 8 + i * 39, side + 30, 42 + i * 39), "#b23a48" if i % 2 else "#2f4b7c")
    return c


@picture
def quilt_cabin() -> Canvas:
    c = Canvas(400, 400, "#e7dcc8")
    light, dark = ("#f3d9a4", "#eec584", "#f7e6c4"), ("#5b3a29", "#7a4a35", "#3f2a20")
    for bx, by, flip in [(0, 0, 0), (200, 0, 1), (0, 200, 1), (200, 200, 0)]:
        a, b = (dark, light) if flip else (light, dark)
        for ring in range(4):
            m, size, w = ring * 22, 200 - ring * 44, 22
            x, y = bx + m, by + m
            c.rect((x, y, x + size, y + w), a[ring % 3], "#e7dcc8", 2)
            c.rect((x, y, x + w, y + size), a[(ring + 1) % 3], "#e7dcc8", 2)
            c.rect((x, y + size - w, x + size, y + size), b[ring % 3], "#e7dcc8", 2)
            c.rect((x + size - w, y, x + size, y + size), b[(ring + 1) % 3], "#e7dcc8", 2)
        c.rect((bx + 88, by + 88, bx + 112, by + 112), "#c0392b")
    return c


FLAG_W, FLAG_H = 300, 240
F_BLUE, F_RED, F_YELLOW, F_BLACK, F_WHITE = "#1f4e9e", "#cf2b2b", "#f5ca2c", "#1b1b1b", "#fbfbf7"


def _flag_bars(colours: Sequence[str], upright: bool) -> Callable[[Canvas], None]:
    def paint(c: Canvas) -> None:
        for i, colour in enumerate(colours):
            low, high = i / len(colours), (i + 1) / len(colours)
            box = (low * c.w, 0, high * c.w, c.h) if upright else (0, low * c.h, c.w, high * c.h)
            c.rect(box, colour)

    return paint


def _flag_grid(n: int, colours: tuple[str, str]) -> Callable[[Canvas], None]:
    def paint(c: Canvas) -> None:
        for i in range(n * n):
            x, y = (i % n) * c.w / n, (i // n) * c.h / n
            c.rect((x, y, x + c.w / n, y + c.h / n), colours[(i % n + i // n) % 2])

    return paint


def _flag_shapes(ground: str, *shapes: tuple[Sequence[Point], str]) -> Callable[[Canvas], None]:
    def paint(c: Canvas) -> None:
        c.rect((0, 0, c.w, c.h), ground)
        for points, colour in shapes:
            c.poly([(x * c.w, y * c.h) for x, y in points], colour)

    return paint


def _nested(inset: float) -> list[Point]:
    return [(inset, inset), (1 - inset, inset), (1 - inset, 1 - inset), (inset, 1 - inset)]


_DOT = [(0.5 + 0.24 * math.cos(t / 10), 0.5 + 0.3 * math.sin(t / 10)) for t in range(63)]
_CROSS = [
    (0.4, 0),
    (0.6, 0),
    (0.6, 0.4),
    (1, 0.4),
    (1, 0.6),
    (0.6, 0.6),
    (0.6, 1),
    (0.4, 1),
    (0.4, 0.6),
    (0, 0.6),
    (0, 0.4),
    (0.4, 0.4),
]
_SALTIRE = [
    (0, 0),
    (0.14, 0),
    (0.5, 0.38),
    (0.86, 0),
    (1, 0),
    (1, 0.14),
    (0.62, 0.5),
    (1, 0.86),
    (1, 1),
    (0.86, 1),
    (0.5, 0.62),
    (0.14, 1),
    (0, 1),
    (0, 0.86),
    (0.38, 0.5),
    (0, 0.14),
]
_SLANTS = [([(x, 0), (x + 0.2, 0), (x - 0.8, 1), (x - 1, 1)], F_RED) for x in (0.2, 0.6, 1.0, 1.4, 1.8)]

FLAGS: dict[str, Callable[[Canvas], None]] = {
    "c": _flag_bars((F_BLUE, F_WHITE, F_RED, F_WHITE, F_BLUE), upright=False),
    "f": _flag_shapes(F_WHITE, ([(0.5, 0), (1, 0.5), (0.5, 1), (0, 0.5)], F_RED)),
    "h": _flag_bars((F_WHITE, F_RED), upright=True),
    "i": _flag_shapes(F_YELLOW, (_DOT, F_BLACK)),
    "k": _flag_bars((F_YELLOW, F_BLUE), upright=True),
    "l": _flag_grid(2, (F_YELLOW, F_BLACK)),
    "n": _flag_grid(4, (F_BLUE, F_WHITE)),
    "o": _flag_shapes(F_YELLOW, ([(0, 0), (1, 0), (1, 1)], F_RED)),
    "s": _flag_shapes(F_WHITE, (_nested(0.3), F_BLUE)),
    "v": _flag_shapes(F_WHITE, (_SALTIRE, F_RED)),
    "w": _flag_shapes(F_BLUE, (_nested(0.2), F_WHITE), (_nested(0.36), F_RED)),
    "x": _flag_shapes(F_WHITE, (_CROSS, F_BLUE)),
    "y": _flag_shapes(F_YELLOW, *_SLANTS),
    "z": _flag_shapes(
        F_YELLOW,
        ([(0, 0), (0.5, 0.5), (0, 1)], F_BLACK),
        ([(1, 0), (0.5, 0.5), (1, 1)], F_BLUE),
        ([(0, 1), (0.5, 0.5), (1, 1)], F_RED),
    ),
}


def _signal_flag(letter: str) -> Canvas:
    """One flag on a mast, waving: its columns are shifted along a wave and lit by the slope of it."""
    rng = dice(f"flag {letter}")
    cloth = Canvas(FLAG_W, FLAG_H, "#ffffff")
    FLAGS[letter](cloth)
    pixels = np.asarray(cloth.img, dtype=np.float64)
    c = Canvas(420, 340, ("#7fb4de", "#9cc3d8", "#f1cfa6", "#aab8c4")[int(rng.integers(4))], "#eaf3f6", tilt=90)
    horizon = float(rng.uniform(285, 312))
    c.rect((0, horizon, 420, 340), "#2f6a8c")
    phase, bend = rng.uniform(0, 6.28), rng.uniform(6, 13)
    left, top = round(rng.uniform(48, 84)) * SS, round(rng.uniform(26, 40)) * SS
    c.line([(left / SS - 5, 8), (left / SS - 5, 340)], "#8a6a48", 8)
    for col in range(pixels.shape[1]):
        along = col / pixels.shape[1]
        angle = along * 8.5 + phase
        shift = round(bend * SS * along**0.6 * math.sin(angle))
        strip = np.clip(pixels[:, col : col + 1] * (0.93 + 0.13 * math.cos(angle)), 0, 255).astype(np.uint8)
        c.img.paste(Image.fromarray(strip), (left + col, top + shift))
    sail = float(rng.uniform(120, 380))
    c.poly([(sail, horizon - 18), (sail, horizon + 6), (sail + 22, horizon + 6)], "#ffffff")
    c.poly(
        [(sail - 22, horizon + 8), (sail + 28, horizon + 8), (sail + 16, horizon + 18), (sail - 12, horizon + 18)],
        "#5a2f22",
    )
    return c


for _letter in FLAGS:
    PICTURES[f"flag_{_letter}"] = partial(_signal_flag, _letter)


TANGRAM = ("#d94f4f", "#e8923c", "#f0c93f", "#5fa85a", "#4a90c2", "#6f5aa8", "#c2649a")


@picture
def tangram_square() -> Canvas:
    c = Canvas(400, 400, "#f6f1e6", "#e2d4ba", tilt=60)
    s = 80.0
    pieces = [
        [(0, 0), (4, 0), (2, 2)],
        [(0, 0), (2, 2), (0, 4)],
        [(4, 0), (4, 2), (3, 1)],
        [(2, 2), (3, 1), (4, 2), (3, 3)],
        [(1, 3), (2, 2), (3, 3)],
        [(0, 4), (1, 3), (3, 3), (2, 4)],
        [(4, 2), (4, 4), (2, 4)],
    ]
    for piece, tone in zip(pieces, TANGRAM, strict=True):
        c.poly([(40 + x * s, 40 + y * s) for x, y in piece], tone, "#fffaf0", 5)
    return c


@picture
def tangram_boat() -> Canvas:
    c = Canvas(520, 420, "#dcebf2", "#a9cbdc", tilt=110)
    s = 72.0
    pieces: list[list[Point]] = [
        [(3, 0), (3, 2.8), (0.9, 2.8)],
        [(3.2, 0.4), (3.2, 2.8), (5.4, 2.8)],
        [(3.0, -0.4), (3.8, 0), (3.0, 0.4)],
        [(1, 3.2), (3, 3.2), (2, 4.2)],
        [(3, 3.2), (4, 4.2), (2, 4.2)],
        [(3, 3.2), (5, 3.2), (4, 4.2)],
        [(5, 3.2), (6, 3.2), (5, 4.2), (4, 4.2)],
    ]
    for piece, tone in zip(pieces, TANGRAM, strict=True):
        c.poly([(20 + x * s, 58 + y * s) for x, y in piece], tone, "#fffaf0", 4)
    return c


@picture
def bamboo_scroll() -> Canvas:
    c = Canvas(360, 600, "#efe6d2", "#e3d5b8", tilt=90)
    rng = dice("bamboo")
    for x, width in [(110, 22), (190, 28), (262, 17)]:
        y = 590.0
        while y > 20:
            step = float(rng.uniform(70, 110))
            lean = (600 - y) * 0.05
            c.line([(x + lean, y - 4), (x + lean + step * 0.05, y - step + 4)], "#4a5f4c", width)
            y -= step
    for _ in range(34):
        at = (float(rng.uniform(70, 320)), float(rng.uniform(40, 420)))
        _leaf(c, *at, float(rng.uniform(46, 84)), float(rng.uniform(30, 150)), "#2f4434")
    c.rect((296, 520, 334, 558), "#b5332a", radius=4)
    for x in (306, 316, 326):
        c.line([(x, 528), (x, 550)], "#efe6d2", 3)
    return c


@picture
def abacus() -> Canvas:
    c = Canvas(600, 360, "#f4e9d8", "#d9b98c", tilt=300)
    c.rect((40, 30, 560, 330), "#e9d9bd", "#6b3d1c", 20, 8)
    c.rect((50, 122, 550, 138), "#6b3d1c")
    for i, digit in enumerate((0, 0, 2, 7, 1, 8, 5, 3, 6)):
        x = 84 + i * 54
        c.line([(x, 40), (x, 320)], "#b08a5a", 5)
        upper, lower = digit // 5, digit % 5
        beads = [62 + (0 if not upper else 40)]
        beads += [158 + k * 27 for k in range(lower)] + [308 - k * 27 for k in range(4 - lower)]
        for y in beads:
            c.ellipse(x, y, 23, 12, "#8e2f1e", "#4f160c", 2)
    return c


@picture
def bicycle() -> Canvas:
    c = Canvas(680, 440, "#e6f0e4", "#b7cfc0", tilt=90)
    c.rect((0, 385, 680, 440), "#8a9a86")
    for x in (180, 500):
        for a in range(0, 360, 20):
            c.line([(x, 285), around(x, 285, 98, a)], "#9aa3a8", 1.5)
        c.disc(x, 285, 104, edge="#22282c", width=9)
        c.disc(x, 285, 10, "#444444")
    crank, seat, head = (320.0, 290.0), (275.0, 150.0), (455.0, 140.0)
    back, front = (180.0, 285.0), (500.0, 285.0)
    for ends in ([back, crank], [crank, seat], [seat, head], [crank, head], [back, seat], [head, front]):
        c.line(ends, "#c0392b", 10)
    c.line([seat, (266, 118)], "#444444", 8)
    c.line([(225, 112), (305, 116)], "#2b2b2b", 15)
    c.line(smooth([head, (448, 105), (485, 92), (510, 112)]), "#444444", 9)
    c.disc(*crank, 33, edge="#444444", width=7)
    c.line([around(*crank, 54, 40), around(*crank, 54, 220)], "#444444", 8)
    c.line([(180, 270), (320, 258)], "#555555", 3)
    c.line([(180, 300), (320, 322)], "#555555", 3)
    return c


@picture
def bicycle_hub() -> Canvas:
    c = Canvas(400, 400, "#2e3238", "#596069", tilt=45)
    for i in range(18):
        c.line([around(200, 200, 42, i * 20 + 50), around(200, 200, 290, i * 20 - 8)], "#c6ccd2", 4)
        c.line([around(200, 200, 42, i * 20 - 50), around(200, 200, 290, i * 20 + 8)], "#8f979f", 4)
    c.disc(200, 200, 62, "#aab2ba", "#1c1f23", 5)
    for i in range(9):
        c.disc(*around(200, 200, 49, i * 40), 6, "#2e3238")
    for i in range(10):
        c.ball(*around(200, 200, 27, i * 36), 8, "#e9eef2")
    c.disc(200, 200, 14, "#3f454c")
    return c


# ---- pictures that a planted flaw needs ----------------------------------------------------------------------------


@picture
def network_logo() -> Canvas:
    c = Canvas(320, 320, "#ffffff")
    c.disc(160, 160, 146, "#17594a")
    c.poly(star(160, 160, 118, 4, 0.3), "#f3c969")
    c.poly(star(160, 160, 74, 4, 0.3, -45), "#e9f2ee")
    c.text(160, 292, "ALMANAC", 17, "#ffffff")
    return c


@picture
def network_banner() -> Canvas:
    c = Canvas(480, 300, "#6a2c70", "#f08a5d", tilt=15)
    for i in range(9):
        c.disc(420 - i * 18, 260 - i * 6, 130 - i * 14, "#f9ed69" if i % 2 else "#b83b5e")
    c.text(170, 95, "Spring fair", 44, "#ffffff")
    c.text(170, 150, "seeds, tools, books", 24, "#ffe9c9")
    c.rect((80, 195, 260, 245), "#ffffff", radius=24)
    c.text(170, 220, "all this week", 20, "#6a2c70")
    return c


@picture
def tiny_arrow() -> Canvas:
    c = Canvas(80, 60, "#2f6fae", "#6fa8dc", tilt=0)
    c.arrow((12, 30), (70, 30), "#ffffff", 8)
    return c


@picture
def smiley() -> Canvas:
    c = Canvas(440, 420, "#cfeef0", "#8ed1d6", tilt=75)
    c.rect((110, 350, 320, 420), "#4c5b9e", radius=30)
    c.disc(215, 205, 145, "#f6cf9a", "#b98a4e", 4)
    c.poly(
        smooth([(68, 190), (85, 90), (160, 48), (260, 42), (345, 95), (362, 190), (300, 130), (190, 110)], closed=True),
        "#5b3a22",
    )
    for x in (165, 268):
        c.disc(x, 200, 20, "#ffffff", INK, 2)
        c.disc(x + 4, 204, 10, "#3a5a40")
    c.line(smooth([(215, 205), (203, 245), (220, 250)]), "#c98f57", 5)
    c.poly(
        smooth([(150, 268), (215, 296), (282, 266)])
        + smooth([(282, 266), (262, 306), (215, 326), (170, 307), (150, 268)]),
        "#9b2f33",
    )
    c.disc(120, 250, 22, "#f0b08a")
    c.disc(312, 248, 22, "#f0b08a")
    return c


@picture
def mountain_photo() -> Canvas:
    """Near to a photograph: ridges cut out of fractal noise, paler with the distance, with grain."""
    c = Canvas(600, 400)
    rng = dice("mountains")
    height, width = 400 * SS, 600 * SS
    sky = fractal_noise(rng, height, width, 3, 6)
    y = np.linspace(0, 1, height)[:, None]
    pixels = rgb("#5f8fc4") * (1 - y[..., None]) + rgb("#f6dcc0") * y[..., None]
    cloud = np.clip((sky - 0.52) * 3, 0, 0.85)[..., None]
    pixels = pixels * (1 - cloud) + rgb("#fbf6f2") * cloud
    rows = np.arange(height)[:, None] / height
    for i, (level, rise, tone) in enumerate([(0.62, 0.5, "#8fa3b8"), (0.74, 0.42, "#5d7684"), (0.9, 0.36, "#2e4538")]):
        profile = fractal_noise(rng, 8, width, 2 + i, 8)[4]
        ridge = level - rise * (profile - 0.3) * 0.9
        rock = fractal_noise(rng, height, width, 8, 6)
        shade = rgb(tone) * (0.7 + 0.6 * rock[..., None])
        snow = (rows < ridge[None, :] + 0.05 + 0.06 * rock) & (ridge[None, :] < 0.5)
        shade = np.where((snow & (i < 2))[..., None], rgb("#f0f3f7") * (0.8 + 0.25 * rock[..., None]), shade)
        pixels = np.where((rows > ridge[None, :])[..., None], shade, pixels)
    pixels += rng.normal(0, 7, (height, width, 1))
    c.img = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    return c


@picture
def granite_photo() -> Canvas:
    """A photo-like texture: crystals of three minerals out of two noise fields."""
    c = Canvas(400, 320)
    rng = dice("granite")
    a, b = (fractal_noise(rng, 320 * SS, 400 * SS, base, 4) for base in (14, 22))
    pixels = np.where(
        (a > 0.55)[..., None], rgb("#e3ddd6"), np.where((b > 0.5)[..., None], rgb("#c79a8a"), rgb("#8f8b88"))
    )
    pixels = np.where(((a < 0.36) & (b < 0.52))[..., None], rgb("#2a2929"), pixels)
    light = 0.72 + 0.5 * fractal_noise(rng, 320 * SS, 400 * SS, 2, 2)[..., None]
    pixels = pixels * light + rng.normal(0, 9, (320 * SS, 400 * SS, 1))
    c.img = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    return c


@picture
def snail() -> Canvas:
    c = Canvas(520, 380, "#d8efd0", "#8fbf86", tilt=65)
    c.rect((0, 315, 520, 380), "#6b8f4e")
    c.poly(
        smooth([(60, 318), (150, 285), (330, 285), (390, 220), (440, 190), (470, 225), (440, 300), (360, 318)]),
        "#d9b98a",
        "#8a6a3e",
        3,
    )
    c.line([(440, 200), (470, 130)], "#b8935e", 6)
    c.line([(455, 205), (505, 150)], "#b8935e", 6)
    c.disc(470, 128, 8, INK)
    c.disc(506, 148, 8, INK)
    c.disc(225, 195, 118, "#b5673a", "#6b3a1c", 4)
    coil = [around(225, 195, 108 * (1 - t / 130) ** 1.1, t * 9) for t in range(0, 125)]
    c.line(coil, "#f0cfa0", 9)
    return c


@picture
def fruit_bowl() -> Canvas:
    c = Canvas(560, 420, "#3c2a4d", "#7a4f6d", tilt=30)
    c.rect((0, 320, 560, 420), "#5a3a2a")
    for x, y, r, colour in [
        (190, 195, 62, "#d8342c"),
        (300, 170, 68, "#f0902b"),
        (395, 205, 58, "#9ac43c"),
        (250, 240, 52, "#f2c53d"),
        (345, 250, 46, "#a02c3e"),
    ]:
        c.ball(x, y, r, colour)
    for i in range(9):
        c.ball(110 + (i % 3) * 24 - (i // 3) * 4, 235 + (i // 3) * 20, 15, "#6a3d8f")
    c.poly(smooth([(60, 262), (120, 345), (220, 385), (340, 385), (440, 345), (500, 262)]), "#4f8fa8", "#2c5a6c", 4)
    c.line(smooth([(88, 290), (280, 318), (472, 290)]), "#d9eef4", 6)
    return c


@picture
def tree_rings() -> Canvas:
    c = Canvas(440, 400, "#7fa06a", "#c3d6a8", tilt=200)
    rng = dice("rings")
    bumps = rng.uniform(0.93, 1.07, 11)
    r = 185.0
    shade = 0
    while r > 8:
        ring = [around(225 + (185 - r) * 0.18, 200, r * float(bumps[i]), i * 360 / 11) for i in range(11)]
        c.poly(smooth(ring, closed=True), "#5a3a20" if r > 180 else ("#e0b881", "#cf9f63")[shade % 2], "#8a5a2e", 1.5)
        r -= float(rng.uniform(6, 17))
        shade += 1
    return c


@picture
def sundial() -> Canvas:
    c = Canvas(460, 400, "#f5e9c9", "#b5c98f", tilt=90)
    c.ellipse(230, 265, 195, 92, "#bfb6a4", "#6e675a", 5)
    c.ellipse(230, 252, 195, 92, "#d8d0bf", "#6e675a", 3)
    for i, hour in enumerate(("6", "8", "10", "12", "14", "16", "18")):
        a = 180 - i * 30
        x, y = math.cos(math.radians(a)), math.sin(math.radians(a))
        c.line([(230 + 60 * x, 252 + 28 * y), (230 + 145 * x, 252 + 68 * y)], "#6e675a", 2)
        c.text(230 + 167 * x, 252 + 78 * y, hour, 19)
    c.tint([(230, 252), (330, 318), (300, 326)], "#2a2a2a", 0.6, 2)
    c.poly([(230, 252), (230, 96), (190, 226)], "#7d6a3f", INK, 2)
    c.disc(400, 60, 32, "#ffd34d")
    return c
