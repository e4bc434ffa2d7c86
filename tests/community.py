"""The community's datasets in miniature: the real file names and formats, real (tiny) media, made on the spot."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile as sf

from tests.emotion.paper import tiny
from tests.library.conftest import ffmpeg

EXAMPLES = Path(__file__).parents[1] / "examples"
# (start, end, words) of examples/voice.wav: each piece is a line
PIECES = ((0.0, 1.5, "One great drawback"), (1.4, 2.9, "to farming in California"), (2.8, 4.2, "is our long"),
          (3.4, 5.0, "long dry summer"))
SPEAKERS = {"Bossbaby@BossBaby": 5, "Bossbaby@Tim": 4, "Frozen@Elsa": 4}
CODES = ("bbaf2n", "bwba2a", "lrbk9s", "pgwi7p", "swin5n")
PHONES = "W AH1 N G R EY1 T"
EMOTIONS = (3, 0, 4, 5, 2, 1, 7)


def _paper(folder: Path) -> dict[str, str]:
    return {"DUBCTL_CONFIG": str(tiny.project(folder))}


# Profiles that the whole path is run with: each makes what it needs in a folder and returns the environment to run in.
PROFILES: dict[str, Callable[[Path], dict[str, str]]] = {"lite": lambda folder: {}, "paper": _paper}


def v2c_ids() -> list[str]:
    return [f"{who}_00_{number:04d}_00" for who, count in SPEAKERS.items() for number in range(count)]


def speak(path: Path, place: int) -> Path:
    """A spoken line as a wav; lines of the same words differ in loudness, or they would be one clip under two names."""
    start, end, _ = PIECES[place % len(PIECES)]
    wav, rate = sf.read(EXAMPLES / "voice.wav", dtype="float32")
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, wav[int(start * rate): int(end * rate)] * (1 - 0.02 * place), rate)
    return path


def film(path: Path, grey: int, seconds: float = 1.4) -> Path:
    """A silent picture of one grey."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ffmpeg("-f", "lavfi", "-i", f"color=c=0x{grey:02x}{grey:02x}{grey:02x}:s=64x48:r=25", "-t", seconds,
           "-pix_fmt", "yuv420p", path)
    return path


def v2c_annotations(folder: Path) -> None:
    """emotions.json and movie_speaker_id.json, public with the V2C paper; one annotated clip has no media."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = {id: EMOTIONS[place % len(EMOTIONS)] for place, id in enumerate(v2c_ids())}
    (folder / "emotions.json").write_text(json.dumps(labels))
    films: dict[str, dict[str, list[str]]] = {}
    for who, count in SPEAKERS.items():
        films.setdefault(who.split("@")[0], {})[who.split("@")[1]] = [f"{number:04d}" for number in range(count)]
    films["Frozen"]["Olaf"] = ["0099"]
    (folder / "movie_speaker_id.json").write_text(json.dumps(films))


def v2c_raw(root: Path, pictures: bool = True) -> Path:
    """What the V2C toolkit writes."""
    for place, id in enumerate(v2c_ids()):
        movie, rest = id.split("@")
        who, number = rest.removesuffix("_00").rsplit("_00_", 1)
        stem = root / movie / f"{movie}_speeches" / who / "00" / f"{who}-00-{number}"
        speak(stem.with_name(stem.name + ".wav"), place)
        stem.with_name(stem.name + ".normalized.txt").write_text(PIECES[place % len(PIECES)][2] + "\n")
        if pictures:
            film(root / movie / f"{movie}_videos" / who / f"{number}.mp4", 40 + 12 * place)
    v2c_annotations(root)
    return root


def v2c_produbber(root: Path) -> Path:
    """The toolkit's clips with ProDubber's public split lists beside them, Data/V2C_train.txt and V2C_val.txt."""
    v2c_raw(root / "V2C")
    numbers = {who: place for place, who in enumerate(SPEAKERS)}
    whose = [(id, id.split("_00_")[0]) for id in v2c_ids()]
    train, val = _released([f"{who}/{id}.wav|wˈʌn ɡɹˈeɪt|{numbers[who]}" for id, who in whose])
    (root / "Data").mkdir()
    (root / "Data" / "V2C_train.txt").write_text("\n".join(train) + "\n")
    (root / "Data" / "V2C_val.txt").write_text("\n".join(val) + "\n")
    return root


def v2c_denoise2(root: Path, features: bool = True, setting3: bool = True) -> Path:
    """The "chenqi-Denoise2" download: cleaned wavs and labels, lists, and the feature folder beside them."""
    wavs, feature = root / "wav_22050_chenqi_clean_Denoise_version2_all", root / "Denoise_version2_all_feature"
    feature.mkdir(parents=True)
    lines = []
    for place, id in enumerate(v2c_ids()):
        who, text = id.split("_00_")[0], PIECES[place % len(PIECES)][2]
        speak(wavs / who / f"{id}.wav", place)
        (wavs / who / f"{id}.lab").write_text(text + "\n")
        lines.append(f"{id}|{who}|{{{PHONES}}}|{text}")
    train, val = _released(lines)
    (feature / "train.txt").write_text("\n".join(train) + "\n")
    (feature / "val.txt").write_text("\n".join(val) + "\n")
    v2c_annotations(feature)
    (feature / "speakers.json").write_text(json.dumps({who: place for place, who in enumerate(SPEAKERS)}))
    rows = [line.split("|") for line in val]
    (feature / "Refrence_Setting2.txt").write_text("".join(
        f"{id}|{{{PHONES}}}|{who}|{next(other for other in v2c_ids() if other.startswith(who) and other != id)}|"
        f"{{{PHONES}}}\n" for id, who, _, _ in rows))
    if setting3:
        (feature / "V2C_Setting3.txt").write_text("".join(
            f"{id}|{{{PHONES}}}|s6-{CODES[place % len(CODES)]}|{{{PHONES}}}\n" for place, (id, *_) in enumerate(rows)))
    rng = np.random.default_rng(1)
    for id in v2c_ids():
        who = id.split("_00_")[0]
        save(feature / "extrated_embedding_V2C_gray" / f"{who}-face-{id}.npy", rng.standard_normal((35, 512)))
    if features:
        emotion_features(feature, train)
    return root


def _released(lines: list[str]) -> tuple[list[str], list[str]]:
    val = [line for place, line in enumerate(lines) if place % 4 == 3]
    return [line for line in lines if line not in val], val


def emotion_features(folder: Path, train: list[str]) -> None:
    """Vectors and retrieval lists as the Authentic-Dubber release expects them, 16-d instead of 1024-d."""
    rng = np.random.default_rng(0)
    library = [line.split("|")[0] for line in train]
    for id in v2c_ids():
        who = id.split("_00_")[0]
        save(folder / "scene_emo_roberta" / f"{id}-scene_attri_emo.npy", rng.standard_normal((1, 16)))
        save(folder / "face_emo_roberta" / f"{id}-face_caption.npy", rng.standard_normal((1, 16)))
        save(folder / "text_cat_react_emb_reberta" / f"{id}-text_cat_react-{who}.npy", rng.standard_normal((1, 32)))
        save(folder / "audio_emo" / f"{id}-audio_emo-{who}.npy", rng.standard_normal((1, 12)))
        save(folder / "emos" / f"{who}-emo-{id}.npy", rng.standard_normal(8))
        save(folder / "VA_feature" / f"{who}-feature-{id}.npy", rng.standard_normal((35, 10)))
        for name, ending in (("{}-scene_attri_emo.npy", "-scene_attri_emo.npy"), ("{}-face_caption.npy",
                             "-face_caption.npy"), ("{}", "-text_emo.npy")):
            order = [id] * (id in library) + [str(other) for other in rng.permutation(library) if other != id]
            path = folder / "retrieval_results" / f"{name.format(id)}_top_100.json"
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps([{"file_name": other + ending, "similarity": 1.0} for other in order]))


def save(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, values.astype(np.float32))


def grid(root: Path, speakers: tuple[str, ...] = ("s6",), pictures: bool = False) -> Path:
    """GRID as distributed: audio_25k/s6/bbaf2n.wav, video/s6/bbaf2n.mpg, align/s6/bbaf2n.align."""
    for who in speakers:
        for place, code in enumerate(CODES):
            speak(root / "audio_25k" / who / f"{code}.wav", place)
            align = root / "align" / who / f"{code}.align"
            align.parent.mkdir(parents=True, exist_ok=True)
            align.write_text("0 14250 sil\n14250 21000 bin\n")
            if pictures:
                film(root / "video" / who / f"{code}.mpg", 60 + 20 * place)
    return root


def grid_resampled(root: Path, speakers: tuple[str, ...] = ("s6", "s20")) -> Path:
    """Grid_resample_ABS: s6/s6-bbaf2n.wav and .lab, with the papers' lists."""
    lines = []
    for who in speakers:
        for place, code in enumerate(CODES):
            speak(root / who / f"{who}-{code}.wav", place)
            (root / who / f"{who}-{code}.lab").write_text("bin blue at f two now\n")
            lines.append(f"{who}-{code}|{who}|{{{PHONES}}}|bin blue at f two now")
    train, val = _released(lines)
    (root / "train.txt").write_text("\n".join(train) + "\n")
    (root / "val.txt").write_text("\n".join(val) + "\n")
    (root / "Refrence_list_self.txt").write_text("".join(
        f"{id}|{{{PHONES}}}|{who}|{who}-{CODES[0]}|{{{PHONES}}}\n" for id, who, _, _ in (v.split("|") for v in val)))
    return root
