"""One page of an evaluation that needs no other file: figures, paired tests, confusions, and every dub to hear and see.

Sound is embedded as MP3, mel-spectrograms (as in Fig. 3 of the paper: dub, other system, the actor's recording) as
PNG. The page runs no script and loads nothing.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from dubctl.errors import DubctlError
from dubctl.files import write_text
from dubctl.media.audio import load_audio
from dubctl.media.mel import RATE, mel_spectrogram
from dubctl.metrics.base import EvalItem
from dubctl.metrics.run import EvalReport
from dubctl.metrics.table import Figure, comparison_rows, figures

MOST = 200  # dubs on a page: about 0.1 MB each
LONGEST = 20.0  # seconds of each recording
_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;max-width:1180px;margin:2em auto;padding:0 1em;color:#222;background:#fff}
table{border-collapse:collapse;margin:.6em 0 1.4em}td,th{padding:.2em .7em;text-align:left;border-bottom:1px solid #ddd}
td.n{text-align:right;font-variant-numeric:tabular-nums}.beside{color:#666}.failed{color:#a00}
section{border-top:1px solid #bbb;padding:.7em 0}h2{margin-top:1.6em}h3{margin:.2em 0}
.row{display:flex;flex-wrap:wrap;gap:1em}figure{margin:0}figcaption{font-size:13px;color:#555}
img{height:120px;max-width:360px;image-rendering:auto;display:block}audio{width:300px;height:32px}
.small{font-size:13px;color:#444}td.c{text-align:center;min-width:2.4em}
"""


def write_html(report: EvalReport, out: Path | str, others: Sequence[EvalItem] = (),
               title: str = "dubctl eval") -> None:
    """Write the page of `report` to `out`, atomically; `others` are the dubs it was compared with."""
    write_text(out, page(report, others, title))


def page(report: EvalReport, others: Sequence[EvalItem] = (), title: str = "dubctl eval") -> str:
    """The page as text."""
    parts = [f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{escape(title)}</title>",
             f"<style>{_STYLE}</style><h1>{escape(title)}</h1>", _figures_table(report)]
    if report.comparison:
        parts.append(_comparison_table(report))
    for name, result in report.results.items():
        if "confusion" in result.detail:
            parts += _confusions(name, result.detail)
    if report.warnings:
        parts.append("<h2>Warnings</h2><ul>" + "".join(f"<li>{escape(w)}</li>" for w in report.warnings) + "</ul>")
    parts.append("<h2>Dubs</h2>")
    if len(report.items) > MOST:
        parts.append(f"<p>The first {MOST} of {len(report.items)}; all figures above count every one.</p>")
    other = {item.id: item for item in others}
    rows = report.rows()
    for item, row in zip(report.items[:MOST], rows, strict=False):
        parts += _dub(item, row, other.get(item.id))
    return "\n".join(parts) + "\n"


def _figures_table(report: EvalReport) -> str:
    head = "<tr><th>metric<th>value<th>95 % interval<th>n<th>failed<th></tr>"
    body = "".join(_figure_row(row, row.name == result.metric)
                   for result in report.results.values() for row in figures(result))
    return (f"<p>{len(report.items)} dubs, {report.failures} of which at least one metric had to score as the worst "
            f"case.</p><table>{head}{body}</table>")


def _figure_row(row: Figure, main: bool) -> str:
    interval = f"{row.ci95[0]:.4f} – {row.ci95[1]:.4f}" if row.ci95 else ""
    name = f"<b>{escape(row.name)}</b>" if main else f"<span class=beside>{escape(row.name.strip())}</span>"
    cells = (_number(row.value), interval, "" if row.n is None else str(row.n),
             "" if row.failures is None else str(row.failures))
    numbers = "".join(f"<td class=n>{cell}" for cell in cells)
    return f"<tr><td>{name}{numbers}<td class=small>{escape(row.note)}</tr>"


def _comparison_table(report: EvalReport) -> str:
    comparison = report.comparison
    head = "<tr><th>metric<th>this<th>other<th>difference<th>95 % interval<th>p<th>better</tr>"
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}" for cell in row) + "</tr>" for row in
                   comparison_rows(comparison))
    return (f"<h2>Against the other system</h2><p>Paired on {comparison['pairs']} clips "
            f"({comparison['only_ours']} only here, {comparison['only_theirs']} only there).</p>"
            f"<table>{head}{body}</table>")


def _confusions(name: str, detail: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h2>{escape(name)}: who was taken for whom</h2><div class=row>"
    yield _confusion("dubs", detail["confusion"], detail["classes"])
    if detail.get("ground_truth"):
        yield _confusion("the actors' recordings", detail["ground_truth"]["confusion"], detail["classes"])
    yield "</div>"


def _confusion(caption: str, table: Sequence[Sequence[int]], classes: Sequence[str]) -> str:
    head = "<tr><th>asked \\ heard" + "".join(f"<th>{escape(c)}" for c in (*classes, "–")) + "</tr>"
    body = ""
    for name, row in zip(classes, table, strict=True):
        total = max(1, sum(row))
        cells = "".join(f"<td class=c style='background:rgba(30,110,200,{count / total:.2f})'>{count or ''}"
                        for count in row)
        body += f"<tr><th>{escape(name)}{cells}</tr>"
    return f"<figure><figcaption>{escape(caption)}</figcaption><table>{head}{body}</table></figure>"


def _dub(item: EvalItem, row: Mapping[str, Any], other: EvalItem | None) -> Iterator[str]:
    yield f"<section><h3>{escape(item.id)}</h3><p>{escape(item.text)}</p>"
    known = (("speaker", item.speaker), ("emotion", item.emotion))
    told = [f"{label} {escape(value)}" for label, value in known if value]
    told += [f"{name} {row[name]:.4g}" for name in row if isinstance(row[name], float)]
    heard = row["detail"].get("emo-acc") or row["detail"].get("emo-acc:prompt") or {}
    answer = heard.get("answer")
    told += [f"heard as {escape(answer)}"] if answer else []
    yield f"<p class=small>{' · '.join(told)}</p>"
    for name, why in row["failed"].items():
        yield f"<p class=failed>{escape(name)}: {escape(why)}</p>"
    yield "<div class=row>"
    for caption, path in (("dub", item.dub), ("other system", other.dub if other else None),
                          ("the actor's recording", item.reference), ("prompt", item.prompt)):
        yield _recording(caption, path, picture=caption != "prompt")
    yield "</div>" + _references(item.report.get("references") or []) + "</section>"


def _recording(caption: str, path: Path | None, picture: bool) -> str:
    if path is None or not path.is_file():
        return ""
    try:
        wav = load_audio(path, RATE)[: int(LONGEST * RATE)]
        seen = f"<img alt='mel-spectrogram of {escape(caption)}' src='{_png(wav)}'>" if picture else ""
        return (f"<figure>{seen}<audio controls preload=none src='{_sound(wav)}'></audio>"
                f"<figcaption>{escape(caption)}</figcaption></figure>")
    except (DubctlError, ValueError) as err:
        return f"<figure class=failed>{escape(caption)}: {escape(str(err))}</figure>"


def _png(wav: np.ndarray) -> str:
    """Mel-spectrogram as a data URL: time to the right, pitch upwards, 80 dB from black to light."""
    import cv2
    import torch

    mel = mel_spectrogram(torch.from_numpy(wav)).numpy()
    grey = np.clip((mel - mel.max()) / (80 / 8.686) + 1, 0, 1)  # 8.686 dB per natural-log unit
    image = cv2.applyColorMap((255 * grey.T[::-1]).astype(np.uint8), cv2.COLORMAP_MAGMA)
    done, data = cv2.imencode(".png", image)
    assert done
    return "data:image/png;base64," + base64.b64encode(data.tobytes()).decode()


def _sound(wav: np.ndarray) -> str:
    """Speech as a data URL."""
    import soundfile

    kind, mime = ("MP3", "mpeg") if "MP3" in soundfile.available_formats() else ("WAV", "wav")
    sink = io.BytesIO()
    soundfile.write(sink, np.clip(wav, -1, 1), RATE, format=kind)
    return f"data:audio/{mime};base64," + base64.b64encode(sink.getvalue()).decode()


def _references(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    body = ""
    for row in rows:
        captions = row.get("captions") or {}
        caption = captions.get("reaction" if row.get("modality") == "text" else row.get("modality", ""), "")
        cells = (row.get("modality", ""), row.get("rank", ""), row.get("id", ""), f"{row.get('score', 0):.3f}",
                 row.get("emotion", ""), row.get("text", ""), caption)
        body += "<tr>" + "".join(f"<td>{escape(str(cell))}" for cell in cells) + "</tr>"
    return ("<details><summary>retrieved references</summary><table class=small><tr><th>by<th>rank<th>clip<th>score"
            f"<th>emotion<th>line<th>caption</tr>{body}</table></details>")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
