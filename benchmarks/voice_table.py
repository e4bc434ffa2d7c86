"""The figures of the voice benchmark as a Markdown table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def table(measured: Mapping[str, Any], truth: Mapping[str, Any] | None) -> str:
    """A Markdown table for the model card."""
    rows = [("lines spoken (failed)", lambda f: f"{f['n']} ({f['failures']})"),
            ("corpus WER", lambda f: _percent(f.get("wer"))),
            ("… by the sound, not the spelling", lambda f: _percent(f.get("wer:sound"))),
            ("… beyond what is misheard in the line's recording", lambda f: _percent(f.get("beyond"))),
            ("GE2E cosine to the prompt, mean", lambda f: _plain(f.get("secs"))),
            ("… of the worst voice", lambda f: "–" if not f.get("worst_voice")
             else f"{f['worst_voice'][1]:.3f} ({f['worst_voice'][0]})"),
            ("… to other recordings of the speaker", lambda f: _plain(f.get("others"))),
            ("right prompt nearest of all", lambda f: _percent(f.get("nearest"))),
            ("length equal to the clip's, to the sample", lambda f: _percent(f.get("length"))),
            ("DNSMOS OVRL", lambda f: _plain(f.get("dnsmos"))),
            ("DistillMOS", lambda f: _plain(f.get("distillmos")))]
    lines = ["| | dubctl | source recordings |", "|---|---|---|"]
    for label, show in rows:
        lines.append(f"| {label} | {show(measured)} | {show(truth) if truth else '–'} |")
    if pace := measured.get("pace"):
        lines.append(f"| pace, times the voice's own: least, median, most | "
                     f"{pace['least']:.2f}, {pace['median']:.2f}, {pace['most']:.2f} | – |")
    if steady := measured.get("line_to_line"):
        dubs, recordings = steady["dubs"], steady["recordings"]
        lines += [f"| one line of a voice to the next, cosine | {_plain(dubs)} | {_plain(recordings)} |",
                  f"| … median pitch, standard deviation in semitones | {_number(dubs)} | {_number(recordings)} |"]
    return "\n".join(lines)


def _number(steady: Mapping[str, Any]) -> str:
    return "–" if steady["semitones"] is None else f"{steady['semitones']:.2f}"


def _percent(figure: Mapping[str, Any] | None) -> str:
    return _shown(figure, lambda v: f"{100 * v:.1f}", " %")


def _plain(figure: Mapping[str, Any] | None) -> str:
    return _shown(figure, lambda v: f"{v:.3f}", "")


def _shown(figure: Mapping[str, Any] | None, write: Callable[[float], str], unit: str) -> str:
    if not figure or figure.get("value") is None:
        return "–"
    interval = figure.get("ci95")
    spread = f" [{write(interval[0])}, {write(interval[1])}]" if interval else ""
    return f"{write(figure['value'])}{unit}{spread}"
