import numpy as np
import pytest

from dubctl.emotion import face_measure
from dubctl.emotion.base import FaceEmotion
from dubctl.emotion.face import LiteFaceExtractor
from dubctl.emotion.face_choose import lip_track, median3, speaking_face
from dubctl.emotion.face_detect import FaceDetector, overlap
from dubctl.emotion.face_mesh import FaceMesh, Roi, box_of
from dubctl.emotion.face_track import FacePath, FaceTracker
from dubctl.emotion.lips import speech_window
from dubctl.media.frames import read_frames
from tests.emotion.vision import EXAMPLES, HashEncoder


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return read_frames(EXAMPLES / "clip.mp4")


@pytest.fixture(scope="module")
def extractor() -> LiteFaceExtractor:
    return LiteFaceExtractor(HashEncoder())


@pytest.fixture(scope="module")
def result(frames: np.ndarray, extractor: LiteFaceExtractor) -> FaceEmotion:
    return extractor.extract(frames)


def test_a_talking_face_is_seen_in_every_frame(result: FaceEmotion) -> None:
    assert result.coverage == 1.0 and result.lips.visible.all()
    assert result.lips.opening.shape == result.lips.width.shape == (75,)
    assert result.vector is not None and result.vector.shape == (16,)
    assert result.stats["expression_neutral"] > 0.5 and "calm" in result.caption  # a corpus read with a straight face
    assert 0.1 < result.stats["face_width"] < 0.4


def test_lips_shut_before_the_speech_and_open_in_it(result: FaceEmotion) -> None:
    opening = result.lips.opening
    assert opening[:6].max() < 0.02 < 0.08 < opening[15:46].max()
    window = speech_window(result.lips)
    assert window is not None and 0.25 < window[0] < 0.7 and 1.6 < window[1] < 2.3  # "lay … now": 0.5 to 1.9 s


def test_detector_and_mesh_agree_on_the_face(frames: np.ndarray) -> None:
    found = FaceDetector().detect(frames[0])
    assert len(found) == 1 and found[0].score > 0.7
    eye_left, eye_right, nose, mouth = found[0].keypoints[:4]
    assert eye_left[0] < nose[0] < eye_right[0] and eye_left[1] < nose[1] < mouth[1]
    points, flag = FaceMesh().run(frames[0], Roi.of_detection(found[0]))
    assert flag > 0.9 and overlap(box_of(points), found[0].box) > 0.4
    assert np.linalg.norm(points[13, :2] - mouth) < 0.25 * np.linalg.norm(points[263, :2] - points[33, :2])


def test_a_tilted_head_gives_the_same_mouth(frames: np.ndarray) -> None:
    import cv2

    frame, (h, w) = frames[37], frames[37].shape[:2]
    turned = cv2.warpAffine(frame, cv2.getRotationMatrix2D((w / 2, h / 2), 20, 1.0), (w, h))
    straight, tilted = (face.landmarks[0][None] for face in
                        (speaking_face(picture[None], FaceTracker()) for picture in (frame, turned)))
    for measure in (face_measure.opening, face_measure.width, face_measure.brows):
        assert measure(tilted)[0] == pytest.approx(measure(straight)[0], abs=0.03)


def test_a_small_face_is_found_by_tiles(frames: np.ndarray) -> None:
    import cv2

    wide = np.full((216, 640, 3), 60, np.uint8)
    wide[100:200, 500:625] = cv2.resize(frames[0], (125, 100), interpolation=cv2.INTER_AREA)
    assert not FaceDetector().detect(wide)
    path = speaking_face(np.stack([wide] * 3), FaceTracker())
    assert path.seen.all() and 500 < path.landmarks[0, 1, 0] < 625


def test_of_two_faces_the_speaking_one_is_taken(frames: np.ndarray) -> None:
    still = np.repeat(frames[:1], 30, axis=0)
    for pair, left in ((np.concatenate([frames[12:42], still], 2), True),
                       (np.concatenate([still, frames[12:42]], 2), False)):
        nose = speaking_face(pair[:, 20:], FaceTracker()).landmarks[:, 1, 0]
        assert ((nose < 360) == left).all()


def test_a_cut_starts_anew_and_gaps_are_bridged(frames: np.ndarray) -> None:
    black = np.zeros_like(frames[:6])
    path = speaking_face(np.concatenate([frames[:8], black, frames[40:48]]), FaceTracker())
    assert path.seen.tolist() == [True] * 8 + [False] * 6 + [True] * 8
    track = lip_track(path, [8, 14])
    assert track.visible.sum() == 16
    ends = track.opening[7], track.opening[14]
    np.testing.assert_allclose(track.opening[7:15], np.linspace(*ends, 8), atol=1e-6)


@pytest.mark.parametrize("hidden", [slice(0, 0), slice(0, 45), slice(30, 75)])  # the middle is frame 37
def test_both_halves_of_a_shot_at_once_see_what_one_pass_sees(frames: np.ndarray, hidden: slice,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    shot = frames.copy()
    shot[hidden] = 0
    halves, = FaceTracker().follow(shot)
    monkeypatch.setattr("dubctl.emotion.face_track.HALVED", 1000)
    once, = FaceTracker().follow(shot)
    assert (halves.seen == once.seen).mean() > 0.97 and not halves.seen[hidden].any()
    both = halves.seen & once.seen
    assert np.abs(halves.landmarks[both, :, :2] - once.landmarks[both, :, :2]).mean() < 0.5  # pixels


def test_two_faces_beside_a_cut_are_not_one_that_changes(extractor: LiteFaceExtractor) -> None:
    film = extractor.extract(read_frames(EXAMPLES / "film.mp4"))  # an old man speaks, then a young woman listens
    assert film.coverage > 0.9
    assert film.stats["head_motion"] < 0.06 and "the head moves" not in film.caption
    window = speech_window(film.lips)
    assert window is not None and window[0] < 0.6 and 1.6 < window[1] < 2.2  # heard from 0.25 s; the cut is at 2.0 s


def test_no_face_is_said_and_has_no_vector(extractor: LiteFaceExtractor) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (6, 90, 160, 3)).astype(np.uint8)
    for frames in (noise, np.zeros((1, 90, 160, 3), np.uint8)):
        result = extractor.extract(frames)
        assert (result.caption, result.vector, result.profile) == ("No face is visible.", None, None)
        assert result.coverage == 0
        assert result.lips.opening.shape == (len(frames),) and not result.lips.visible.any()
        assert speech_window(result.lips) is None


def test_one_frame_spikes_are_taken_out() -> None:
    assert median3(np.array([0, 0, 9, 0, 0])).tolist() == [0, 0, 0, 0, 0]
    assert median3(np.array([0, 0, 5, 6, 7])).tolist() == [0, 0, 5, 6, 7]
    assert median3(np.array([3.0])).tolist() == [3]


def test_a_path_without_sightings_is_an_empty_track() -> None:
    track = lip_track(FacePath.empty(4))
    assert not track.visible.any() and not track.opening.any()
