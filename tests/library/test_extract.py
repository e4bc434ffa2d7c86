"""Extraction: what a library then holds, and that neither kills, bad clips nor workers change it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dubctl.errors import InputError, UsageError
from dubctl.library.extract import ExtractReport, extract_dataset
from dubctl.library.footage import footage_digests
from dubctl.library.journal import locked
from dubctl.library.store import Library
from tests.library import fakes
from tests.library.conftest import ffmpeg, make_clip, make_tone

FILES = ("library.json", "clips.jsonl", "vectors.safetensors", "lips.safetensors")


def extract(dataset: Path, out: Path, **more: object) -> ExtractReport:
    return extract_dataset(dataset, out, fakes.load_fake(), **more)


def contents(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in FILES}


def edit(dataset: Path, change) -> None:
    manifest = dataset / "manifest.jsonl"
    rows = change([json.loads(line) for line in manifest.read_text().splitlines()])
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_what_a_library_holds(dataset: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    report = extract(dataset, tmp_path / "lib", progress=lambda *step: seen.append(step))
    assert (report.done, report.skipped, report.failed) == (4, 0, 0)
    assert seen[-1][:2] == (4, 4) and {step[2] for step in seen} == {"", "a", "b", "c", "d"}
    library = Library.open(tmp_path / "lib", fakes.load_fake().spaces())
    a, b, c, d = library.rows
    assert (a.speaker, a.emotion, a.split, a.video, a.frames) == ("ann", "joy", "train", "../set/a.mp4", 10)
    assert c.film == "one" and c.extra == {"note": "kept"} and c.samples == 0
    assert d.samples == round(0.4 * 22050) and d.seconds == pytest.approx(0.4) and d.frames == 0
    assert a.captions["reaction"] == "hears 11 letters" and len(a.profiles["face"]) == 7
    assert {name: mask.tolist() for name, mask in library.masks.items()} == {
        "scene": [True, True, True, False], "face": [True, True, False, False],
        "text": [True] * 4, "audio": [True, True, False, True]}
    assert np.allclose(library.vectors["scene"][0], fakes.vector_of(a.captions["scene"], 8))
    assert library.media(0, "video") == dataset / "a.mp4" and library.media(0, "audio") is None
    assert len(library.lips(0).opening) == 10 and not library.lips(2).visible.any() and library.lips(3) is None


def test_audio_is_normalised_within_the_speaker(dataset: Path, tmp_path: Path) -> None:
    extract(dataset, tmp_path / "lib")
    audio = Library.open(tmp_path / "lib").vectors["audio"]
    assert np.allclose(audio[1] + audio[3], 0, atol=1e-4) and abs(audio[1][0]) > 10  # bob's two clips, b and d
    assert not audio[0].any()  # ann is heard once only: she is her own mean


def test_again_skips_all_and_changes_nothing(dataset: Path, tmp_path: Path) -> None:
    extract(dataset, tmp_path / "lib")
    before = contents(tmp_path / "lib")
    report = extract(dataset, tmp_path / "lib")
    assert (report.done, report.skipped, report.failed) == (0, 4, 0) and contents(tmp_path / "lib") == before


def test_workers_give_the_same_bytes(dataset: Path, tmp_path: Path) -> None:
    one = extract(dataset, tmp_path / "one")
    two = extract(dataset, tmp_path / "two", jobs=2, loader=fakes.load_fake)
    assert one.done == two.done == 4 and contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_profile_too_large_to_have_twice_is_loaded_once(dataset: Path, tmp_path: Path) -> None:
    profile = replace(fakes.load_fake(), alone=True)
    extract_dataset(dataset, tmp_path / "alone", profile, jobs=2, loader=lambda: pytest.fail("loaded again"))
    extract(dataset, tmp_path / "two", jobs=2, loader=fakes.load_fake)
    assert contents(tmp_path / "alone") == contents(tmp_path / "two")


def test_only_what_changed_is_done_again(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "lib"
    extract(dataset, out)
    make_clip(dataset / "a.mp4", tone=300, grey=20)
    edit(dataset, lambda rows: [rows[0], {**rows[1], "speaker": "eve", "emotion": "fear"}, {**rows[2], "text": "Oh."}])
    report = extract(dataset, out)
    assert (report.done, report.skipped) == (2, 1)  # new media, new text; a new label needs no extraction
    library = Library.open(out)
    assert [row.id for row in library.rows] == ["a", "b", "c"] and library.rows[1].speaker == "eve"
    assert library.rows[2].captions["reaction"] == "hears 3 letters"
    assert len(list((out / "work" / "clips").iterdir())) == 3


def test_bad_clips_are_reported_and_kept_as_failed_rows(dataset: Path, tmp_path: Path) -> None:
    (dataset / "b.mp4").write_bytes(b"this is no film")
    ffmpeg("-f", "lavfi", "-i", "anullsrc=r=22050", "-t", "0.3", dataset / "d.wav")
    edit(dataset, lambda rows: [*rows, {"id": "e", "video": "gone.mp4"}])
    for _ in range(2):
        report = extract(dataset, tmp_path / "lib")
        assert report.failed == 3 and {id for id, _ in report.failures} == {"b", "d", "e"}
    assert (report.done, report.skipped) == (0, 2)
    library = Library.open(tmp_path / "lib")
    assert [row.status for row in library.rows] == ["ok", "failed", "ok", "failed", "failed"]
    assert "gone.mp4" in library.rows[4].error and "silent" in library.rows[3].error
    assert not any(mask[1] for mask in library.masks.values()) and library.meta["counts"]["failed"] == 3
    make_clip(dataset / "b.mp4")
    assert extract(dataset, tmp_path / "lib").done == 1


def test_first_bad_clip_ends_it_where_asked(dataset: Path, tmp_path: Path) -> None:
    (dataset / "b.mp4").write_bytes(b"this is no film")
    with pytest.raises(InputError, match="^b: "):
        extract(dataset, tmp_path / "lib", keep_going=False)
    assert not (tmp_path / "lib" / "library.json").exists()


def test_nothing_extracted_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(b"noise")
    with pytest.raises(InputError, match="none of the 1 clips"):
        extract(tmp_path, tmp_path / "lib")
    assert not (tmp_path / "lib" / "library.json").exists()


def test_other_spaces_need_force(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "lib"
    extract(dataset, out)
    before = contents(out)
    with pytest.raises(InputError) as caught:
        extract_dataset(dataset, out, fakes.load_other())
    assert "fake-text@1" in caught.value.message and "fake-text@2" in caught.value.message
    assert "--force" in caught.value.hint and contents(out) == before
    report = extract_dataset(dataset, out, fakes.load_other(), force=True)
    assert report.done == 4 and Library.open(out).profile == "other"
    assert extract_dataset(dataset, out, fakes.load_other()).skipped == 4
    assert extract_dataset(dataset, out, fakes.load_other(), force=True).done == 4


def test_a_library_without_its_work_folder_is_guarded_too(dataset: Path, tmp_path: Path) -> None:
    import shutil
    extract(dataset, tmp_path / "lib")
    shutil.rmtree(tmp_path / "lib" / "work")
    with pytest.raises(InputError, match="fake-text@2"):
        extract_dataset(dataset, tmp_path / "lib", fakes.load_other())


def test_cut_journal_line_is_dropped_and_done_again(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "lib"
    extract(dataset, out)
    before, journal = contents(out), out / "work" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-30])
    report = extract(dataset, out)
    assert (report.done, report.skipped) == (1, 3) and any("cut last line" in text for text in report.warnings)
    assert contents(out) == before
    assert extract(dataset, out).warnings == [text for text in report.warnings if "cut last line" not in text]


def test_a_cut_of_a_longer_film(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "color=c=black:s=64x48:r=25:d=1", "-f", "lavfi", "-i", "color=c=white:s=64x48:r=25:d=1",
           "-filter_complex", "[0][1]concat", tmp_path / "film.mp4")
    make_tone(tmp_path / "film.wav", seconds=2)
    rows = [{"id": id, "video": "film.mp4", "audio": "film.wav", "text": "Hi.", "start": start, "end": end}
            for id, start, end in (("dark", 0.2, 0.6), ("light", 1.2, 1.52), ("after", 7, 8))]
    (tmp_path / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)))
    report = extract(tmp_path, tmp_path / "lib")
    assert report.failures == [("after", f"{tmp_path / 'film.mp4'} holds nothing from 7.0 s on")]
    dark, light, _ = Library.open(tmp_path / "lib").rows
    assert dark.stats["lightness"] < 5 and light.stats["lightness"] > 250
    assert (dark.frames, light.frames) == (10, 8) and light.samples == round(0.32 * 22050)
    assert dark.digests["source"] != light.digests["source"]


def test_digests_know_a_muted_copy(tmp_path: Path) -> None:
    make_clip(tmp_path / "a.mp4")
    ffmpeg("-i", tmp_path / "a.mp4", "-an", "-c", "copy", tmp_path / "muted.mp4")
    make_clip(tmp_path / "other.mp4", grey=91)
    one, muted, other = (footage_digests(tmp_path / name) for name in ("a.mp4", "muted.mp4", "other.mp4"))
    assert one["picture"] == muted["picture"] != other["picture"] and one["source"] != muted["source"]


def test_one_writer_at_a_time(dataset: Path, tmp_path: Path) -> None:
    with locked(tmp_path / "lib" / "work"), pytest.raises(UsageError, match="another"):
        extract(dataset, tmp_path / "lib")


SCRIPT = """
import sys
from dubctl.library.extract import extract_dataset
from tests.library import fakes
if __name__ == "__main__":
    report = extract_dataset(sys.argv[1], sys.argv[2], fakes.load_fake(), jobs=int(sys.argv[3]), loader=fakes.load_fake)
    print(report.done, report.skipped, report.failed)
"""


def children_of(pid: int) -> list[int]:
    stats = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # another process of the machine may end while it is read
            stats.append(path.read_text().rpartition(")"))
    return [int(head.split(" ", 1)[0]) for head, _, tail in stats if int(tail.split()[1]) == pid]


@pytest.mark.parametrize("jobs", [1, 2])
def test_kill_9_loses_nothing_and_repeats_nothing(tmp_path: Path, jobs: int) -> None:
    dataset, out, script = tmp_path / "set", tmp_path / "lib", tmp_path / "run.py"
    dataset.mkdir()
    for number in range(5):
        make_clip(dataset / f"{number}.mp4", tone=200 + 50 * number, grey=40 + number, seconds=0.2)
    script.write_text(SCRIPT)
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "FAKE_SECONDS": "0.25"}
    command = [sys.executable, str(script), str(dataset), str(out), str(jobs)]
    child = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    journal = out / "work" / "journal.jsonl"
    deadline = time.monotonic() + 300  # only against hanging for ever
    try:
        while not (journal.is_file() and journal.read_bytes().count(b"\n") >= 2):
            assert child.poll() is None and time.monotonic() < deadline, "it ended before it could be killed"
            time.sleep(0.01)
        workers = children_of(child.pid)
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    finished = len([line for line in journal.read_text().splitlines() if line.endswith("}")])
    assert 2 <= finished < 5 and not (out / "library.json").exists()
    again = subprocess.run(command, env={**env, "FAKE_SECONDS": "0"}, capture_output=True, text=True, check=True)
    assert again.stdout.split() == [str(5 - finished), str(finished), "0"]
    extract(dataset, tmp_path / "straight")
    assert contents(out) == contents(tmp_path / "straight")
    assert not [path for path in out.rglob("*") if ".part" in path.name]
    while any(Path(f"/proc/{pid}").exists() for pid in workers):  # workers end with a killed parent
        assert time.monotonic() < deadline, "a worker outlived its parent"
        time.sleep(0.05)
