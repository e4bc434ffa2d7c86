"""How many threads are used where a library does not ask the environment itself."""

import pytest

from dubctl.cores import cores, threads


@pytest.mark.parametrize("asked", ["", "0", "many", "9999999", "-1"])
def test_what_is_no_smaller_number_changes_nothing(asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert threads() == cores() >= 1


def test_one_thread_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert threads() == 1
