"""`dubctl doctor`: what works on this machine, and what to do about the rest."""

from __future__ import annotations

from dubctl.cli.app import app
from dubctl.cli.contract import Run
from dubctl.cli.inputs import paper_parts_of
from dubctl.cli.options import PAPER, command
from dubctl.errors import DependencyError

MARKS = {"ok": "ok  ", "missing": "FAIL", "optional": "-   "}


@command(app, "doctor", shared=("asr", *PAPER))
def doctor(run: Run) -> None:
    """Check this machine, and the profile's models. Exit 4 where something required is missing; each line says what to
    do about it."""
    from dubctl.doctor import checks

    found = checks(run.settings, paper_parts_of(run))
    run.result = [check.as_dict() for check in found]
    run.device = next((check.detail.split(",")[0] for check in found if check.name == "device"), "")
    wide = max(len(check.name) for check in found)
    for check in found:
        fix = f"  -> {check.fix}" if check.fix else ""
        run.emit(f"{MARKS[check.state]}  {check.name:{wide}}  {check.detail}{fix}")
    missing = [check for check in found if check.state == "missing"]
    if missing:
        raise DependencyError("missing: " + ", ".join(check.name for check in missing), missing[0].fix)
