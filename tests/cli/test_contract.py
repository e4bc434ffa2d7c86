"""The command contract, clause by clause, on commands made for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from dubctl import errors
from dubctl.cli.contract import Run, execute
from dubctl.config import Resolved, Settings


def make_run(**switches: bool) -> Run:
    return Run("test", Resolved(Settings(seed=7, device="cpu"), {}, {}, None), **switches)


def outcome(capsys: pytest.CaptureFixture[str], body: Callable[[Run], None], **switches: bool) -> tuple[int, str, str]:
    run = make_run(**switches)
    code = execute(run, lambda: body(run))
    said = capsys.readouterr()
    return code, said.out, said.err


def raising(error: BaseException) -> Callable[[Run], None]:
    def body(_run: Run) -> None:
        raise error

    return body


KINDS = [(errors.UsageError, 2), (errors.InputError, 3), (errors.DependencyError, 4), (errors.PartialFailure, 5),
         (errors.QualityGateError, 6)]


@pytest.mark.parametrize(("kind", "code"), KINDS)
def test_each_kind_of_failure_is_one_line_and_its_code(capsys: pytest.CaptureFixture[str],
                                                       kind: type[errors.DubctlError], code: int) -> None:
    got, out, err = outcome(capsys, raising(kind("a.mp4 is\nbroken", "mend it")))
    assert (got, out) == (code, "")
    assert err == "dubctl: error: a.mp4 is broken (hint: mend it)\n"


@pytest.mark.parametrize(("kind", "code"), KINDS)
def test_json_is_one_object_also_on_failure(capsys: pytest.CaptureFixture[str], kind: type[errors.DubctlError],
                                            code: int) -> None:
    got, out, err = outcome(capsys, raising(kind("bad", "do", line=4)), json=True)
    answer = json.loads(out)
    assert (got, err) == (code, "")
    assert answer["ok"] is False
    assert answer["error"] == {"kind": kind.kind, "code": code, "message": "bad", "hint": "do", "line": 4}


def test_json_says_all_that_the_contract_lists(capsys: pytest.CaptureFixture[str]) -> None:
    def body(run: Run) -> None:
        run.wrote(Path("a.mp4"))
        run.count(2, 1, 0)
        run.emit("not in json")
        run.say("a message")

    code, out, err = outcome(capsys, body, json=True)
    answer = json.loads(out)
    assert code == 0 and out.count("\n") == 1
    assert answer.pop("duration_ms") >= 0
    assert answer == {"schema_version": 1, "ok": True, "command": "test", "outputs": ["a.mp4"], "warnings": [],
                      "items": {"done": 2, "skipped": 1, "failed": 0}, "device": "cpu", "seed": 7, "error": None,
                      "result": None}
    assert err == "a message\n"


def test_auto_is_no_device(capsys: pytest.CaptureFixture[str]) -> None:
    run = Run("test", Resolved(Settings(), {}, {}, None), json=True)
    execute(run, lambda: None)
    assert json.loads(capsys.readouterr().out)["device"] == "cpu"


def test_stdout_carries_data_only(capsys: pytest.CaptureFixture[str]) -> None:
    def body(run: Run) -> None:
        print("a library that prints")
        run.say("message")
        run.emit("data")

    assert outcome(capsys, body) == (0, "data\n", "a library that prints\nmessage\n")


def test_quiet_leaves_errors_and_data(capsys: pytest.CaptureFixture[str]) -> None:
    def body(run: Run) -> None:
        run.emit("data")
        run.say("message")
        run.warn("warning")
        raise errors.InputError("bad")

    assert outcome(capsys, body, quiet=True) == (3, "data\n", "dubctl: error: bad\n")


def test_partial_keeps_the_counts(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = outcome(capsys, lambda run: run.count(3, 2, 1), json=True)
    assert code == 5 and json.loads(out)["items"] == {"done": 3, "skipped": 2, "failed": 1}


def test_nothing_done_is_no_partial_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(capsys, lambda run: run.count(0, 0, 3))[0] == 3


def test_warnings_are_one_line_each_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    def body(run: Run) -> None:
        run.warn("said\ntwice")
        run.warn("said twice")

    assert outcome(capsys, body) == (0, "", "dubctl: warning: said twice\n")


def test_python_warnings_are_collected(capsys: pytest.CaptureFixture[str]) -> None:
    def body(_run: Run) -> None:
        with warnings.catch_warnings(record=False):
            warnings.warn("of another package", stacklevel=1)
            warnings.warn_explicit("of ours", UserWarning, str(Path(errors.__file__)), 1)

    _, out, err = outcome(capsys, body, json=True)
    assert json.loads(out)["warnings"] == ["of ours"] and err == ""
    _, out, err = outcome(capsys, body, verbose=True)
    assert err == "dubctl: warning: of another package\ndubctl: warning: of ours\n"


@pytest.mark.parametrize(("error", "code", "said"), [
    (ZeroDivisionError("oh"), 1, "internal error: ZeroDivisionError: oh"),
    (PermissionError(13, "Permission denied", "/etc/x"), 3, "/etc/x: Permission denied"),
    (ModuleNotFoundError("No module named 'jiwer'", name="jiwer"), 4, "jiwer"),
])
def test_what_nobody_foresaw_is_one_line_too(capsys: pytest.CaptureFixture[str], error: Exception, code: int,
                                             said: str) -> None:
    got, _, err = outcome(capsys, raising(error))
    assert got == code and said in err and err.count("\n") == 1
    _, _, err = outcome(capsys, raising(error), verbose=True)
    assert "Traceback" in err


def test_what_a_second_interrupt_breaks_is_an_interrupt(capsys: pytest.CaptureFixture[str]) -> None:
    def body(run: Run) -> None:
        try:
            raise KeyboardInterrupt
        finally:
            raise RuntimeError("release unlocked lock")

    code, _, err = outcome(capsys, body)
    assert code == 130 and "interrupted" in err and "internal" not in err


def test_interrupt_is_130_in_both_forms(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = outcome(capsys, raising(KeyboardInterrupt()))
    assert (code, out) == (130, "") and "Traceback" not in err
    code, out, _ = outcome(capsys, raising(KeyboardInterrupt()), json=True)
    assert code == 130 and json.loads(out)["error"]["kind"] == "interrupt"


def test_progress_is_silent_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    def body(run: Run) -> None:
        with run.progress("work") as progress:
            progress(1, 2, "half")

    assert outcome(capsys, body) == (0, "", "")


SCRIPT = """
import sys, time
from pathlib import Path
from dubctl.cli.contract import Run, execute
from dubctl.config import Resolved, Settings
from dubctl.files import atomic_path
run = Run("test", Resolved(Settings(), {{}}, {{}}, None))
def body():
    {body}
sys.exit(execute(run, body))
"""
SLOW = """
    with atomic_path(Path("out.wav")) as part:
        part.write_bytes(b"half")
        print("ready", flush=True)
        time.sleep(60)
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_no_half_file_and_no_traceback(tmp_path: Path, number: signal.Signals, code: int) -> None:
    def heed() -> None:  # a suite that is a shell's background job inherits from it that SIGINT is ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    child = subprocess.Popen([sys.executable, "-c", SCRIPT.format(body=SLOW)], cwd=tmp_path, text=True,
                             stderr=subprocess.PIPE, preexec_fn=heed)
    assert child.stderr is not None
    assert child.stderr.readline() == "ready\n"
    child.send_signal(number)
    _, err = child.communicate(timeout=30)
    assert child.returncode == code and err.startswith("dubctl: error: ") and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_a_broken_pipe_is_141_without_a_word(tmp_path: Path) -> None:
    many = "[run.emit('x' * 1000) for _ in range(100000)]"
    command = f'"{sys.executable}" "$0" | head -1 >/dev/null; exit ${{PIPESTATUS[0]}}'
    script = tmp_path / "many.py"
    script.write_text(SCRIPT.format(body=many))
    done = subprocess.run(["bash", "-c", command, str(script)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (141, "")
