"""The instructions for the video LLM, from `prompts.toml` or a file of the user's own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dubctl.config import read_toml
from dubctl.emotion.scene_measure import hue_name
from dubctl.errors import UsageError

SHIPPED = Path(__file__).with_name("prompts.toml")
LIGHT = ((20, "very dark"), (40, "dark"), (60, "medium"), (80, "bright"), (101, "very bright"))  # L*
COLOUR = ((0.1, "almost grey"), (0.3, "muted"), (0.6, "moderate"), (1.01, "vivid"))  # HSV saturation


@dataclass(frozen=True)
class Prompts:
    """Scene and face instruction; `digest` tells two files apart."""

    scene: str
    face: str
    digest: str

    def of_scene(self, stats: Mapping[str, float]) -> str:
        """The scene instruction with the hue, lightness and saturation of `measure_scene`."""
        light, colour = stats["lightness"], stats["saturation"]
        return self.scene.format(hue=_hue(stats), lightness=f"{_word(light, LIGHT)} ({light:.0f} of 100)",
                                 saturation=f"{_word(colour, COLOUR)} ({100 * colour:.0f} of 100)")


def read_prompts(path: Path | None = None) -> Prompts:
    """The shipped instructions, or those in a TOML file with the keys scene and face.

    Raises:
        InputError: the file is missing. UsageError: a key is missing, or a placeholder is unknown.
    """
    table = read_toml(path or SHIPPED)
    where = str(path or SHIPPED)
    for key in ("scene", "face"):
        if not isinstance(table.get(key), str) or not table[key].strip():
            raise UsageError(f"{where}: '{key}' is missing", "see the shipped prompts.toml")
    scene, face = (" ".join(table[key].split()) for key in ("scene", "face"))
    try:
        scene.format(hue="", lightness="", saturation="")
    except (KeyError, IndexError, ValueError) as err:
        raise UsageError(f"{where}: scene: unknown placeholder {err}", "known: hue, lightness, saturation") from err
    return Prompts(scene, face, hashlib.sha256(f"{scene}\0{face}".encode()).hexdigest()[:12])


def _hue(stats: Mapping[str, float]) -> str:
    """A colourless scene has no hue worth naming."""
    if stats["chroma"] < 4:
        return "none (colourless)"
    return f"{hue_name(stats['hue'])} ({stats['hue']:.0f} degrees)"


def _word(value: float, steps: tuple[tuple[float, str], ...]) -> str:
    return next((word for edge, word in steps if value < edge), steps[-1][1])
