"""Profiles: found by name, refused with help."""

from __future__ import annotations

from pathlib import Path

import pytest

from dubctl.emotion import profiles
from dubctl.errors import DependencyError, UsageError


def test_a_misspelt_profile_names_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        profiles.load_profile("lit")
    assert "lite" in caught.value.hint


def test_a_strange_profile_lists_them_all() -> None:
    with pytest.raises(UsageError) as caught:
        profiles.load_profile("zzzz")
    assert "lite" in caught.value.hint and "paper" in caught.value.hint


def test_the_paper_profile_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(DependencyError, match="emotion-english-roberta-large.*config.json") as caught:
        profiles.load_profile("paper")
    assert caught.value.hint == "dubctl models download j-hartmann/emotion-english-roberta-large"


def test_builders_come_from_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    marker = object()
    monkeypatch.setitem(profiles.PROFILES, "mine", lambda: marker)
    assert profiles.load_profile("mine") is marker


def test_lite_composes_four_extractors_in_two_spaces() -> None:
    pytest.importorskip("dubctl.emotion.scene")
    pytest.importorskip("dubctl.emotion.face")
    profile = profiles.load_profile("lite")
    spaces = profile.spaces()
    assert profile.name == "lite" and set(spaces) == {"scene", "face", "text", "audio"}
    # captions and lines are read by one encoder; how captions are written is part of the scene and face spaces
    assert {spaces[kind].name for kind in ("scene", "face", "text")} == {"dubctl/text-emotion"}
    assert spaces["audio"].name != spaces["text"].name
    found = profile.text.extract("I hate you!")
    assert found.self_vector.shape == found.react_vector.shape == (spaces["text"].dim,)
