"""Who speaks with which voice: `--prompt VOICE` for everybody, `--prompt NAME=VOICE` for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dubctl.errors import InputError, UsageError


@dataclass(frozen=True)
class Cast:
    """Prompts by the name of who speaks (upper and lower case alike), and that of everybody else."""

    named: dict[str, Path] = field(default_factory=dict)
    others: Path | None = None
    spelt: tuple[str, ...] = ()  # the names as they were given

    @classmethod
    def of(cls, prompts: Sequence[str]) -> Cast:
        """From the values of --prompt.

        Raises:
            UsageError: two voices for one name, or two for everybody.
            InputError: a file is missing.
        """
        named: dict[str, Path] = {}
        others: Path | None = None
        spelt: list[str] = []
        for value in prompts:
            name, path = _split(value)
            if name.casefold() in named or (not name and others is not None):
                raise UsageError(f"--prompt {value}: {name or 'everybody'} has a voice already",
                                 "give one voice each: --prompt ELSA=elsa.wav --prompt ANNA=anna.wav --prompt rest.wav")
            if not path.is_file():
                raise InputError(f"no such voice prompt: {path}" if not path.is_dir() else
                                 f"voice prompt is a folder, not a file: {path}", "check the path")
            if name:
                named[name.casefold()] = path
                spelt.append(name)
            else:
                others = path
        return cls(named, others, tuple(spelt))

    def voice(self, speaker: str) -> Path | None:
        """The prompt of a speaker; None where there is none."""
        return self.named.get(speaker.casefold(), self.others)


def _split(value: str) -> tuple[str, Path]:
    name, equals, path = value.partition("=")
    if not equals or not name.strip() or Path(value).exists():  # a file may have = in its name
        return "", Path(value)
    return name.strip(), Path(path)
