"""Entry point: parse, run, and give every usage error the contract's form."""

from __future__ import annotations

import atexit
import os
import sys
import time
from collections.abc import Sequence
from typing import Any, NoReturn

import typer

from dubctl.cli import (
    config_show,
    doctor,
    dub,
    eval,
    experiment,
    export,
    extract,
    import_,
    index,
    models,
    retrieve,
    train,
)
from dubctl.cli.app import app, config_app, import_app, models_app
from dubctl.cli.console import say
from dubctl.cli.contract import EXIT_INTERRUPT, Run, mute_stdout, report
from dubctl.config import Resolved, Settings, nearest
from dubctl.errors import DubctlError, UsageError

# importing them registers them
COMMANDS = (import_, extract, export, index, retrieve, train, dub, eval, experiment, doctor, models, config_show)
app.add_typer(import_app, name="import")
app.add_typer(models_app, name="models")
app.add_typer(config_app, name="config")


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run `dubctl` with `argv` (default: the process's own) and exit with the contract's code."""
    args = list(sys.argv[1:] if argv is None else argv)
    if "_DUBCTL_COMPLETE" in os.environ:
        app(args, prog_name="dubctl")
    _leave(run(args))


def _leave(code: int) -> NoReturn:
    """End the process at once: taking torch's modules apart again would cost every dub half a second. Nothing is left
    to be done there: outputs are written whole before they are reported."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # none, closed, or whoever read it has gone
            pass
    os._exit(code)


def run(args: list[str]) -> int:
    """Run one command line; returns the exit code. Bodies handle their own failures (`contract.execute`)."""
    start = time.monotonic()
    try:
        group = typer.main.get_command(app)
        with group.make_context("dubctl", args) as context:
            group.invoke(context)
        return 0
    except typer.Exit as stop:
        return stop.exit_code
    except BrokenPipeError:
        return mute_stdout()
    except (KeyboardInterrupt, typer.Abort):
        return EXIT_INTERRUPT
    except UsageError as error:
        return _usage(error, None, args, start)
    except Exception as err:
        if not hasattr(err, "format_message"):  # click's own base class has moved between typer's versions
            raise
        return _usage(_translated(err), getattr(err, "ctx", None), args, start)


def _translated(err: Any) -> UsageError:
    """A UsageError with the words of click's, and a hint that names the nearest flag."""
    context = getattr(err, "ctx", None)
    path = context.command_path if context is not None else "dubctl"
    hint = f"see {path} --help"
    option = getattr(err, "option_name", None)
    if option and type(err).__name__ == "NoSuchOption" and context is not None:
        known = [name for param in context.command.params for name in param.opts if name.startswith("--")]
        return UsageError(f"{path} has no option {option}", nearest(option, known) if option[:2] == "--" else hint)
    return UsageError(err.format_message().rstrip("."), hint)


def _usage(error: DubctlError, context: Any, args: list[str], start: float) -> int:
    """Report a usage error; a missing subcommand also gets the help it needs."""
    words = [arg for arg in args if not arg.startswith("-")]
    as_json = "--json" in args
    if context is not None and not as_json and error.message.startswith("Missing command"):
        say(context.get_help())
        return error.exit_code
    name = " ".join(words[:2] if words[:1] in (["import"], ["models"], ["config"]) else words[:1])
    return report(Run(name, Resolved(Settings(), {}, {}, None), json=as_json), error, start)


if __name__ == "__main__":
    main()
