"""The parts of a character that do not move by themselves: shaded skin, ears, hair, neck and clothes.

Skin is lit as a surface: an ellipsoid with a nose, eye sockets, cheeks and a chin on it (Gaussian bumps), Lambert's
cosine of a key light and of a sky light on its slopes. That gives vision models the soft shadows that tell a face.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from drawn.design import FaceDesign
from drawn.strokes import Canvas, Colour, curve, mirrored, oval, ribbon

LEFT, RIGHT, TOP, BOTTOM = -1.45, 1.45, -1.5, 3.3
BUMPS = (  # x, y, spread x, spread y, height; mirrored where x > 0
    (0.0, 0.12, 0.07, 0.22, 0.10), (0.0, 0.42, 0.085, 0.10, 0.20), (0.11, 0.47, 0.05, 0.05, 0.06),
    (0.33, 0.02, 0.17, 0.11, -0.10), (0.30, -0.22, 0.22, 0.07, 0.05), (0.45, 0.42, 0.18, 0.16, 0.06),
    (0.0, 0.62, 0.035, 0.06, -0.03), (0.0, 1.16, 0.16, 0.11, 0.08), (0.0, 0.98, 0.22, 0.05, -0.05),
    (0.27, 0.80, 0.05, 0.08, -0.03))


@dataclass(frozen=True)
class Light:
    """Light on a character: direction to the key light (x right, y down, z to the viewer), colours as factors."""

    key: tuple[float, float, float] = (-0.45, -0.5, 0.75)
    key_colour: Colour = (1.0, 0.98, 0.94)
    fill_colour: Colour = (0.42, 0.44, 0.48)


@dataclass
class Character:
    """Layers of a character at one scale: body behind, head (skin), and hair over the brow; alphas are (H, W) uint8.

    depth (H, W): how near the head's surface is, for turning it; tone: light factors (3,) at "left" and "right"
    eye, "mouth", and over "all".
    """

    design: FaceDesign
    scale: float
    body: np.ndarray
    body_alpha: np.ndarray
    head: np.ndarray
    head_alpha: np.ndarray
    depth: np.ndarray
    tone: dict[str, np.ndarray]

    def canvas(self, pixels: np.ndarray) -> Canvas:
        """A canvas over a picture of this character's size."""
        return Canvas(pixels, self.scale, LEFT, TOP)


def make_character(design: FaceDesign, scale: float, light: Light) -> Character:
    """Draw the unmoving layers at `scale` pixels a face unit."""
    shape = (round((BOTTOM - TOP) * scale), round((RIGHT - LEFT) * scale), 3)
    grid = Canvas(np.zeros(shape, np.uint8), scale, LEFT, TOP)
    height = _height(design, *grid.grid())
    shade = _lit(height, scale, light)
    outline = face_outline(design)
    head, head_alpha = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    skin = np.clip(np.array(design.skin, np.float32) * shade, 0, 255).astype(np.uint8)
    _ears(Canvas(head, scale, LEFT, TOP), Canvas(head_alpha, scale, LEFT, TOP), design, shade, grid)
    face = np.zeros(shape, np.uint8)
    Canvas(face, scale, LEFT, TOP).fill(outline, (255, 255, 255))
    Canvas(head, scale, LEFT, TOP).blend(face[..., 0], skin)
    np.maximum(head_alpha, face, out=head_alpha)
    canvas = Canvas(head, scale, LEFT, TOP)
    _skin_details(canvas, design)
    _hair_front(canvas, Canvas(head_alpha, scale, LEFT, TOP), design, light)
    body, body_alpha = _body(shape, scale, design, light)
    depth = cv2.GaussianBlur(np.clip(height, 0, 1.4).astype(np.float32), (0, 0), 0.04 * scale)
    def at(x: float, y: float) -> np.ndarray:
        return shade[round((y - TOP) * scale), round((x - LEFT) * scale)]

    tone = {"all": shade.mean((0, 1)), "mouth": at(0, 0.78), "left": at(-0.34, 0.05), "right": at(0.34, 0.05)}
    return Character(design, scale, body, body_alpha, head, head_alpha[..., 0].copy(), depth, tone)


def face_outline(design: FaceDesign) -> np.ndarray:
    """The face from the top of the skull to the chin (M, 2)."""
    w, j, c = 0.80 * design.width, design.jaw, 1.30 * design.chin
    right = np.array([(0, -1.08), (0.36 * w / 0.8, -1.02), (0.64 * w / 0.8, -0.72), (0.97 * w, -0.2), (w, 0.22),
                      (0.93 * w, 0.6), (0.60 * j, 1.0), (0.34 * j, c - 0.07), (0.14 * j, c), (0, c + 0.01)])
    return curve(mirrored(right), closed=True, steps=8)


def _height(design: FaceDesign, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Surface (H, W) towards the viewer, in face units."""
    w = 0.84 * design.width
    inside = 1 - (x / w) ** 2 - ((y - 0.12) / 1.28) ** 2
    surface = 0.85 * np.sqrt(np.maximum(inside, 0.004))
    for bx, by, sx, sy, amount in BUMPS:
        amount = amount * (design.nose if by in (0.42, 0.47) else 1.0)
        for side in ((bx, -bx) if bx else (0.0,)):
            surface = surface + amount * np.exp(-0.5 * (((x - side) / sx) ** 2 + ((y - by) / sy) ** 2))
    return surface


def _lit(height: np.ndarray, scale: float, light: Light) -> np.ndarray:
    """Light factor (H, W, 3) of every point of the surface."""
    dy, dx = np.gradient(cv2.GaussianBlur(height.astype(np.float32), (0, 0), 0.015 * scale), 1 / scale)
    dx, dy = np.clip(dx, -3, 3), np.clip(dy, -3, 3)
    length = np.sqrt(dx**2 + dy**2 + 1)
    key = np.asarray(light.key) / np.linalg.norm(light.key)
    facing = np.clip((-dx * key[0] - dy * key[1] + key[2]) / length, 0, 1)
    sky = 0.5 + 0.5 * (dy * 0.5 + 1) / length / 1.2  # a little more light on what looks up
    wrap = 0.25 + 0.75 * facing
    return (wrap[..., None] * np.array(light.key_colour) * 0.78
            + sky[..., None] * np.array(light.fill_colour)).astype(np.float32)


def _skin_details(canvas: Canvas, design: FaceDesign) -> None:
    skin, dark = np.array(design.skin), np.array(design.skin) * [0.62, 0.48, 0.42]
    flush = tuple(skin * [1.0, 0.72, 0.68])
    shadow = tuple(dark)
    for side in (-1, 1):
        canvas.soft(oval(side * 0.46, 0.46, 0.17, 0.12), flush, 0.35 if design.woman else 0.2, 0.07)
        canvas.soft(oval(side * 0.335, 0.01, 0.19, 0.10), shadow, 0.22, 0.05)  # socket
        canvas.soft(oval(side * 0.16, 0.0, 0.035, 0.10), shadow, 0.25, 0.03)  # beside the bridge
        canvas.soft(oval(side * 0.135 * design.nose, 0.475, 0.03, 0.045), shadow, 0.40, 0.018)  # wing of the nose
        canvas.soft(oval(side * 0.07 * design.nose, 0.525, 0.036, 0.018), tuple(dark * 0.45), 0.85, 0.012)  # nostril
        if design.age > 0.3:
            bag = curve(np.array([(0.22, 0.14), (0.33, 0.18), (0.45, 0.13)]) * [side, 1])
            canvas.soft(ribbon(bag, 0.018), shadow, 0.5 * design.age, 0.012)
    canvas.soft(oval(0.0, 0.56, 0.14, 0.03), shadow, 0.35, 0.03)  # under the nose
    canvas.soft(oval(0.0, 0.37, 0.035, 0.06), (255, 250, 240), 0.22, 0.03)  # its tip shines
    canvas.soft(oval(0.0, -0.6, 0.28, 0.12), (255, 250, 240), 0.10, 0.1)
    if design.age > 0.3:
        for y in (-0.62, -0.5):
            canvas.soft(ribbon(curve(np.array([(-0.36, y + 0.03), (0, y), (0.36, y + 0.03)])), 0.012), shadow,
                        0.45 * design.age, 0.012)


def _ears(canvas: Canvas, alpha: Canvas, design: FaceDesign, shade: np.ndarray, grid: Canvas) -> None:
    x = 0.80 * design.width
    rows = [(y - TOP) * grid.scale for y in (0.0, 0.3)]
    light = shade[int(rows[0]):int(rows[1])].mean((0, 1)) * 0.8
    for side in (-1, 1):
        ear = oval(side * (x + 0.02), 0.17, 0.085, 0.21)
        for layer, colour in ((canvas, tuple(np.array(design.skin) * light)), (alpha, (255, 255, 255))):
            layer.fill(ear, colour)
        canvas.soft(oval(side * (x + 0.03), 0.17, 0.035, 0.12), tuple(np.array(design.skin) * light * 0.6), 0.6, 0.02)


def _hair_front(canvas: Canvas, alpha: Canvas, design: FaceDesign, light: Light) -> None:
    """Hair over the forehead and temples."""
    if design.style == "bald":
        return
    w = 0.80 * design.width
    top = {"crew": -1.2, "short": -1.28, "swept": -1.34}.get(design.style, -1.27)
    line, temple = {"crew": (-0.80, -0.42), "short": (-0.70, -0.22), "swept": (-0.78, -0.3), "long": (-0.74, 0.1),
                    "bob": (-0.56, 0.2), "bun": (-0.80, -0.25), "curls": (-0.66, 0.1)}[design.style]
    part = {"swept": 0.28, "long": -0.16, "short": 0.2}.get(design.style, 0.0)
    side = w + (0.06 if design.style in ("crew", "short", "bun", "swept") else 0.15)
    outer = [(-side, temple), (-side - 0.02, -0.4), (-0.62, -1.02), (-0.3, top + 0.05), (0, top), (0.3, top + 0.05),
             (0.62, -1.02), (side + 0.02, -0.4), (side, temple)]
    inner = [(w - 0.05, temple), (w - 0.10, -0.38), (0.5, line + 0.06), (part + 0.12, line - 0.02),
             (part - 0.1, line - 0.06), (-0.5, line + 0.08), (-w + 0.10, -0.38), (-w + 0.05, temple)]
    shape = np.concatenate([curve(np.array(outer)), curve(np.array(inner))])
    colour = np.array(design.hair) * (0.55 + 0.5 * np.array(light.key_colour))
    canvas.soft(shape + [0, 0.04], tuple(np.array(design.skin) * 0.45), 0.4, 0.04)  # shadow on the brow
    canvas.fill(shape, tuple(colour))
    alpha.fill(shape, (255, 255, 255))
    for i, x in enumerate(np.linspace(-0.62, 0.62, 9)):
        start, end = (part + (x - part) * 0.35, top + 0.12), (x * 1.18, line - 0.12 + 0.25 * abs(x))
        strand = curve(np.array([start, ((start[0] + end[0]) / 2 + 0.06 * x, (start[1] + end[1]) / 2 - 0.03), end]))
        tint = 1.25 if i % 2 else 0.72
        canvas.soft(ribbon(strand, 0.02), tuple(np.clip(colour * tint + 6, 0, 255)), 0.5, 0.012)


def _body(shape: tuple[int, ...], scale: float, design: FaceDesign, light: Light) -> tuple[np.ndarray, np.ndarray]:
    """Hair behind the head, neck and shoulders, with their alpha."""
    pixels, alpha = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    canvas, cover = Canvas(pixels, scale, LEFT, TOP), Canvas(alpha, scale, LEFT, TOP)
    key, fill = np.array(light.key_colour), np.array(light.fill_colour)
    lit = key * 0.55 + fill * 0.8

    def both(outline: np.ndarray, colour: np.ndarray) -> None:
        canvas.fill(outline, tuple(np.clip(colour, 0, 255)))
        cover.fill(outline, (255, 255, 255))

    hair = np.array(design.hair) * lit * 0.7
    backs = {"long": 1.95, "curls": 1.35, "bob": 1.0}
    if design.style in backs:
        low, wide = backs[design.style], 0.98 if design.style != "curls" else 1.08
        right = np.array([(0, -1.3), (0.55, -1.15), (0.86, -0.6), (wide, 0.2), (wide, low - 0.3), (0.6, low), (0, low)])
        both(curve(mirrored(right), closed=True), hair)
    if design.style == "bun":
        both(oval(0, -1.25, 0.3, 0.22), hair)
    skin = np.array(design.skin) * lit * 0.9
    neck = 0.40 * design.jaw
    both(np.array([(-neck, 0.7), (neck, 0.7), (neck + 0.05, 1.75), (-neck - 0.05, 1.75)]), skin)
    canvas.soft(oval(0, 1.32, 0.5, 0.16), tuple(skin * 0.45), 0.75, 0.07)  # the chin's shadow
    slope = 1.7 if design.woman else 1.62
    wide = 1.3 if design.woman else 1.5
    right = np.array([(neck * 0.9, slope - 0.1), (0.75, slope + 0.14), (wide, slope + 0.4),
                      (wide + 0.2, BOTTOM + 0.1), (0, BOTTOM + 0.1)])
    cloth = np.array(design.cloth) * lit
    both(np.concatenate([curve(right[:4]), right[4:], curve(right[:4])[::-1] * [-1, 1]]), cloth)
    both(np.array([(-neck * 0.9, slope - 0.1), (neck * 0.9, slope - 0.1), (0.0, slope + 0.42)]), skin * 0.92)
    key_side = np.sign(light.key[0]) or 1.0
    canvas.soft(oval(-key_side * 1.0, 2.6, 0.6, 0.8), tuple(cloth * 0.55), 0.35, 0.3)
    return pixels, alpha[..., 0].copy()
