"""What a character looks like: drawn from the speaker's name, so that one voice always has one face."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from drawn.strokes import Colour

SKINS: tuple[Colour, ...] = ((246, 214, 190), (238, 196, 165), (224, 178, 142), (203, 152, 114), (168, 117, 82),
                             (128, 86, 60), (232, 190, 170))
HAIRS: tuple[Colour, ...] = ((38, 28, 24), (70, 46, 30), (112, 72, 40), (168, 116, 60), (206, 168, 100), (140, 58, 32),
                             (24, 24, 30))
GREY: Colour = (186, 184, 182)
IRISES: tuple[Colour, ...] = ((84, 56, 34), (60, 96, 60), (70, 112, 150), (110, 86, 44), (50, 40, 36))
STYLES = {"woman": ("long", "bob", "bun", "long", "curls"), "man": ("short", "short", "crew", "bald", "swept")}


@dataclass(frozen=True)
class FaceDesign:
    """Build and colours of a face. Widths and heights are factors of the average; age is 0 (young) .. 1 (old)."""

    skin: Colour
    hair: Colour
    style: str
    iris: Colour
    lips: Colour
    cloth: Colour
    width: float = 1.0
    jaw: float = 1.0
    chin: float = 1.0
    nose: float = 1.0
    eyes: float = 1.0
    brow: float = 1.0
    mouth: float = 1.0
    age: float = 0.0
    woman: bool = True


def design_of(speaker: str, gender: str = "") -> FaceDesign:
    """The face of a voice: a function of its name alone (and of "f…" / "m…" where the gender is known)."""
    seed = int.from_bytes(hashlib.sha256(speaker.encode()).digest()[:8], "little")
    rng = np.random.default_rng(seed)
    woman = gender[:1].lower() in ("f", "w") if gender else _named_woman(speaker, bool(rng.random() < 0.5))
    skin = SKINS[rng.integers(len(SKINS))]
    age = float(rng.choice([0.0, 0.15, 0.4, 0.8], p=[0.35, 0.3, 0.2, 0.15]))
    hair = np.array(HAIRS[rng.integers(len(HAIRS))] if sum(skin) > 400 else HAIRS[rng.integers(2)], float)
    hair = hair + (np.array(GREY) - hair) * max(0.0, age - 0.3) * 1.4
    rose = np.array([198, 92, 92] if woman else [176, 100, 88], float)
    lips = rose + (np.array(skin, float) * 0.72 - rose) * (0.35 if woman else 0.6)
    styles = STYLES["woman" if woman else "man"]
    cloth = np.array([*rng.uniform(50, 200, 3)])
    near = rng.normal(0, 1, 7).clip(-1.7, 1.7)
    return FaceDesign(
        skin, _colour(hair), styles[rng.integers(len(styles))], IRISES[rng.integers(len(IRISES))], _colour(lips),
        _colour(cloth), 1 + 0.035 * near[0], (0.94 if woman else 1.04) + 0.04 * near[1], 1 + 0.03 * near[2],
        (0.95 if woman else 1.05) + 0.06 * near[3], (1.06 if woman else 0.97) + 0.04 * near[4],
        (0.8 if woman else 1.15) + 0.1 * near[5], 1 + 0.04 * near[6], age, woman)


def _named_woman(speaker: str, otherwise: bool) -> bool:
    """Kokoro's voices are named af_…, bm_… (accent, gender)."""
    head = speaker.split("_")[0]
    return head[1] == "f" if len(head) == 2 and head[0] in "ab" and head[1] in "fm" else otherwise


def _colour(rgb: np.ndarray) -> Colour:
    return float(rgb[0]), float(rgb[1]), float(rgb[2])
