"""Every flag that more than one command has, defined once; and the decorator that gives them to a command.

A flag here that is a field of `dubctl.config.Settings` may also come from the environment or the project file, so a
body reads it from `run.settings`, not from its own parameters.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from dubctl.cli.contract import Run, execute
from dubctl.config import Resolved, Settings, resolve

# X | None: typer reads these at run time, which Python 3.10 allows.
SHARED: dict[str, Any] = {
    "device": Annotated[str | None, typer.Option(metavar="DEVICE", help="auto, cpu, cuda, cuda:N or mps.")],
    "seed": Annotated[int | None, typer.Option(metavar="N", help="Same seed, same bytes on a CPU (default 0).")],
    "jobs": Annotated[int | None, typer.Option("--jobs", "-j", metavar="N",
                                                  help="Workers at a time (default: all cores).")],
    "profile": Annotated[str | None, typer.Option(metavar="NAME", help="lite (default) or paper.")],
    "keep_going": Annotated[bool | None, typer.Option("--keep-going/--no-keep-going",
                                                         help="Go on after a failed item (default) or stop there.")],
    "library": Annotated[Path | None, typer.Option("--library", "-l", metavar="LIB",
                                                      help="Reference library (default: the built-in one).")],
    "k": Annotated[int | None, typer.Option("-k", "--k", metavar="K", help="References a modality (default 3).")],
    "metric": Annotated[str | None, typer.Option(metavar="NAME",
                                                 help="cosine, dot or euclidean (default: the index's, else cosine).")],
    "trees": Annotated[int | None, typer.Option(metavar="N", help="Annoy trees an index (default 32).")],
    "asr": Annotated[Path | None, typer.Option(metavar="DIR|NAME", help=(
        "Whisper that wer transcribes with: a folder, or owner/model in the Hugging Face cache."))],
    "vocoder": Annotated[str | None, typer.Option(metavar="NAME", help=(
        "hifigan (default), or lite: half of its time, hardly worse. The paper profile: see [paper]."))],
    "takes": Annotated[int | None, typer.Option(metavar="N", help=(
        "Speak the line N times, each time with what was missing of the voice: first as a rehearsal; of the others the "
        "take most like the prompt is kept (default 2; 1 is quicker)."))],
    "device_map": Annotated[str | None, typer.Option(metavar="MAP", help=(
        "Paper profile: auto spreads the video LLM over all devices."))],
    "trust_remote_code": Annotated[bool | None, typer.Option("--trust-remote-code", help=(
        "Paper profile: run code that a model's repository carries."))],
    "syncnet": Annotated[Path | None, typer.Option(metavar="FILE", help="SyncNet checkpoint for lse-c and lse-d.")],
    "metrics": Annotated[str | None, typer.Option("--metrics", "-m", metavar="LIST",
                                                     help="Comma-separated (default wer,secs).")],
}
PAPER = ("device_map", "trust_remote_code")
COMMON_SETTINGS = ("device", "seed", "jobs", "profile", "keep_going")
SWITCHES: dict[str, Any] = {
    "config": Annotated[Path | None, typer.Option(metavar="FILE", help="Project file (default ./dubctl.toml).")],
    "json_": Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on stdout.")],
    "quiet": Annotated[bool, typer.Option("--quiet", "-q", help="No messages, warnings or progress.")],
    "verbose": Annotated[bool, typer.Option("--verbose", "-v", help="More messages, and tracebacks.")],
    "dry_run": Annotated[bool, typer.Option("--dry-run", help="Check the inputs, say what would be done.")],
    "force": Annotated[bool, typer.Option("--force", help="Redo what is already done.")],
}


def command(app: typer.Typer, name: str, *, shared: tuple[str, ...] = ()) -> Callable[[Callable[..., None]], Any]:
    """Register `body(run, **own parameters)` as a command with the common flags and those of SHARED named.

    Args:
        name: as in messages and the JSON object: "extract", "models list".
    """
    settings = (*COMMON_SETTINGS, *shared)

    def register(body: Callable[..., None]) -> Callable[..., None]:
        # eval_str, not get_type_hints: on Python 3.10 that hides Annotated[...] = None inside an Optional
        own = [p.replace(kind=p.KEYWORD_ONLY)
               for p in list(inspect.signature(body, eval_str=True).parameters.values())[1:]]
        extra = [_parameter(key, SHARED[key], None) for key in (*shared, *COMMON_SETTINGS)]
        extra += [_parameter(key, kind, None if key == "config" else False) for key, kind in SWITCHES.items()]

        @functools.wraps(body)
        def call(**given: Any) -> None:
            switches = {key: given.pop(key) for key in SWITCHES}
            flags = {key: given.pop(key) for key in settings}
            code = _call(body, name, flags, switches, given)
            if code:
                raise typer.Exit(code)

        call.__signature__ = inspect.Signature([*own, *extra])  # type: ignore[attr-defined]
        call.__annotations__ = {p.name: p.annotation for p in (*own, *extra)}
        app.command(name.split()[-1])(call)
        return call

    return register


def _parameter(name: str, kind: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def _call(body: Callable[..., None], name: str, flags: dict[str, Any], switches: dict[str, Any],
          given: dict[str, Any]) -> int:
    """Resolve the settings, then run the body; both under the contract."""
    run = Run(name, Resolved(Settings(), {}, {}, None), json=switches["json_"], quiet=switches["quiet"],
              verbose=switches["verbose"], dry_run=switches["dry_run"], force=switches["force"])

    def whole() -> None:
        run.resolved = resolve(flags, switches["config"])
        body(run, **given)

    return execute(run, whole)
