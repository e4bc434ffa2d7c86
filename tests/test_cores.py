"""How many threads are used where a library does not ask the environment itself, and how much memory there is."""

from pathlib import Path

import pytest

from dubctl import cores as machine
from dubctl.cores import cores, free_memory, threads


@pytest.mark.parametrize("asked", ["", "0", "many", "9999999", "-1"])
def test_what_is_no_smaller_number_changes_nothing(asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert threads() == cores() >= 1


def test_one_thread_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert threads() == 1


@pytest.mark.parametrize(("text", "expected"), [
    ("MemTotal:       100 kB\nMemAvailable:    50 kB\n", 51_200.0), ("MemTotal: 100 kB\n", float("inf")),
    ("MemAvailable:\n", float("inf")), ("no such line", float("inf")), (None, float("inf"))])
def test_memory_is_what_the_system_says(text: str | None, expected: float, tmp_path: Path,
                                        monkeypatch: pytest.MonkeyPatch) -> None:
    if text is not None:
        (tmp_path / "meminfo").write_text(text)
    monkeypatch.setattr(machine, "_MEMORY", tmp_path / "meminfo")
    assert free_memory() == expected
