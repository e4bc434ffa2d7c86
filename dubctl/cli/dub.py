"""`dubctl dub`: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dubctl.cli.app import app
from dubctl.cli.contract import Run
from dubctl.cli.dub_lines import dub_lines
from dubctl.cli.inputs import existing_file, existing_library, paper_parts_of, parse_window, read_rows, read_script
from dubctl.cli.options import PAPER, command
from dubctl.dubbing.cast import Cast
from dubctl.errors import InputError, UsageError
from dubctl.synth.direction import directed

OUT_SUFFIXES = (".mp4", ".mkv", ".mov", ".webm", ".wav")


@command(app, "dub", shared=("library", "k", "vocoder", "takes", *PAPER))
def dub(
    run: Run,
    clip: Annotated[Path, typer.Argument(metavar="CLIP", help="Silent clip: anything ffmpeg reads.")],
    prompt: Annotated[list[str], typer.Option(metavar="[NAME=]VOICE", help=(
        "A few seconds of the voice to speak with; with --lines also NAME=VOICE, once for each who speaks."))],
    script: Annotated[str | None, typer.Option(metavar="TEXT|@FILE|-", help="What to say.")] = None,
    lines: Annotated[str | None, typer.Option(metavar="FILE|-", help=(
        "Instead of --script: the lines of a whole film, each at its time. Subtitles (.srt, .vtt, .ass), or JSONL rows "
        "{start, end, text, speaker, emotion …}."))] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="OUT", help=(
        "OUT.mp4, .mkv, .mov, .webm: picture and speech; OUT.wav: speech alone (default: CLIP's name + .dubbed.mp4, "
        "here)."))] = None,
    references: Annotated[str | None, typer.Option(metavar="FILE|-", help=(
        "Rows of dubctl retrieve to perform with, instead of searching."))] = None,
    voice: Annotated[Path | None, typer.Option(metavar="RUN", help=(
        "Voice folder or checkpoint that train wrote (default: the shipped voice)."))] = None,
    rate: Annotated[float | None, typer.Option(metavar="TIMES", help="Speed of speech, 0.5 to 2 times.")] = None,
    pitch: Annotated[float | None, typer.Option(metavar="SEMITONES", help="Higher or lower, -12 to 12.")] = None,
    energy: Annotated[float | None, typer.Option(metavar="DB", help="Louder and more forceful, -20 to 12.")] = None,
    pause: Annotated[str | None, typer.Option(metavar="SECONDS|TIMESx", help=(
        "Pauses at punctuation: 0.4 (seconds) or 1.5x."))] = None,
    window: Annotated[str | None, typer.Option(metavar="START:END", help=(
        "Seconds between which the speech lies, instead of where the mouth is seen to speak."))] = None,
    background: Annotated[Path | None, typer.Option(metavar="FILE", help=(
        "Music and effects that stay: its sound lies under the speech, mixed to 48 kHz stereo."))] = None,
    emotion: Annotated[str | None, typer.Option(metavar="NAME[:STRENGTH]", help=(
        "anger, disgust, fear, joy, neutral, sadness or surprise, strength 0 to 2: instead of what the scene says; "
        "below 1 blended with it. scene:STRENGTH: what the scene says, so strongly (default scene:1)."))] = None,
) -> None:
    """Speak a script to a clip. In the prompt's voice, to the lips' timing, with the scene's emotion."""
    if (script is None) == (lines is None):
        raise UsageError("what is to be said?" if script is None else "--script and --lines both say what is said",
                         'give --script "..." for a clip, or --lines FILE for a film')
    if references == "-" in (script, lines):
        raise UsageError(f"--{'lines' if script is None else 'script'} - and --references - both want stdin",
                         "put one of them in a file")
    if lines is not None and window is not None:
        raise UsageError("--window is for one line", "with --lines the lines' own times count")
    out = out or Path(f"{clip.stem}.dubbed.mp4")
    if out.suffix.lower() not in OUT_SUFFIXES:
        raise UsageError(f"--out {out}: what format?",
                         "name it .mp4, .mkv, .mov or .webm (picture and speech) or .wav (speech alone)")
    if background is not None and out.suffix.lower() == ".wav":
        raise UsageError("a .wav holds the speech alone", "name a video for --background, or leave it out")
    settings = run.settings
    existing_file(clip, "clip")
    if background is not None:
        existing_file(background, "background")
    cast = Cast.of(prompt)
    if script is not None and (cast.others is None or cast.named):
        raise UsageError("a script is spoken by one voice", "give one --prompt VOICE; names are for --lines")
    library = existing_library(settings.library)
    if voice is not None and not voice.exists():
        raise InputError(f"no such voice: {voice}", "make one with: dubctl train LIB -o RUN")
    line = "" if script is None else read_script(script)
    parts = paper_parts_of(run)
    own = directed(rate, pitch, energy, pause)
    rows = None if references is None else read_rows(references, "--references")
    feeling = None
    if emotion is not None:
        from dubctl.dubbing.acted import parse_feeling

        feeling = parse_feeling(emotion)
    spell = None if window is None else parse_window(window)
    common = {"clip": clip, "script": line, "out": out, "library": library, "k": settings.k, "references": rows,
              "device": settings.device, "seed": settings.seed, "profile": settings.profile, "voice": voice,
              "parts": parts, "vocoder": settings.vocoder, "takes": settings.takes,
              "background": background}
    if lines is not None:
        dub_lines(run, common, lines, cast, own, feeling)
        return
    if run.dry_run:
        run.say(f"would dub {clip} to {out}")
        return
    from dubctl.dubbing.timing import Timing

    timing = Timing()
    with timing.part("imports", alone=False):
        from dubctl.dubbing.ahead import look, warm

    looking = look(clip, timing, lite=settings.profile == "lite")
    warm(settings.vocoder)
    with timing.part("imports", alone=False):
        from dubctl.dubbing.direction import Wishes
        from dubctl.dubbing.session import DubRequest, dub_clip

    request = DubRequest(**common, prompt=cast.others, wishes=Wishes.of(own, feeling), window=spell)
    with run.progress("dub") as progress:
        report = dub_clip(request, progress, timing, looking)
    for note in report["notes"]:
        run.warn(note)
    run.result, run.device, run.done = report, report["device"], 1
    run.wrote(out)
    run.outputs.append(str(out.with_suffix(".json")))
