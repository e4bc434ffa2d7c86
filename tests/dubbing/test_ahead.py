"""Work beside the imports: results and errors arrive, and nothing of it needs torch."""

import subprocess
import sys
from pathlib import Path

import pytest

from dubctl.dubbing.ahead import in_background, look
from dubctl.dubbing.timing import Timing
from dubctl.errors import InputError

ROOT = Path(__file__).resolve().parents[2]


def test_results_and_errors_come_to_whoever_asks():
    assert in_background(lambda: 7).result() == 7

    def fails():
        raise InputError("no")
    with pytest.raises(InputError, match="no"):
        in_background(fails).result()


def test_warming_up_fills_the_caches_without_torch():
    code = ("import sys\nfrom dubctl.dubbing import ahead\nahead._fill('lite')\n"
            "from dubctl.synth import frontend, vocoder\n"
            "kept = [cache.cache_info().currsize for cache in (vocoder._session, frontend._g2p)]\n"
            "print('torch' in sys.modules, *kept)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "1", "1"]


def test_a_clip_is_looked_at_without_torch():
    code = ("import sys\nfrom pathlib import Path\nfrom dubctl.dubbing import ahead\nfrom dubctl.dubbing.timing import "
            "Timing\nfound = ahead.look(Path('examples/clip.mp4'), Timing(), lite=True)\n"
            "print(len(found.frames.result()), found.sight.face.result().path.seen.mean() > 0.9, "
            "'hue' in found.sight.scene.result(), 'torch' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["75", "True", "True", "False"]


def test_what_cannot_be_looked_at_fails_where_it_is_asked_for(tmp_path):
    (tmp_path / "no.mp4").write_bytes(b"no clip")
    looking = look(tmp_path / "no.mp4", Timing(), lite=True)
    for part in (looking.info, looking.frames, looking.sight.scene, looking.sight.face):
        with pytest.raises(InputError, match="no.mp4"):
            part.result()
    assert look(tmp_path / "no.mp4", Timing(), lite=False).sight is None
