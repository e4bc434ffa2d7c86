"""One scene on stage: the place, its light and colours, the camera; and a character's performance in front of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from drawn.design import FaceDesign
from drawn.expression import Expression
from drawn.face import FacePainter, Placement, Pose
from drawn.head import Light, make_character
from drawn.looks import Look
from drawn.mouth import FPS, REST_WIDTH, Mouth
from drawn.places import make_place
from dubctl.emotion.scene_measure import measure_scene

SIZE = (320, 180)  # width, height of the films
MARGIN = 1.28  # the place is drawn larger than the picture, so that the camera can move
COLOUR = 0.45  # how much of the drawing's own colours the grading leaves
REHEARSAL = 16  # frames drawn to find how much the camera must move
LUMA = np.array([0.299, 0.587, 0.114])
FLICKER, SHAKE, FLECKS = 0.025, 1.1, 9  # light (share), camera (pixels), drifting specks at restlessness 1
MOST = 7.0  # restlessness
SHUT = np.array([0.35, 1.0, 0.85, 0.3])  # of a blink


@dataclass(frozen=True)
class Performance:
    """What a character does in a clip of N pictures: mouth, expression at its height, liveliness of the head 0..2."""

    mouth: Mouth
    expression: Expression
    lively: float
    seed: int


class Stage:
    """Draws clips of one scene.

    Args:
        place: one of `drawn.places.PLACES`. distance: eye distance over picture height. seed: props, light, camera.
    """

    def __init__(self, place: str, look: Look, distance: float, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.look, self._eye = look, distance * SIZE[1]
        self._plate = make_place(place, round(SIZE[0] * MARGIN), round(SIZE[1] * MARGIN), seed)
        if look.lightness < 40:  # in the dark, what is far gets less light than the face
            self._plate = (self._plate * (0.45 + 0.01 * look.lightness)).astype(np.uint8)
        side = float(rng.choice([-1, 1]))
        fill = 0.62 - 0.34 * look.hard
        self._light = Light((side * (0.25 + 0.4 * look.hard), -0.5, 0.8 - 0.15 * look.hard), (1.02, 0.99, 0.95),
                            (fill, fill * 1.02, fill * 1.06))
        self._stand = (SIZE[0] * (0.5 + 0.06 * rng.uniform(-1, 1)), SIZE[1] * (0.40 + 0.02 * rng.uniform(-1, 1)))
        self._painters: dict[FaceDesign, FacePainter] = {}
        self.restless = 0.0  # how much camera and light move; found by `rehearse`

    def rehearse(self, design: FaceDesign) -> None:
        """Find the restlessness at which the picture moves as the look asks (two secant steps)."""
        frames = REHEARSAL
        wave = 0.05 * (1 - np.cos(np.arange(frames) * 1.5))
        speech = Performance(Mouth(wave, np.full(frames, REST_WIDTH), wave * 10, np.ones(frames)), Expression(), 0.7, 1)

        def motion(restless: float) -> float:
            self.restless = restless
            return measure_scene(self.clip(design, speech))["motion"]

        still, some = motion(0.0), motion(1.0)
        guess = float(np.clip((self.look.motion - still) / max(some - still, 0.05), 0, MOST))
        found = motion(guess)
        step = (found - still) / max(guess, 1e-3)
        self.restless = float(np.clip((self.look.motion - still) / max(step, 0.05), 0, MOST))

    def clip(self, design: FaceDesign, performance: Performance) -> np.ndarray:
        """Frames (N, H, W, 3) uint8 RGB."""
        if design not in self._painters:
            self._painters[design] = FacePainter(make_character(design, 2 * self._eye, self._light))
        painter, mouth = self._painters[design], performance.mouth
        count = len(mouth.opening)
        rng = np.random.default_rng(performance.seed)
        poses, heights = _acting(performance, rng)
        shake = self.restless * SHAKE * np.stack([wander(count, 0.13, rng) for _ in range(2)], 1)
        shake += min(1.0, self.look.motion) * np.stack([wander(count, 1.6, rng) for _ in range(2)], 1)
        shake = np.clip(shake, -0.10 * SIZE[1], 0.10 * SIZE[1])
        flicker = wander(count, 0.06, rng)
        flicker = np.clip(1 + self.restless * FLICKER * (flicker - flicker.mean()), 0.55, 1.45)
        flecks = _Flecks(round(self.restless * FLECKS), self.look.lightness > 40, rng)
        frames = np.empty((count, SIZE[1], SIZE[0], 3), np.uint8)
        for i in range(count):
            frames[i] = self._backdrop(shake[i])
            flecks.onto(frames[i])
            painter.onto(frames[i], _at_height(performance.expression, float(heights[i])), poses[i],
                         Placement(self._eye, self._stand[0] + shake[i, 0], self._stand[1] + shake[i, 1]))
        gains = grade(frames[::max(1, count // 6)], self.look)
        for i in range(count):
            frames[i] = graded(frames[i], gains * flicker[i])
        return frames

    def _backdrop(self, shake: np.ndarray) -> np.ndarray:
        x, y = (MARGIN - 1) / 2 * np.array(SIZE) - 0.8 * shake
        move = np.array([[1, 0, -x], [0, 1, -y]])
        return cv2.warpAffine(self._plate, move, SIZE, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


class _Flecks:
    """Specks that drift through the air behind the character: embers and dust in the dark, petals in the light."""

    def __init__(self, count: int, bright: bool, rng: np.random.Generator) -> None:
        self._at = rng.uniform((0, 0), SIZE, (count, 2))
        self._by = np.stack([rng.normal(0, 3, count), rng.uniform(3, 9, count) * (1 if bright else -1)], 1)
        self._size = rng.uniform(2.0, 5.5, count)
        tone = rng.uniform(60, 255, (count, 1)) if bright else rng.uniform(170, 255, (count, 1))
        self._colours = np.clip(tone * rng.uniform(0.6, 1.1, (count, 3)), 0, 255)

    def onto(self, frame: np.ndarray) -> None:
        """Draw them and move on by one picture."""
        for (x, y), size, colour in zip(np.rint(self._at * 16).astype(int).tolist(), self._size,
                                        self._colours.tolist(), strict=True):
            cv2.circle(frame, (x, y), round(size * 16), colour, -1, cv2.LINE_AA, 4)
        self._at = (self._at + self._by) % SIZE


def _at_height(expression: Expression, height: float) -> Expression:
    """An expression that swells in all but the parts of the mouth, which speech alone moves."""
    swollen = expression.scaled(height)
    return replace(swollen, jaw=expression.jaw, smile=expression.smile, droop=expression.droop,
                   stretch=expression.stretch, press=expression.press)


def grade(frames: np.ndarray, look: Look) -> np.ndarray:
    """Gains (3,) of the colours that bring pictures' mean Lab colour to the look's, as coloured light would."""
    small = np.concatenate([cv2.resize(frame, (48, 27), interpolation=cv2.INTER_AREA) for frame in frames])
    goal, gains = np.array([look.lightness, look.a, look.b]), np.ones(3)
    aim = goal.copy()
    for turn in range(16):
        mean = _mean_lab(graded(small, gains))
        if turn < 11:
            gains = np.clip(gains * ((_rgb_of(aim) + 2e-3) / (_rgb_of(mean) + 2e-3)) ** 0.9, 0.03, 12.0)
            aim = aim + 0.3 * (goal - mean)
        else:  # where the gamut cannot give both, lightness comes first
            gains = np.clip(gains * (goal[0] + 5) / (mean[0] + 5), 0.02, 12.0)
    return gains


def graded(frame: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """A frame (H, W, 3) uint8 with its colours muted, and dimmed or lit by gains (3,).

    A gain above 1 bends the tones towards white and clips none, so that a face in bright light keeps its features.
    """
    tones = np.linspace(0, 1, 256)[:, None]
    curves = tones * gains / (1 + np.maximum(gains - 1, 0) * tones)
    table = np.clip(255 * curves + 0.5, 0, 255).astype(np.uint8)
    muted = cv2.transform(frame, COLOUR * np.eye(3) + (1 - COLOUR) * np.tile(LUMA, (3, 1)))
    return cv2.LUT(muted, table[None])


def wander(count: int, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise (count,) of about unit size that changes its mind every `seconds`."""
    reach = seconds * FPS
    taps = np.arange(-round(3 * reach) - 1, round(3 * reach) + 2)
    kernel = np.exp(-0.5 * (taps / reach) ** 2)
    return np.convolve(rng.normal(0, 1, count + len(taps) - 1), kernel / np.linalg.norm(kernel), "valid")


def _acting(performance: Performance, rng: np.random.Generator) -> tuple[list[Pose], np.ndarray]:
    """Poses of every picture and how high the expression stands (N,): it comes up, holds, and swells with the voice."""
    mouth, count = performance.mouth, len(performance.mouth.opening)
    live, down = performance.lively, performance.expression.down
    yaw, pitch, roll, dx, dy = (wander(count, s, rng) for s in (0.8, 0.6, 0.9, 1.0, 0.8))
    nod = np.convolve(np.pad(mouth.loudness, 3, "edge"), np.ones(7) / 7, "valid")
    blink = np.zeros(count)
    at = float(rng.uniform(0.3, 2.5)) * FPS
    while at < count - len(SHUT):
        blink[int(at):int(at) + len(SHUT)] = SHUT
        at += float(rng.uniform(1.8, 4.5)) * FPS
    gaze = np.repeat(rng.normal(0, 0.3, (count // 18 + 1, 2)), 18, 0)[:count]
    rise = np.clip(np.arange(count) / FPS / 0.5, 0, 1)
    heights = (0.7 + 0.3 * rise) * (0.92 + 0.12 * nod) + 0.03 * wander(count, 0.5, rng)
    tracks = np.stack([
        mouth.opening, mouth.width, blink, gaze[:, 0], gaze[:, 1], np.clip(0.35 * live * yaw, -1, 1),
        np.clip(0.25 * live * pitch + 0.35 * live * (nod - 0.4) + 0.5 * down, -1, 1), 0.035 * live * roll,
        0.02 * live * dx, 0.015 * live * dy + 0.04 * down, mouth.slack], 1)
    poses = [Pose(o, w, b, (gx, gy), y, p, r, (x, z), s) for o, w, b, gx, gy, y, p, r, x, z, s in tracks.tolist()]
    return poses, heights


def _mean_lab(pixels: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).reshape(-1, 3).mean(0).astype(np.float64)


def _rgb_of(lab: np.ndarray) -> np.ndarray:
    pixel = np.array([[[np.clip(lab[0], 1, 99), lab[1], lab[2]]]], np.float32)
    return np.clip(cv2.cvtColor(pixel, cv2.COLOR_LAB2RGB)[0, 0].astype(np.float64), 0, 1)
