"""The typer application, and the groups `import`, `models` and `config`. Commands register themselves on import."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from dubctl import __version__
from dubctl.config import nearest
from dubctl.errors import UsageError

# The order of the work; commands of the groups follow in the order of their modules.
ORDER = ("import", "extract", "export", "index", "retrieve", "train", "dub", "eval", "experiment", "doctor", "models",
         "config")


class StrictGroup(TyperGroup):
    """A group that lists commands in the order of the work, and whose unknown command names the nearest."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(super().list_commands(ctx), key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        known = self.list_commands(ctx)
        if args and args[0] not in known and not args[0].startswith("-"):
            raise UsageError(f"{ctx.command_path} has no command '{args[0]}'", nearest(args[0], known))
        return super().resolve_command(ctx, args)


# Plain help: rich's would cost half of the 0.3 s that --help may take. The contract prints errors, not typer.
_PLAIN: dict[str, Any] = {"cls": StrictGroup, "rich_markup_mode": None, "pretty_exceptions_enable": False,
                          "context_settings": {"help_option_names": ["-h", "--help"]}}
app = typer.Typer(**_PLAIN)
models_app = typer.Typer(help="Shipped weights. Where they lie, their licences, and whether they are whole.", **_PLAIN)
import_app = typer.Typer(help="Datasets and features as the research community shares them.", **_PLAIN)
config_app = typer.Typer(help="Settings and their origins.", **_PLAIN)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dubctl {__version__}")
        raise typer.Exit


@app.callback()
def root(version: Annotated[bool, typer.Option("--version", "-V", callback=_version, is_eager=True,
                                               help="Print the version and exit.")] = False) -> None:
    """Dub a silent clip: the prompt's voice, the lips' timing, the scene's emotion."""
