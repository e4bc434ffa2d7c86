"""Work beside the imports: results and errors arrive, and nothing of it needs torch."""

import subprocess
import sys

import pytest

from dubctl.dubbing.ahead import in_background
from dubctl.errors import InputError


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
