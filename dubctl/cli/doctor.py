"""`dubctl doctor`: what works on this machine, and what to do about the rest."""

from __future__ import annotations

from dubctl.cli.app import app
from dubctl.cli.contract import Run
from dubctl.cli.options import command
from dubctl.errors import DependencyError

MARKS = {"ok": "ok  ", "missing": "FAIL", "optional": "-   "}


@command(app, "doctor", shared=("asr",))
def doctor(run: Run) -> None:
    """Check this machine. Exit 4 if something required is missing; every line says what to do about it."""
    from dubctl.doctor import checks

    found = checks(run.settings)
    run.result = [check.as_dict() for check in found]
    run.device = next((check.detail.split(",")[0] for check in found if check.name == "device"), "")
    wide = max(len(check.name) for check in found)
    for check in found:
        fix = f"  -> {check.fix}" if check.fix else ""
        run.emit(f"{MARKS[check.state]}  {check.name:{wide}}  {check.detail}{fix}")
    missing = [check for check in found if check.state == "missing"]
    if missing:
        raise DependencyError("missing: " + ", ".join(check.name for check in missing), missing[0].fix)
