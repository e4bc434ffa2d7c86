"""Failures a user can act on. Each carries its exit code and says what is wrong, where, and what to do."""

from __future__ import annotations


class DubctlError(Exception):
    """A failure with one clear line.

    Args:
        message: what is wrong and where ("cannot read clip.mp4: not a media file").
        hint: what to do next ("check the file with ffprobe"), or "".
        line: line number in the named input file, where there is one.
    """

    kind = "internal"
    exit_code = 1

    def __init__(self, message: str, hint: str = "", line: int | None = None) -> None:
        super().__init__(message)
        self.message, self.hint, self.line = message, hint, line

    def as_dict(self) -> dict[str, object]:
        """The `error` object of `--json`."""
        return {"kind": self.kind, "code": self.exit_code, "message": self.message, "hint": self.hint,
                "line": self.line}


class UsageError(DubctlError):
    """Wrong flags or configuration (exit 2)."""

    kind, exit_code = "usage", 2


class InputError(DubctlError):
    """An input or asset is missing or invalid (exit 3)."""

    kind, exit_code = "input", 3


class DependencyError(DubctlError):
    """ffmpeg, a device, a package or weights are missing (exit 4)."""

    kind, exit_code = "dependency", 4


class PartialFailure(DubctlError):
    """Some items failed, the rest are done (exit 5)."""

    kind, exit_code = "partial", 5


class QualityGateError(DubctlError):
    """A `--fail-if` condition holds (exit 6)."""

    kind, exit_code = "quality-gate", 6
