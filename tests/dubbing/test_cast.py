"""Who speaks with which voice."""

from pathlib import Path

import pytest

from dubctl.dubbing.cast import Cast
from dubctl.errors import InputError, UsageError


@pytest.fixture
def voices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("elsa.wav", "rest.wav", "a=b.wav"):
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def test_names_are_found_in_any_case_and_others_get_the_voice_without_a_name(voices: Path) -> None:
    cast = Cast.of(["Elsa=elsa.wav", "rest.wav"])
    assert cast.voice("ELSA") == Path("elsa.wav")
    assert cast.voice("Anna") == cast.voice("") == cast.others == Path("rest.wav")
    assert cast.spelt == ("Elsa",)
    assert Cast.of(["Elsa=elsa.wav"]).voice("Anna") is None


def test_a_file_may_have_an_equals_sign_in_its_name(voices: Path) -> None:
    assert Cast.of(["a=b.wav"]).others == Path("a=b.wav")
    assert Cast.of(["me=a=b.wav"]).voice("me") == Path("a=b.wav")


@pytest.mark.parametrize("given", [["Elsa=elsa.wav", "ELSA=rest.wav"], ["elsa.wav", "rest.wav"]])
def test_one_voice_each(voices: Path, given: list[str]) -> None:
    with pytest.raises(UsageError, match="voice already"):
        Cast.of(given)


@pytest.mark.parametrize(("given", "said"), [("Anna=anna.wav", "anna.wav"), ("anna.wav", "anna.wav"), (".", "folder")])
def test_a_missing_file_is_named(voices: Path, given: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Cast.of([given])
