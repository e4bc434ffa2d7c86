import cv2
import numpy as np
import pytest

from dubctl.emotion.scene import LiteSceneExtractor
from dubctl.emotion.scene_measure import hue_name, measure_scene
from tests.emotion.vision import HashEncoder


def flat(colour: tuple[int, int, int], frames: int = 20) -> np.ndarray:
    return np.full((frames, 54, 96, 3), colour, np.uint8)


def caption(frames: np.ndarray) -> str:
    return LiteSceneExtractor(HashEncoder()).extract(frames).caption


@pytest.mark.parametrize(("colour", "words"), [
    ((8, 14, 45), "dark, cold deep blue"), ((250, 215, 150), "bright, warm"), ((0, 0, 0), "black"),
    ((128, 128, 128), "colourless grey"), ((180, 20, 20), "red")])
def test_colours_are_named(colour: tuple[int, int, int], words: str) -> None:
    assert words in caption(flat(colour))


def test_moods_follow_pleasure_and_arousal() -> None:
    gloomy, sunny = caption(flat((10, 14, 24))), caption(flat((250, 220, 150)))
    assert "gloomy" in gloomy and "nearly still" in gloomy
    assert "happy" in sunny
    rng = np.random.default_rng(0)
    stirred = flat((70, 5, 5))
    for i in range(20):
        x, y = rng.integers(0, 60), rng.integers(0, 30)
        stirred[i, y:y + 24, x:x + 36] = (120, 8, 8)
    assert any(word in caption(stirred) for word in ("violent", "threatening", "tense")), caption(stirred)


def test_measures_of_known_pictures() -> None:
    stats = measure_scene(flat((0, 0, 255)))
    assert stats["hue"] == pytest.approx(240, abs=1) and stats["hue_unity"] > 0.99 and stats["saturation"] > 0.99
    assert stats["lightness"] == pytest.approx(32.3, abs=0.5) and stats["contrast"] < 0.01 and stats["motion"] == 0
    half = flat((0, 0, 0))
    half[:, :, 48:] = 255
    assert measure_scene(half)["contrast"] == pytest.approx(50, abs=2)
    assert measure_scene(half)["dark_share"] == pytest.approx(0.5, abs=0.03)


def test_letterbox_bars_do_not_darken_the_scene() -> None:
    rng = np.random.default_rng(1)
    inner = cv2.resize(rng.integers(120, 200, (5, 9, 3), np.uint8), (96, 54))
    boxed = np.zeros((20, 90, 96, 3), np.uint8)
    boxed[:, 18:72] = inner
    assert measure_scene(boxed)["lightness"] == pytest.approx(measure_scene(np.stack([inner] * 20))["lightness"], abs=1)


def test_change_and_cuts_are_told() -> None:
    fade = np.stack([np.full((54, 96, 3), int(200 - 9 * i), np.uint8) for i in range(20)])
    assert "sinks into darkness" in caption(fade) and "grows brighter" in caption(fade[::-1])
    rng = np.random.default_rng(2)
    pictures = [cv2.resize(rng.integers(0, 255, (5, 9, 3), np.uint8), (96, 54)) for _ in range(3)]
    cut = np.stack([picture for picture in pictures for _ in range(7)])
    assert "quickly cut" in caption(cut)
    assert measure_scene(cut)["cuts_per_second"] == pytest.approx(2 * 25 / 21)


def test_the_result_is_complete_and_repeats() -> None:
    extractor = LiteSceneExtractor(HashEncoder())
    one, two = (extractor.extract(flat((40, 80, 60))) for _ in range(2))
    assert one.caption == two.caption and (one.vector == two.vector).all()
    assert one.vector.shape == (extractor.space.dim,) and one.profile.shape == (7,) and one.vector.dtype == np.float32
    assert all(np.isfinite(value) for value in one.stats.values())
    assert extractor.space != HashEncoder.space  # captions of other words are another space
    assert extractor.extract(flat((9, 9, 9), 1)).caption  # one frame is enough


def test_every_hue_has_a_name() -> None:
    assert {hue_name(degrees) for degrees in range(0, 720, 5)} >= {"red", "orange", "yellow", "green", "blue", "purple"}
