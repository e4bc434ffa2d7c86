"""The parts of a face that move: eyes, brows, mouth, the folds between them; and the turn of the head."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from drawn.expression import Expression
from drawn.head import BOTTOM, LEFT, RIGHT, TOP, Character
from drawn.strokes import SHIFT, Canvas, curve, oval, ribbon

MOUTH_Y, SPLIT_Y = 0.78, 0.60  # between the lips; below it the jaw moves
JAW_STEPS = 24  # the stretched skin is kept for this many openings
WIDEST = 0.42  # mouth opening in face units that is drawn at most


@dataclass(frozen=True)
class Pose:
    """One frame of a face: opening and width of the mouth in face units (0.56 is a resting width), blink 0..1 (shut),
    gaze (x, y) -1..1, head: yaw, pitch (-1..1), roll (radians), shift x, y (face units); slack: how far the expression
    may drop the jaw (0..1)."""

    opening: float = 0.0
    width: float = 0.56
    blink: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)
    slack: float = 1.0


@dataclass(frozen=True)
class Placement:
    """Where a character stands in a frame: pixels a face unit, and the pixel (x, y) of the point between the eyes."""

    scale: float
    x: float
    y: float


class FacePainter:
    """Draws one character frame by frame; keeps what it can reuse.

    Args:
        character: the unmoving layers, best at twice the scale of the frames.
    """

    def __init__(self, character: Character) -> None:
        self.character = character
        self._stretched: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def onto(self, frame: np.ndarray, expression: Expression, pose: Pose, place: Placement) -> None:
        """Draw the character into a frame (H, W, 3) uint8."""
        head, alpha, depth = self.head(expression, pose)
        x0, x1 = (int(np.clip(place.x + x * place.scale, 0, frame.shape[1])) for x in (LEFT - 0.1, RIGHT + 0.1))
        y0, y1 = (int(np.clip(place.y + y * place.scale, 0, frame.shape[0])) for y in (TOP - 0.2, BOTTOM))
        part = frame[y0:y1, x0:x1]
        if part.size == 0:
            return
        x, y = np.meshgrid((np.arange(x0, x1, dtype=np.float32) + 0.5 - np.float32(place.x)) / np.float32(place.scale),
                           (np.arange(y0, y1, dtype=np.float32) + 0.5 - np.float32(place.y)) / np.float32(place.scale))
        _lay(part, self.character.body, self.character.body_alpha, *self._texels(x, y))
        _lay(part, head, alpha, *self._turned(x, y, depth, pose))

    def head(self, expression: Expression, pose: Pose) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The head, not turned yet: colours (H, W, 3), alpha (H, W) uint8, and how near each point is (H, W)."""
        opening = mouth_opening(expression, pose)
        head, alpha, depth = self._jaw(opening)
        canvas = self.character.canvas(head.copy())
        _folds(canvas, self.character, expression)
        for side in (-1, 1):
            _eye(canvas, self.character, expression, pose, side)
            _brow(canvas, self.character, expression, side)
        _mouth(canvas, self.character, expression, opening, pose.width)
        return canvas.pixels, alpha, depth

    def _texels(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scale = np.float32(self.character.scale)
        return (x - np.float32(LEFT)) * scale - np.float32(0.5), (y - np.float32(TOP)) * scale - np.float32(0.5)

    def _jaw(self, opening: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Head, alpha and depth with the chin lowered for an opening."""
        step = round(opening / WIDEST * JAW_STEPS)
        if step not in self._stretched:
            scale, c = self.character.scale, self.character
            h, w = c.head_alpha.shape
            x, y = np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32))
            drop = 0.55 * step / JAW_STEPS * WIDEST * scale
            split, reach = (SPLIT_Y - TOP) * scale, 0.35 * scale
            source = np.where(y > split, np.maximum(split, y - drop * np.clip((y - split) / reach, 0, 1)), y)
            self._stretched[step] = tuple(cv2.remap(layer, x, source.astype(np.float32), cv2.INTER_LINEAR)
                                          for layer in (c.head, c.head_alpha, c.depth))
        return self._stretched[step]

    def _turned(self, x: np.ndarray, y: np.ndarray, depth: np.ndarray, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
        """Texels of a head that is turned: a rotation about the neck; near parts go farther than far ones."""
        cos, sin, neck = np.float32(np.cos(pose.roll)), np.float32(np.sin(pose.roll)), np.float32(1.3)
        dx, dy = x - np.float32(pose.shift[0]), y - np.float32(pose.shift[1]) - neck
        u, v = self._texels(cos * dx + sin * dy, neck + cos * dy - sin * dx)
        near = (cv2.remap(depth, u, v, cv2.INTER_LINEAR) - np.float32(0.45)) * np.float32(self.character.scale)
        return u - np.float32(0.16 * pose.yaw) * near, v - np.float32(0.13 * pose.pitch) * near


def mouth_opening(expression: Expression, pose: Pose) -> float:
    """Gap between the lips that is drawn, in face units."""
    return min(WIDEST, pose.opening + 0.16 * expression.jaw * pose.slack)


def _lay(part: np.ndarray, layer: np.ndarray, alpha: np.ndarray, u: np.ndarray, v: np.ndarray) -> None:
    """Lay texels (u, v) of a layer over a part of the frame."""
    cover = cv2.merge([cv2.remap(alpha, u, v, cv2.INTER_LINEAR)] * 3)
    pixels = cv2.remap(layer, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    part[:] = cv2.add(cv2.multiply(pixels, cover, scale=1 / 255), cv2.multiply(part, 255 - cover, scale=1 / 255))


def eye_shape(e: Expression, blink: float, size: float = 1.0) -> np.ndarray:
    """Outline of the eye at the right of the picture, from the inner corner over the upper lid (M, 2)."""
    upper = (0.066 * size + 0.052 * e.wide - 0.022 * e.squint - 0.026 * e.down - 0.012 * e.knit) * (1 - blink)
    lower = (0.038 * size - 0.024 * e.squint - 0.008 * e.smile + 0.012 * e.wide) * (1 - blink)
    upper, lower = max(upper, 0.004 - 0.02 * blink), max(lower, 0.003) + 0.02 * blink
    sad = 0.012 * e.inner * (1 - e.wide)  # the lid's inner end goes up with the brow
    top = [(0.185, 0.008), (0.25, -0.78 * upper - sad), (0.345, -upper), (0.43, -0.72 * upper), (0.505, -0.006)]
    low = [(0.505, -0.006), (0.42, lower * 0.86), (0.33, lower), (0.25, lower * 0.72), (0.185, 0.008)]
    return np.concatenate([curve(np.array(top)), curve(np.array(low))[1:]])


def _eye(canvas: Canvas, c: Character, e: Expression, pose: Pose, side: int) -> None:
    flip = np.array([side, 1.0])
    shape = eye_shape(e, pose.blink, c.design.eyes)
    upper = shape[:25] * flip
    x0, y0 = np.floor(canvas.place(np.array([[min(side * 0.15, side * 0.54), -0.2]]))[0]).astype(int)
    w, h = round(0.4 * canvas.scale), round(0.34 * canvas.scale)
    tone = 0.55 * c.tone["left" if side < 0 else "right"] + 0.45 * c.tone["all"]
    white = np.array([238.0, 236, 232]) * np.minimum(tone, 1.05) * 0.92
    patch = Canvas(np.empty((h, w, 3), np.uint8), canvas.scale, canvas.left + x0 / canvas.scale,
                   canvas.top + y0 / canvas.scale)
    patch.pixels[:] = np.clip(white, 0, 255)
    centre = np.array([side * 0.345 + 0.07 * pose.gaze[0], -0.012 + 0.035 * pose.gaze[1] + 0.03 * e.down])
    iris = np.array(c.design.iris) * (0.35 + 0.65 * tone)
    patch.disc(centre, 0.083, tuple(iris * 0.55))
    patch.disc(centre, 0.071, tuple(iris))
    patch.disc(centre, 0.036, (12, 10, 12))
    patch.disc(centre + [-0.026, -0.026], 0.018, (250, 250, 250))
    patch.soft(np.concatenate([upper, upper[::-1] + [0, 0.035]]), (40, 26, 24), 0.55, 0.014)  # shadow of the lid
    mask = np.zeros((h, w), np.uint8)
    cv2.fillPoly(mask, [np.rint(patch.place(shape * flip) * 2**SHIFT).astype(np.int32)], 255, cv2.LINE_AA, SHIFT)
    canvas.blend(mask, patch.pixels, 1.0, x0, y0)
    skin = np.array(c.design.skin) * tone
    crease = upper[3:22] + [0, -0.05 - 0.02 * e.wide + 0.012 * pose.blink]
    canvas.soft(ribbon(crease, 0.014), tuple(skin * [0.5, 0.38, 0.34]), 0.65, 0.012)
    canvas.fill(ribbon(upper, 0.020 if c.design.woman else 0.014), tuple(skin * 0.12))
    canvas.soft(ribbon(shape[25:] * flip, 0.008), tuple(skin * 0.35), 0.7, 0.006)
    if e.squint > 0.15:
        bag = curve(np.array([(0.2, 0.095), (0.33, 0.125), (0.47, 0.08)]) * flip)
        canvas.soft(ribbon(bag, 0.018), tuple(skin * 0.5), 0.55 * e.squint, 0.014)


def brow_shape(e: Expression) -> np.ndarray:
    """Middle line of the brow at the right of the picture, from its inner end (4, 2)."""
    inner = -0.185 - 0.125 * e.inner + 0.095 * e.knit + 0.03 * e.wrinkle
    middle = -0.255 - 0.06 * e.inner - 0.10 * e.outer + 0.055 * e.knit + 0.015 * e.wrinkle
    outer = -0.19 - 0.08 * e.outer + 0.02 * e.knit + 0.035 * e.inner * (1 - e.outer)
    x = 0.185 - 0.065 * e.knit - 0.01 * e.wrinkle
    return np.array([(x, inner), (x + 0.11, 0.42 * inner + 0.58 * middle - 0.01), (0.40, middle), (0.56, outer)])


def _brow(canvas: Canvas, c: Character, e: Expression, side: int) -> None:
    path = curve(brow_shape(e) * [side, 1])
    width = 0.032 * c.design.brow
    swell = np.interp(np.linspace(0, 1, len(path)), [0, 0.15, 0.5, 1], [0.7, 1.0, 0.85, 0.2])[:, None] * width
    hair = np.array(c.design.hair) * 0.55 + np.array(c.design.skin) * 0.06
    canvas.soft(np.concatenate([path - [0, 1] * swell, (path + [0, 1] * swell)[::-1]]), tuple(hair), 0.92, 0.008)


def mouth_lines(e: Expression, opening: float, width: float) -> dict[str, np.ndarray]:
    """Right halves of the lips' four lines (N, 2), from the middle to the corner."""
    half = 0.5 * (width + 0.17 * e.smile + 0.15 * e.stretch - 0.07 * e.press - 0.05 * e.jaw - 0.02 * e.sneer
                  - 0.35 * max(0.0, opening - 0.2))
    lift = 0.085 * e.smile - 0.085 * e.droop - 0.03 * e.stretch - 0.02 * e.sneer
    y = MOUTH_Y - 0.02 * e.smile - 0.03 * e.sneer
    top = y - 0.28 * opening - 0.012 * e.sneer
    low = y + 0.72 * opening
    corner = (half, y + 0.10 * opening - lift)
    thick_top = 0.062 * (1 - 0.5 * e.press) * (1 - 0.25 * e.smile)
    thick_low = 0.092 * (1 - 0.5 * e.press) * (1 - 0.15 * e.smile)
    bend = 0.45  # how soon the line between the lips turns to the corner
    def line(middle: float, bulge: float) -> np.ndarray:
        y1 = middle + (corner[1] - middle) * 0.10 + bulge
        y2 = middle + (corner[1] - middle) * bend + bulge
        return np.array([(0, middle), (0.32 * half, y1), (0.68 * half, y2), corner])
    bow = line(top - thick_top, 0.0)
    bow[0, 1] += 0.014
    bow[1, 1] -= 0.012 - 0.02 * e.sneer * -1
    bow[3] = corner
    return {"outer_top": bow, "inner_top": line(top, 0.0), "inner_low": line(low, 0.0),
            "outer_low": line(low + thick_low, 0.0)}


def _mouth(canvas: Canvas, c: Character, e: Expression, opening: float, width: float) -> None:
    lines = {name: _whole(half) for name, half in mouth_lines(e, opening, width * c.design.mouth).items()}
    tone = c.tone["mouth"]
    lips, skin = np.array(c.design.lips) * tone, np.array(c.design.skin) * tone
    upper = np.concatenate([lines["outer_top"], lines["inner_top"][::-1]])
    lower = np.concatenate([lines["inner_low"], lines["outer_low"][::-1]])
    canvas.soft(lines["outer_low"][4:-4] + [0, 0.05], tuple(skin * [0.6, 0.48, 0.44]), 0.45, 0.03)
    if opening > 0.012:
        _inside(canvas, np.concatenate([lines["inner_top"], lines["inner_low"][::-1]]), lines, tone, opening,
                min(1.0, e.smile + 0.6 * e.sneer))
    canvas.fill(upper, tuple(np.clip(lips * 0.80, 0, 255)))
    canvas.fill(lower, tuple(np.clip(lips, 0, 255)))
    middle = lines["inner_low"][6:-6] * [0.6, 1] + [0, 0.035]
    canvas.soft(ribbon(middle, 0.02), tuple(np.clip(lips * 1.35 + 10, 0, 255)), 0.45, 0.014)
    if opening <= 0.03:
        canvas.soft(ribbon(lines["inner_top"], 0.014), tuple(lips * 0.3), 0.9, 0.006)
    for side in (-1, 1):
        corner = lines["inner_top"][-1] * [side, 1]
        canvas.soft(oval(float(corner[0]), float(corner[1]), 0.022, 0.022), tuple(skin * 0.4), 0.55, 0.014)


def _inside(canvas: Canvas, hole: np.ndarray, lines: dict[str, np.ndarray], tone: np.ndarray, opening: float,
            smile: float) -> None:
    """The open mouth: dark, with teeth above and a tongue below, cut off at the lips."""
    low, high = canvas.place(np.array([hole.min(0), hole.max(0)]))
    x0, y0 = np.floor(low).astype(int) - 1
    w, h = (np.ceil(high).astype(int) + 2 - [x0, y0]).tolist()
    patch = Canvas(np.empty((h, w, 3), np.uint8), canvas.scale, canvas.left + x0 / canvas.scale,
                   canvas.top + y0 / canvas.scale)
    patch.pixels[:] = np.array([52, 16, 18]) * np.minimum(tone, 1)
    top = lines["inner_top"]
    if opening > 0.10:
        patch.soft(oval(0, float(lines["inner_low"][:, 1].max()) - 0.01, 0.16, 0.35 * opening),
                   tuple(np.array([150, 62, 66]) * tone * 0.8), 0.9, 0.02)
    teeth = min(0.05, 0.3 * opening + 0.02 * smile)
    patch.fill(np.concatenate([top * [0.86, 1] - [0, 0.02], (top * [0.8, 1])[::-1] + [0, teeth]]),
               tuple(np.array([222, 216, 204]) * np.minimum(tone, 1.05) * (0.62 + 0.38 * smile)))
    mask = np.zeros((h, w), np.uint8)
    cv2.fillPoly(mask, [np.rint(patch.place(hole) * 2**SHIFT).astype(np.int32)], 255, cv2.LINE_AA, SHIFT)
    canvas.blend(mask, patch.pixels, 1.0, x0, y0)


def _folds(canvas: Canvas, c: Character, e: Expression) -> None:
    """Lines that an expression draws into the skin."""
    tone = c.tone["mouth"]
    dark = tuple(np.array(c.design.skin) * tone * [0.55, 0.42, 0.38])
    cheek = max(e.smile, 0.9 * e.sneer, 0.3 * e.stretch) + 0.25 * c.design.age
    for side in (-1, 1):
        fold = curve(np.array([(0.17, 0.47), (0.30, 0.60), (0.37 + 0.06 * e.smile, 0.80)]) * [side, 1])
        canvas.soft(ribbon(fold, 0.028), dark, 0.65 * min(1.0, cheek), 0.016)
        if e.knit > 0.1:
            line = curve(np.array([(0.055, -0.32), (0.045, -0.22), (0.06, -0.12)]) * [side, 1])
            canvas.soft(ribbon(line, 0.016), dark, 0.7 * min(1.0, e.knit), 0.01)
        if e.wrinkle > 0.1:
            for y in (0.06, 0.15, 0.24):
                line = curve(np.array([(0.02, y), (0.09, y - 0.03), (0.15, y + 0.02)]) * [side, 1])
                canvas.soft(ribbon(line, 0.014), dark, 0.7 * min(1.0, e.wrinkle), 0.01)
        if e.droop > 0.1:
            line = curve(np.array([(0.30, 0.86), (0.34, 0.95), (0.33, 1.04)]) * [side, 1])
            canvas.soft(ribbon(line, 0.016), dark, 0.45 * min(1.0, e.droop), 0.014)
    raised = max(e.inner, e.outer)
    if raised > 0.2:
        for y in (-0.50, -0.60, -0.69):
            line = curve(np.array([(-0.40, y + 0.05), (-0.15, y), (0.15, y), (0.40, y + 0.05)]))
            canvas.soft(ribbon(line, 0.012), dark, 0.5 * min(1.0, raised), 0.012)


def _whole(half: np.ndarray) -> np.ndarray:
    """Both halves of a symmetric line as one smooth curve, from left to right."""
    return curve(np.concatenate([half[:0:-1] * [-1, 1], half]))
