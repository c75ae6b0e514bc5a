"""Draw the pictures of the sample cards: abstract illustrations and monogram tiles.

Pillow only, no network, no randomness that is not seeded: the same Pillow gives the same files.

    python tools/art/draw.py            # everything
    python tools/art/draw.py chirp hat  # only these pictures
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

ROOT = Path(__file__).resolve().parents[2] / "data" / "assets" / "images"
W, H = 1200, 630
S = 2  # everything is drawn at twice the size and scaled down: that smooths the edges
MAX_BYTES = 60_000

Colour = tuple[int, int, int]
Point = tuple[float, float]

NIGHT: Colour = (9, 13, 28)
INK: Colour = (16, 24, 48)
NAVY: Colour = (24, 42, 84)
TEAL: Colour = (38, 166, 164)
MINT: Colour = (140, 226, 200)
SKY: Colour = (112, 178, 255)
GOLD: Colour = (255, 196, 102)
AMBER: Colour = (255, 148, 64)
CORAL: Colour = (255, 112, 96)
ROSE: Colour = (236, 110, 160)
VIOLET: Colour = (142, 116, 240)
CREAM: Colour = (250, 242, 226)
WHITE: Colour = (255, 255, 255)


def mix(a: Colour, b: Colour, t: float) -> Colour:
    t = min(1.0, max(0.0, t))
    return tuple(round(x + (y - x) * t) for x, y in zip(a, b, strict=True))  # type: ignore[return-value]


def ramp(stops: list[Colour], t: float) -> Colour:
    t = min(1.0, max(0.0, t)) * (len(stops) - 1)
    i = min(int(t), len(stops) - 2)
    return mix(stops[i], stops[i + 1], t - i)


class Canvas:
    """A picture in output coordinates (1200x630), kept at S times that size."""

    def __init__(self, top: Colour, bottom: Colour, tilt: float = 0.0) -> None:
        side = 2 * W * S
        fade = Image.linear_gradient("L").resize((side, side), Image.Resampling.BICUBIC)
        if tilt:
            fade = fade.rotate(tilt, Image.Resampling.BICUBIC)
        x, y = (side - W * S) // 2, (side - H * S) // 2
        # Only the middle of the big square is seen; stretch its range to the full one.
        fade = fade.crop((x, y, x + W * S, y + H * S))
        low, high = fade.getextrema()
        fade = fade.point([max(0, min(255, round((v - low) * 255 / max(1, high - low)))) for v in range(256)])
        self.image = Image.composite(Image.new("RGB", fade.size, bottom), Image.new("RGB", fade.size, top), fade)

    def glow(self, x: float, y: float, r: float, colour: Colour, strength: float = 1.0, squash: float = 1.0) -> None:
        """A soft light, added to what is there."""
        w, h = round(2 * r * S), round(2 * r * squash * S)
        light = Image.radial_gradient("L").resize((w, h), Image.Resampling.BICUBIC)
        curve = [round(255 * strength * max(0.0, 1 - v / 181) ** 2) for v in range(256)]
        light = light.point([min(255, v) for v in curve])
        layer = Image.new("RGB", self.image.size, (0, 0, 0))
        layer.paste(Image.new("RGB", (w, h), colour), (round((x - r) * S), round((y - r * squash) * S)), light)
        self.image = ImageChops.screen(self.image, layer)

    def layer(self) -> Layer:
        return Layer(self)

    def finish(self) -> Image.Image:
        picture = self.image.resize((W, H), Image.Resampling.LANCZOS)
        # A little grain against banding in the gradients.
        rng = random.Random(7)
        grain = Image.frombytes("L", (W, H), bytes(rng.choices((127, 128, 128, 129), k=W * H)))
        return ImageChops.add(picture, Image.merge("RGB", (grain,) * 3), 1, -128)


class Layer:
    """Shapes in output coordinates, laid over the canvas on leaving the ``with`` block."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self.image = Image.new("RGBA", canvas.image.size, (0, 0, 0, 0))
        self.pen = ImageDraw.Draw(self.image)
        self.halo: tuple[float, float] | None = None
        self.soft = 0.0

    def __enter__(self) -> Layer:
        return self

    def __exit__(self, *_: object) -> None:
        if self.soft:
            self.image = self.image.filter(ImageFilter.GaussianBlur(self.soft * S))
        base = self.canvas.image
        if self.halo:
            radius, strength = self.halo
            flat = Image.new("RGB", base.size, (0, 0, 0))
            flat.paste(self.image, mask=self.image.getchannel("A"))
            small = flat.resize((W // 2, H // 2), Image.Resampling.BILINEAR)
            small = small.filter(ImageFilter.GaussianBlur(radius / 2))
            small = small.point([min(255, round(v * strength)) for v in range(256)] * 3)
            base = ImageChops.screen(base, small.resize(base.size, Image.Resampling.BICUBIC))
        self.canvas.image = Image.alpha_composite(base.convert("RGBA"), self.image).convert("RGB")

    def line(self, points: list[Point], colour: Colour, width: float, alpha: float = 1.0) -> None:
        scaled = [(x * S, y * S) for x, y in points]
        fill = (*colour, round(255 * alpha))
        self.pen.line(scaled, fill=fill, width=max(1, round(width * S)), joint="curve")

    def dot(self, x: float, y: float, r: float, colour: Colour, alpha: float = 1.0) -> None:
        self.pen.ellipse([(x - r) * S, (y - r) * S, (x + r) * S, (y + r) * S], fill=(*colour, round(255 * alpha)))

    def ring(self, x: float, y: float, rx: float, ry: float, colour: Colour, width: float, alpha: float = 1.0) -> None:
        box = [(x - rx) * S, (y - ry) * S, (x + rx) * S, (y + ry) * S]
        self.pen.ellipse(box, outline=(*colour, round(255 * alpha)), width=max(1, round(width * S)))

    def shape(
        self, points: list[Point], fill: Colour, alpha: float = 1.0, edge: Colour | None = None, width: float = 1.0
    ) -> None:
        scaled = [(x * S, y * S) for x, y in points]
        self.pen.polygon(scaled, fill=(*fill, round(255 * alpha)))
        if edge:
            self.pen.line([*scaled, scaled[0], scaled[1]], fill=(*edge, 255), width=round(width * S), joint="curve")

    def rect(
        self, x0: float, y0: float, x1: float, y1: float, colour: Colour, alpha: float = 1.0, r: float = 0
    ) -> None:
        self.pen.rounded_rectangle([x0 * S, y0 * S, x1 * S, y1 * S], radius=r * S, fill=(*colour, round(255 * alpha)))


def stars(canvas: Canvas, seed: int, count: int, keep: Callable[[float, float], bool] | None = None) -> None:
    rng = random.Random(seed)
    with canvas.layer() as sky:
        sky.halo = (5, 0.8)
        for _ in range(count):
            x, y, size = rng.uniform(0, W), rng.uniform(0, H), rng.random() ** 4
            if keep is None or keep(x, y):
                tint = ramp([SKY, WHITE, CREAM], rng.random())
                sky.dot(x, y, 0.7 + 1.7 * size, tint, 0.35 + 0.6 * rng.random())


def ellipse_points(
    cx: float, cy: float, rx: float, ry: float, tilt: float, a0: float, a1: float, n: int
) -> list[Point]:
    c, s = math.cos(tilt), math.sin(tilt)
    points = []
    for i in range(n + 1):
        a = a0 + (a1 - a0) * i / n
        x, y = rx * math.cos(a), ry * math.sin(a)
        points.append((cx + x * c - y * s, cy + x * s + y * c))
    return points


def ball(canvas: Canvas, x: float, y: float, r: float, light: Colour, dark: Colour, angle: float = -2.4) -> None:
    """A shaded sphere, lit from ``angle``."""
    d = round(2 * r * S)
    shade = Image.radial_gradient("L").resize((2 * d, 2 * d), Image.Resampling.BICUBIC)
    ox, oy = math.cos(angle) * 0.42 * d, math.sin(angle) * 0.42 * d
    left, top = round(d / 2 - ox), round(d / 2 - oy)
    shade = shade.crop((left, top, left + d, top + d)).point([min(255, round(v * 1.75)) for v in range(256)])
    body = Image.composite(Image.new("RGB", (d, d), dark), Image.new("RGB", (d, d), light), shade)
    mask = Image.new("L", (d * 2, d * 2), 0)
    ImageDraw.Draw(mask).ellipse([2, 2, 2 * d - 3, 2 * d - 3], fill=255)
    mask = mask.resize((d, d), Image.Resampling.LANCZOS)
    canvas.image.paste(body, (round((x - r) * S), round((y - r) * S)), mask)


# --- pictures --------------------------------------------------------------------------------------


def black_hole() -> Canvas:
    c = Canvas((6, 6, 12), (18, 9, 14), 20)
    cx, cy, r = 600, 315, 168
    stars(c, 3, 120, lambda x, y: math.hypot(x - cx, y - cy) > 300)
    c.glow(cx, cy, 560, (150, 52, 16), 0.55)
    for soft, width, power in ((46, 96, 0.75), (20, 62, 0.9), (7, 26, 0.8)):
        with c.layer() as ring:
            ring.soft = soft
            for i in range(240):
                a = 2 * math.pi * i / 240
                bright = 0.5 + 0.5 * math.cos(a - math.radians(100))  # the lower side shines more
                hue = ramp([(120, 34, 10), (232, 92, 24), AMBER, (255, 222, 150)], bright * (1.1 - soft / 160))
                wide = width * (0.62 + 0.5 * bright)
                arc = ellipse_points(cx, cy, r, r, 0, a, a + 0.045, 3)
                ring.line(arc, hue, wide, power * (0.35 + 0.65 * bright))
    with c.layer() as shadow:
        shadow.soft = 13
        shadow.dot(cx, cy, 104, (5, 3, 6))
    with c.layer() as rim:
        rim.soft = 1.2
        for k in range(5):
            arc = ellipse_points(cx, cy, r + 74 + k * 34, r + 74 + k * 34, 0.4 * k, 0.5 + k, 2.6 + k * 1.3, 90)
            rim.line(arc, AMBER, 1.4, 0.26 - 0.04 * k)
    return c


def chirp() -> Canvas:
    c = Canvas((10, 18, 44), (26, 16, 52), 35)
    c.glow(860, 300, 520, VIOLET, 0.40)
    with c.layer() as grid:
        for x in range(60, W, 90):
            grid.line([(x, 0), (x, H)], SKY, 1, 0.06)
        for y in range(45, H, 90):
            grid.line([(0, y), (W, y)], SKY, 1, 0.06)

    def wave(shift: float, scale: float, damp: float) -> list[Point]:
        points = []
        merge = 890.0
        for i in range(2401):
            x = i / 2
            tau = (merge - x) / 860
            if tau > 0.0:
                amp = min(1.0, 0.17 / (tau + 0.07) ** 0.75)
                phase = -70 * (tau + 0.004) ** 0.625
            else:
                amp = min(1.0, 0.17 / 0.07**0.75) * math.exp(tau * 16)
                phase = -70 * 0.004**0.625 - tau * 170
            points.append((x, 315 + shift - scale * damp * amp * math.sin(phase + 0.3)))
        return points

    for k in range(9, 0, -1):
        with c.layer() as ghost:
            hue = mix(TEAL, VIOLET, k / 9)
            for side in (-1, 1):
                ghost.line(wave(side * 17 * k, 165, 1 - 0.085 * k), hue, 1.5, 0.50 - 0.048 * k)
    with c.layer() as main:
        main.halo = (12, 1.4)
        main.line(wave(0, 165, 1), (190, 236, 255), 4)
    c.glow(890, 315, 150, SKY, 0.35)
    return c


def collider() -> Canvas:
    c = Canvas((12, 16, 34), (10, 28, 48), 25)
    cx, cy = 600, 330
    with c.layer() as rings:
        for i, r in enumerate((74, 118, 176, 248, 330, 430, 545, 690)):
            rings.ring(cx, cy, r, r, SKY, 1.6 if i % 2 else 3, 0.22 - 0.018 * i)
        for i in range(48):
            a = 2 * math.pi * i / 48
            p, q = (248, 300) if i % 2 else (330, 388)
            rings.line(
                [(cx + p * math.cos(a), cy + p * math.sin(a)), (cx + q * math.cos(a), cy + q * math.sin(a))],
                SKY,
                1.2,
                0.14,
            )
    rng = random.Random(12)
    with c.layer() as tracks:
        tracks.halo = (9, 1.1)
        for _ in range(64):
            a, bend = rng.uniform(0, 2 * math.pi), rng.uniform(-1, 1) ** 3 * 0.011
            length = rng.uniform(120, 430)
            x, y, points = cx, cy, []
            for _ in range(int(length / 4)):
                points.append((x, y))
                x, y = x + 4 * math.cos(a), y + 4 * math.sin(a)
                a += bend
            hue = ramp([TEAL, MINT, GOLD, CORAL], rng.random())
            tracks.line(points, hue, rng.uniform(1, 2.4), rng.uniform(0.45, 0.9))
    with c.layer() as pair:
        pair.halo = (16, 1.5)
        for a in (-0.42, math.pi - 0.16):
            pair.line([(cx, cy), (cx + 640 * math.cos(a), cy + 640 * math.sin(a))], GOLD, 4)
    c.glow(cx, cy, 130, WHITE, 0.9)
    return c


HEX_HAT = [
    (0, 0),
    (-1, -1),
    (0, -2),
    (2, -2),
    (2, -1),
    (4, -2),
    (5, -1),
    (4, 0),
    (3, 0),
    (2, 2),
    (0, 3),
    (0, 2),
    (-1, 2),
]
Affine = tuple[float, float, float, float, float, float]


def hats() -> list[tuple[list[Point], int]]:
    """A patch of the aperiodic monotile by Smith, Myers, Kaplan and Goodman-Strauss: one substitution of cluster H."""
    h = math.sqrt(3) / 2
    hat = [(x + y / 2, y * h) for x, y in HEX_HAT]

    def mul(a: Affine, b: Affine) -> Affine:
        return (
            a[0] * b[0] + a[1] * b[3],
            a[0] * b[1] + a[1] * b[4],
            a[0] * b[2] + a[1] * b[5] + a[2],
            a[3] * b[0] + a[4] * b[3],
            a[3] * b[1] + a[4] * b[4],
            a[3] * b[2] + a[4] * b[5] + a[5],
        )

    def at(m: Affine, p: Point) -> Point:
        return (m[0] * p[0] + m[1] * p[1] + m[2], m[3] * p[0] + m[4] * p[1] + m[5])

    def match(p1: Point, q1: Point, p2: Point, q2: Point) -> Affine:
        """The rotation, scaling and shift that take the segment p1-q1 to p2-q2."""
        z1, z2 = complex(q1[0] - p1[0], q1[1] - p1[1]), complex(q2[0] - p2[0], q2[1] - p2[1])
        k = z2 / z1
        t = complex(*p2) - k * complex(*p1)
        return (k.real, -k.imag, t.real, k.imag, k.real, t.imag)

    half: Affine = (0.5, 0, 0, 0, 0.5, 0)
    outline: dict[str, list[Point]] = {
        "H": [(0, 0), (4, 0), (4.5, h), (2.5, 5 * h), (1.5, 5 * h), (-0.5, h)],
        "T": [(0, 0), (3, 0), (1.5, 3 * h)],
        "P": [(0, 0), (4, 0), (3, 2 * h), (-1, 2 * h)],
        "F": [(0, 0), (3, 0), (3.5, h), (3, 2 * h), (-1, 2 * h)],
    }
    o = outline["H"]
    pair: list[tuple[Affine, int]] = [
        ((0.5, 0, 1.5, 0, 0.5, h), 2),
        (mul((1, 0, 0, 0, 1, 2 * h), mul((0.5, h, 0, -h, 0.5, 0), half)), 3),
    ]
    inside: dict[str, list[tuple[Affine, int]]] = {
        "H": [
            (match(hat[5], hat[7], o[5], o[0]), 1),
            (match(hat[9], hat[11], o[1], o[2]), 1),
            (match(hat[5], hat[7], o[3], o[4]), 1),
            (mul((1, 0, 2.5, 0, 1, h), mul((-0.5, -h, 0, h, -0.5, 0), (0.5, 0, 0, 0, -0.5, 0))), 0),
        ],
        "T": [((0.5, 0, 0.5, 0, 0.5, h), 4)],
        "P": pair,
        "F": pair,
    }
    rules: list[tuple[int | str, ...]] = [
        ("H",), (0, 0, "P", 2), (1, 0, "H", 2), (2, 0, "P", 2), (3, 0, "H", 2), (4, 4, "P", 2), (0, 4, "F", 3),
        (2, 4, "F", 3), (4, 1, 3, 2, "F", 0), (8, 3, "H", 0), (9, 2, "P", 0), (10, 2, "H", 0), (11, 4, "P", 2),
        (12, 0, "H", 2), (13, 0, "F", 3), (14, 2, "F", 1), (15, 3, "H", 4), (8, 2, "F", 1), (17, 3, "H", 0),
        (18, 2, "P", 0), (19, 2, "H", 2), (20, 4, "F", 3), (20, 0, "P", 2), (22, 0, "H", 2), (23, 4, "F", 3),
        (23, 0, "F", 3), (16, 0, "P", 2), (9, 4, 0, 2, "T", 2), (4, 0, "F", 3),
    ]  # fmt: skip
    placed: list[tuple[str, Affine]] = []
    for rule in rules:
        if len(rule) == 1:
            placed.append((str(rule[0]), (1, 0, 0, 0, 1, 0)))
            continue
        if len(rule) == 4:
            kind, m = placed[int(rule[0])]
            poly, edge = outline[kind], int(rule[1])
            p, q = at(m, poly[(edge + 1) % len(poly)]), at(m, poly[edge])
        else:
            (kp, mp), (kq, mq) = placed[int(rule[0])], placed[int(rule[2])]
            p, q = at(mq, outline[kq][int(rule[3])]), at(mp, outline[kp][int(rule[1])])
        name, edge = str(rule[-2]), int(rule[-1])
        poly = outline[name]
        placed.append((name, match(poly[edge], poly[(edge + 1) % len(poly)], p, q)))
    return [([at(mul(m, n), p) for p in hat], tone) for name, m in placed for n, tone in inside[name]]


def hat() -> Canvas:
    c = Canvas((238, 229, 210), (226, 212, 188), 20)
    tiles = hats()
    # The part of the patch that fills the picture best.
    mx, my, zoom, turn = 8.45, 0.32, 70.0, math.radians(250)
    cos, sin = math.cos(turn) * zoom, math.sin(turn) * zoom
    tones: list[Colour] = [(222, 98, 72), (36, 84, 110), (88, 148, 156), (158, 194, 186), (240, 190, 96)]
    with c.layer() as floor:
        for points, tone in tiles:
            placed = [(600 + (x - mx) * cos - (y - my) * sin, 315 + (x - mx) * sin + (y - my) * cos) for x, y in points]
            gx, gy = sum(p[0] for p in placed) / 13, sum(p[1] for p in placed) / 13
            shade = mix(tones[tone], (24, 44, 66), 0.26 * min(1, math.hypot(gx - 480, gy - 200) / 760))
            floor.shape(placed, shade, 1, (250, 243, 228), 3.2)
    return c


def moon() -> Canvas:
    c = Canvas((8, 12, 28), (22, 30, 58), 15)
    stars(c, 21, 170)
    c.glow(930, 330, 480, SKY, 0.30)
    ball(c, 930, 330, 215, (236, 234, 226), (40, 44, 62))
    rng = random.Random(5)
    with c.layer() as craters:
        craters.soft = 1.5
        for _ in range(70):
            a, d = rng.uniform(0, 2 * math.pi), 190 * math.sqrt(rng.random())
            x, y, r = 930 + d * math.cos(a), 330 + d * math.sin(a), 4 + 20 * rng.random() ** 3
            flat = max(0.35, math.sqrt(max(0.05, 1 - (d / 215) ** 2)))
            craters.shape(ellipse_points(x, y, r * flat, r, a, 0, 6.283, 40), (60, 62, 78), 0.20)
            craters.line(ellipse_points(x, y, r * flat, r, a, 0.2, 2.4, 30), WHITE, 1.2, 0.16)
    ball(c, 196, 424, 74, (150, 206, 255), (12, 32, 82))
    c.glow(196, 424, 130, SKY, 0.35)
    with c.layer() as path:
        path.halo = (8, 1.2)
        # Out above, around the far side of the Moon, and home below.
        pts: list[Point] = []
        for i in range(301):
            t = 2 * math.pi * i / 300
            x = 612 + 556 * -math.cos(t)
            y = 372 - 165 * math.sin(t) * (0.55 + 0.45 * (x / 1200)) - (x - 200) * 0.055
            pts.append((x, y))
        for i in range(0, 300, 2):
            behind = (
                math.hypot(pts[i][0] - 930, pts[i][1] - 330) < 216 or math.hypot(pts[i][0] - 196, pts[i][1] - 424) < 78
            )
            if not behind:
                path.line(pts[i : i + 2], mix(GOLD, CORAL, i / 300), 3, 0.95)
        path.dot(*pts[78], 8, WHITE)
    return c


def mars() -> Canvas:
    c = Canvas((64, 30, 34), (222, 138, 92), 0)
    c.glow(820, 190, 420, (255, 226, 190), 0.55)
    with c.layer() as sun:
        sun.halo = (26, 1.0)
        sun.dot(820, 190, 34, (255, 246, 230))
    rng = random.Random(2)
    tones = [(190, 104, 70), (160, 80, 56), (124, 58, 46), (88, 40, 36), (52, 24, 28)]
    for k, tone in enumerate(tones):
        base = 372 + k * 52
        phases = [
            (rng.uniform(0, 6.3), rng.uniform(0.5, 1.4) * (k + 2), 30 / (j + 1) ** 1.1) for j, _ in enumerate(range(6))
        ]
        ridge = [
            (x, base - sum(h * math.sin(p + (j + 1) * f * x / 900) for j, (p, f, h) in enumerate(phases)))
            for x in range(0, W + 6, 6)
        ]
        with c.layer() as hills:
            hills.shape([*ridge, (W, H), (0, H)], tone)
            hills.line(ridge, mix(tone, GOLD, 0.35), 1.5, 0.6)
    # A parachute and its lines, the capsule on its way down.
    px, py, r = 360, 150, 92
    with c.layer() as chute:
        n = 14
        for i in range(n):
            a0, a1 = math.pi + math.pi * i / n, math.pi + math.pi * (i + 1) / n
            gore = [(px, py - r * 0.96)]
            gore += [
                (px + r * math.cos(a0 + (a1 - a0) * t / 6), py + 0.34 * r * math.sin(-math.pi * t / 6) * 0.18)
                for t in range(7)
            ]
            gore[1:] = [(x, py + 5 - 7 * math.sin(math.pi * j / 6)) for j, (x, _) in enumerate(gore[1:])]
            dome = ellipse_points(
                px,
                py,
                r * abs(math.cos(a0)),
                r * 0.96,
                0,
                math.pi if math.cos(a0) < 0 else 0,
                1.5 * math.pi if math.cos(a0) < 0 else -0.5 * math.pi,
                20,
            )
            other = ellipse_points(
                px,
                py,
                r * abs(math.cos(a1)),
                r * 0.96,
                0,
                math.pi if math.cos(a1) < 0 else 0,
                1.5 * math.pi if math.cos(a1) < 0 else -0.5 * math.pi,
                20,
            )
            chute.shape([*dome, *reversed(other), *reversed(gore[1:])], CREAM if i % 2 else (214, 84, 56))
        for i in range(n + 1):
            a = math.pi + math.pi * i / n
            chute.line([(px + r * math.cos(a), py + 2), (px + 12 * math.cos(a), py + 176)], CREAM, 1.1, 0.75)
        chute.shape([(px - 15, py + 176), (px + 15, py + 176), (px + 24, py + 204), (px - 24, py + 204)], CREAM)
        chute.shape([(px - 24, py + 204), (px + 24, py + 204), (px + 11, py + 216), (px - 11, py + 216)], (70, 38, 36))
    return c


def mirror() -> Canvas:
    c = Canvas((14, 12, 34), (44, 20, 56), 30)
    c.glow(250, 520, 560, (190, 70, 60), 0.5)
    c.glow(980, 120, 520, (40, 90, 170), 0.55)
    stars(c, 8, 190)
    rng = random.Random(4)
    with c.layer() as spikes:
        spikes.halo = (10, 1.3)
        for x, y, size in ((168, 150, 46), (1050, 470, 62), (1012, 110, 30), (276, 480, 34)):
            for k in range(6):
                a = math.pi / 6 + k * math.pi / 3
                tip = (x + size * math.cos(a), y + size * math.sin(a))
                n = a + math.pi / 2
                spikes.shape(
                    [(x + 2 * math.cos(n), y + 2 * math.sin(n)), tip, (x - 2 * math.cos(n), y - 2 * math.sin(n))],
                    (255, 236, 210),
                    0.95,
                )
            spikes.dot(x, y, 4, WHITE)
    side = 66
    cells = [(q, r) for q in range(-2, 3) for r in range(-2, 3) if abs(q + r) <= 2 and (q, r) != (0, 0)]
    with c.layer() as shadow:
        shadow.soft = 26
        shadow.dot(600, 340, 285, (4, 4, 16), 0.55)
    with c.layer() as hexes:
        hexes.halo = (18, 0.28)
        for q, r in cells:
            x, y = 600 + side * 1.5 * q, 315 + side * math.sqrt(3) * (r + q / 2)
            tone = ramp(
                [(255, 236, 176), (246, 186, 84), (196, 112, 44), (112, 60, 52)],
                0.5 + (0.55 * (x - 600) + (y - 315)) / 620 + rng.uniform(-0.05, 0.05),
            )
            corners = [
                (x + (side - 3.5) * math.cos(math.pi / 3 * k), y + (side - 3.5) * math.sin(math.pi / 3 * k))
                for k in range(6)
            ]
            hexes.shape(corners, tone)
            hexes.shape([corners[3], corners[4], corners[5], (x, y)], mix(tone, WHITE, 0.12))
            hexes.shape([corners[0], corners[1], corners[2], (x, y)], mix(tone, (70, 24, 40), 0.14))
            hexes.line([corners[3], corners[4], corners[5]], mix(tone, WHITE, 0.6), 1.6)
    return c


def helix() -> Canvas:  # noqa: C901
    c = Canvas((10, 36, 52), (8, 18, 40), 25)
    c.glow(640, 300, 600, TEAL, 0.38)
    turn = -0.30
    cos, sin = math.cos(turn), math.sin(turn)

    def place(t: float, v: float) -> Point:
        return (600 + t * cos - v * sin, 315 + t * sin + v * cos)

    radius, pitch = 112, 400
    order: list[tuple[float, int, float]] = []
    steps = range(-780, 781, 4)
    for t in steps:
        for strand in (0, 1):
            a = 2 * math.pi * t / pitch + strand * 2.5
            order.append((math.sin(a), strand, t))
    for front in (False, True):
        with c.layer() as strands:
            if front:
                strands.halo = (9, 0.55)
            for depth, strand, t in order:
                if (depth > 0) is not front:
                    continue
                a = 2 * math.pi * t / pitch + strand * 2.5
                hue = mix(MINT if strand else GOLD, (14, 44, 66), 0.0 if front else 0.55)
                x, y = place(t, radius * math.cos(a))
                strands.dot(x, y, 9 + 3.5 * depth, hue)
        if not front:
            with c.layer() as rungs:
                pairs = [(CORAL, SKY), (VIOLET, MINT), (SKY, CORAL), (GOLD, ROSE)]
                for i, t in enumerate(range(-775, 780, 25)):
                    a, b = 2 * math.pi * t / pitch, 2 * math.pi * t / pitch + 2.5
                    p, q = place(t, radius * math.cos(a)), place(t, radius * math.cos(b))
                    mid = ((p[0] + q[0]) / 2, (p[1] + q[1]) / 2)
                    one, two = pairs[(i * i + i // 3) % 4]
                    rungs.line([p, mid], one, 5, 0.85)
                    rungs.line([mid, q], two, 5, 0.85)
    return c


def ribbon() -> Canvas:
    c = Canvas((244, 240, 250), (214, 224, 244), 20)
    c.glow(300, 120, 500, WHITE, 0.8)
    hues = [(48, 86, 200), (54, 150, 214), (72, 190, 168), (242, 200, 92), (240, 128, 84)]

    def curve(t: float) -> tuple[float, float, float]:
        """A closed knot with depth: a folded chain, seen from the front."""
        a = 2 * math.pi * t
        r = 1.0 + 0.46 * math.cos(5 * a)
        return (600 + 300 * r * math.cos(2 * a), 315 + 176 * r * math.sin(2 * a), math.sin(5 * a))

    n = 900
    pieces = sorted((curve((i + 0.5) / n)[2], i) for i in range(n))
    with c.layer() as shade:
        shade.soft = 20
        for i in range(0, n, 2):
            x, y, _ = curve(i / n)
            shade.dot(x + 10, y + 30, 24, (60, 70, 130), 0.30)
    with c.layer() as chain:
        for depth, i in pieces:
            x0, y0, _ = curve(i / n)
            x1, y1, _ = curve((i + 2.4) / n)
            hue = mix(ramp(hues, 0.5 - 0.5 * math.cos(2 * math.pi * i / n)), (30, 36, 84), 0.30 * (0.5 - depth / 2))
            width = 30 + 10 * depth
            a = math.atan2(y1 - y0, x1 - x0) + math.pi / 2
            nx, ny = math.cos(a), math.sin(a)
            if nx * -0.5 + ny * -1 < 0:
                nx, ny = -nx, -ny
            rim = (250, 248, 255)
            for off0, off1, tint in (
                (-1.14, -0.9, rim),
                (0.9, 1.14, rim),
                (-1, 1, hue),
                (0.25, 0.72, mix(hue, WHITE, 0.42)),
            ):
                p, q = off0 * width / 2, off1 * width / 2
                chain.shape(
                    [
                        (x0 + nx * p, y0 + ny * p),
                        (x1 + nx * p, y1 + ny * p),
                        (x1 + nx * q, y1 + ny * q),
                        (x0 + nx * q, y0 + ny * q),
                    ],
                    tint,
                )
    return c


def planets() -> Canvas:
    c = Canvas((12, 10, 26), (38, 14, 30), 70)
    stars(c, 14, 130)
    c.glow(-40, 330, 760, (210, 60, 30), 0.75)
    ball(c, -60, 330, 230, (255, 214, 160), (196, 52, 28), 0.0)
    worlds = [
        (258, 17, (214, 150, 120)), (352, 21, (226, 190, 150)), (456, 16, (196, 130, 104)), (566, 19, (150, 190, 214)),
        (690, 21, (96, 160, 196)), (836, 22, (120, 150, 170)), (1010, 15, (190, 204, 214)),
    ]  # fmt: skip
    with c.layer() as arcs:
        for x, _, hue in worlds:
            r = x + 60
            arcs.line(ellipse_points(-60, 330, r, r * 0.92, 0, -1.2, 1.2, 160), mix(hue, WHITE, 0.3), 1.4, 0.30)
    for i, (x, r, hue) in enumerate(worlds):
        a = (-0.16, 0.22, -0.30, 0.12, -0.14, 0.24, -0.05)[i]
        px, py = -60 + (x + 60) * math.cos(a), 330 + (x + 60) * 0.92 * math.sin(a)
        ball(c, px, py, r * 1.7, mix(hue, WHITE, 0.25), mix(hue, NIGHT, 0.86), math.pi + a)
    return c


def stripes() -> Canvas:
    c = Canvas((20, 30, 60), (20, 30, 60))
    rng = random.Random(1850)
    cold, warm = (
        [(8, 48, 107), (33, 113, 181), (107, 174, 214), (198, 219, 239)],
        [(254, 224, 210), (252, 146, 114), (222, 45, 38), (103, 0, 13)],
    )
    n = 60
    with c.layer() as bars:
        for i in range(n):
            v = -0.9 + 1.75 * (i / n) ** 1.9 + rng.gauss(0, 0.17)
            hue = ramp([*cold, *warm], 0.5 + 0.5 * max(-1, min(1, v)))
            bars.rect(i * W / n, 0, (i + 1) * W / n + 1, H, hue)
    # A line of the same story over the stripes.
    rng = random.Random(1850)
    points = [((i + 0.5) * W / n, 352 - 235 * (-0.9 + 1.75 * (i / n) ** 1.9 + rng.gauss(0, 0.17))) for i in range(n)]
    smooth = points
    for _ in range(3):
        cut: list[Point] = [smooth[0]]
        for (x0, y0), (x1, y1) in pairwise(smooth):
            cut += [(0.75 * x0 + 0.25 * x1, 0.75 * y0 + 0.25 * y1), (0.25 * x0 + 0.75 * x1, 0.25 * y0 + 0.75 * y1)]
        smooth = [*cut, smooth[-1]]
    with c.layer() as line:
        line.soft = 7
        line.line([(x + 2, y + 7) for x, y in smooth], NIGHT, 7, 0.45)
    with c.layer() as line:
        line.line(smooth, WHITE, 5)
        line.dot(*smooth[-1], 8, WHITE)
    return c


def lattice() -> Canvas:
    c = Canvas((14, 20, 50), (10, 48, 62), 40)
    c.glow(600, 300, 560, TEAL, 0.35)
    u, v, w = (92, 26), (-34, 70), (46, -16)

    def spot(i: float, j: float, k: float) -> Point:
        return (600 + i * u[0] + j * v[0] + k * w[0], 315 + i * u[1] + j * v[1] + k * w[1] * 2.6)

    span = range(-8, 9)
    for k in (-1, 0, 1):
        with c.layer() as net:
            fade = 0.14 + 0.12 * (k + 1)
            for i in span:
                net.line([spot(i, -8, k), spot(i, 8, k)], mix(NAVY, MINT, 0.3 + 0.25 * (k + 1)), 1.3, fade)
                net.line([spot(-8, i, k), spot(8, i, k)], mix(NAVY, MINT, 0.3 + 0.25 * (k + 1)), 1.3, fade)
            for i in span:
                for j in span:
                    x, y = spot(i, j, k)
                    near = max(0.0, 1 - math.hypot(x - 600, y - 315) / 640)
                    net.dot(
                        x, y, 3 + 2.4 * (k + 1) * 0.8, mix((30, 92, 120), MINT, 0.15 + 0.85 * near * (k + 1.4) / 2.4)
                    )
    a, b = spot(-1, 0, 1), spot(2, 1, 1)
    target = (b[0] - 24, b[1] + 26)
    with c.layer() as key:
        key.halo = (14, 1.4)
        key.line([a, target], GOLD, 4)
        key.line([target, b], CORAL, 4)
        key.dot(*a, 11, GOLD)
        key.dot(*b, 11, CORAL)
        key.ring(*target, 34, 34, GOLD, 2, 0.9)
        key.dot(*target, 6, CREAM)
    return c


def chain() -> Canvas:
    """Many packages lean on one thin link, and the link is not what it seems."""
    c = Canvas((18, 20, 40), (36, 18, 40), 30)
    c.glow(600, 470, 480, CORAL, 0.30)
    rng = random.Random(29)
    levels: list[list[Point]] = []
    for k, (count, y) in enumerate(((15, 84), (10, 178), (7, 272), (4, 366), (1, 466))):
        gap = 1060 / max(1, count)
        levels.append(
            [
                (
                    600 + (i - (count - 1) / 2) * gap * (1 - 0.10 * k) + rng.uniform(-9, 9) * (count > 1),
                    y + rng.uniform(-12, 12) * (count > 1),
                )
                for i in range(count)
            ]
        )
    with c.layer() as links:
        for upper, lower in pairwise(levels):
            for x, y in upper:
                for lx, ly in sorted(lower, key=lambda p: abs(p[0] - x))[:2]:
                    bend = [
                        (x + (lx - x) * (3 * t * t - 2 * t**3), y + (ly - y) * t) for t in [s / 24 for s in range(25)]
                    ]
                    near = max(0.0, 1 - math.hypot((x + lx) / 2 - 600, (y + ly) / 2 - 466) / 430)
                    links.line(bend, mix(SKY, CORAL, near), 1.8, 0.30 + 0.5 * near)
    with c.layer() as nodes:
        nodes.halo = (8, 0.5)
        for k, level in enumerate(levels[:-1]):
            for x, y in level:
                r = 9 + 2.5 * k
                near = max(0.0, 1 - math.hypot(x - 600, y - 466) / 430)
                nodes.rect(x - r, y - r, x + r, y + r, mix(mix(SKY, VIOLET, k / 4), CORAL, 0.75 * near), 1, 5)
    x, y = levels[-1][0]
    with c.layer() as heart:
        heart.halo = (26, 1.5)
        heart.rect(x - 24, y - 24, x + 24, y + 24, CORAL, 1, 9)
    with c.layer() as hole:
        for k in range(3):
            hole.ring(x, y, 52 + 30 * k, 52 + 30 * k, CORAL, 1.8, 0.55 - 0.15 * k)
        hole.dot(x, y - 4, 7, (44, 12, 24))
        hole.shape([(x - 3.5, y), (x + 3.5, y), (x + 6.5, y + 14), (x - 6.5, y + 14)], (44, 12, 24))
    return c


def attention() -> Canvas:
    c = Canvas((26, 18, 58), (14, 22, 52), 25)
    c.glow(600, 610, 620, VIOLET, 0.45)
    xs = [90 + i * 85 for i in range(13)]
    base = 520
    rng = random.Random(17)
    for i, x in enumerate(xs):
        with c.layer() as arcs:
            arcs.halo = (7, 0.5)
            for j, z in enumerate(xs):
                if j <= i:
                    continue
                weight = rng.random() ** 3
                if weight < 0.06:
                    continue
                mid, rx = (x + z) / 2, (z - x) / 2
                ry = min(440.0, rx * 0.92)
                hue = ramp([SKY, VIOLET, ROSE, GOLD], (i + j) / 24)
                arcs.line(
                    ellipse_points(mid, base, rx, ry, 0, math.pi, 2 * math.pi, 120),
                    hue,
                    1 + 6 * weight,
                    0.20 + 0.7 * weight,
                )
    with c.layer() as tokens:
        tokens.halo = (9, 0.6)
        for i, x in enumerate(xs):
            tokens.rect(
                x - 25, base - 4, x + 25, base + 38, mix(ramp([SKY, VIOLET, ROSE, GOLD], i / 12), WHITE, 0.15), 1, 13
            )
    return c


def go_board() -> Canvas:
    c = Canvas((232, 190, 124), (206, 154, 88), 30)
    c.glow(340, 120, 620, (255, 236, 190), 0.5)
    gap, ox, oy = 78, 600 - 78 * 8, 315 - 78 * 4
    with c.layer() as lines:
        for i in range(17):
            lines.line([(ox + i * gap, 0), (ox + i * gap, H)], (92, 58, 26), 1.8, 0.75)
        for j in range(9):
            lines.line([(0, oy + j * gap), (W, oy + j * gap)], (92, 58, 26), 1.8, 0.75)
        for i, j in ((2, 4), (8, 4), (14, 4)):
            lines.dot(ox + i * gap, oy + j * gap, 6, (92, 58, 26))
    black = [
        (5, 3),
        (6, 3),
        (7, 4),
        (7, 5),
        (6, 6),
        (9, 2),
        (10, 3),
        (3, 5),
        (11, 6),
        (12, 5),
        (13, 2),
        (4, 7),
        (9, 7),
        (2, 2),
    ]
    white = [
        (6, 4),
        (5, 4),
        (6, 5),
        (8, 3),
        (8, 4),
        (10, 4),
        (4, 3),
        (8, 6),
        (12, 3),
        (11, 4),
        (14, 6),
        (3, 6),
        (5, 1),
        (10, 6),
    ]
    with c.layer() as shade:
        shade.soft = 8
        for i, j in black + white:
            shade.dot(ox + i * gap + 7, oy + j * gap + 11, 35, (70, 36, 10), 0.55)
    for i, j in black:
        ball(c, ox + i * gap, oy + j * gap, 36, (104, 108, 122), (14, 15, 20))
    for i, j in white:
        ball(c, ox + i * gap, oy + j * gap, 36, (255, 255, 253), (206, 198, 186))
    with c.layer() as mark:
        mark.ring(ox + 10 * gap, oy + 4 * gap, 13, 13, (214, 72, 56), 4.5)
    return c


def pages() -> Canvas:  # noqa: C901
    """A tree of pages: root, branches, leaves in order."""
    c = Canvas((232, 240, 250), (196, 214, 238), 20)
    c.glow(260, 80, 520, WHITE, 0.7)
    rows = [(1, 96, 230), (3, 250, 214), (7, 424, 122)]
    spots: list[list[Point]] = []
    for count, y, _ in rows:
        gap = 1040 / count
        spots.append([(600 + (i - (count - 1) / 2) * gap, y) for i in range(count)])
    parents = {0: 0, 1: 0, 2: 1, 3: 1, 4: 1, 5: 2, 6: 2}
    with c.layer() as links:
        for i, (x, y) in enumerate(spots[1]):
            x0, y0 = spots[0][0][0] + (i - 1) * 74, spots[0][0][1] + 58
            links.line(
                [(x0 + (x - x0) * (3 * t * t - 2 * t**3), y0 + (y - y0) * t) for t in [s / 30 for s in range(31)]],
                (66, 104, 160),
                3,
                0.75,
            )
        for i, (x, y) in enumerate(spots[2]):
            px, py = spots[1][parents[i]]
            mates = [k for k, v in parents.items() if v == parents[i]]
            x0, y0 = px + (mates.index(i) - (len(mates) - 1) / 2) * 66, py + 58
            links.line(
                [(x0 + (x - x0) * (3 * t * t - 2 * t**3), y0 + (y - y0) * t) for t in [s / 30 for s in range(31)]],
                (66, 104, 160),
                3,
                0.75,
            )
        for (x, y), (z, _) in pairwise(spots[2]):
            links.line([(x + 61, y + 54), (z - 61, y + 54)], (240, 128, 84), 3.5, 0.9)
    hues = [(36, 72, 132), (58, 120, 190), (240, 246, 255)]
    tall = [58, 58, 108]
    for k, row in enumerate(spots):
        with c.layer() as shade:
            shade.soft = 12
            for x, y in row:
                shade.rect(x - rows[k][2] / 2, y + 10, x + rows[k][2] / 2, y + tall[k] + 14, (40, 70, 120), 0.32, 12)
        with c.layer() as cards:
            for i, (x, y) in enumerate(row):
                half = rows[k][2] / 2
                cards.rect(x - half, y, x + half, y + tall[k], hues[k], 1, 12)
                if k < 2:
                    n = 3
                    for s in range(n):
                        sx = x + (s - (n - 1) / 2) * (half * 0.6)
                        cards.rect(
                            sx - 22, y + 20, sx + 22, y + 38, mix(hues[k], WHITE, 0.65 if (i + s) % 2 else 0.4), 1, 6
                        )
                else:
                    for s in range(4):
                        hit = i == 4 and s == 2
                        cards.rect(
                            x - half + 13,
                            y + 14 + s * 22,
                            x - half + 13 + (96, 74, 88, 60)[(s + i) % 4],
                            y + 25 + s * 22,
                            (240, 128, 84) if hit else (150, 182, 222),
                            1,
                            5,
                        )
    return c


def layers() -> Canvas:
    """One module for every machine: plates in isometric view."""
    c = Canvas((56, 44, 150), (98, 62, 190), 30)
    c.glow(600, 240, 560, (190, 150, 255), 0.55)

    def iso(x: float, y: float, z: float) -> Point:
        return (600 + (x - y) * 0.866, 312 + (x + y) * 0.44 - z)

    def plate(half: float, z: float, thick: float, top: Colour, left: Colour, right: Colour) -> None:
        a, b, d, e = iso(-half, -half, z), iso(half, -half, z), iso(half, half, z), iso(-half, half, z)
        with c.layer() as p:
            p.shape([e, d, (d[0], d[1] + thick), (e[0], e[1] + thick)], left)
            p.shape([d, b, (b[0], b[1] + thick), (d[0], d[1] + thick)], right)
            p.shape([a, b, d, e], top)
            p.line([e, d, b], mix(top, WHITE, 0.6), 2, 0.8)

    with c.layer() as floor:
        for i in range(-9, 10):
            floor.line([iso(i * 60, -560, -150), iso(i * 60, 560, -150)], WHITE, 1, 0.10)
            floor.line([iso(-560, i * 60, -150), iso(560, i * 60, -150)], WHITE, 1, 0.10)
    with c.layer() as shade:
        shade.soft = 22
        shade.shape(
            [iso(-230, -230, -150), iso(230, -230, -150), iso(230, 230, -150), iso(-230, 230, -150)], (24, 12, 72), 0.7
        )
    plate(215, -96, 30, (82, 190, 214), (40, 116, 164), (30, 92, 140))
    plate(175, -16, 30, (124, 226, 196), (56, 160, 150), (44, 130, 132))
    plate(135, 64, 30, (255, 208, 120), (226, 144, 76), (196, 112, 66))
    plate(92, 146, 44, (255, 244, 226), (226, 196, 214), (196, 160, 200))
    with c.layer() as bits:
        rng = random.Random(6)
        for i in range(-2, 3):
            for j in range(-2, 3):
                if rng.random() < 0.55:
                    s, x, y = 10, i * 32, j * 32
                    bits.shape(
                        [
                            iso(x - s, y - s, 146),
                            iso(x + s, y - s, 146),
                            iso(x + s, y + s, 146),
                            iso(x - s, y + s, 146),
                        ],
                        (110, 72, 200),
                    )
    return c


def primes() -> Canvas:
    c = Canvas((12, 22, 40), (20, 44, 66), 30)
    c.glow(600, 315, 560, TEAL, 0.32)
    limit = 77 * 77
    sieve = bytearray([1]) * (limit + 1)
    sieve[0:2] = b"\0\0"
    for i in range(2, int(limit**0.5) + 1):
        if sieve[i]:
            sieve[i * i :: i] = bytes(len(sieve[i * i :: i]))
    x = y = 0
    dx, dy, run, left, turns = 1, 0, 1, 1, 0
    with c.layer() as spiral:
        spiral.halo = (6, 0.7)
        for n in range(1, limit + 1):
            if sieve[n]:
                px, py = 600 + x * 16.5, 315 + y * 16.5
                if -10 < px < W + 10 and -10 < py < H + 10:
                    d = math.hypot(px - 600, py - 315)
                    mersenne = (n + 1) & n == 0
                    hue = GOLD if mersenne else ramp([CREAM, MINT, TEAL, (46, 110, 140)], d / 620)
                    spiral.dot(px, py, 7.4 if mersenne else 5.2 - 2.2 * min(1, d / 640), hue)
            x, y, left = x + dx, y + dy, left - 1
            if left == 0:
                dx, dy, turns = dy, -dx, turns + 1
                run += turns % 2 == 0
                left = run
    return c


def gear() -> Canvas:
    c = Canvas((58, 24, 18), (132, 58, 30), 35)
    c.glow(600, 300, 620, (255, 150, 80), 0.42)

    def wheel(cx: float, cy: float, r: float, teeth: int, phase: float, face: Colour, hub: float) -> None:
        points: list[Point] = []
        for i in range(teeth):
            for part, rr in ((0.0, r), (0.22, r), (0.34, r + r * 0.11), (0.62, r + r * 0.11), (0.74, r)):
                a = phase + 2 * math.pi * (i + part) / teeth
                points.append((cx + rr * math.cos(a), cy + rr * math.sin(a)))
        with c.layer() as shade:
            shade.soft = 16
            shade.shape([(px + 8, py + 18) for px, py in points], (30, 10, 6), 0.55)
        with c.layer() as body:
            body.shape(points, face, 1, mix(face, WHITE, 0.28), 2.2)
            body.ring(cx, cy, r * 0.84, r * 0.84, mix(face, (40, 14, 8), 0.35), 3)
            for k in range(6):
                a = phase + math.pi / 3 * k
                body.dot(
                    cx + r * 0.60 * math.cos(a), cy + r * 0.60 * math.sin(a), r * 0.155, mix(face, (40, 14, 8), 0.72)
                )
            body.dot(cx, cy, r * hub, mix(face, WHITE, 0.18))
            body.dot(cx, cy, r * hub * 0.55, mix(face, (40, 14, 8), 0.8))

    wheel(600, 322, 190, 24, 0.05, (226, 116, 60), 0.30)
    wheel(912, 236, 110, 14, 0.31, (246, 172, 102), 0.34)
    wheel(296, 414, 110, 14, 0.02, (188, 82, 48), 0.34)
    wheel(1098, 356, 92, 12, 0.16, (160, 70, 44), 0.34)
    wheel(106, 300, 92, 12, 0.24, (240, 152, 88), 0.34)
    return c


def braid() -> Canvas:
    c = Canvas((20, 48, 88), (12, 28, 62), 25)
    c.glow(600, 315, 620, (70, 130, 200), 0.5)
    strands: list[tuple[Colour, float]] = [
        ((255, 212, 84), 0),
        ((92, 160, 220), 2 * math.pi / 3),
        ((140, 226, 200), 4 * math.pi / 3),
    ]
    turn = -0.14
    cos, sin = math.cos(turn), math.sin(turn)

    def at(t: float, phase: float) -> tuple[float, float, float]:
        a = 2 * math.pi * t / 430 + phase
        v, z = 128 * math.sin(a), math.sin(2 * a)
        return (600 + t * cos - v * sin, 315 + t * sin + v * cos, z)

    cells = sorted(((at(t, p)[2], t, k) for k, (_, p) in enumerate(strands) for t in range(-720, 721, 3)))
    with c.layer() as shade:
        shade.soft = 18
        for _, t, k in cells[::2]:
            x, y, _ = at(t, strands[k][1])
            shade.dot(x + 8, y + 22, 32, (4, 12, 34), 0.5)
    with c.layer() as rope:
        for z, t, k in cells:
            hue, phase = strands[k]
            x0, y0, _ = at(t, phase)
            x1, y1, _ = at(t + 6, phase)
            a = math.atan2(y1 - y0, x1 - x0) + math.pi / 2
            nx, ny = (math.cos(a), math.sin(a)) if math.sin(a) < 0 else (-math.cos(a), -math.sin(a))
            dim = mix(hue, (10, 26, 60), 0.34 * (0.5 - z / 2))
            rim = (12, 30, 66)
            for lo, hi, tint in (
                (-1.14, -0.9, rim),
                (0.9, 1.14, rim),
                (-1, 1, dim),
                (-1, -0.45, mix(dim, (10, 26, 60), 0.25)),
                (0.25, 0.65, mix(dim, WHITE, 0.4)),
            ):
                p, q = lo * 30, hi * 30
                rope.shape(
                    [
                        (x0 + nx * p, y0 + ny * p),
                        (x1 + nx * p, y1 + ny * p),
                        (x1 + nx * q, y1 + ny * q),
                        (x0 + nx * q, y0 + ny * q),
                    ],
                    tint,
                )
    return c


def network() -> Canvas:
    """A globe of pages and the links between them."""
    c = Canvas((8, 30, 52), (14, 60, 86), 30)
    c.glow(600, 315, 520, (60, 160, 210), 0.42)
    rng = random.Random(93)
    r, tilt = 252, 0.42
    points: list[tuple[float, float, float]] = []
    golden = math.pi * (3 - math.sqrt(5))
    for i in range(150):
        y = 1 - 2 * (i + 0.5) / 150
        s = math.sqrt(1 - y * y)
        x, z = s * math.cos(golden * i), s * math.sin(golden * i)
        points.append((x * math.cos(tilt) - y * math.sin(tilt), x * math.sin(tilt) + y * math.cos(tilt), z))
    with c.layer() as links:
        for p in points:
            near = sorted(points, key=lambda q: sum((a - b) ** 2 for a, b in zip(p, q, strict=True)))[1:5]
            for q in near:
                depth = (p[2] + q[2]) / 2
                links.line(
                    [(600 + r * p[0], 315 + r * p[1]), (600 + r * q[0], 315 + r * q[1])],
                    mix((36, 96, 130), MINT, 0.5 + depth / 2),
                    1.3,
                    0.20 + 0.30 * (depth + 1) / 2,
                )
    with c.layer() as nodes:
        nodes.halo = (8, 0.8)
        for x, y, z in sorted(points, key=lambda p: p[2]):
            front = (z + 1) / 2
            nodes.dot(
                600 + r * x,
                315 + r * y,
                2 + 4.5 * front,
                mix((40, 104, 140), CREAM if rng.random() < 0.82 else GOLD, 0.15 + 0.85 * front),
            )
    with c.layer() as orbits:
        for k in range(4):
            orbits.line(
                ellipse_points(
                    600, 315, 330 + 70 * k, 96 + 34 * k, -0.30, 0.25 - 0.1 * k, math.pi - 0.2 + 0.15 * k, 120
                ),
                SKY,
                1.6,
                0.40 - 0.08 * k,
            )
            a = 0.9 + 0.55 * k
            x, y = ellipse_points(600, 315, 330 + 70 * k, 96 + 34 * k, -0.30, a, a, 1)[0]
            orbits.dot(x, y, 6, GOLD)
    return c


PICTURES: dict[str, Callable[[], Canvas]] = {
    "black-hole": black_hole,
    "chirp": chirp,
    "collider": collider,
    "hat": hat,
    "moon": moon,
    "mars": mars,
    "mirror": mirror,
    "helix": helix,
    "ribbon": ribbon,
    "planets": planets,
    "stripes": stripes,
    "lattice": lattice,
    "chain": chain,
    "attention": attention,
    "go-board": go_board,
    "pages": pages,
    "layers": layers,
    "primes": primes,
    "gear": gear,
    "braid": braid,
    "network": network,
}

# domain -> monogram; the colour follows from the domain
TILES: dict[str, str] = {
    "acm.org": "A", "arxiv.org": "ar", "cern.ch": "C", "cisa.gov": "Ci", "copernicus.eu": "Co", "debian.org": "D",
    "eso.org": "ES", "eventhorizontelescope.org": "EH", "genome.gov": "G", "infoworld.com": "IW", "ipcc.ch": "IP",
    "kernelnewbies.org": "K", "ligo.caltech.edu": "L", "mersenne.org": "M", "nasa.gov": "N", "nature.com": "n",
    "nist.gov": "NI", "openssl.org": "O", "openwall.com": "Ow", "postgresql.org": "Pg", "python.org": "Py",
    "rfc-editor.org": "RF", "ruby-lang.org": "Rb", "rust-lang.org": "R", "science.org": "S", "sqlite.org": "SQ",
    "w3.org": "W3",
}  # fmt: skip


def tile(domain: str, letters: str) -> Image.Image:
    rng = random.Random(domain)
    hue = rng.randrange(360)
    scale = 8
    side = 50 * scale
    fade = Image.linear_gradient("L").resize((side, side))
    top = Image.new("HSV", (side, side), (hue * 255 // 360, 150, 190)).convert("RGB")
    low = Image.new("HSV", (side, side), ((hue + 24) % 360 * 255 // 360, 190, 104)).convert("RGB")
    picture = Image.composite(low, top, fade)
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=30 * scale if len(letters) == 1 else 23 * scale)
    box = pen.textbbox((0, 0), letters, font=font)
    x, y = (side - box[0] - box[2]) / 2, (side - box[1] - box[3]) / 2
    pen.text((x, y), letters, fill=(255, 252, 246), font=font, stroke_width=3)
    return picture.resize((50, 50), Image.Resampling.LANCZOS)


def avatar() -> Image.Image:
    """The bot's face in the demo: a folded newspaper."""
    side, scale = 128, 8
    picture = Image.new("RGB", (side * scale, side * scale), (36, 48, 110))
    pen = ImageDraw.Draw(picture)

    def block(x0: int, y0: int, x1: int, y1: int, colour: Colour, radius: int = 2) -> None:
        pen.rounded_rectangle([each * scale for each in (x0, y0, x1, y1)], radius=radius * scale, fill=colour)

    block(88, 46, 106, 100, mix(CREAM, INK, 0.35), 6)
    block(24, 30, 94, 100, CREAM, 6)
    block(32, 40, 86, 50, CORAL)
    block(32, 58, 56, 82, TEAL)
    for y in (58, 68, 78):
        block(62, y, 86, y + 4, INK)
    block(32, 88, 86, 92, INK)
    return picture.resize((side, side), Image.Resampling.LANCZOS)


def main(names: list[str]) -> None:
    for folder in ("cards", "organizations"):
        (ROOT / folder).mkdir(parents=True, exist_ok=True)
    for name, make in PICTURES.items():
        if names and name not in names:
            continue
        picture, target = make().finish(), ROOT / "cards" / f"{name}.jpg"
        for quality in range(88, 40, -4):
            picture.save(target, quality=quality, optimize=True, progressive=True)
            if target.stat().st_size <= MAX_BYTES:
                break
        print(f"{target.name}: {target.stat().st_size} bytes, quality {quality}")
    if not names:
        avatar().save(ROOT / "newsdesk.png", optimize=True)
        for domain, letters in TILES.items():
            suffix = "jpg" if domain == "infoworld.com" else "png"
            tile(domain, letters).save(ROOT / "organizations" / f"{domain}-50x50.{suffix}", quality=92)


if __name__ == "__main__":
    main(sys.argv[1:])
