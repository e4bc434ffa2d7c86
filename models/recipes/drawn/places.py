"""Places, drawn simply and out of focus behind the characters; the grading gives them their colours.

Units: the picture is 1 high and `wide` wide, the origin at its upper left corner.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from drawn.strokes import Canvas, Colour, curve, oval

Draw = Callable[[Canvas, float, np.random.Generator], None]


def make_place(name: str, width: int, height: int, seed: int) -> np.ndarray:
    """The picture (H, W, 3) of a place; seeds vary its props."""
    rng = np.random.default_rng(seed)
    canvas = Canvas(np.zeros((height, width, 3), np.uint8), height, 0.0, 0.0)
    PLACES[name](canvas, width / height, rng)
    grain = cv2.resize(rng.normal(0, 9, (height // 6, width // 6, 1)).astype(np.float32), (width, height))
    soft = cv2.GaussianBlur(canvas.pixels, (0, 0), height / 90)
    return np.clip(soft + grain[..., None], 0, 255).astype(np.uint8)


def _box(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])


def _shade(canvas: Canvas, top: Colour, bottom: Colour) -> None:
    share = np.linspace(0, 1, canvas.pixels.shape[0])[:, None, None]
    canvas.pixels[:] = np.array(top) * (1 - share) + np.array(bottom) * share


def _room(c: Canvas, wide: float, rng: np.random.Generator) -> None:
    _shade(c, (150, 142, 130), (120, 108, 96))
    c.fill(_box(0, 0.82, wide, 1), (84, 66, 52))
    x = rng.uniform(0.05, 0.25) if rng.random() < 0.5 else wide - rng.uniform(0.5, 0.7)
    c.fill(_box(x, 0.1, x + 0.45, 0.62), (232, 232, 226))
    for i in (0.21, 0.43):
        c.fill(_box(x + i, 0.1, x + i + 0.02, 0.62), (110, 96, 84))
    c.fill(_box(wide - x - 0.2, 0.2, wide - x + 0.1, 0.45), (92, 80, 72))
    c.fill(_box(wide - x - 0.17, 0.23, wide - x + 0.07, 0.42), (170, 150, 140))


def _street(c: Canvas, wide: float, rng: np.random.Generator) -> None:
    _shade(c, (188, 194, 200), (140, 138, 136))
    x = -0.05
    while x < wide:
        w, top, tone = rng.uniform(0.22, 0.4), rng.uniform(0.05, 0.4), rng.uniform(60, 120)
        c.fill(_box(x, top, x + w, 0.9), (tone, tone * 0.96, tone * 0.92))
        for wx in np.arange(x + 0.04, x + w - 0.06, 0.09):
            for wy in np.arange(top + 0.05, 0.8, 0.13):
                lit = rng.random() < 0.4
                c.fill(_box(wx, wy, wx + 0.05, wy + 0.08), (230, 220, 180) if lit else (48, 50, 56))
        x += w + 0.01
    c.fill(_box(0, 0.88, wide, 1), (70, 70, 72))


def _forest(c: Canvas, wide: float, rng: np.random.Generator) -> None:
    _shade(c, (190, 204, 180), (96, 112, 76))
    for depth in (0.4, 0.65, 1.0):
        for x in rng.uniform(-0.05, wide, 9):
            w, lean, tone = 0.05 * depth + 0.015, rng.normal(0, 0.04), 150 - 110 * depth
            c.fill(np.array([(x, 0), (x + w, 0), (x + w * 1.3 + lean, 1), (x - w * 0.3 + lean, 1)]),
                   (tone, tone * 0.85, tone * 0.65))
    for x in rng.uniform(0, wide, 14):
        c.fill(oval(x, rng.uniform(-0.05, 0.14), 0.14, 0.1), (56, 84, 44))


def _sea(c: Canvas, wide: float, rng: np.random.Generator) -> None:
    _shade(c, (170, 190, 214), (226, 226, 220))
    c.fill(_box(0, 0.55, wide, 1), (90, 118, 140))
    for y in np.linspace(0.58, 0.95, 9):
        x = rng.uniform(0, wide)
        c.fill(_box(x, y, x + rng.uniform(0.2, 0.7), y + 0.012), (190, 206, 214))
    c.fill(oval(rng.uniform(0.1, wide - 0.1), rng.uniform(0.12, 0.35), 0.07, 0.07), (255, 250, 230))
    for x, y in zip(rng.uniform(0, wide, 5), rng.uniform(0.05, 0.4, 5), strict=True):
        c.soft(oval(x, y, 0.22, 0.04), (246, 246, 246), 0.8, 0.02)


def _cellar(c: Canvas, wide: float, rng: np.random.Generator) -> None:
    _shade(c, (70, 62, 56), (100, 88, 78))
    for row, y in enumerate(np.arange(0, 1, 0.09)):
        for x in np.arange(-0.1 + 0.1 * (row % 2), wide, 0.2):
            tone = rng.uniform(80, 130)
            c.fill(_box(x, y, x + 0.185, y + 0.075), (tone, tone * 0.88, tone * 0.8))
    x = rng.uniform(0.2, wide - 0.2)
    c.soft(oval(x, 0.1, 0.2, 0.2), (255, 240, 200), 0.7, 0.08)


def _field(c: Canvas, wide: float, rng: np.random.Generator) -> None:
    _shade(c, (190, 208, 226), (236, 232, 214))
    for y, tone in ((0.5, 150), (0.62, 120), (0.78, 95)):
        hills = np.array([(x, y + rng.normal(0, 0.04)) for x in np.linspace(-0.1, wide + 0.1, 6)])
        c.fill(np.concatenate([curve(hills), [(wide + 0.1, 1.1), (-0.1, 1.1)]]), (tone, tone * 1.05, tone * 0.6))
    for x in rng.uniform(0, wide, 4):
        c.fill(_box(x - 0.01, 0.42, x + 0.01, 0.56), (70, 56, 40))
        c.fill(oval(x, 0.4, 0.07, 0.09), (70, 96, 52))


def _hall(c: Canvas, wide: float, rng: np.random.Generator) -> None:
    _shade(c, (120, 116, 112), (160, 152, 142))
    step = rng.uniform(0.36, 0.5)
    for x in np.arange(rng.uniform(-0.1, 0.1), wide, step):
        c.fill(_box(x, 0, x + 0.11, 1), (196, 190, 180))
        c.fill(_box(x + 0.08, 0, x + 0.11, 1), (130, 124, 118))
        c.fill(_box(x + 0.17, 0.15, x + step - 0.06, 0.75), (76, 74, 78))
    c.fill(_box(0, 0.9, wide, 1), (90, 84, 80))


def _kitchen(c: Canvas, wide: float, rng: np.random.Generator) -> None:
    _shade(c, (206, 202, 192), (180, 172, 160))
    for y in (0.18, 0.42):
        c.fill(_box(0, y, wide, y + 0.03), (120, 92, 66))
        for x in np.arange(0.05, wide, 0.13):
            tall = rng.uniform(0.05, 0.16)
            c.fill(_box(x, y - tall, x + rng.uniform(0.04, 0.1), y), tuple(rng.uniform(60, 230, 3)))
    c.fill(_box(0, 0.72, wide, 1), (140, 120, 100))


def _night(c: Canvas, wide: float, rng: np.random.Generator) -> None:
    _shade(c, (22, 24, 34), (52, 54, 66))
    for x, y, r in zip(rng.uniform(0, wide, 26), rng.uniform(0.1, 0.95, 26), rng.uniform(0.015, 0.05, 26), strict=True):
        c.soft(oval(x, y, r, r), tuple(rng.uniform(150, 255, 3)), rng.uniform(0.4, 1), 0.006)


def _curtain(c: Canvas, wide: float, rng: np.random.Generator) -> None:
    x = np.linspace(0, wide, c.pixels.shape[1])
    folds = 120 + 60 * np.sin(x * rng.uniform(22, 34) + 1.5 * np.sin(5 * x)) + 15 * np.sin(61 * x)
    c.pixels[:] = np.clip(folds, 0, 255)[None, :, None] * np.array([1.0, 0.86, 0.84])
    c.soft(_box(0, 0, wide, 0.16), (40, 30, 30), 0.7, 0.06)


PLACES: dict[str, Draw] = {"room": _room, "street": _street, "forest": _forest, "sea": _sea, "cellar": _cellar,
                           "field": _field, "hall": _hall, "kitchen": _kitchen, "night": _night, "curtain": _curtain}
