"""Starting is cheap: no help page may load what only the work needs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.cli.conftest import Outcome

HEAVY = ("torch", "torchaudio", "torch_geometric", "transformers", "cv2", "onnxruntime", "moviepy", "numpy", "annoy",
         "soundfile", "soxr", "safetensors", "misaki", "imageio_ffmpeg", "jiwer", "rich", "pydantic")
PAGES = ([], *([name] for name in ("extract", "index", "retrieve", "train", "dub", "eval", "doctor")), ["models"],
         ["models", "list"], ["config", "show"])


def test_no_help_page_loads_anything_heavy() -> None:
    code = ("import sys\nfrom dubctl.cli.main import run\n"
            f"for page in {PAGES!r}:\n    assert run([*page, '--help']) == 0, page\n"
            f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("page", PAGES, ids=" ".join)
def test_each_page_is_on_stdout(dubctl: Callable[..., Outcome], page: list[str]) -> None:
    got = dubctl(*page, "--help")
    assert got.code == 0 and got.err == ""
    assert f"Usage: {' '.join(['dubctl', *page])}" in got.out


def test_every_command_has_the_common_flags(dubctl: Callable[..., Outcome]) -> None:
    common = ("--json", "--quiet", "--verbose", "--device", "--seed", "--jobs", "--config", "--profile", "--dry-run",
              "--force", "--keep-going", "--no-keep-going", "-q", "-v")
    for page in PAGES[1:]:
        if page != ["models"]:
            words = dubctl(*page, "--help").out.replace(",", " ").split()
            assert [flag for flag in common if flag not in words] == [], page


def test_version(process: Callable[..., Outcome]) -> None:
    from dubctl import __version__

    got = process("--version")
    assert (got.code, got.out) == (0, f"dubctl {__version__}\n")
