import cv2
import numpy as np

from dubctl.emotion.shots import find_cuts, shots


def picture(seed: int, level: float = 0.5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = (rng.random((6, 9, 3)) * 2 * level * 255).clip(0, 255).astype(np.uint8)
    return cv2.resize(coarse, (96, 64), interpolation=cv2.INTER_CUBIC)


def test_cuts_are_found_and_motion_is_not_one() -> None:
    pan = [np.roll(picture(1), i, axis=1) for i in range(12)]
    frames = np.stack([*pan, *[picture(2)] * 10, *[picture(3)] * 10])
    assert find_cuts(frames) == [12, 22]
    assert shots(frames) == [(0, 12), (12, 22), (22, 32)]


def test_a_cut_between_dark_shots_is_found() -> None:
    frames = np.stack([*[picture(4, 0.07)] * 8, *[picture(5, 0.07)] * 8])
    assert frames.max() < 60 and find_cuts(frames) == [8]


def test_fades_and_a_moving_arm_are_not_cuts() -> None:
    fade = np.stack([(picture(6) * (1 - i / 20)).astype(np.uint8) for i in range(20)])
    assert find_cuts(fade) == []
    arm = np.stack([picture(7)] * 20)
    for i in range(20):
        arm[i, 10:40, 4 * i:4 * i + 12] = 250
    assert find_cuts(arm) == []


def test_one_frame_is_one_shot() -> None:
    assert shots(picture(8)[None]) == [(0, 1)]
