"""`dubctl import`: datasets and features as the research community shares them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dubctl.cli.app import import_app
from dubctl.cli.contract import Run
from dubctl.cli.inputs import existing_library, paper_parts_of
from dubctl.cli.options import command

SHOWN = 3  # ids that a message names

Sources = Annotated[list[Path], typer.Argument(metavar="PATH…", help="Folders that together hold the dataset.")]
Out = Annotated[Path, typer.Option("--out", "-o", metavar="LIB", help="Library folder to write.")]
Split = Annotated[str, typer.Option(metavar="NAME", help=(
    "carved (default): the released test list, dev out of its train list; released: its two lists as they are; "
    "film or speaker: whole ones held out."))]
Voices = Annotated[Path | None, typer.Option(metavar="PATH", help="Speakers of another dataset, for setting 3.0.")]
Found = Annotated[bool, typer.Option("--features/--no-features", help="Import emotion features that lie there.")]
Folder = Annotated[Path | None, typer.Option(metavar="DIR", help="One .npy file a clip.")]


@command(import_app, "import v2c")
def v2c(run: Run, sources: Sources, out: Out, split: Split = "carved", voices: Voices = None,
        features: Found = True) -> None:
    """V2C-Animation. The toolkit's raw output or the Denoise2 download, with lists, labels and features beside it."""
    _import(run, "v2c", sources, out, split, voices, features)


@command(import_app, "import grid")
def grid(run: Run, sources: Sources, out: Out, split: Split = "carved", voices: Voices = None,
         features: Found = True) -> None:
    """GRID. As distributed, or as the dubbing papers share it."""
    _import(run, "grid", sources, out, split, voices, features)


def _import(run: Run, kind: str, sources: list[Path], out: Path, split: str, voices: Path | None,
            features: bool) -> None:
    from dubctl.library.importing import DATASETS, import_dataset

    paper_parts_of(run)  # an import needs no part, but a wrong table is said before the work
    if run.dry_run:
        run.say(f"would import {DATASETS[kind](sources, split).report['clips']} clips into {out}")
        return
    with run.progress("import") as progress:
        report = import_dataset(kind, sources, out, split=split, voices=voices, features=features, force=run.force,
                                progress=progress)
    run.result, run.done = report, report["clips"]
    for what, ids in report["missing"].items():
        _tell(run, f"no {what}" if "in no" not in what else what, ids)
    _tell(run, "found more than once", list(report["duplicated"]))
    _tell(run, "clips in two released lists", report["in two released lists"])
    for setting, problems in report["left out of settings"].items():
        _tell(run, f"left out of setting {setting}", problems)
    _tell(run, "unreadable features", report.get("unreadable features", []))
    splits = ", ".join(f"{name} {count}" for name, count in report["splits"].items())
    run.say(f"{report['clips']} clips of {report['speakers']} speakers ({splits}); emotion features: "
            f"{report['features']}")
    run.wrote(out)
    run.outputs += [str(out / "manifest.jsonl"), str(out / "import.json")]
    if report["features"] != "imported":
        run.say(f"measure it with: dubctl extract {out} -o {out}{_profile_of(run)}")


@command(import_app, "import features")
def features(
    run: Run,
    library: Annotated[Path, typer.Argument(metavar="LIB", help="Library folder to start from.")],
    out: Out,
    scene: Folder = None,
    face: Folder = None,
    text: Folder = None,
    audio: Folder = None,
    lists: Annotated[Path | None, typer.Option(metavar="DIR", help="Retrieval lists …_top_100.json.")] = None,
) -> None:
    """Emotion features of other models. A copy of a library with them in place of its own: I3D, EmoFAN, …"""
    from dubctl.library.importing import import_features

    existing_library(library)
    paper_parts_of(run)
    given = {"scene": scene, "face": face, "text": text, "audio": audio}
    folders = {name: folder for name, folder in given.items() if folder is not None}
    if run.dry_run:
        run.say(f"would put {', '.join(folders) or 'lists'} of other models into {out}")
        return
    report = import_features(library, out, folders, lists, run.force)
    run.result, run.done = report, sum(report["features"].values())
    for name, ids in report["missing"].items():
        _tell(run, f"no {name} feature", ids)
    _tell(run, "problems", report["problems"])
    run.wrote(out)
    run.say(f"index it before searching: dubctl index {out}")


def _profile_of(run: Run) -> str:
    return "" if run.settings.profile == "lite" else f" --profile {run.settings.profile}"


def _tell(run: Run, what: str, entries: Any) -> None:
    """A warning that counts and names the first few; all of them stand in import.json and --json."""
    if entries:
        more = " …" if len(entries) > SHOWN else ""
        run.warn(f"{what}: {len(entries)} ({', '.join(map(str, entries[:SHOWN]))}{more})")
